"""The calendar file: one event a flight, at the right moment, and the same event again when something changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bookings import documents
from bookings.documents import zones
from bookings.models import Booking
from tests.papers.trips import booked, crowd

pytestmark = pytest.mark.django_db


def events(booking: Booking) -> list[Any]:
    booking.refresh_from_db()
    return list(Calendar.from_ical(documents.calendar_file(booking).decode()).walk("VEVENT"))


def test_a_flight_is_an_event_on_the_airports_clocks() -> None:
    booking = booked()
    (event,) = events(booking)
    assert event.decoded("dtstart").astimezone(UTC) == datetime(2026, 12, 21, 0, 0, tzinfo=UTC)
    assert event.decoded("dtend").astimezone(UTC) == datetime(2026, 12, 21, 7, 5, tzinfo=UTC)
    assert event["dtstart"].params["TZID"] == "America/New_York"
    assert event["dtend"].params["TZID"] == "Europe/London"
    assert event["summary"] == "AA 6143 New York (JFK) to London (LHR)"
    assert event["location"] == "New York Airport (JFK), terminal 8"
    for wanted in ("Operated by British Airways", "RZPNX8", booking.reference, "19:00 local time"):
        assert wanted in event["description"]
    assert (event["status"], event["class"]) == ("CONFIRMED", "PRIVATE")


def test_it_says_nothing_about_the_people() -> None:
    made = documents.calendar_file(booked()).decode().replace("\r\n ", "")
    for secret in ("Anna", "Müller", "anna@example.com", "4155550100", "4242", "125-2106312810"):
        assert secret not in made


def test_lines_are_folded_and_end_as_the_standard_wants() -> None:
    booking = booked()
    crowd(booking)
    made = documents.calendar_file(booking)
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert max(map(len, made.split(b"\r\n"))) <= 75
    assert len(events(booking)) == 12


@pytest.mark.parametrize(("status", "state", "start"), [
    ("CONFIRMED", "CONFIRMED", "AA 6143"), ("HOLD", "TENTATIVE", "Held: AA"), ("CANCELLED", "CANCELLED", "Cancelled: AA"),
    ("PENDING_TICKETING", "TENTATIVE", "Reserved: AA"), ("CANCELLING", "TENTATIVE", "Being cancelled: AA"),
    ("FAILED", "CANCELLED", "Not booked: AA")])
def test_the_state_of_the_events_is_the_bookings(status: str, state: str, start: str) -> None:
    (event,) = events(booked(status))
    assert event["status"] == state
    assert event["summary"].startswith(start)


def test_a_changed_flight_is_the_same_event_with_a_higher_sequence() -> None:
    booking = booked()
    (before,) = events(booking)
    order, picture = booking.orders.get(), booking.offer.searched["slices"]
    picture[0]["segments"][0]["departing_local"] = "2026-12-20T21:30:00"
    order.itinerary, order.looked_at = picture, booking.changed_at + timedelta(hours=3)
    order.save()
    (after,) = events(booking)
    assert after["uid"] == before["uid"]
    assert after["sequence"] == before["sequence"] + 3 * 3600
    assert after.decoded("dtstart").astimezone(UTC) == datetime(2026, 12, 21, 2, 30, tzinfo=UTC)


def test_a_flight_that_is_gone_is_cancelled_under_its_own_uid() -> None:
    booking = booked()
    crowd(booking, travellers=1, directions=1, flights=3)
    order, before = booking.orders.get(), events(booking)
    picture = booking.offer.searched["slices"][0]
    order.itinerary = [{**picture, "segments": picture["segments"][:2]}]
    order.save()
    after = events(booking)
    assert [event["status"] for event in after] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [event["uid"] for event in after] == [event["uid"] for event in before]
    assert after[2]["summary"].startswith("Cancelled: AA 6102")


@pytest.mark.parametrize(("name", "turns"), [
    ("Europe/London", [("19700101", "+0000", "+0000"), ("20270328T010000", "+0000", "+0100"),
                       ("20271031T020000", "+0100", "+0000")]),
    ("America/New_York", [("19700101", "-0500", "-0500"), ("20270314T020000", "-0500", "-0400"),
                          ("20271107T020000", "-0400", "-0500")]),
    ("Asia/Kolkata", [("19700101", "+0530", "+0530")])])
def test_clocks_change_when_they_do(name: str, turns: list[tuple[str, str, str]]) -> None:
    made = zones.component(name, datetime(2027, 5, 1), datetime(2027, 5, 2))
    found = [(rule["dtstart"].to_ical().decode(), rule["tzoffsetfrom"].to_ical(), rule["tzoffsetto"].to_ical())
             for rule in made.subcomponents]
    assert [item[1:] for item in found] == [item[1:] for item in turns]
    assert [item[0] for item in found[1:]] == [item[0] for item in turns[1:]]
    assert found[0][0].startswith(("20270101", "20261231"))


def test_every_zone_that_is_used_is_described() -> None:
    booking = booked()
    crowd(booking)
    calendar = Calendar.from_ical(documents.calendar_file(booking).decode())
    used = {event[end].params["TZID"] for event in calendar.walk("VEVENT") for end in ("dtstart", "dtend")}
    assert {zone["tzid"] for zone in calendar.walk("VTIMEZONE")} == used
    assert len(used) == 5
