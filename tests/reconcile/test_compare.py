"""Both lists against our tables, both ways: what is only late is looked at again, what is wrong is one case, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from bookings import cases, reconcile
from bookings.models import Booking, Case
from fly2any.kernel.money import Money
from payments import registry as gateways
from payments.models import Dispute, GatewayEvent, Payment
from payments.types import DisputeInfo, Notice, PaymentState
from suppliers import registry as airlines
from suppliers.models import SupplierEvent, SupplierOrder
from suppliers.types import OrderState
from tests.reconcile import outside
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
LATER = NOW + timedelta(minutes=15)


@pytest.fixture
def lists() -> Iterator[outside.Lists]:
    both = outside.Lists()
    with gateways.replaced(both), airlines.replaced(duffel=both):  # type: ignore[arg-type]
        yield both


def open_cases() -> list[tuple[str, str]]:
    return list(Case.objects.filter(closed_at=None).order_by("kind", "subject").values_list("kind", "subject"))


def fresh(row: Any) -> Any:
    row.refresh_from_db()
    return row


def agreed() -> tuple[Booking, Payment, SupplierOrder]:
    """A booking that is the same everywhere."""
    booking = rows.booking(status="CONFIRMED")
    order = rows.order(booking, external_id="ord_1", state="ticketed", looked_at=outside.OLD)
    payment = rows.payment(booking, external_id="pi_1", state="captured", captured_minor=59999, order=order,
                           looked_at=outside.OLD)
    return booking, payment, order


def test_where_all_agree_nothing_happens(lists: outside.Lists) -> None:
    booking, payment, order = agreed()
    lists.intents, lists.orders = [outside.intent()], [outside.order()]
    reconcile.light(NOW)
    assert open_cases() == []
    assert (fresh(booking).wakes, fresh(payment).news_at, fresh(order).news_at) == (0, None, None)


# --- payments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["open", "authorised", "capturing"])
def test_a_payment_nobody_looked_at_for_five_minutes_is_looked_at(lists: outside.Lists, state: str) -> None:
    stale = rows.payment(rows.booking(), state=state, captured_elsewhere=True,
                         asked_at=NOW - timedelta(minutes=6), looked_at=NOW - timedelta(minutes=6))
    never = rows.payment(rows.booking(), asked_at=NOW - timedelta(minutes=6))
    seen = rows.payment(rows.booking(), asked_at=NOW - timedelta(hours=1), looked_at=NOW - timedelta(minutes=4))
    young = rows.payment(rows.booking(), asked_at=NOW - timedelta(minutes=4))
    done = rows.payment(rows.booking(), state="voided", asked_at=NOW - timedelta(hours=1))
    parked = rows.payment(rows.booking(parked_at=NOW), asked_at=NOW - timedelta(hours=1))
    reconcile.light(NOW)
    assert [fresh(row).news_at for row in (stale, never)] == [NOW, NOW]
    assert [fresh(row).news_at for row in (seen, young, done, parked)] == [None] * 4
    assert [fresh(row.booking).wakes for row in (stale, never, seen, young, done, parked)] == [1, 1, 0, 0, 0, 0]
    assert fresh(stale.booking).due_at == NOW


def test_an_intent_without_a_row_is_one_case_once(lists: outside.Lists) -> None:
    lists.intents = [outside.intent("pi_stranger")]
    for minutes in (0, 15, 30):
        reconcile.light(NOW + timedelta(minutes=minutes))
    assert open_cases() == [("orphaned_payment", "stripe:pi_stranger")]
    assert Case.objects.count() == 1


def test_an_orphaned_payment_names_the_booking_its_metadata_knows(lists: outside.Lists) -> None:
    booking, _, _ = agreed()
    lists.intents = [outside.intent(), outside.intent("pi_2", booking_id=str(booking.public_id))]
    lists.orders = [outside.order()]
    reconcile.light(NOW)
    assert Case.objects.get().booking == booking


def test_a_case_that_a_person_handled_is_not_opened_again(lists: outside.Lists) -> None:
    lists.intents = [outside.intent("pi_stranger")]
    reconcile.light(NOW)
    person = get_user_model().objects.create(username="staff")
    with transaction.atomic():
        cases.close(Case.objects.get(), operator=person, because="a terminal payment", now=NOW)
    reconcile.light(LATER)
    assert open_cases() == []


@pytest.mark.parametrize("changes", [
    {"state": PaymentState.VOIDED, "captured_minor": 0}, {"refunded_minor": 59999}])
def test_an_orphan_without_money_is_no_case_and_heals_one(lists: outside.Lists, changes: dict[str, Any]) -> None:
    lists.intents = [outside.intent("pi_stranger")]
    reconcile.light(NOW)
    lists.intents = [replace(lists.intents[0], **changes), outside.intent("pi_other", **changes)]
    reconcile.light(LATER)
    assert open_cases() == []
    assert Case.objects.get().closed_because == "the records agree again"


def test_an_intent_whose_answer_was_lost_is_left_to_the_driver(lists: outside.Lists) -> None:
    payment = rows.payment(rows.booking(), external_id="", state="new", asked_at=outside.OLD)
    lists.intents = [outside.intent("pi_lost", state=PaymentState.OPEN, captured_minor=0, payment_id=str(payment.pk))]
    reconcile.light(NOW)
    assert open_cases() == []
    assert (fresh(payment).news_at, fresh(payment.booking).wakes) == (NOW, 1)


def test_another_amount_or_currency_is_a_case_and_heals(lists: outside.Lists) -> None:
    booking, payment, _ = agreed()
    lists.orders = [outside.order()]
    lists.intents = [outside.intent(amount=Money(60000, "USD"))]
    reconcile.light(NOW)
    assert open_cases() == [("ledgers_differ", "stripe:pi_1")]
    assert Case.objects.get().booking == booking
    lists.intents = [outside.intent()]
    reconcile.light(LATER)
    assert open_cases() == []
    lists.intents = [outside.intent(amount=Money(59999, "EUR"))]
    reconcile.light(LATER + timedelta(minutes=15))
    assert open_cases() == [("ledgers_differ", "stripe:pi_1")]


def test_money_refunded_elsewhere_is_looked_at_first_and_a_case_only_if_that_did_not_help(
        lists: outside.Lists) -> None:
    booking, payment, _ = agreed()
    lists.orders = [outside.order()]
    lists.intents = [outside.intent(refunded_minor=10000)]
    reconcile.light(NOW)
    assert (open_cases(), fresh(payment).news_at, fresh(booking).wakes) == ([], NOW, 1)
    reconcile.light(LATER)  # nobody has looked yet: it is not a difference of the ledgers, only of time
    assert open_cases() == []
    Payment.objects.update(looked_at=LATER)
    reconcile.light(LATER + timedelta(minutes=15))
    assert open_cases() == [("ledgers_differ", "stripe:pi_1")]
    Payment.objects.update(refunded_minor=10000)
    reconcile.light(LATER + timedelta(minutes=30))
    assert open_cases() == []


def test_a_difference_that_comes_again_is_looked_at_first_again(lists: outside.Lists) -> None:
    _, payment, _ = agreed()
    lists.orders = [outside.order()]
    for turn, refunded in enumerate((10000, 0, 10000)):
        lists.intents = [outside.intent(refunded_minor=refunded)]
        reconcile.light(NOW + turn * timedelta(minutes=15))
        Payment.objects.update(looked_at=NOW + turn * timedelta(minutes=15, seconds=1))
    assert open_cases() == []


def test_a_capture_on_its_way_is_no_difference(lists: outside.Lists) -> None:
    _, payment, _ = agreed()
    Payment.objects.update(state="capturing", captured_minor=0, looked_at=NOW)
    lists.intents, lists.orders = [outside.intent()], [outside.order()]
    reconcile.light(NOW)
    assert (open_cases(), fresh(payment).news_at) == ([], None)


# --- airline orders ---------------------------------------------------------------------------------------------


@pytest.mark.failure("D22")
def test_an_order_that_nobody_stands_for_is_a_critical_case(lists: outside.Lists) -> None:
    lists.orders = [outside.order("ord_stranger"), outside.order("ord_gone", state=OrderState.CANCELLED),
                    outside.order("ord_lapsed", state=OrderState.LAPSED),
                    outside.order("ord_just_now", created_at=NOW - timedelta(seconds=30)),
                    outside.order("ord_odd", state=OrderState.HELD, booking_id="not a booking")]
    reconcile.light(NOW)
    reconcile.light(NOW)
    assert open_cases() == [("orphaned_booking", "duffel:ord_odd"), ("orphaned_booking", "duffel:ord_stranger")]
    assert {case.severity for case in Case.objects.all()} == {Case.Severity.CRITICAL}
    lists.orders[0] = outside.order("ord_stranger", state=OrderState.CANCELLED)
    reconcile.light(LATER)
    assert open_cases() == [("orphaned_booking", "duffel:ord_just_now"), ("orphaned_booking", "duffel:ord_odd")]


@pytest.mark.parametrize("state", ["creating", "unknown", "not_created"])
def test_an_order_whose_answer_was_lost_is_found_by_the_driver(lists: outside.Lists, state: str) -> None:
    booking = rows.booking()
    row = rows.order(booking, state=state, asked_at=outside.OLD)
    lists.orders = [outside.order(booking_id=str(booking.public_id), offer_id=booking.offer_external_id)]
    reconcile.light(NOW)
    assert (open_cases(), fresh(row).news_at, fresh(booking).wakes) == ([], NOW, 1)
    # given up: it is watched again, or the driver would not look
    assert fresh(row).watch_until == (NOW + timedelta(hours=72) if state == "not_created" else None)
    SupplierOrder.objects.update(looked_at=LATER)  # the driver looked and did not take it
    reconcile.light(LATER + timedelta(minutes=15))
    assert open_cases() == [("orphaned_booking", "duffel:ord_1")]


def test_a_second_order_for_a_booking_that_has_one_is_a_case(lists: outside.Lists) -> None:
    booking, _, _ = agreed()
    lists.intents = [outside.intent()]
    lists.orders = [outside.order(), outside.order("ord_2", booking_id=str(booking.public_id),
                                                   offer_id=booking.offer_external_id)]
    reconcile.light(NOW)
    assert open_cases() == [("duplicate_order", "duffel:ord_2")]
    assert Case.objects.get().booking == booking
    lists.orders[1] = replace(lists.orders[1], state=OrderState.CANCELLED)
    reconcile.light(LATER)
    assert open_cases() == []


def test_an_order_cancelled_by_the_airline_wakes_its_booking(lists: outside.Lists) -> None:
    booking, _, row = agreed()
    lists.intents = [outside.intent()]
    lists.orders = [outside.order(state=OrderState.CANCELLED)]
    reconcile.light(NOW)
    assert (open_cases(), fresh(row).news_at, fresh(booking).wakes) == ([], NOW, 1)


def test_an_order_of_another_amount_is_looked_at_and_then_a_case(lists: outside.Lists) -> None:
    booking, _, row = agreed()
    lists.intents = [outside.intent()]
    lists.orders = [outside.order(total=Money(60000, "USD"))]
    reconcile.light(NOW)
    assert (open_cases(), fresh(row).news_at) == ([], NOW)
    SupplierOrder.objects.update(looked_at=LATER)
    reconcile.light(LATER + timedelta(minutes=15))
    assert open_cases() == [("ledgers_differ", "duffel:ord_1")]


def test_rows_of_ours_that_their_lists_do_not_show_are_asked_for_one_by_one(lists: outside.Lists) -> None:
    _, gone = (rows.payment(rows.booking(), external_id=f"pi_{name}", asked_at=NOW - timedelta(hours=10))
                   for name in ("there", "gone"))
    order = rows.order(rows.booking(), external_id="ord_gone", state="held", asked_at=NOW - timedelta(hours=10))
    rows.order(rows.booking(), external_id="ord_young", state="held", asked_at=NOW - timedelta(hours=5))
    lists.unlisted = [outside.intent("pi_there", state=PaymentState.OPEN, captured_minor=0)]
    reconcile.light(NOW)
    reconcile.light(LATER)
    assert open_cases() == [("ledgers_differ", "duffel:ord_gone"), ("ledgers_differ", "stripe:pi_gone")]
    assert set(Case.objects.values_list("booking_id", flat=True)) == {gone.booking_id, order.booking_id}


# --- events and disputes ----------------------------------------------------------------------------------------


@pytest.mark.failure("H9")
def test_events_that_could_not_be_delivered_are_heard_once(lists: outside.Lists) -> None:
    booking, payment, _ = agreed()
    lists.intents, lists.orders = [outside.intent()], [outside.order()]
    lists.events = [Notice("evt_1", "payment.changed", "charge.refunded", intent_id="pi_1", object_id="ch_1"),
                    Notice("evt_2", "payment.changed", "charge.refunded", intent_id="pi_1", live_mode=True)]
    reconcile.light(NOW)
    reconcile.light(NOW)
    assert [(event.event_id, event.fate) for event in GatewayEvent.objects.all()] == [("evt_1", "heard")]
    assert fresh(booking).wakes == 1
    assert fresh(payment).news_at is not None


@pytest.mark.failure("S12")
def test_a_dispute_is_kept_and_wakes_its_booking_at_each_change(lists: outside.Lists) -> None:
    booking, payment, _ = agreed()
    lists.intents, lists.orders = [outside.intent()], [outside.order()]
    lists.cases = [DisputeInfo("dp_1", "pi_1", Money(59999, "USD"), "needs_response", "fraudulent")]
    reconcile.light(NOW)
    reconcile.light(NOW)
    dispute = Dispute.objects.get()
    assert (dispute.payment, dispute.amount_minor, dispute.status) == (payment, 59999, "needs_response")
    assert (fresh(payment).disputed, fresh(booking).wakes, booking.status) == (True, 1, "CONFIRMED")
    lists.cases = [replace(lists.cases[0], status="lost")]
    reconcile.light(LATER)
    assert (fresh(dispute).status, fresh(booking).wakes) == ("lost", 2)


def test_a_dispute_of_a_payment_that_is_not_ours_is_a_case(lists: outside.Lists) -> None:
    lists.cases = [DisputeInfo("dp_1", "pi_9", Money(1, "USD"), "needs_response")]
    reconcile.light(NOW)
    assert open_cases() == [("dispute", "stripe:dp_1")]


@pytest.mark.failure("H10")
def test_messages_that_named_nothing_for_72_hours_become_cases(lists: outside.Lists) -> None:
    GatewayEvent.objects.create(provider="stripe", event_id="evt_1", kind="payment.changed", raw_kind="charge.refunded",
                                intent_id="pi_9", fate="unmatched", received_at=NOW)
    SupplierEvent.objects.create(provider="duffel", event_id="wev_1", kind="order.created", raw_kind="order.created",
                                 order_id="ord_9", fate="unmatched", received_at=NOW)
    reconcile.rematch(NOW + timedelta(hours=71))
    assert open_cases() == []
    reconcile.rematch(NOW + timedelta(hours=72))
    reconcile.rematch(NOW + timedelta(hours=73))
    assert open_cases() == [("unmatched_event", "duffel:wev_1"), ("unmatched_event", "stripe:evt_1")]
    assert {GatewayEvent.objects.get().fate, SupplierEvent.objects.get().fate} == {"given_up"}


# --- going on ---------------------------------------------------------------------------------------------------


def test_one_silent_side_does_not_stop_the_other_and_is_made_up_for(lists: outside.Lists) -> None:
    lists.intents, lists.orders = [outside.intent("pi_stranger")], [outside.order("ord_stranger")]
    lists.down = True
    reconcile.light(NOW)
    assert open_cases() == []
    lists.down = False
    reconcile.light(LATER)
    assert len(open_cases()) == 2


def test_a_light_turn_goes_back_over_the_last_six_hours_and_a_full_one_over_72(lists: outside.Lists) -> None:
    turns = [NOW, LATER, NOW + timedelta(hours=23), NOW + timedelta(hours=25)]
    for turn in turns:
        reconcile.light(turn)
    assert [turn - since for turn, since in zip(turns, lists.since, strict=True)] == [
        timedelta(hours=72), timedelta(hours=6, minutes=15), timedelta(hours=28, minutes=45), timedelta(hours=8)]
    assert reconcile.full(turns[-1], rest=0)
    assert turns[-1] - lists.since[-1] == timedelta(hours=72)


@pytest.mark.failure("O4")
def test_after_a_week_of_silence_the_whole_week_is_compared(lists: outside.Lists) -> None:
    reconcile.light(NOW)
    reconcile.light(NOW + timedelta(days=7))
    assert NOW + timedelta(days=7) - lists.since[-1] == timedelta(days=7, hours=6)
