"""Every promise is found broken by exactly the check that stands for it, and by no other."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from bookings.invariants import GRACE, RULES, check
from bookings.models import Booking, BundleShown, Case, Diary, ExternalCall, Outbox
from payments.models import Payment
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.console.rows import NOW, without

pytestmark = pytest.mark.django_db


def broken(of: Booking) -> list[str]:
    """The invariants that are broken, all by this booking."""
    found = check(NOW)
    assert {v.reference for v in found} <= {of.reference, of.offer_external_id}, found
    return sorted({v.invariant for v in found})


def test_healthy_stories_break_nothing() -> None:
    rows.confirmed()
    rows.cancelled()
    rows.cancelled(given_back=30_000, agreed=30_000)  # a fee was agreed
    rows.booking(wish="draft", wished_at=None, due_at=None, status="DRAFT")
    rows.order(rows.booking(), "unknown", external_id="")
    held = rows.booking(status="HOLD")
    rows.order(held, "held", ticketed_at=None)
    waiting = rows.booking(status="PENDING_PAYMENT")
    rows.order(waiting, "held", ticketed_at=None)
    rows.payment(waiting, "open", authorised_at=None)
    assert check(NOW) == []


def answered(word: str) -> Booking:
    """A confirmed booking whose customer has answered the airline's new flights."""
    b = rows.confirmed()
    SupplierOrder.objects.filter(booking=b).update(change_answer=word, change_answered_at=NOW)
    Diary.objects.create(booking=b, at=NOW, actor="guest", event="flights.answer_given", after=word)
    Case.objects.create(booking=b, kind="refund_due", subject=f"booking:{b.pk}", severity=2, opened_at=NOW)
    return b


def test_c1_an_answer_about_changed_flights_is_somebodys() -> None:
    b = answered("refund")
    ExternalCall.objects.create(booking=b, kind="accept_change", subject="change:1", outcome="ok", asked_at=NOW)
    assert check(NOW) == []
    Case.objects.all().delete()
    assert broken(b) == ["C1"]  # the money was asked for, and nobody was told
    SupplierOrder.objects.filter(booking=b).update(change_answer="accept")
    assert broken(b) == ["C1"]  # the line says something else
    SupplierOrder.objects.filter(booking=b).update(change_answer="refund", change_answered_at=None)
    assert broken(b) == ["C1"]


def test_c1_flights_are_accepted_for_somebody_who_answered() -> None:
    b = rows.confirmed()
    ExternalCall.objects.create(booking=b, kind="accept_change", subject="change:1", outcome="ok", asked_at=NOW)
    assert broken(b) == ["C1"]


def test_c2_what_was_shown_does_not_hang_on_a_confirmed_booking() -> None:
    b = rows.confirmed()
    BundleShown.objects.create(booking=b, features={}, features_version=1, offered=[], ranker="rules", shown_at=NOW)
    Booking.objects.filter(pk=b.pk).update(settled_at=NOW)
    assert check(NOW) == []
    Booking.objects.filter(pk=b.pk).update(settled_at=NOW - timedelta(hours=25))
    assert broken(b) == ["C2"]


def test_i1_captured_without_any_order() -> None:
    b = rows.confirmed()
    without("payments_payment", "payment_captured_needs_an_airline_order")
    Payment.objects.filter(booking=b).update(order=None)
    assert broken(b) == ["I1"]


def test_i1_captured_for_an_order_that_was_never_made() -> None:
    b = rows.booking(status="PENDING")
    rows.order(b, "not_created", external_id="")
    rows.payment(b)
    assert broken(b) == ["I1"]


def test_i1_captured_after_the_order_was_cancelled() -> None:
    b = rows.cancelled()
    SupplierOrder.objects.filter(booking=b).update(cancelled_at=NOW - timedelta(seconds=1))
    assert broken(b) == ["I1"]


def test_i1_money_taken_elsewhere_needs_a_case_or_a_refund() -> None:
    b = rows.booking()
    rows.payment(b, captured_elsewhere=True)
    assert broken(b) == ["I1"]
    rows.case(b, "charged_without_order")
    assert check(NOW) == []


@pytest.mark.parametrize("kind", ["create_order", "open_payment", "send_refund"])
def test_i2_nothing_exists_outside_that_was_not_inked(kind: str) -> None:
    b = rows.cancelled()
    assert ExternalCall.objects.filter(booking=b, kind=kind).delete()[0] == 1
    assert broken(b) == ["I2"]


def test_i3_two_live_orders() -> None:
    b = rows.confirmed()
    without("suppliers_supplierorder", "booking_has_one_live_order")
    without("suppliers_supplierorder", "offer_has_one_live_order")
    rows.order(b, "held", external_id="ord_second")
    assert broken(b) == ["I3"]
    assert {v.reference for v in check(NOW)} == {b.reference, b.offer_external_id}


def test_i3_two_active_payments() -> None:
    b = rows.confirmed()
    without("payments_payment", "booking_has_one_active_payment")
    rows.payment(b, "open", external_id="pi_second", authorised_at=None)
    assert broken(b) == ["I3"]


def test_i3_a_payment_for_another_bookings_order() -> None:
    b, other = rows.confirmed(), rows.confirmed()
    Payment.objects.filter(booking=b).update(order=other.orders.get())
    assert broken(b) == ["I3"]


@pytest.mark.parametrize("change", [{"due_at": None}, {"due_at": NOW - GRACE - timedelta(seconds=1)},
                                    {"parked_at": NOW}])
def test_i4_waiting_needs_a_deadline_or_a_case(change: dict) -> None:
    b = rows.booking(**change)
    assert broken(b) == ["I4"]
    rows.case(b, "parked")
    assert check(NOW) == []


def test_i4_a_closed_case_does_not_count() -> None:
    b = rows.booking(due_at=None)
    rows.case(b, closed_at=NOW, closed_because="wrong")
    assert broken(b) == ["I4"]


@pytest.mark.parametrize("status", ["FAILED", "EXPIRED", "CANCELLED"])
def test_i5_a_live_order_behind_a_closed_booking(status: str) -> None:
    b = rows.booking(status=status, due_at=None)
    rows.order(b, "held", ticketed_at=None)
    assert broken(b) == ["I5"]


@pytest.mark.parametrize("state", ["new", "open", "authorised", "voiding"])
def test_i5_money_reserved_behind_a_closed_booking(state: str) -> None:
    b = rows.booking(status="FAILED", due_at=None)
    rows.payment(b, state)
    assert broken(b) == ["I5"]


@pytest.mark.parametrize(("given", "agreed"), [(0, 50_000), (49_999, 50_000)])
def test_i5_money_kept_behind_a_closed_booking(given: int, agreed: int) -> None:
    b = rows.cancelled(given_back=given, agreed=agreed)
    assert broken(b) == ["I5"]


def test_i5_a_fee_nobody_agreed_to() -> None:
    b = rows.cancelled(given_back=30_000, agreed=30_000)
    Booking.objects.filter(pk=b.pk).update(closing="airline_cancelled")
    assert broken(b) == ["I5"]


def test_i6_captured_more_than_the_customer_agreed_to() -> None:
    b = rows.confirmed()
    Booking.objects.filter(pk=b.pk).update(accepted_minor=49_999)
    assert broken(b) == ["I6"]


def test_i6_giving_back_more_than_was_captured() -> None:
    b = rows.confirmed()
    rows.refund(b.payments.get(), 30_000)
    rows.refund(b.payments.get(), 20_001, "requested", cause="no_order", external_id="")
    assert broken(b) == ["I6"]


def test_i6_two_currencies() -> None:
    b = rows.confirmed()
    SupplierOrder.objects.filter(booking=b).update(currency="EUR")
    assert broken(b) == ["I6"]
    Payment.objects.filter(booking=b).update(currency="EUR")
    assert len(check(NOW)) == 2


def test_i7_a_card_reserved_for_more_than_eight_hours() -> None:
    b = rows.booking(created_at=NOW - timedelta(hours=8, seconds=1), status="PENDING_PAYMENT")
    held = rows.order(b, "held", ticketed_at=None)
    rows.payment(b, "authorised")
    assert broken(b) == ["I7"]
    SupplierOrder.objects.filter(pk=held.pk).update(state="ticketed")
    assert broken(b) == ["I8"]  # finished, but the diary does not know it


@pytest.mark.parametrize("event", ["wish.written", "order.asked", "order.moved", "payment.asked", "payment.moved",
                                   "refund.requested", "refund.moved"])
def test_i8_a_missing_line(event: str) -> None:
    b = rows.cancelled()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE bookings_diary DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM bookings_diary WHERE event = %s", [event])
    assert broken(b) == ["I8"]


def test_i8_a_state_that_no_line_told_of() -> None:
    b = rows.confirmed()
    rows.line(b, "order.moved", subject=f"order:{b.orders.get().pk}", before="ticketed", after="cancelling",
              at=NOW + timedelta(seconds=1))
    assert broken(b) == ["I8"]


def test_i8_a_case_handled_without_a_line(django_user_model: type) -> None:
    b = rows.confirmed()
    staff = django_user_model.objects.create_user("staff")
    handled = rows.case(b, closed_at=NOW, closed_by=staff, closed_because="called them")
    assert broken(b) == ["I8"]
    Diary.objects.create(booking=b, at=NOW, actor=f"staff:{staff.pk}", event="case.handled",
                         subject=f"case:{handled.pk}")
    assert check(NOW) == []


def test_i10_an_order_sent_twice() -> None:
    b = rows.confirmed()
    ExternalCall.objects.filter(booking=b, kind="create_order").update(attempts=2)
    assert broken(b) == ["I10"]


def test_i10_a_mail_sent_twice() -> None:
    b = rows.confirmed()
    without("bookings_outbox", "mail_is_sent_once")
    for _ in range(2):
        Outbox.objects.create(kind="confirmed", booking=b, due_at=NOW, sent_at=NOW, created_at=NOW)
    assert broken(b) == ["I10"]


def test_each_rule_is_named_once_and_every_checkable_promise_has_one() -> None:
    assert [name for name, _ in RULES] == ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "C1", "C2"]


def test_the_command_prints_violations_and_fails() -> None:
    b = rows.booking(due_at=None)
    out = StringIO()
    with pytest.raises(CommandError, match="1 violated"):
        call_command("invariants", stdout=out)
    assert out.getvalue() == f"I4 {b.reference} waits for nothing: PENDING, no deadline, no case\n"
    rows.case(b)
    out = StringIO()
    call_command("invariants", stdout=out)
    assert out.getvalue() == "11 invariants hold\n"
