"""Hotels near the stay of a confirmed trip and things to do there: other sites sell them, we show the way.

Never part of a booking: only the page of a booking that is confirmed leads here, the page of the trip asks nobody, and
what cannot be told is left out. Coordinates, dates and a number of adults leave the house, nothing of a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings import access, limits, selectors
from bookings.checkout.pages import page
from bookings.checkout.words import day, weekday
from bookings.models import Booking
from bookings.selectors.stay import Stay, stay_of
from bookings.status import Status
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers import centres, surroundings
from suppliers.stays import LONGEST_STAY, Activity, HotelOffer
from suppliers.surroundings import Question

View = dict[str, Any]
PER, ASKS, ASKS_OF_ADDRESS = timedelta(minutes=10), 10, 60
FARTHEST = timedelta(days=359)  # hotels tell no prices beyond (amadeus.md 7)


@dataclass(frozen=True)
class Around:
    """The stay of a trip, where that is, and what may be asked about it now."""

    stay: Stay
    place: centres.Centre
    question: Question


def door(booking: Booking, view: View) -> View:
    """What the page of a trip needs to lead here; nothing when there is no way. Asks no supplier."""
    around = _around(booking, view, clock.now())
    return {"stays": {"url": reverse("trip-stays", args=[booking.reference]), "city": around.place.city}} if (
        around) else {}


@require_safe
@page
def stays(request: HttpRequest, reference: str) -> HttpResponse:
    """The page of its own, which the script of the trip's page puts into that one. The first look asks."""
    booking, now = selectors.booking_for(principal=access.principal_of(request), reference=reference), clock.now()
    view = selectors.booking_view(booking) if booking.status == Status.CONFIRMED else {}
    around = _around(booking, view, now)
    if around is None:
        return redirect("trip", booking.reference)
    found = surroundings.known(around.question)
    if found.missing and _may_ask(request, now):
        surroundings.ask(around.question, found.missing)
        found = surroundings.known(around.question)
    hotels = [_hotel(one, around, now) for one in found.hotels]
    activities = [_activity(one) for one in found.activities]
    state = "asking" if found.asking else "there" if hotels or activities else "none"
    return render(request, "trips/stays.html", {
        "trip": view, "city": around.place.city, "state": state, "hotels": hotels, "activities": activities,
        "nights": _nights(around.stay), "near": around.place.words, "hotel_host": _host(settings.STAYS_HOTEL_LINK)})


def _around(booking: Booking, view: View, now: datetime) -> Around | None:
    """None for a booking that is not confirmed, a trip without a night, an unknown place, a stay that is over."""
    if booking.status != Status.CONFIRMED or not surroundings.on():
        return None
    stay = stay_of(view)
    place = centres.of(stay.code) if stay else None
    if stay is None or place is None or stay.check_out < now.date():
        return None
    return Around(stay, place, _question(stay, place, now.date()))


def _question(stay: Stay, place: centres.Centre, today: date) -> Question:
    """Hotels are asked for only while their dates can still be had."""
    if stay.nights > LONGEST_STAY or not today <= stay.check_in <= today + FARTHEST:
        return Question(place.latitude, place.longitude)
    return Question(place.latitude, place.longitude, (stay.check_in, stay.check_out), stay.adults)


def _may_ask(request: HttpRequest, now: datetime) -> bool:
    """Whether this visitor and address may have somebody asked; counted. Nobody is told of a no."""
    try:
        limits.count("stays", access.principal_of(request), per=PER, limit=ASKS, now=now)
        limits.count("stays-address", access.address_of(request), per=PER, limit=ASKS_OF_ADDRESS, now=now)
    except Problem:
        return False
    return True


# --- the words --------------------------------------------------------------------------------------------------


def _nights(stay: Stay) -> str:
    if stay.open_ended:
        return f"Prices are for the first night, {day(stay.check_in)}"
    return f"Prices are for {_count(stay.nights, 'night')}, {weekday(stay.check_in)} to {day(stay.check_out)}"


def _hotel(offer: HotelOffer, around: Around, now: datetime) -> View:
    rooms = f"{_count(offer.rooms, 'room')}, {_count(around.stay.adults, 'adult')}"
    stay = "first night" if around.stay.open_ended else _count(around.stay.nights, "night")
    far = "" if offer.distance_km is None else f"{offer.distance_km:.1f} km from {around.place.words}"
    return {"name": offer.name, "initials": _initials(offer.name), "far": far, "price": offer.price,
            "for": f"{stay}, {rooms}", "cancel": _cancelling(offer, now),
            "url": _link(offer.name, around.place.city)}


def _cancelling(offer: HotelOffer, now: datetime) -> str:
    """What the hotel says of cancelling, in a sentence; "" for nothing. Its clock may be a day behind ours."""
    if offer.free_until and offer.free_until.date() > now.date():
        return f"Free cancellation until {day(offer.free_until)}, {offer.free_until:%H:%M} (the hotel's time)"
    if offer.final:
        return "No money back if you cancel"
    return f"The hotel says: “{offer.cancellation}”" if offer.cancellation else ""


def _activity(activity: Activity) -> View:
    return {"name": activity.name, "initials": _initials(activity.name), "text": activity.text,
            "price": activity.price, "url": activity.link, "host": activity.host}


def _link(name: str, city: str) -> str:
    """The address where somebody looks for this hotel, by the setting."""
    filled = {"{name}": quote(name, safe=""), "{city}": quote(city, safe="")}
    link = str(settings.STAYS_HOTEL_LINK)
    for mark, text in filled.items():
        link = link.replace(mark, text)
    return link


def _host(link: str) -> str:
    return (urlsplit(link).hostname or "").removeprefix("www.")


def _initials(name: str) -> str:
    """Two letters in place of a picture: our pages load none of other sites."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper()


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
