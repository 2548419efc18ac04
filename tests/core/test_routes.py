"""The three Duffel routes end right, with money and order in step (reliability.md 2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings import services
from bookings.models import Case, Diary, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem, Unavailable
from suppliers import breaker, pause
from suppliers.models import SupplierOrder
from tests.world import INSTANT, World, age


def test_pay_now_on_a_holdable_fare_holds_then_authorises_then_pays_then_captures(world: World) -> None:
    booking = world.drive(world.booked())
    assert (booking.status, world.order(booking).state, world.payment(booking).state) == (
        "PENDING_PAYMENT", "held", "open")
    assert booking.due_at is not None
    world.pay(booking)
    world.drive(booking)
    payment, order = world.payment(booking), world.order(booking)
    assert (booking.status, booking.money, booking.due_at) == ("CONFIRMED", "charged", None)
    assert (order.state, payment.state, payment.order_id) == ("ticketed", "captured", order.pk)
    assert order.tickets
    captured = world.events("stripe", "payment_intent.captured")
    assert [row["amount"] for row in captured] == [booking.accepted_minor] == [payment.captured_minor]
    assert len(world.events("duffel", "order.created")) == len(world.events("duffel", "order.paid")) == 1
    assert list(Outbox.objects.order_by("pk").values_list("kind", flat=True)) == ["received", "confirmed"]


def test_pay_now_on_an_instant_fare_authorises_before_the_order(world: World) -> None:
    booking = world.drive(world.booked(INSTANT))
    assert (booking.status, world.order(booking), world.payment(booking).state) == ("PENDING_PAYMENT", None, "open")
    world.pay(booking, "4000000000003220", challenge=True)
    world.drive(booking)
    assert (booking.status, world.order(booking).state, world.payment(booking).state) == (
        "CONFIRMED", "ticketed", "captured")
    moved = list(Diary.objects.filter(booking=booking, event__in=["order.moved", "payment.moved"])
                 .order_by("pk").values_list("event", "after"))
    assert moved == [("payment.moved", "open"), ("payment.moved", "authorised"), ("order.moved", "ticketed"),
                     ("payment.moved", "capturing"), ("payment.moved", "captured")]


def test_paid_bags_go_the_instant_way_and_are_in_the_order(world: World) -> None:
    booking = world.booked(bags=1)
    assert booking.route == "auth_first"
    world.drive(booking)
    world.pay(booking)
    world.drive(booking)
    assert booking.status == "CONFIRMED"
    assert world.order(booking).total_minor == booking.fare_minor + booking.services_minor == booking.accepted_minor


def test_hold_costs_nothing_and_can_be_paid_later(world: World) -> None:
    booking = world.drive(world.booked(hold=True))
    assert (booking.status, world.payment(booking)) == ("HOLD", None)
    assert set(Outbox.objects.values_list("kind", flat=True)) >= {"hold_created"}
    services.pay_later(booking=booking, now=clock.now())
    world.drive(booking)
    assert booking.status == "PENDING_PAYMENT"
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"


def test_a_hold_is_not_paid_in_its_last_ten_minutes(world: World) -> None:
    booking = world.drive(world.booked(hold=True))
    mine = SupplierOrder.objects.filter(booking=booking)
    mine.update(pay_by=clock.now() + timedelta(minutes=9, seconds=50))
    with pytest.raises(Problem) as refused:
        services.pay_later(booking=booking, now=clock.now())
    assert refused.value.code == "past_pay_by"
    mine.update(pay_by=clock.now() + timedelta(minutes=11))
    assert services.pay_later(booking=booking, now=clock.now()).wish == "book"


def test_an_open_breaker_stops_nothing_that_is_on_its_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only new bookings wait (reliability.md 7), for a pause of sales, too: looks, captures, cancellations and refunds go on."""
    monkeypatch.setattr(breaker, "_counters", {})
    booking = world.drive(world.booked())
    for _ in range(breaker.IN_A_ROW):
        breaker.observe("duffel", "order", Unavailable("supplier_down"))
    try:
        with pytest.raises(Problem) as refused:
            world.booked(origin="BOS")
        assert refused.value.code == "supplier_down"
        pause.pause(supplier=pause.ALL, cause=pause.STAFF, reason="a strike", now=clock.now())
        world.pay(booking)
        assert world.drive(booking).status == "CONFIRMED"
        services.ask_quote(booking=booking, now=clock.now())
        world.drive(booking)
        quoted = world.order(booking).quote_refund_minor
        services.cancel(booking=booking, refund_minor=quoted, now=clock.now())
        assert world.drive(booking).status == "CANCELLED"
        assert [row["amount"] for row in world.events("stripe", "refund.created")] == [quoted]
    finally:
        breaker.reset()


@pytest.mark.failure("S6")
def test_a_decline_ends_the_attempt_not_the_booking(world: World) -> None:
    booking = world.drive(world.booked())
    world.pay(booking, "4000000000009995")
    world.drive(booking)
    payment = world.payment(booking)
    assert (booking.status, payment.state, payment.declines, payment.decline_kind) == (
        "PENDING_PAYMENT", "open", 1, "insufficient_funds")
    world.drive(booking)
    assert world.payment(booking).declines == 1
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    assert len(world.events("stripe", "payment_intent.created")) == 1


@pytest.mark.failure("S6")
def test_five_declines_close_the_booking_and_nothing_is_left_open(world: World) -> None:
    booking = world.drive(world.booked())
    for _ in range(5):
        world.pay(booking, "4000000000000002")
        world.drive(booking)
    assert (booking.status, booking.closing) == ("FAILED", "too_many_attempts")
    assert (world.order(booking).state, world.payment(booking).state) == ("cancelled", "voided")


def test_a_confirmed_booking_is_cancelled_at_the_quote_and_refunded(world: World) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    world.drive(booking)
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    order = world.order(booking)
    assert order.quote_id and not booking.quote_wanted and booking.status == "CONFIRMED"
    services.cancel(booking=booking, refund_minor=order.quote_refund_minor, now=clock.now())
    world.drive(booking)
    assert (booking.status, world.order(booking).state) == ("CANCELLED", "cancelled")
    refunds = world.events("stripe", "refund.created")
    assert [row["amount"] for row in refunds] == ([order.quote_refund_minor] if order.quote_refund_minor else [])


@pytest.mark.failure("S7")
def test_an_unpaid_booking_expires_with_its_window(world: World) -> None:
    booking = world.drive(world.booked())
    age(booking, timedelta(minutes=31))
    world.drive(booking)
    assert (booking.status, booking.closing) == ("EXPIRED", "payment_window")
    assert (world.order(booking).state, world.payment(booking).state) == ("cancelled", "voided")


@pytest.mark.failure("T1")
def test_a_held_fare_that_nobody_pays_lapses(world: World) -> None:
    booking = world.drive(world.booked(hold=True))
    age(booking, timedelta(days=8))
    world.drive(booking)
    assert booking.status == "EXPIRED"
    assert world.order(booking).state in ("cancelled", "lapsed")


def test_a_hold_that_ended_at_the_airline_before_we_acted_ends_here_without_a_case(world: World) -> None:
    """The airline refuses to cancel what has lapsed: a look shows it, where each hour's quote would be refused again."""
    booking = world.drive(world.booked(hold=True))
    world.sandbox.http.post(f"/_duffel/orders/{world.order(booking).external_id}/expire_hold")
    age(booking, timedelta(days=3, hours=1))
    world.drive(booking)
    assert (booking.status, world.order(booking).state) == ("EXPIRED", "lapsed")
    assert not Case.objects.filter(booking=booking, closed_at=None).exists()
