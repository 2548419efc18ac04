"""Unknown is never no: no second POST, the right end each time, and nobody reads "failed" meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Booking, Case, Outbox
from suppliers.models import OfferClaim, SupplierOrder
from tests.world import HOLDABLE, INSTANT, World, age

DEAD = {"FAILED", "EXPIRED", "CANCELLED"}


def posts(world: World) -> int:
    """How often an order was asked for at the airline, whatever came of it."""
    return len([row for row in world.events("duffel", "request") if row["operation"] == "duffel.create_order"])


def started(world: World, kind: str) -> Booking:
    """A booking whose next step is the order."""
    booking = world.booked(kind)
    if kind == INSTANT:
        world.drive(booking)
        world.pay(booking)
    return booking


def look_again(world: World, booking: Booking, minutes: float) -> Booking:
    """Time passes, then a sweep."""
    age(booking, timedelta(minutes=minutes))
    return world.drive(booking)


@pytest.mark.parametrize("kind", [HOLDABLE, INSTANT])
@pytest.mark.failure("D1")
def test_a_lost_answer_whose_order_exists_is_found_and_finished(world: World, kind: str) -> None:
    booking = started(world, kind)
    world.sandbox.fault("duffel.create_order", "reset_after", count=1)
    world.drive(booking)
    assert (world.order(booking).state, booking.progress) == ("unknown", "checking")
    assert booking.status not in DEAD
    look_again(world, booking, 0.2)
    if kind == HOLDABLE:
        world.pay(booking)
        world.drive(booking)
    assert (booking.status, posts(world)) == ("CONFIRMED", 1)
    assert len(world.events("duffel", "order.created")) == 1


def test_the_case_of_an_unknown_outcome_closes_itself_when_the_order_is_found(world: World) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", "reset_after", count=1)
    lag = world.sandbox.fault("duffel.list_orders", "listing_lag", seconds=10_000)
    world.drive(booking)
    look_again(world, booking, 6)
    case = Case.objects.get(booking=booking, kind="unknown_outcome")
    assert case.closed_at is None
    world.sandbox.http.delete(f"/_faults?id={lag['id']}")
    look_again(world, booking, 11)
    case.refresh_from_db()
    assert world.order(booking).state == "held" and "has answered" in case.closed_because


def test_a_booking_that_closes_before_any_order_frees_the_offer(world: World) -> None:
    booking = world.drive(world.booked(INSTANT))
    for _ in range(5):
        world.pay(booking, "4000000000000002")
        world.drive(booking)
    assert (booking.closing, world.order(booking)) == ("too_many_attempts", None)
    assert not OfferClaim.objects.filter(booking=booking).exists()


@pytest.mark.failure("D10")
def test_an_airline_that_stays_busy_frees_the_offer_in_the_end(world: World) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", "status", status=429, count=9)
    world.drive(booking)
    assert OfferClaim.objects.filter(booking=booking).count() == 2, "the same booking will ask again"
    for _ in range(4):
        look_again(world, booking, 2)
    assert (booking.status, posts(world)) == ("FAILED", 3)
    assert not OfferClaim.objects.filter(booking=booking).exists()


@pytest.mark.failure("D2")
def test_a_lost_answer_without_an_order_ends_the_hold_route_after_thirty_minutes(world: World) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", "reset_before", count=1)
    for minutes in (0, 0.2, 0.5, 2, 4, 10, 10):
        look_again(world, booking, minutes)
        assert booking.status not in DEAD
    look_again(world, booking, 5)
    assert (booking.status, posts(world), world.order(booking).state) == ("FAILED", 1, "not_created")
    assert OfferClaim.objects.filter(booking=booking).count() == 2, "an unknown never frees the offer"
    assert booking.due_at is not None, "a late order is watched for"


@pytest.mark.failure("D3", "D11")
def test_a_lost_answer_without_an_order_keeps_the_card_reserved_for_hours_then_releases_it(world: World) -> None:
    booking = started(world, INSTANT)
    world.sandbox.fault("duffel.create_order", "reset_before", count=1)
    world.drive(booking)
    look_again(world, booking, 6)
    assert Case.objects.filter(booking=booking, kind="unknown_outcome").exists()
    assert world.payment(booking).state == "authorised"
    for _ in range(8):
        look_again(world, booking, 61)
    assert (booking.status, world.payment(booking).state) == ("FAILED", "voided")
    assert Case.objects.filter(booking=booking, kind="gave_up_unknown").exists()
    assert posts(world) == 1


@pytest.mark.failure("D4")
def test_a_late_held_order_after_giving_up_is_cancelled(world: World) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", "late", seconds=600, count=1)
    world.drive(booking)
    for _ in range(3):
        look_again(world, booking, 16)
    assert booking.status == "FAILED"
    world.sandbox.advance(700)
    look_again(world, booking, 61)
    assert (world.order(booking).state, booking.status) == ("cancelled", "FAILED")
    assert len(world.events("duffel", "order.cancelled")) == 1


@pytest.mark.failure("D5")
def test_a_late_ticket_after_giving_up_is_a_critical_case_and_never_captured(world: World) -> None:
    booking = started(world, INSTANT)
    world.sandbox.fault("duffel.create_order", "late", seconds=600, count=1)
    world.drive(booking)
    for _ in range(8):
        look_again(world, booking, 61)
    assert booking.status == "FAILED"
    world.sandbox.advance(700)
    look_again(world, booking, 61)
    assert Case.objects.filter(booking=booking, kind="orphaned_booking").exists()
    assert not world.events("stripe", "payment_intent.captured")
    assert world.order(booking).state in ("cancelled", "ticketed")
    assert booking.status in DEAD if world.order(booking).state == "cancelled" else booking.status not in DEAD


@pytest.mark.failure("D6")
def test_202_then_created(world: World) -> None:
    booking = started(world, INSTANT)
    world.sandbox.fault("duffel.create_order", "202", count=1)
    world.drive(booking)
    assert (world.order(booking).state, booking.status) == ("unknown", "PENDING_PAYMENT")
    world.sandbox.advance(3700)
    look_again(world, booking, 0.3)
    look_again(world, booking, 61)
    assert (booking.status, posts(world)) == ("CONFIRMED", 1)


@pytest.mark.failure("D7")
def test_202_then_failed_is_believed_only_after_a_look(world: World) -> None:
    booking = started(world, INSTANT)
    world.sandbox.fault("duffel.create_order", "reset_before", count=1)
    world.drive(booking)
    SupplierOrder.objects.filter(booking=booking).update(failed_notice_at=timezone.now(), news_at=timezone.now())
    world.drive(booking)
    assert (booking.status, booking.closing, world.payment(booking).state) == ("FAILED", "creation_failed", "voided")


@pytest.mark.parametrize(("fault", "more"), [("status", {"status": 500}), ("garbage", {}), ("cut", {}),
                                             ("status_after", {"status": 500})])
@pytest.mark.failure("D8")
def test_an_unreadable_answer_to_create_is_unknown(world: World, fault: str, more: dict[str, int]) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", fault, count=1, **more)
    world.drive(booking)
    assert world.order(booking).state == "unknown"
    assert not Outbox.objects.filter(kind="not_booked").exists()
    assert posts(world) <= 1


@pytest.mark.failure("D9")
def test_a_definite_no_ends_at_once_and_frees_the_offer(world: World) -> None:
    booking = started(world, HOLDABLE)
    world.sandbox.fault("duffel.create_order", "status", status=422, count=1, body={
        "meta": {"status": 422, "request_id": "x"}, "errors": [{
            "type": "airline_error", "code": "offer_no_longer_available", "title": "gone", "message": "gone",
            "documentation_url": ""}]})
    world.drive(booking)
    assert (booking.status, world.order(booking).state) == ("FAILED", "not_created")
    assert not OfferClaim.objects.filter(booking=booking).exists()
    assert posts(world) == 1


@pytest.mark.parametrize("fault", ["reset_after", "reset_before", "status_after"])
@pytest.mark.failure("S2")
def test_a_lost_answer_to_capture_ends_in_one_capture(world: World, fault: str) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    world.sandbox.fault("stripe.capture", fault, count=3, status=500)
    world.drive(booking)
    for _ in range(4):
        look_again(world, booking, 1)
    assert (booking.status, len(world.events("stripe", "payment_intent.captured"))) == ("CONFIRMED", 1)


def test_a_failure_that_stripe_keeps_under_its_key_is_got_over_with_a_new_one(world: World) -> None:
    """It repeats a stored 500 for the same key for ever: look first, then the next key (reliability.md 4)."""
    booking = world.drive(world.booked())
    world.pay(booking)
    world.sandbox.fault("stripe.capture", "status", status=500)
    for _ in range(4):
        look_again(world, booking, 1)
    assert (booking.status, len(world.events("stripe", "payment_intent.captured"))) == ("CONFIRMED", 1)


@pytest.mark.parametrize("fault", ["reset_after", "reset_before", "status_after"])
@pytest.mark.failure("D12")
def test_a_lost_answer_to_paying_the_hold_ends_in_one_payment(world: World, fault: str) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    world.sandbox.fault("duffel.create_payment", fault, count=1, status=500)
    world.drive(booking)
    for _ in range(4):
        look_again(world, booking, 1.1)
    assert (booking.status, len(world.events("duffel", "order.paid"))) == ("CONFIRMED", 1)


def test_one_look_that_shows_a_hold_unpaid_does_not_pay_it_again(world: World) -> None:
    """The payment may still be on its way (reliability.md 4): only two looks, a minute apart, say that it is not."""
    booking = world.drive(world.booked())
    world.pay(booking)
    world.sandbox.fault("duffel.create_payment", "late", seconds=600, count=1)
    world.drive(booking)
    assert (world.order(booking).state, world.events("duffel", "order.paid")) == ("paying", [])
    world.sandbox.advance(700)
    look_again(world, booking, 1.1)
    assert (booking.status, len(world.events("duffel", "order.paid"))) == ("CONFIRMED", 1)


def test_a_500_that_stripe_keeps_under_its_key_does_not_lock_the_customer_out(world: World) -> None:
    """The same key brings the same 500 for a day: after three of them the payment is looked for, found, and shown."""
    booking = world.booked()
    world.sandbox.fault("stripe.create_payment_intent", "status_after", status=500, count=1)
    world.drive(booking)
    assert world.payment(booking).state == "new"
    for minutes in (0.3, 0.8, 1.5):
        look_again(world, booking, minutes)
    assert (booking.status, world.payment(booking).state) == ("PENDING_PAYMENT", "open")
    assert len(world.events("stripe", "payment_intent.created")) == booking.payments.count() == 1
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
