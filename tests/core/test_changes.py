"""Flights the airline changes after ticketing: seen, told once, answered once, and acted on at the airline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bookings import afterwards, mail
from bookings.advance import advance
from bookings.decide import decide
from bookings.flow import Attention, CallFacts, Do, Rest, Step, Wait, Wish
from bookings.models import Booking, Case, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.types import PaymentState as P
from suppliers.places import utc
from suppliers.types import OfferInfo
from suppliers.types import OrderState as O
from tests.core import test_decide as table
from tests.world import World, age

SIGNIFICANT, SMALL = 200, 95  # minutes, on a domestic flight


def confirmed(world: World, minutes: int, **where: object) -> Booking:
    """A ticketed, paid booking whose first direction the airline has just moved."""
    booking = world.drive(world.booked(**where))  # type: ignore[arg-type]
    world.pay(booking)
    assert world.drive(booking).status == "CONFIRMED"
    move(world, booking, minutes)
    return booking


def move(world: World, booking: Booking, minutes: int) -> None:
    """The airline changes the flights, and says so."""
    order = world.order(booking)
    answer = world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": minutes})
    assert answer.status_code == 200, answer.text
    hear(booking)


def hear(booking: Booking) -> None:
    booking.orders.update(news_at=clock.now())
    advance(booking.pk)
    booking.refresh_from_db()


def answer(booking: Booking, word: str) -> Booking:
    change_id = booking.orders.get().flight_change["external_id"]
    return afterwards.answer_change(booking=booking, change_id=change_id, answer=word, now=clock.now())


def mails(booking: Booking) -> dict[str, int]:
    found = list(booking.outbox.values_list("kind", flat=True))
    return {kind: found.count(kind) for kind in ("flights_changed", "flights_accepted", "cancelled")}


@pytest.mark.failure("D16")
def test_a_change_is_told_once_and_accepted_at_the_airline(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    hear(booking)  # the same picture again
    assert (booking.status, mails(booking)["flights_changed"]) == ("CONFIRMED", 1)
    order = world.order(booking)
    assert order.flight_change["taken"] == "" and order.change_answer == ""
    assert booking.due_at == order.change_answer_by  # somebody calls the customer then
    answer(booking, "accept")
    world.drive(booking, 2)
    order.refresh_from_db()
    assert order.flight_change["taken"] == "accepted"
    assert mails(booking) == {"flights_changed": 1, "flights_accepted": 1, "cancelled": 0}
    (old,), (new,) = (order.flight_change[side][0]["segments"] for side in ("before", "after"))
    flight = booking.segments.get()
    assert flight.departing_local == new["departing_local"] != old["departing_local"]
    assert flight.departs_at == booking.departs_at == utc(new["departing_local"], new["origin"])
    assert not Case.objects.filter(closed_at=None).exists()
    accepts = [row for row in world.events("duffel", "request") if "accept" in row["operation"]]
    assert len(accepts) == 1


def test_the_mails_say_what_differs_and_the_right_to_the_money_first(world: World, settings: object) -> None:
    from django.core import mail as outbound

    booking = confirmed(world, SIGNIFICANT)
    mail.send_due(clock.now() + timedelta(seconds=1), 50)
    (message,) = [m for m in outbound.outbox if "changed your flights" in m.subject]
    for text in (message.body, str(message.alternatives[0][0])):
        assert "Departs 3 h 20 min later" in text
        assert "you have the right to your money back" in text
        assert "As booked" in text and "/manage/link/" in text
        assert text.index("your money back") < text.index("whether you accept")
    answer(booking, "accept")
    world.drive(booking, 2)
    mail.send_due(clock.now() + timedelta(seconds=1), 50)
    assert "Your new flights are confirmed" in outbound.outbox[-1].subject


def test_the_first_answer_stands(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    first = answer(booking, "accept").orders.get().change_answered_at
    answer(booking, "refund")
    order = world.order(booking)
    assert (order.change_answer, order.change_answered_at) == ("accept", first)
    assert not Case.objects.filter(kind="refund_due").exists()


def test_a_lost_answer_of_the_airline_is_looked_up_before_it_is_asked_again(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    world.sandbox.fault("duffel.*accept*", "reset_after", count=1)
    answer(booking, "accept")
    world.drive(booking, 2)
    assert world.order(booking).flight_change["taken"] == "accepted"
    accepts = [row for row in world.events("duffel", "request") if "accept" in row["operation"]]
    assert len(accepts) == 1


def test_an_airline_that_cannot_be_reached_is_asked_again(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    world.sandbox.fault("duffel.*accept*", "reset_before", count=1)
    answer(booking, "accept")
    world.drive(booking, 2)
    assert world.order(booking).flight_change["taken"] == ""
    age(booking, timedelta(minutes=1))
    world.drive(booking, 2)
    assert world.order(booking).flight_change["taken"] == "accepted"


@pytest.mark.failure("D17")
def test_changed_again_meanwhile_the_customer_is_asked_again(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    old = world.order(booking).flight_change["external_id"]
    move(world, booking, 30)
    assert mails(booking)["flights_changed"] == 2
    with pytest.raises(Problem, match="changed the flights again"):
        afterwards.answer_change(booking=booking, change_id=old, answer="accept", now=clock.now())
    assert world.order(booking).change_answer == ""


def free(info: OfferInfo) -> bool:
    """A fare that gives everything back, which may be held."""
    return bool(info.refund.allowed and info.refund.fee and not info.refund.fee.minor and not info.instant_only)


def test_the_money_comes_back_by_itself_where_the_airline_gives_all_of_it(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT, choose=free)
    answer(booking, "refund")
    case = Case.objects.get(kind="refund_due")
    assert case.deadline is not None and booking.wish == "book"
    world.drive(booking, 3)
    payment = world.payment(booking)
    assert (booking.status, payment.refunded_minor) == ("CANCELLED", payment.captured_minor)
    case.refresh_from_db()
    assert case.closed_because == "refunded"
    assert mails(booking)["cancelled"] == 1


@pytest.mark.failure("T6")
def test_where_the_airline_keeps_something_staff_give_the_money_back_by_the_legal_date(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT, choose=lambda info: not free(info) and not info.instant_only)
    clocks = world.sandbox.http
    clocks.post("/_clock", json={"advance_seconds": 30 * 3600})  # the airline's free day is over
    try:
        answer(booking, "refund")
        world.drive(booking, 3)
    finally:
        clocks.post("/_clock", json={"reset": True})
    case = Case.objects.get(kind="refund_due")
    assert (booking.status, world.payment(booking).refunded_minor, case.closed_at) == ("CONFIRMED", 0, None)
    assert booking.due_at is None


def test_a_small_change_gives_no_right_to_the_money(world: World) -> None:
    booking = confirmed(world, SMALL)
    with pytest.raises(Problem) as refused:
        answer(booking, "refund")
    assert refused.value.code == "refund_not_due"
    assert world.order(booking).change_answer == ""


def test_without_an_answer_staff_are_told_after_the_deadline(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    booking.orders.update(change_answer_by=clock.now() - timedelta(seconds=1))
    hear(booking)
    case = Case.objects.get(kind="change_unanswered")
    assert case.closed_at is None and booking.due_at is None
    answer(booking, "accept")
    case.refresh_from_db()
    assert case.closed_because == "the customer answered"


def test_nothing_is_written_for_a_change_of_a_cancelled_booking(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    Booking.objects.filter(pk=booking.pk).update(wish="cancel")
    with pytest.raises(Problem):
        answer(booking, "accept")
    assert Outbox.objects.filter(kind="flights_accepted").count() == 0


# --- the rule as a table ----------------------------------------------------------------------------------------

NO = CallFacts(attempts=1, outcome="refused", code="quote_stale")
YES = CallFacts(attempts=1, outcome="ok")


@pytest.mark.parametrize(("words", "cases", "decision"), [
    ({"change_answer": "accept", "change_acceptable": True}, (), Do(Step.ACCEPT_CHANGE)),
    ({"change_answer": "accept", "change_acceptable": True, "accept": NO}, (), Attention("change_to_accept")),
    ({"change_answer": "accept", "change_acceptable": True, "accept": NO}, ("change_to_accept",), Rest()),
    ({"change_answer": "accept"}, (), Attention("change_to_accept")),
    ({"change_answer": "accept", "change_taken": "accepted"}, (), Rest()),
    ({"change_answer": "accept", "change_acceptable": True, "accept": YES}, (),
     Wait(table.NOW + timedelta(minutes=4), "new flights")),
    ({"change_answer": "refund"}, (), Do(Step.QUOTE_CANCEL)),
    ({"change_answer": "refund", "quote_id": "q", "quote_refund_to": "balance", "quote_refund_minor": 50_000}, (),
     Do(Step.CANCEL_CHANGED)),
    ({"change_answer": "refund", "quote_id": "q", "quote_refund_to": "balance", "quote_refund_minor": 49_999}, (),
     Rest()),
    ({"change_answer": "refund", "quote_id": "q", "quote_refund_to": "voucher", "quote_refund_minor": 50_000}, (),
     Rest()),
    ({"change_answer": "refund", "quote_refusal": "not_cancellable"}, (), Rest()),
    ({"change_answer_by": table.NOW + timedelta(days=1)}, (), Wait(table.NOW + timedelta(days=1), "new flights")),
    ({"change_answer_by": table.NOW}, (), Attention("change_unanswered")),
    ({"change_answer_by": table.NOW}, ("change_unanswered",), Rest()),
])
def test_what_follows_from_an_answer(words: dict[str, object], cases: tuple[str, ...], decision: object) -> None:
    facts = replace(
        next(f for f in table.everything() if f.wish is Wish.BOOK and not f.closing and not f.refunds and f.order
             and f.order.state is O.TICKETED and f.payment and f.payment.state is P.CAPTURED), cases=frozenset(cases))
    assert facts.order is not None
    assert decide(replace(facts, order=replace(facts.order, **words)), table.NOW) == decision  # type: ignore[arg-type]


# --- when the airline cancels, and when the bank sends a refund back ---------------------------------------------


@pytest.mark.failure("D15")
def test_an_airline_that_cancels_is_told_at_once_with_the_right_to_the_money(world: World) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    order = world.order(world.drive(booking))
    world.sandbox.fault("stripe.refund", "status", status=503, count=3)  # the refund takes longer
    world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/cancel_by_airline", json={})
    hear(booking)
    assert (booking.status, booking.closing) == ("CANCELLING", "airline_cancelled")
    assert list(booking.outbox.filter(kind="airline_cancelled").values_list("version", flat=True)) == ["1"]
    for _ in range(3):
        age(booking, timedelta(minutes=2))
        world.drive(booking)
    assert (booking.status, world.payment(booking).refunded_minor) == ("CANCELLED", booking.accepted_minor)
    kinds = list(booking.outbox.values_list("kind", flat=True))
    assert (kinds.count("airline_cancelled"), kinds.count("refund_sent"), kinds.count("cancelled")) == (1, 1, 0)


def test_a_held_fare_that_the_airline_cancels_owes_nothing(world: World) -> None:
    from django.core import mail as outbound

    booking = world.drive(world.booked(hold=True))
    world.sandbox.http.post(f"/_duffel/orders/{world.order(booking).external_id}/cancel_by_airline", json={})
    hear(booking)
    assert booking.status == "CANCELLED"
    mail.send_due(clock.now() + timedelta(seconds=1), 50)
    (message,) = [m for m in outbound.outbox if "airline cancelled your flights" in m.subject]
    assert "You have not been charged." in message.body and "money back" not in message.body


@pytest.mark.failure("S11")
def test_a_refund_that_the_bank_sends_back_later_tells_staff(world: World) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    order = world.order(world.drive(booking))
    world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/cancel_by_airline", json={})
    hear(booking)
    assert (booking.status, booking.due_at) == ("CANCELLED", None)
    refund = world.payment(booking).refunds.get()
    answer = world.sandbox.http.post(f"/_stripe/refunds/{refund.external_id}/fail", json={})
    assert answer.status_code == 200, answer.text
    refund.news_at = clock.now()  # as the webhook does
    refund.save()
    world.drive(booking)
    refund.refresh_from_db()
    assert (refund.state, world.payment(booking).refunded_minor) == ("failed", 0)
    assert Case.objects.filter(kind="refund_failed", booking=booking, closed_at=None).count() == 1
    assert booking.status == "CANCELLING"  # not over while money is owed
