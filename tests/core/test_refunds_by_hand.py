"""Money that somebody gave back in Stripe's own pages: it counts, whatever we send before or after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bookings import desk, services
from bookings.facts import load
from bookings.models import Booking, Case
from bookings.steps.money import move_refund
from bookings.steps.plan import Moment
from bookings.undo import left_to_give, still_owed
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Payment, Refund
from payments.types import PaymentState
from payments.types import RefundState as R
from tests.console import rows
from tests.core import test_decide as table
from tests.core.test_changes import hear
from tests.world import World

KEY = {"authorization": "Bearer sk_test_sandbox"}


def confirmed(world: World) -> Booking:
    booking = world.drive(world.booked())
    world.pay(booking)
    booking = world.drive(booking)
    assert booking.status == "CONFIRMED"
    return booking


def by_hand(world: World, booking: Booking, minor: int) -> str:
    """Give money back as somebody does in Stripe's dashboard: no metadata of ours. Returns Stripe's id."""
    told = world.sandbox.http.post("/stripe/v1/refunds", headers=KEY, data={
        "payment_intent": world.payment(booking).external_id, "amount": minor})
    assert told.status_code == 200, told.text
    return str(told.json()["id"])


def look(world: World, booking: Booking) -> Payment:
    Payment.objects.filter(booking=booking).update(news_at=clock.now())
    hear(booking)
    return world.payment(booking)


def ours(world: World, booking: Booking, minor: int, cause: str = "staff:1") -> Refund:
    payment = world.payment(booking)
    made = Refund.objects.create(payment=payment, cause=cause, amount_minor=minor, currency=payment.currency,
                                 requested_at=clock.now())
    hear(booking)
    made.refresh_from_db()
    return made


def at_stripe(world: World, booking: Booking) -> int:
    return sum(row["amount"] for row in world.events("stripe", "refund.created"))


def left(booking: Booking) -> int:
    facts = desk.situation_of(booking=booking).story.picture()  # type: ignore[union-attr]
    assert facts.payment is not None
    return left_to_give(facts.payment, facts.refunds)


@pytest.mark.parametrize("first", ["hand", "ours"])
@pytest.mark.failure("S13")
def test_a_refund_by_hand_and_one_of_ours_add_up(world: World, first: str) -> None:
    """A refund of ours used to overwrite what was given by hand, so that more than is left could be given."""
    booking = confirmed(world)
    if first == "hand":
        by_hand(world, booking, 3_000)
        assert look(world, booking).by_hand_minor == 3_000
        ours(world, booking, 2_000)
    else:
        ours(world, booking, 2_000)
        by_hand(world, booking, 3_000)
        look(world, booking)
    payment = world.payment(booking)
    assert (payment.refunded_minor, payment.by_hand_minor) == (5_000, 3_000)
    assert left(booking) == payment.captured_minor - 5_000
    assert look(world, booking).refunded_minor == 5_000 == at_stripe(world, booking)


def test_a_refund_of_ours_that_comes_back_leaves_what_was_given_by_hand(world: World) -> None:
    booking = confirmed(world)
    by_hand(world, booking, 3_000)
    look(world, booking)
    sent = ours(world, booking, 2_000)
    assert world.sandbox.http.post(f"/_stripe/refunds/{sent.external_id}/fail", json={}).status_code == 200
    assert look(world, booking).refunded_minor == 3_000  # Stripe's sum is seen before the refund that failed
    Refund.objects.filter(pk=sent.pk).update(news_at=clock.now())
    hear(booking)
    payment = world.payment(booking)
    assert (payment.refunded_minor, payment.by_hand_minor) == (3_000, 3_000)
    assert left(booking) == payment.captured_minor - 3_000


def test_a_refund_that_is_refused_because_somebody_was_first_shows_the_true_sum(world: World) -> None:
    booking = confirmed(world)
    total = world.payment(booking).captured_minor
    by_hand(world, booking, total - 1_000)  # and nobody has looked
    assert ours(world, booking, 2_000).state == "failed"
    payment = world.payment(booking)
    assert (payment.refunded_minor, left(booking)) == (total - 1_000, 1_000)


@pytest.mark.failure("S20")
def test_what_was_given_by_hand_before_is_not_taken_off_what_a_cancellation_was_told_to_give(world: World) -> None:
    """The page said "you get X back" with the money by hand off it already; it came off once more."""
    booking = confirmed(world)
    by_hand(world, booking, 3_000)
    look(world, booking)
    services.ask_quote(booking=booking, now=clock.now())
    booking = world.drive(booking)
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    booking = world.drive(booking)
    told = booking.agreed_refund_minor
    assert booking.status == "CANCELLED" and told
    assert Refund.objects.get(cause="cancelled").amount_minor == told
    assert at_stripe(world, booking) == 3_000 + told == world.payment(booking).refunded_minor
    assert not Case.objects.filter(kind="refund_due", closed_at=None).exists()


def test_what_is_given_by_hand_for_a_cancellation_counts_for_it() -> None:
    facts = next(f for f in table.everything() if f.payment and f.payment.state is PaymentState.CAPTURED)
    assert facts.payment is not None
    paid = replace(facts.payment, captured_minor=50_000, refunded_minor=0)
    refund = table.RefundFacts(1, R.SENT, 5_000, True, "staff:1", table.NOW)
    after = replace(paid, by_hand_minor=20_000, refunded_minor=20_000)
    told = replace(facts, agreed_refund_minor=30_000, refunds=())
    assert still_owed(told, after, "cancelled") == 10_000
    assert still_owed(told, replace(after, by_hand_before_minor=20_000), "cancelled") == 30_000
    both = replace(told, refunds=(refund,))
    assert still_owed(both, replace(after, refunded_minor=25_000), "cancelled") == 10_000
    stale = replace(after, refunded_minor=5_000)  # the sum is older than what we know besides
    assert left_to_give(stale, both.refunds) == 25_000 and still_owed(both, stale, "cancelled") == 10_000


def test_a_refund_whose_outcome_is_not_known_is_not_taken_for_one_by_hand(world: World) -> None:
    booking = confirmed(world)
    by_hand(world, booking, 3_000)
    look(world, booking)
    world.sandbox.fault("stripe.refund", "reset_after", count=9)
    world.sandbox.fault("stripe.list_refunds", "status", status=503, count=9)
    sent = ours(world, booking, 2_000)
    assert (sent.state, sent.external_id) == ("sent", ""), "the control: nobody knows what became of it"
    payment = look(world, booking)
    assert payment.by_hand_minor == 3_000 and left(booking) == payment.captured_minor - 5_000


def test_a_ticket_that_is_paid_after_the_booking_was_failing_is_cancelled_as_any_other(world: World) -> None:
    """`closing` used to stay, so that a cancellation as agreed gave everything back, or nothing was cancelled."""
    booking = world.drive(world.booked())
    world.sandbox.fault(operation="stripe.capture*", kind="status", status=503, count=3)
    world.pay(booking)
    booking = world.drive(booking)
    assert world.order(booking).state == "ticketed" and world.payment(booking).state in ("authorised", "capturing")
    Booking.objects.filter(pk=booking.pk).update(closing="airline_unreachable")
    with pytest.raises(Problem):  # a ticket of a booking that fails is for staff
        services.cancel(booking=booking, refund_minor=None, now=clock.now())
    world.sandbox.http.delete("/_faults")
    booking.calls.update(retry_at=None)
    hear(booking)
    booking.refresh_from_db()
    assert (booking.status, booking.closing) == ("CONFIRMED", "")
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    told = world.order(booking).total_minor - 1_234
    booking.orders.update(quote_refund_minor=told)
    services.cancel(booking=booking, refund_minor=told, now=clock.now())
    booking = world.drive(booking)
    assert booking.status == "CANCELLED" and world.payment(booking).refunded_minor == told


@pytest.mark.parametrize(("here", "older"), [(R.SUCCEEDED, R.SENT), (R.FAILED, R.SUCCEEDED), (R.FAILED, R.SENT)])
def test_an_older_picture_of_a_refund_is_ignored(db: None, here: R, older: R) -> None:
    """It was an illegal move: the drive failed again and again, until the booking was parked."""
    booking = rows.confirmed()
    refund = rows.refund(booking.payments.get(), 5_000, here)
    moment = Moment(load(booking), clock.now(), "worker")
    move_refund(moment, moment.story.refunds[0], older)
    refund.refresh_from_db()
    assert refund.state == here
    assert moment.story.payments[0].refunded_minor == (5_000 if here is R.SUCCEEDED else 0)
