"""What the storm found, each as the shortest story that broke a promise before it was mended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bookings import invariants, services
from bookings.advance import Drive, advance
from bookings.models import Booking, Case
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Payment, Refund
from tests.storm.clockwork import Clockwork
from tests.world import INSTANT, TICKS, World


def test_two_bookings_may_both_fail_to_be_priced(world: World, clockwork: Clockwork) -> None:
    """The row of a failed look at the price belonged to nobody: the second booking's drive ended in an error."""
    first, second = world.booked(), world.booked()
    clockwork.pass_by(timedelta(minutes=2))  # the price that the customers saw is stale
    world.sandbox.fault("duffel.get_offer", "status", status=500, count=6)
    assert (advance(first.pk), advance(second.pk)) == (Drive.SLEEPS, Drive.SLEEPS)
    clockwork.pass_by(timedelta(minutes=1))
    assert (world.drive(first).status, world.drive(second).status) == ("PENDING_PAYMENT", "PENDING_PAYMENT")


@pytest.mark.failure("U1")
def test_cancelled_while_the_ticket_was_being_bought_costs_nothing(world: World, clockwork: Clockwork) -> None:
    """The customer was told that nothing is charged; the ticket came, the card was charged and nothing went back."""
    booking = world.drive(world.booked())
    world.sandbox.fault("duffel.create_payment", "reset_after")
    world.sandbox.fault("duffel.list_payments", "status", status=500, count=3)
    world.pay(booking)
    assert world.order(world.drive(booking)).state == "paying"
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    clockwork.pass_by(timedelta(minutes=2))
    assert world.drive(booking).status == "CANCELLED"
    assert (world.order(booking).state, world.payment(booking).state) == ("cancelled", "voided")
    assert world.events("stripe", "payment_intent.captured") == []


@pytest.mark.failure("U1")
def test_cancelled_too_late_for_a_full_refund_is_booked_and_says_so(world: World, clockwork: Clockwork) -> None:
    """Same, but the airline keeps a fee nobody has agreed to: the booking stands, and the customer may ask again."""
    booking = world.drive(world.booked())
    world.sandbox.fault("duffel.create_payment", "reset_after")
    world.sandbox.fault("duffel.list_payments", "status", status=500, count=3)
    world.pay(booking)
    world.drive(booking)
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    clockwork.pass_by(timedelta(hours=25))  # the void window is over
    assert world.drive(booking).status == "CONFIRMED"
    assert (booking.wish, booking.notice, world.payment(booking).refunded_minor) == ("book", "refund_changed", 0)


def test_money_that_others_took_goes_back_when_nobody_agreed_to_a_fee(world: World, clockwork: Clockwork) -> None:
    """Captured in the dashboard, then cancelled before the ticket was known: everything goes back."""
    booking = world.drive(world.booked(INSTANT))
    world.sandbox.fault("duffel.create_order", "reset_after")
    world.pay(booking)
    assert world.order(world.drive(booking)).state == "unknown"
    world.sandbox.http.post(f"/stripe/v1/payment_intents/{world.payment(booking).external_id}/capture",
                            headers={"authorization": "Bearer sk_test_staff"})
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    clockwork.pass_by(timedelta(minutes=2))
    assert world.drive(booking).status == "CANCELLED"
    assert 0 < world.payment(booking).captured_minor == world.payment(booking).refunded_minor
    assert invariants.check(clock.now()) == []


@pytest.mark.failure("D13")
def test_a_ticket_payment_that_stays_pending_is_told_and_the_card_released(world: World, clockwork: Clockwork) -> None:
    """The airline accepted our payment and never finished it: it was asked twice a minute for ever, in silence."""
    booking = world.drive(world.booked())
    world.sandbox.fault("duffel.create_payment", "202", then="nothing")
    world.pay(booking)
    world.drive(booking)
    looks = through(clockwork, booking, timedelta(minutes=6))
    assert Case.objects.filter(kind="unknown_outcome", booking=booking, closed_at=None).count() == 1
    looks += through(clockwork, booking, timedelta(hours=9))
    assert world.payment(booking).state == "voided"
    assert invariants.check(clock.now()) == []
    assert looks < 60, "the airline was asked far too often"
    through(clockwork, booking, timedelta(days=4))
    booking.refresh_from_db()
    assert (booking.status, world.order(booking).state, booking.due_at) == ("EXPIRED", "lapsed", None)


def through(clockwork: Clockwork, booking: Booking, span: timedelta) -> int:
    """Let time pass, driving the booking whenever it is due. Returns how often it was."""
    end, drives = clock.now() + span, 0
    while (now := clock.now()) < end:
        booking.refresh_from_db()
        if booking.due_at and booking.due_at <= now:
            assert advance(booking.pk) is Drive.SLEEPS
            drives += 1
        else:
            clockwork.pass_by(min(end, booking.due_at or end) - now)
    return drives


@pytest.mark.failure("D14")
def test_an_offer_stays_ours_while_we_wait_for_our_balance(world: World, clockwork: Clockwork) -> None:
    """The offer was given to the next customer although the first booking was about to ask for it again."""
    booking = world.drive(world.booked(INSTANT))
    world.sandbox.http.post("/_duffel/balance", json={"amount": "0.00"})
    world.pay(booking)
    assert world.order(world.drive(booking)).refusal == "insufficient_balance"
    other = world.draft(booking.offer)
    Booking.objects.filter(pk=other.pk).update(principal="guest:other")
    other.refresh_from_db()
    with pytest.raises(Problem) as refused:
        services.book(booking=other, hold=False, accepted_minor=None, acknowledgements=TICKS, again=True,
                      now=clock.now())
    assert refused.value.code == "offer_taken"
    world.sandbox.http.post("/_duffel/balance", json={"amount": None})
    clockwork.pass_by(timedelta(seconds=40))
    assert world.drive(booking).status == "CONFIRMED"


def test_a_refund_that_arrives_late_is_not_sent_twice(world: World, clockwork: Clockwork) -> None:
    """No answer, nothing listed, so it was sent again under a new key; then the first one came through as well."""
    booking = world.drive(world.booked())
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    booking.orders.update(quote_refund_minor=4000)  # a fare with a large fee
    services.cancel(booking=booking, refund_minor=4000, now=clock.now())
    world.sandbox.fault("stripe.refund", "late", seconds=120, count=3)  # the library tries three times
    for seconds in (0, 10, 60, 60, 60):
        clockwork.pass_by(timedelta(seconds=seconds))
        world.drive(booking)
    assert [row["amount"] for row in world.events("stripe", "refund.created")] == [4000]
    assert (booking.status, world.payment(booking).refunded_minor) == ("CANCELLED", 4000)


@pytest.mark.failure("S14")
def test_money_that_others_took_before_the_ticket_is_told_at_once(world: World, clockwork: Clockwork) -> None:
    """Captured in the dashboard while the seats were only held: nobody heard of it until the cancellation worked."""
    booking = world.drive(world.booked())
    world.pay(booking)
    world.sandbox.http.post(f"/stripe/v1/payment_intents/{world.payment(booking).external_id}/capture",
                            headers={"authorization": "Bearer sk_test_staff"})
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.sandbox.fault("duffel.create_cancellation", "status", status=500, count=3)
    assert world.drive(booking).status == "CANCELLING"
    assert invariants.check(clock.now()) == []
    assert Case.objects.filter(kind="charged_without_order", booking=booking, closed_at=None).count() == 1
    clockwork.pass_by(timedelta(minutes=5))
    for _ in range(4):
        clockwork.pass_by(timedelta(minutes=5))
        world.drive(booking)
    assert booking.status == "CANCELLED"
    assert world.payment(booking).refunded_minor == world.payment(booking).captured_minor > 0


def test_a_dispute_does_not_hide_a_refund_that_failed(world: World, clockwork: Clockwork) -> None:
    """Only the first of several alarms was ever raised."""
    booking = world.drive(world.booked())
    world.pay(booking)
    world.drive(booking)
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    services.cancel(booking=booking, refund_minor=world.order(booking).quote_refund_minor, now=clock.now())
    assert world.drive(booking).status == "CANCELLED"
    refund = world.payment(booking).refunds.get()
    world.sandbox.http.post(f"/_stripe/refunds/{refund.external_id}/fail", json={})
    clockwork.pass_by(timedelta(seconds=1))
    Payment.objects.filter(booking=booking).update(disputed=True)
    Refund.objects.filter(pk=refund.pk).update(news_at=clock.now())
    world.drive(booking)
    assert set(Case.objects.filter(booking=booking).values_list("kind", flat=True)) == {"dispute", "refund_failed"}
