"""What was done outside by hand: payments, refunds, cancellations written down once, and refused where they are not so."""

from __future__ import annotations

from typing import Any

import pytest

from bookings import desk
from bookings.facts import load
from bookings.models import Booking, Case, StaffAction
from bookings.undo import left_to_give, unreturned
from fly2any.kernel.errors import Problem
from payments.models import Payment, Refund
from tests.console import rows
from tests.desk.pressing import Desk, form_errors, somebody

pytestmark = pytest.mark.django_db


def paid(**changes: Any) -> Booking:
    """Ticketed by us, and paid by bank transfer."""
    b = rows.reserved(**changes)
    b.orders.update(state="ticketed", ticketed_at=rows.NOW)
    rows.line(b, "order.moved", subject=f"order:{b.orders.get().pk}", before="reserved", after="ticketed")
    Desk().press("record_payment", booking=b, method="bank_transfer", receipt=f"RF {b.pk}")
    Booking.objects.filter(pk=b.pk).update(status="CONFIRMED")
    return b


def test_a_payment_taken_elsewhere_is_the_accepted_amount_and_kept_once(at_desk: Desk) -> None:
    b = rows.reserved()
    done = at_desk.press("record_payment", booking=b, method="bank_transfer", receipt="rf18  5390 0754")
    payment = b.payments.get()
    assert (payment.provider, payment.external_id, payment.method) == ("desk", "desk:RF18 5390 0754", "bank_transfer")
    assert (payment.state, payment.amount_minor, payment.captured_minor) == ("captured", 50_000, 50_000)
    assert payment.order == b.orders.get() and "bank transfer, receipt RF18 5390 0754" in done.said
    assert list(b.diary.filter(subject=f"payment:{payment.pk}").values_list("event", "after").order_by("pk")) == [
        ("payment.asked", "50000"), ("payment.moved", "captured")]
    assert "taken already" in at_desk.why_not("record_payment", booking=b)
    other = rows.reserved()
    with pytest.raises(Problem, match=b.reference):
        at_desk.press("record_payment", booking=other, method="cash", receipt="RF18 5390 0754")
    assert not other.payments.exists()


def test_a_page_that_showed_another_amount_records_nothing(at_desk: Desk) -> None:
    b = rows.reserved()
    with pytest.raises(Problem, match="another amount"):
        at_desk.press("record_payment", booking=b, params={"method": "cash", "receipt": "K-1", "accepted": 49_999})
    assert not Payment.objects.filter(booking=b).exists()


@pytest.mark.parametrize("receipt", ["4242 4242 4242 4242", "ab", "receipt; drop", "x" * 41])
def test_what_is_no_receipt_is_refused(receipt: str) -> None:
    situation = desk.situation_of(booking=rows.reserved())
    assert "receipt" in form_errors(desk.ACTIONS["record_payment"], situation, method="cash", receipt=receipt)


@pytest.mark.parametrize(("payment", "says"), [("open", "link back first"), ("authorised", "link back first"),
                                               ("captured", "taken already"), ("voided", "")])
def test_nobody_pays_twice(at_desk: Desk, payment: str, says: str) -> None:
    b = rows.reserved()
    rows.payment(b, payment)
    assert says in at_desk.why_not("record_payment", booking=b) and bool(says) == bool(
        at_desk.why_not("record_payment", booking=b))


def test_a_large_payment_needs_a_second_person(at_desk: Desk, settings: Any) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 10_000}
    b = rows.reserved()
    assert at_desk.press("record_payment", booking=b, method="terminal", receipt="T-900").proposed
    assert not b.payments.exists()
    desk.decide_proposal(b.proposals.get().pk, agreed=True, actions=desk.ACTIONS,
                         by=desk.By(somebody("do_record_payment", "do_second"), "seen on the account", "k2"))
    assert b.payments.get().method == "terminal"


def test_a_refund_of_money_taken_elsewhere_is_recorded_when_it_was_given(at_desk: Desk) -> None:
    b = paid()
    payment = b.payments.get()
    refund = Refund.objects.create(payment=payment, cause="cancelled", amount_minor=30_000, currency="USD",
                                   requested_at=rows.NOW)
    assert "No refund waits" in at_desk.why_not("record_refund", booking=rows.confirmed())
    at_desk.press("record_refund", booking=b, method="bank_transfer", receipt="BACK-1")
    refund.refresh_from_db()
    payment.refresh_from_db()
    assert (refund.state, refund.external_id, refund.method) == ("succeeded", "desk:BACK-1", "bank_transfer")
    assert payment.refunded_minor == 30_000 and refund.done_at is not None
    assert b.diary.get(event="refund.moved").cause == "bank transfer, receipt BACK-1"
    assert "No refund waits" in at_desk.why_not("record_refund", booking=b)


def test_a_refund_that_the_bank_returned_is_given_another_way(at_desk: Desk) -> None:
    b = rows.cancelled(given_back=0)
    failed = rows.refund(b.payments.get(), 50_000, "failed")
    at_desk.press("record_refund", booking=b, method="bank_transfer", receipt="BACK-2")
    new = Refund.objects.exclude(pk=failed.pk).get(payment__booking=b)
    facts = load(b).picture()
    assert (new.cause, new.state, new.amount_minor) == (f"cancelled~{failed.pk}", "succeeded", 50_000)
    assert unreturned(facts.refunds) == [] and facts.payment and left_to_give(facts.payment, facts.refunds) == 0


def test_a_cancelled_ticket_gives_back_what_the_consolidator_returned(at_desk: Desk) -> None:
    b = paid()
    assert form_errors(desk.ACTIONS["record_cancellation"], desk.situation_of(booking=b), amount="500.01")
    done = at_desk.press("record_cancellation", booking=b, amount="320.00")
    b.refresh_from_db()
    assert (b.wish, b.agreed_refund_minor, b.orders.get().state) == ("cancel", 32_000, "cancelled")
    assert "USD 320.00" in done.said and b.diary.get(event="order.moved", after="cancelled")
    assert "no ticket" in at_desk.why_not("record_cancellation", booking=b)


def test_a_reservation_that_nobody_can_reach_is_cancelled_by_hand(at_desk: Desk) -> None:
    b = rows.reserved(locator="X4RT2K")
    at_desk.press("record_cancellation", booking=b)
    b.refresh_from_db()
    assert (b.wish, b.orders.get().state, b.agreed_refund_minor) == ("cancel", "cancelled", None)
    other = rows.reserved()
    assert "worker cancels" in at_desk.why_not("record_cancellation", booking=other)
    assert "through us" in at_desk.why_not("record_cancellation", booking=rows.confirmed())


@pytest.mark.parametrize("name", ["record_payment", "record_refund", "record_cancellation"])
def test_each_needs_its_own_permission(at_desk: Desk, name: str) -> None:
    with pytest.raises(Problem) as refused:
        at_desk.press(name, booking=paid(), by=somebody("do_refund", "do_cancel", "do_capture"), params={})
    assert refused.value.code == "forbidden"
    assert not StaffAction.objects.filter(verb=name).exclude(verb="record_payment").exists() and not Case.objects.exists()
