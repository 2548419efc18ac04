"""Between the press and the order the supplier gives every extra a new id: the order names today's, or is not made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bookings import drafts, services
from bookings.models import Booking
from fly2any.kernel import clock
from suppliers import registry
from tests.world import TICKS, World, age

pytestmark = pytest.mark.django_db(transaction=True)


def shop(world: World, booking: Booking, **wanted: Any) -> None:
    """The airline changes what it sells with the offer."""
    answer = world.sandbox.http.post(f"/_duffel/offers/{booking.offer_external_id}/services", json=wanted)
    assert answer.status_code == 200, answer.text


def pressed(world: World, **wanted: Any) -> tuple[Booking, str]:
    """A bag and a seat chosen, the shop changed, the booking pressed and paid; and the seat."""
    offer = world.offer(origin="LHR", destination="MAD", bags=1, choose=lambda info: info.owner_code == "ZZ")
    booking = world.draft(offer)
    bag = next(item for item in offer.priced["services"] if item["kind"] == "baggage")
    maps = registry.get("duffel").seat_maps(offer.external_id)
    seat = next(cell for row in maps[0].cabins[0]["rows"] for part in row for cell in part
                if cell.services and not cell.disclosures)
    booking = drafts.customize(booking=booking, now=clock.now(), choices=[
        {"serviceId": bag["external_id"], "quantity": 1},
        {"serviceId": next(iter(seat.services.values()))[0], "quantity": 1}])
    booking = world.drive(services.book(booking=booking, hold=False, accepted_minor=None, acknowledgements=TICKS,
                                        again=False, now=clock.now()).booking)
    age(booking, timedelta(minutes=2))
    shop(world, booking, **{key: [seat.designator] if value == "seat" else value for key, value in wanted.items()})
    world.pay(booking)
    booking = world.drive(booking)
    return booking, seat.designator


@pytest.mark.failure("D24")
def test_an_order_names_todays_ids(world: World) -> None:
    booking, seat = pressed(world, renumber="each")
    assert booking.status == "CONFIRMED"
    order = world.order(booking)
    assert order.total_minor == booking.accepted_minor == world.payment(booking).captured_minor
    body = world.sandbox.http.get(f"/duffel/air/orders/{order.external_id}", headers={
        "authorization": "Bearer duffel_test_sandbox", "duffel-version": "v2"}).json()["data"]
    assert sorted(item["type"] for item in body["services"]) == ["baggage", "seat"]
    assert body["slices"][0]["segments"][0]["passengers"][0]["seat"]["designator"] == seat


@pytest.mark.failure("D25")
def test_a_seat_that_is_gone_stops_the_order_and_no_money_moves(world: World) -> None:
    booking, _ = pressed(world, seats_gone="seat")
    assert (booking.closing or booking.offer_gone) == "services_unavailable"
    assert world.order(booking) is None
    assert not world.events("stripe", "payment_intent.captured")
