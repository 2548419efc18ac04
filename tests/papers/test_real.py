"""The papers of a booking that the airline's own answers made: nothing is missing that only rows made by hand have."""

from __future__ import annotations

from icalendar import Calendar

from bookings import documents, letter
from suppliers.places import utc
from tests.core.conftest import running_sandbox, world
from tests.papers.trips import read
from tests.world import World

__all__ = ["running_sandbox", "world"]


def test_a_booking_through_the_sandbox_prints_and_goes_into_the_calendar(world: World) -> None:
    booking = world.drive(world.booked(bags=1))
    world.pay(booking)
    world.drive(booking)
    assert booking.status == "CONFIRMED"
    order, told = world.order(booking), letter.words(booking)
    text = read(documents.itinerary_pdf(booking))
    for wanted in (booking.reference, order.pnr, told["total"], told["paid"], "Adaa Lovelace",
                   *(ticket["number"] for ticket in order.tickets), "Bags included"):
        assert wanted in text, wanted
    for direction in told["directions"]:
        for segment in direction["segments"]:
            assert segment["number"] in text
            assert segment["operated_by"] in text
    flights = [flight for part in order.itinerary for flight in part["segments"]]
    events = Calendar.from_ical(documents.calendar_file(booking).decode()).walk("VEVENT")
    assert len(events) == len(flights)
    assert [event.decoded("dtstart") for event in events] == [
        utc(flight["departing_local"], flight["origin"]) for flight in flights]
