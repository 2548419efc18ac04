"""The calendar file (RFC 5545): one event a flight, on the airports' own clocks.

An event keeps its UID for the life of the booking, by the flight's place in it; whatever changes the booking raises
SEQUENCE, so that a changed flight moves the event instead of making a second one. A flight that is no longer part of
the trip, and every flight of a booking that came to nothing, is there as CANCELLED.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from icalendar import Calendar, Event, Timezone

from bookings.documents import zones
from bookings.documents.paper import look_up_link, status_word
from bookings.models import Booking
from bookings.selectors import offers, references, words
from bookings.status import CLOSED, Status
from suppliers import places
from suppliers.models import SupplierOrder

Raw = dict[str, Any]
PRODUCT = "-//Fly2Any//Itinerary//EN"


def calendar_file(booking: Booking) -> bytes:
    """One event for each flight, as UTF-8. No names, no e-mail address: calendars are often shared."""
    order = SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
    raw = offers.raw_of(booking.offer)
    slices = order.itinerary if order and order.itinerary else raw["slices"]
    flights = [flight for part in slices for flight in part["segments"]]
    calendar = Calendar()
    calendar.add("PRODID", PRODUCT)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", "PUBLISH")
    calendar.add("X-WR-CALNAME", f"Flights {booking.reference}")
    made = _made(booking, order)
    for zone in _zones([*flights, *(flight for _, flight in _gone(order, raw, len(flights)))]):
        calendar.add_component(zone)
    for position, flight in enumerate(flights):
        calendar.add_component(_event(booking, order, position, flight, made))
    for position, flight in _gone(order, raw, len(flights)):
        calendar.add_component(_event(booking, order, position, flight, made, gone=True))
    return bytes(calendar.to_ical())


def _made(booking: Booking, order: SupplierOrder | None) -> datetime:
    """When the facts were last seen (UTC, whole seconds): only grows, and is the same for the same facts."""
    seen = order.looked_at if order and order.looked_at else booking.changed_at
    return max(seen, booking.changed_at).replace(microsecond=0)


def _event(booking: Booking, order: SupplierOrder | None, position: int, flight: Raw, made: datetime, *,
           gone: bool = False) -> Event:
    event = _frame(booking, position, made, "CANCELLED" if gone else _state(booking))
    number = f"{flight['carrier_code']} {flight['flight_number']}"
    way = f"{_city(flight['origin'])} ({flight['origin']['code']}) to " \
          f"{_city(flight['destination'])} ({flight['destination']['code']})"
    event.add("SUMMARY", f"{'Cancelled: ' if gone else _prefix(booking)}{number} {way}")
    event.add("LOCATION", _airport(flight["origin"], flight["origin_terminal"]))
    event.add("DESCRIPTION", "\n".join(_told(booking, order, flight, number)))
    starts, ends = _moment(flight["departing_local"], flight["origin"]), _moment(
        flight["arriving_local"], flight["destination"])
    event.add("DTSTART", starts)
    if ends.tzinfo is None or starts.tzinfo is None or ends > starts:
        event.add("DTEND", ends)
    return event


def _gone(order: SupplierOrder | None, raw: Raw, left: int) -> list[tuple[int, Raw]]:
    """The flights that were once part of the trip beyond the `left` of today, by their places, as last known."""
    pictures = [order.flight_change.get("before") or [] if order else [], raw["slices"]]
    known = [[flight for part in slices for flight in part["segments"]] for slices in pictures]
    return [(at, next(flights[at] for flights in known if at < len(flights)))
            for at in range(left, max(map(len, known)))]


def _frame(booking: Booking, position: int, made: datetime, state: str) -> Event:
    event = Event()
    event.add("UID", f"{booking.public_id}-{position + 1}@fly2any.com")
    event.add("DTSTAMP", made)
    event.add("LAST-MODIFIED", made)
    event.add("SEQUENCE", max(0, int((made - booking.created_at).total_seconds())))
    event.add("STATUS", state)
    event.add("CLASS", "PRIVATE")
    event.add("TRANSP", "TRANSPARENT" if state == "CANCELLED" else "OPAQUE")
    event.add("URL", look_up_link(booking))
    return event


def _state(booking: Booking) -> str:
    if booking.status in CLOSED:
        return "CANCELLED"
    return "CONFIRMED" if booking.status == Status.CONFIRMED else "TENTATIVE"


def _prefix(booking: Booking) -> str:
    return "" if booking.status == Status.CONFIRMED else f"{status_word(booking)}: "


def _told(booking: Booking, order: SupplierOrder | None, flight: Raw, number: str) -> list[str]:
    operated = flight["operating_name"]
    lines = [f"{number}, {flight['carrier_name']}"]
    if operated and operated != flight["carrier_name"]:
        lines.append(f"Operated by {operated}")
    lines += [f"From {_airport(flight['origin'], flight['origin_terminal'])}, "
              f"{_clock(flight['departing_local'])} local time",
              f"To {_airport(flight['destination'], flight['destination_terminal'])}, "
              f"{_clock(flight['arriving_local'])} local time",
              f"Fly2Any reference: {booking.reference} ({status_word(booking)})"]
    raw = booking.offer.priced or booking.offer.searched
    lines += [f"{one['label']}: {one['reference']}" for one in references.of(order, raw["slices"], "")]
    lines.append(look_up_link(booking))
    return ["TEST: no real booking", *lines] if settings.SANDBOX else lines


def _moment(text: str, place: Raw) -> datetime:
    """A local time in its airport's zone; a floating time where no zone is known."""
    known = places.airport(place["code"])
    moment = datetime.fromisoformat(text)
    for name in (place.get("time_zone", ""), known.time_zone if known else ""):
        try:
            return moment.replace(tzinfo=ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return moment


def _zones(flights: list[Raw]) -> list[Timezone]:
    """The zones of these flights, by name."""
    moments = [_moment(flight[f"{way}_local"], flight[end]) for flight in flights
               for way, end in (("departing", "origin"), ("arriving", "destination"))]
    names = sorted({str(moment.tzinfo) for moment in moments if moment.tzinfo})
    days = sorted(moment.replace(tzinfo=None) for moment in moments)
    return [zones.component(name, days[0], days[-1]) for name in names]


def _clock(text: str) -> str:
    moment = words.local(text)
    return f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}" if moment else text


def _airport(place: Raw, terminal: str) -> str:
    name = f"{place['name'] or _city(place)} ({place['code']})"
    return f"{name}, terminal {terminal}" if terminal else name


def _city(place: Raw) -> str:
    return str(place["city"] or place["name"] or place["code"])
