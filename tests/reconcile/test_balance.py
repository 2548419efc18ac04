"""Our balance with a supplier: low is a case, used up stops new bookings, and both end by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from bookings import detectors, reconcile
from bookings.detectors import balance
from bookings.models import Booking, Case, ExternalCall
from fly2any.kernel.money import Money
from payments import registry as gateways
from suppliers import pause
from suppliers import registry as airlines
from suppliers.models import SalesPause, SupplierBalance, SupplierOrder
from tests.reconcile import outside
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lists(settings: Any) -> Iterator[outside.Lists]:
    both = outside.Lists()
    settings.BALANCE_LOW = {"USD": 500000}
    with gateways.replaced(both), airlines.replaced(duffel=both):  # type: ignore[arg-type]
        yield both


def refused(at: datetime, kind: str = "create_order") -> Booking:
    """A booking that the supplier refused for lack of balance."""
    booking = rows.booking()
    row = rows.order(booking, state="not_created", refusal="insufficient_balance")
    ExternalCall.objects.create(booking=booking, kind=kind, subject=f"order:{row.pk}", key=f"k{row.pk}",
                                outcome="refused", code="insufficient_balance", asked_at=at, answered_at=at)
    return booking


def paid(at: datetime) -> None:
    row = rows.order(rows.booking(), external_id=f"ord_{SupplierOrder.objects.count()}", state="ticketed", hold=False,
                     ticketed_at=at)
    SupplierOrder.objects.filter(pk=row.pk).update(created_at=at)


def open_cases() -> list[str]:
    return list(Case.objects.filter(closed_at=None, kind="supplier_balance").values_list("subject", flat=True))


@pytest.mark.failure("D14")
def test_low_is_a_case_zero_stops_sales_and_a_top_up_ends_both(lists: outside.Lists) -> None:
    def turn(minutes: int, minor: int) -> None:
        lists.money = (Money(minor, "USD"),)
        reconcile.light(NOW + minutes * MINUTE)
        reconcile.watch_balances(NOW + minutes * MINUTE)
        detectors.run(NOW + minutes * MINUTE, ["M18"])

    turn(0, 500000)
    assert (open_cases(), pause.paused("duffel")) == ([], None)
    turn(15, 499999)
    assert (open_cases(), pause.paused("duffel")) == (["supplier:duffel:USD"], None)
    assert SupplierBalance.objects.get().available_minor == 499999
    turn(30, 0)
    assert (open_cases(), pause.paused("duffel")) == (
        ["supplier:duffel:USD"], "our balance with the supplier is zero")
    assert Case.objects.get().facts["sales"] == "paused"
    turn(45, 100)
    assert (open_cases(), pause.paused("duffel")) == (["supplier:duffel:USD"], None)
    turn(60, 900000)
    assert open_cases() == []
    assert [(one.cause, one.lifted_because) for one in SalesPause.objects.all()] == [
        ("balance", "the balance was topped up")]


def test_refusals_of_different_bookings_stop_sales_of_a_supplier_that_does_not_tell(lists: outside.Lists) -> None:
    for minutes in (1, 2):
        refused(NOW + minutes * MINUTE)
    reconcile.watch_balances(NOW + 3 * MINUTE)
    assert pause.paused("duffel") is None
    refused(NOW + 3 * MINUTE, "pay_order")
    reconcile.watch_balances(NOW + 4 * MINUTE)
    reconcile.watch_balances(NOW + 5 * MINUTE)
    assert pause.paused("duffel") == "the supplier refuses bookings because our balance is too low"
    assert SalesPause.objects.count() == 1


def test_one_booking_that_is_refused_again_and_again_stops_nothing(lists: outside.Lists) -> None:
    booking = refused(NOW)
    for number in range(5):
        row = rows.order(booking, state="not_created", refusal="insufficient_balance")
        ExternalCall.objects.create(booking=booking, kind="create_order", subject=f"order:{row.pk}", key=f"n{number}",
                                    outcome="refused", code="insufficient_balance", asked_at=NOW, answered_at=NOW)
    reconcile.watch_balances(NOW + MINUTE)
    assert pause.paused("duffel") is None


def test_an_order_paid_in_between_or_an_hour_ago_does_not_count(lists: outside.Lists) -> None:
    for minutes in (0, 1, 2):
        refused(NOW + minutes * MINUTE)
    paid(NOW + 2 * MINUTE)
    refused(NOW + 3 * MINUTE)
    reconcile.watch_balances(NOW + 4 * MINUTE)
    assert pause.paused("duffel") is None
    for minutes in (4, 5):
        refused(NOW + minutes * MINUTE)
    reconcile.watch_balances(NOW + 70 * MINUTE)
    assert pause.paused("duffel") is None
    reconcile.watch_balances(NOW + 6 * MINUTE)
    assert pause.paused("duffel") is not None


def stopped() -> None:
    for minutes in range(3):
        refused(NOW + minutes * MINUTE)
    reconcile.watch_balances(NOW + 3 * MINUTE)
    assert pause.paused("duffel") is not None


def test_sales_go_on_when_an_order_is_paid_again(lists: outside.Lists) -> None:
    stopped()
    paid(NOW + 10 * MINUTE)
    reconcile.watch_balances(NOW + 11 * MINUTE)
    assert SalesPause.objects.get().lifted_because == "an order was paid again"


def test_after_half_an_hour_it_is_tried_and_the_first_refusal_stops_it_again(lists: outside.Lists) -> None:
    stopped()
    reconcile.watch_balances(NOW + 32 * MINUTE)
    assert pause.paused("duffel") is not None
    reconcile.watch_balances(NOW + 33 * MINUTE)
    assert pause.paused("duffel") is None
    reconcile.watch_balances(NOW + 34 * MINUTE)
    assert pause.paused("duffel") is None, "what was refused before the trial does not count"
    refused(NOW + 35 * MINUTE)
    reconcile.watch_balances(NOW + 36 * MINUTE)
    assert pause.paused("duffel") is not None


def test_a_pause_of_staff_is_not_lifted_by_the_machine(lists: outside.Lists) -> None:
    pause.pause(supplier="duffel", cause=pause.STAFF, reason="strike", now=NOW)
    paid(NOW + MINUTE)
    reconcile.watch_balances(NOW + 60 * MINUTE)
    assert pause.paused("duffel") == "strike"


def test_a_refusal_is_a_case_until_an_order_is_paid(lists: outside.Lists) -> None:
    refused(NOW)
    for minutes in (1, 2):
        detectors.run(NOW + minutes * MINUTE, ["M18"])
    assert open_cases() == ["supplier:duffel"]
    paid(NOW + 3 * MINUTE)
    detectors.run(NOW + 4 * MINUTE, ["M18"])
    assert open_cases() == []
    assert balance.standing("duffel", NOW, NOW + 5 * MINUTE).refused == 0
