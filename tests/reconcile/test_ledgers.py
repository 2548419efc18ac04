"""Stripe's charges, refunds, disputes and warnings against our rows, both ways: each class opens once and closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bookings import reconcile
from bookings.models import Booking, Case
from fly2any.kernel.money import Money
from payments import registry as gateways
from payments.models import Dispute, Payment, Refund
from payments.types import DisputeInfo, Notice, PaymentState, RefundState
from suppliers import registry as airlines
from suppliers.models import SupplierOrder
from suppliers.types import OrderState
from tests.reconcile import outside
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
MINUTES = [NOW + timedelta(minutes=15 * turn) for turn in range(8)]


@pytest.fixture
def lists() -> Iterator[outside.Lists]:
    both = outside.Lists()
    with gateways.replaced(both), airlines.replaced(duffel=both):  # type: ignore[arg-type]
        yield both


def cases() -> list[tuple[str, str]]:
    return list(Case.objects.filter(closed_at=None).order_by("kind", "subject").values_list("kind", "subject"))


def paid(**changes: Any) -> tuple[Booking, Payment]:
    """A ticketed booking whose money was taken."""
    booking = rows.booking(status="CONFIRMED")
    order = rows.order(booking, external_id="ord_1", state="ticketed", looked_at=outside.OLD)
    words: dict[str, Any] = {"external_id": "pi_1", "state": "captured", "captured_minor": 59999, "order": order,
                             "looked_at": outside.OLD, "authorised_at": outside.OLD}
    return booking, rows.payment(booking, **{**words, **changes})


def refunded(payment: Payment, **changes: Any) -> Refund:
    words: dict[str, Any] = {"cause": f"test{Refund.objects.count()}", "amount_minor": 10000, "currency": "USD",
                             "state": "succeeded", "external_id": "re_1", "requested_at": outside.OLD,
                             "sent_at": outside.OLD, "looked_at": outside.OLD}
    return Refund.objects.create(payment=payment, **{**words, **changes})


def looked(lists: outside.Lists, turns: int = 3) -> None:
    """Turns of a quarter of an hour between which the driver looks and changes nothing."""
    for turn in range(turns):
        reconcile.light(MINUTES[turn])
        for model in (Payment, Refund, SupplierOrder):
            model.objects.filter(news_at__isnull=False).update(looked_at=MINUTES[turn] + timedelta(minutes=1))


# --- charges ----------------------------------------------------------------------------------------------------


def test_charges_that_agree_and_declined_ones_say_nothing(lists: outside.Lists) -> None:
    booking, _ = paid()
    lists.charges = [outside.charge(), outside.charge("ch_0", good=False, captured_minor=0),
                     outside.charge("ch_9", intent_id="pi_unknown")]  # that intent is told by its own list
    lists.intents, lists.orders = [outside.intent()], [outside.order()]
    looked(lists)
    booking.refresh_from_db()
    assert (cases(), booking.wakes) == ([], 0)


@pytest.mark.parametrize("changes", [
    {"captured_minor": 40000}, {"refunded_minor": 100}, {"amount": Money(59999, "EUR")}])
def test_a_charge_that_differs_is_looked_at_then_a_case_and_heals(
        lists: outside.Lists, changes: dict[str, Any]) -> None:
    booking, payment = paid()
    lists.charges, lists.unlisted = [outside.charge(**changes)], [outside.intent(**{
        name: value for name, value in changes.items()})]
    reconcile.light(MINUTES[0], ["charges"])
    payment.refresh_from_db()
    assert (cases(), payment.news_at) == ([], MINUTES[0])
    looked(lists)
    assert cases() == [("ledgers_differ", "stripe:pi_1")]
    assert Case.objects.get().booking == booking
    lists.charges, lists.unlisted = [outside.charge()], [outside.intent()]
    reconcile.light(MINUTES[4])
    assert cases() == []


@pytest.mark.failure("S15")
def test_money_taken_without_an_intent_is_an_orphan_until_it_is_given_back(lists: outside.Lists) -> None:
    lists.charges = [outside.charge("ch_7", intent_id=""), outside.charge("ch_8", intent_id="", captured_minor=0)]
    reconcile.light(MINUTES[0])
    reconcile.light(MINUTES[1])
    assert cases() == [("orphaned_payment", "stripe:ch_7")]
    lists.charges[0] = replace(lists.charges[0], refunded_minor=59999)
    reconcile.light(MINUTES[2])
    assert cases() == []


def test_a_charge_that_is_disputed_wakes_its_booking(lists: outside.Lists) -> None:
    booking, payment = paid()
    lists.charges = [outside.charge(disputed=True)]
    reconcile.light(NOW, ["charges"])
    booking.refresh_from_db()
    assert (booking.wakes, cases()) == (1, [])


def test_a_charge_of_ours_that_no_list_shows_is_asked_for_by_its_intent(lists: outside.Lists) -> None:
    paid(authorised_at=NOW - timedelta(hours=10), asked_at=NOW - timedelta(hours=10))
    reconcile.light(NOW, ["charges"])
    assert lists.looked == ["pi_1"]
    assert cases() == [("ledgers_differ", "stripe:pi_1")]


# --- refunds ----------------------------------------------------------------------------------------------------


def test_refunds_that_agree_say_nothing(lists: outside.Lists) -> None:
    _, payment = paid()
    refunded(payment)
    failed = outside.refund("re_0", state=RefundState.FAILED)  # made by hand, and it came back: nothing happened
    lists.refunded = [outside.refund(), failed]
    reconcile.light(NOW, ["refunds"])
    assert cases() == []
    assert lists.looked == []


@pytest.mark.failure("S13")
def test_a_refund_made_by_hand_is_looked_at_then_a_case_and_heals_when_it_came_back(lists: outside.Lists) -> None:
    booking, payment = paid()
    lists.refunded = [outside.refund("re_hand")]
    lists.intents, lists.orders = [outside.intent(refunded_minor=10000)], [outside.order()]
    reconcile.light(MINUTES[0])
    payment.refresh_from_db()
    assert (cases(), payment.news_at) == ([], MINUTES[0])
    Payment.objects.update(refunded_minor=10000, looked_at=MINUTES[0] + timedelta(minutes=1))  # the driver learns it
    reconcile.light(MINUTES[1])
    reconcile.light(MINUTES[2])
    assert cases() == [("ledgers_differ", "stripe:re_hand")]
    case = Case.objects.get()
    assert (case.booking, case.facts["ours"], case.money_minor) == (booking, "no refund of ours", 10000)
    lists.refunded = [replace(lists.refunded[0], state=RefundState.FAILED)]
    lists.intents = [outside.intent()]
    Payment.objects.update(refunded_minor=0)
    reconcile.light(MINUTES[3])
    assert cases() == []


def test_a_refund_of_a_stranger_is_the_orphans_case(lists: outside.Lists) -> None:
    lists.refunded = [outside.refund("re_x", intent_id="pi_x")]
    reconcile.light(NOW, ["refunds"])
    assert cases() == []


def test_a_refund_of_ours_that_stripe_does_not_know_is_a_case_and_heals(lists: outside.Lists) -> None:
    booking, payment = paid()
    refunded(payment, sent_at=NOW - timedelta(hours=10))
    reconcile.light(NOW, ["refunds"])
    assert lists.looked == ["re_1"]
    assert cases() == [("ledgers_differ", "stripe:re_1")]
    assert Case.objects.get().booking == booking
    lists.unlisted = [outside.refund(), outside.intent()]
    reconcile.light(MINUTES[1])
    assert cases() == []


@pytest.mark.parametrize("days", [1, 20])
def test_a_refund_that_failed_later_is_heard_without_webhooks(lists: outside.Lists, days: int) -> None:
    """Also long after the 72 hours: the nightly list of refunds goes back 30 days."""
    booking, payment = paid()
    made = NOW - timedelta(days=days)
    refund = refunded(payment, sent_at=made)
    lists.refunded = [outside.refund(state=RefundState.FAILED, failure="expired_or_canceled_card", created_at=made)]
    assert reconcile.full(NOW, ["refunds"], rest=0)
    refund.refresh_from_db()
    booking.refresh_from_db()
    assert (refund.news_at, booking.wakes, cases()) == (NOW, 1, [])


def test_another_amount_of_a_refund_is_a_case_at_once(lists: outside.Lists) -> None:
    _, payment = paid()
    refunded(payment)
    lists.refunded = [outside.refund(amount=Money(9999, "USD"))]
    reconcile.light(NOW, ["refunds"])
    assert cases() == [("ledgers_differ", "stripe:re_1")]


@pytest.mark.failure("S3")
def test_a_refund_whose_answer_was_lost_is_found_by_our_own_number(lists: outside.Lists) -> None:
    booking, payment = paid()
    refund = refunded(payment, external_id="", state="sent")
    lists.refunded = [outside.refund("re_new", refund_id=str(refund.pk))]
    reconcile.light(NOW, ["refunds"])
    booking.refresh_from_db()
    assert (booking.wakes, cases()) == (1, [])


# --- duplicates, disputes, warnings ---------------------------------------------------------------------------------


def test_a_second_payment_of_a_booking_is_a_duplicate_until_it_is_released(lists: outside.Lists) -> None:
    booking, payment = paid()
    lists.intents = [outside.intent(), outside.intent("pi_2", booking_id=str(booking.public_id),
                                                      payment_id=str(payment.pk))]
    lists.orders = [outside.order()]
    reconcile.light(MINUTES[0])
    reconcile.light(MINUTES[1])
    assert cases() == [("duplicate_payment", "stripe:pi_2")]
    assert Case.objects.get().booking == booking
    lists.intents[1] = replace(lists.intents[1], state=PaymentState.VOIDED, captured_minor=0)
    reconcile.light(MINUTES[2])
    assert cases() == []


def test_an_orphan_becomes_a_duplicate_when_the_booking_gets_a_payment(lists: outside.Lists) -> None:
    booking = rows.booking()
    lists.intents = [outside.intent("pi_2", booking_id=str(booking.public_id))]
    reconcile.light(MINUTES[0])
    assert cases() == [("orphaned_payment", "stripe:pi_2")]
    order = rows.order(booking, external_id="ord_1", state="ticketed", looked_at=outside.OLD)
    rows.payment(booking, external_id="pi_1", state="captured", captured_minor=59999, order=order,
                 looked_at=outside.OLD)
    reconcile.light(MINUTES[1])
    assert cases() == [("duplicate_payment", "stripe:pi_2")]


@pytest.mark.failure("D21")
def test_a_second_order_of_one_booking_at_the_airline_is_a_duplicate(lists: outside.Lists) -> None:
    booking, _ = paid()
    lists.intents = [outside.intent()]
    lists.orders = [outside.order(), outside.order("ord_2", booking_id=str(booking.public_id))]
    looked(lists, 2)
    assert cases() == [("duplicate_order", "duffel:ord_2")]
    lists.orders[1] = replace(lists.orders[1], state=OrderState.CANCELLED)
    reconcile.light(MINUTES[3])
    assert cases() == []


def test_a_dispute_keeps_its_last_day_and_a_strangers_one_heals_when_it_is_over(lists: outside.Lists) -> None:
    paid()
    due = NOW + timedelta(days=9)
    lists.cases = [DisputeInfo("dp_1", "pi_1", Money(59999, "USD"), "needs_response", "fraudulent", due),
                   DisputeInfo("dp_2", "pi_x", Money(5, "USD"), "needs_response", "fraudulent", due)]
    reconcile.light(MINUTES[0], ["disputes"])
    assert Dispute.objects.get().answer_by == due
    assert cases() == [("dispute", "stripe:dp_2")]
    assert Case.objects.get().deadline == due
    lists.cases[1] = replace(lists.cases[1], status="won", over=True)
    reconcile.light(MINUTES[1])
    assert ("dispute", "stripe:dp_2") not in cases()


@pytest.mark.parametrize("after", [{"refunded_minor": 59999}, {"disputed": True}])
def test_a_fraud_warning_is_one_case_until_the_money_is_back_or_disputed(
        lists: outside.Lists, after: dict[str, Any]) -> None:
    booking, payment = paid()
    kind = "radar.early_fraud_warning.created"
    lists.warnings = [Notice("evt_1", "payment.changed", kind, intent_id="pi_1", object_id="issfr_1"),
                      Notice("evt_2", "payment.changed", kind, intent_id="pi_x", object_id="issfr_2"),
                      Notice("evt_3", "payment.changed", kind, intent_id="pi_1", object_id="issfr_3", live_mode=True)]
    for turn in MINUTES[:2]:
        reconcile.light(turn, ["warnings"])
    assert cases() == [("fraud_warning", "stripe:issfr_1")]
    assert Case.objects.get().booking == booking
    lists.intents, lists.orders = [outside.intent(**{name: value for name, value in after.items()})], [outside.order()]
    Payment.objects.update(**after)
    reconcile.light(MINUTES[2])
    assert ("fraud_warning", "stripe:issfr_1") not in cases()
    reconcile.light(MINUTES[3], ["warnings"])
    assert ("fraud_warning", "stripe:issfr_1") not in cases(), "it does not come again"


def test_one_silent_vendor_does_not_keep_the_others_cases_open(lists: outside.Lists) -> None:
    lists.intents, lists.orders = [outside.intent("pi_x")], [outside.order("ord_x")]
    reconcile.light(MINUTES[0])
    assert len(cases()) == 2
    silent = outside.Lists(down=True)
    lists.orders = [outside.order("ord_x", state=OrderState.CANCELLED)]
    with gateways.replaced(silent):  # type: ignore[arg-type]
        reconcile.light(MINUTES[1])
    assert cases() == [("orphaned_payment", "stripe:pi_x")]


def test_more_open_cases_than_a_turn_looks_at_are_looked_at_in_turn(
        lists: outside.Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.reconcile.recheck.MOST", 2)
    lists.intents = [outside.intent(f"pi_{at}") for at in range(4)]
    reconcile.light(MINUTES[0], ["intents"])
    lists.intents = []
    lists.unlisted = [outside.intent(f"pi_{at}") for at in range(4)]
    for turn in MINUTES[1:3]:
        reconcile.light(turn)
    assert sorted(lists.looked) == ["pi_0", "pi_1", "pi_2", "pi_3"]
