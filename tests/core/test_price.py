"""The customer pays what they agreed to, never more; less when it costs less (reliability.md 7, I6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings import services
from bookings.models import Booking, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.world import INSTANT, World, age


def reprice(world: World, booking: Booking, percent: int) -> None:
    """The airline changes the price of the offer that stands behind the booking."""
    answer = world.sandbox.http.post(f"/_duffel/offers/{booking.offer_external_id}/reprice",
                                     json={"percent": percent})
    assert answer.status_code == 200, answer.text


def authorised(world: World, percent: int) -> Booking:
    """An instant fare whose price moves while the customer is at the bank."""
    booking = world.drive(world.booked(INSTANT))
    age(booking, timedelta(minutes=2))
    reprice(world, booking, percent)
    world.pay(booking)
    return world.drive(booking)


@pytest.mark.failure("C4")
def test_a_cheaper_fare_is_captured_at_the_lower_price(world: World) -> None:
    booking = authorised(world, -10)
    order, payment = world.order(booking), world.payment(booking)
    assert booking.status == "CONFIRMED"
    assert order.total_minor == payment.captured_minor < payment.amount_minor == booking.accepted_minor
    assert [row["amount"] for row in world.events("stripe", "payment_intent.captured")] == [order.total_minor]


@pytest.mark.failure("C1")
def test_a_dearer_fare_releases_the_card_and_asks(world: World) -> None:
    booking = authorised(world, 10)
    assert (booking.status, booking.progress, booking.money) == ("PENDING", "consent", "none")
    assert (world.payment(booking).state, world.order(booking)) == ("voided", None)
    assert not world.events("stripe", "payment_intent.captured")
    assert Outbox.objects.filter(booking=booking, kind="price_changed").count() == 1
    with pytest.raises(Problem, match="now") as moved:
        services.accept_price(booking=booking, total_minor=booking.priced_minor - 1, now=clock.now())
    assert moved.value.code == "price_changed"
    services.accept_price(booking=booking, total_minor=booking.priced_minor, now=clock.now())
    world.drive(booking)
    assert (booking.status, world.payment(booking).amount_minor) == ("PENDING_PAYMENT", booking.priced_minor)
    world.pay(booking)
    world.drive(booking)
    assert (booking.status, world.payment(booking).captured_minor) == ("CONFIRMED", booking.accepted_minor)
    assert len(world.events("stripe", "payment_intent.captured")) == 1


@pytest.mark.failure("C2")
def test_a_dearer_fare_that_nobody_agrees_to_ends_with_nothing_open(world: World) -> None:
    booking = authorised(world, 10)
    age(booking, timedelta(minutes=40))
    world.drive(booking)
    assert booking.status == "EXPIRED"
    assert (world.payment(booking).state, world.order(booking)) == ("voided", None)


@pytest.mark.failure("C3")
def test_a_held_order_whose_price_rose_is_not_paid_without_consent(world: World) -> None:
    booking = world.drive(world.booked(hold=True))
    order_id = world.order(booking).external_id
    assert world.sandbox.http.post(f"/_duffel/orders/{order_id}/reprice", json={"percent": 5}).status_code == 200
    age(booking, timedelta(minutes=2))
    services.pay_later(booking=booking, now=clock.now())
    world.drive(booking)
    assert (booking.progress, world.payment(booking)) == ("consent", None)
    services.accept_price(booking=booking, total_minor=world.order(booking).total_minor, now=clock.now())
    world.drive(booking)
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    assert world.payment(booking).captured_minor == world.order(booking).total_minor == booking.accepted_minor


@pytest.mark.failure("S1")
def test_an_intent_whose_answer_was_lost_is_asked_for_under_the_same_key(world: World) -> None:
    booking = world.booked()
    world.sandbox.fault("stripe.create_payment_intent", "reset_after", count=3)  # the library's own retries, too
    world.drive(booking)
    assert world.payment(booking).state == "new"
    age(booking, timedelta(minutes=1))
    world.drive(booking)
    assert (booking.status, world.payment(booking).state) == ("PENDING_PAYMENT", "open")
    assert len(world.events("stripe", "payment_intent.created")) == 1
