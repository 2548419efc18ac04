"""The twenty look at trips that our staff ticket: in none of their healthy states is there anything to see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bookings import detectors
from bookings.models import Booking
from bookings.reconcile import money as ledgers
from bookings.reconcile import rolling, turns
from fly2any.kernel.money import Money
from payments.models import Payment
from payments.types import Intent, PaymentState
from suppliers import registry
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.console.rows import NOW
from tests.detectors.broken import open_cases

pytestmark = pytest.mark.django_db
H = timedelta(hours=1)
DESK: dict[str, Any] = {"provider": "desk", "method": "cash", "card_last4": "", "authorised_at": None}


def reserved(hours: float = 30, **changes: Any) -> Booking:
    b = rows.reserved(**{"due_at": NOW + H, **changes})
    b.orders.update(pay_by=NOW + hours * H)
    return b


def paid_at_the_desk(b: Booking) -> Booking:
    rows.payment(b, "captured", external_id=f"desk:R{b.pk}", **DESK)
    return b


def ticketed(b: Booking) -> Booking:
    number = [{"kind": "ticket", "number": f"220{b.pk:010}", "passengers": [b.passengers.get().external_id]}]
    b.orders.update(state="ticketed", ticketed_at=NOW - 2 * H, tickets=number)
    Booking.objects.filter(pk=b.pk).update(status="CONFIRMED", money="charged", due_at=None)
    return b


def cancelled() -> None:
    b = ticketed(paid_at_the_desk(reserved()))
    b.orders.update(state="cancelled", cancelled_at=NOW - 2 * H)
    Booking.objects.filter(pk=b.pk).update(status="CANCELLED", wish="cancel", agreed_refund_minor=20_000)
    rows.refund(b.payments.get(), 20_000, external_id=f"desk:B{b.pk}", method="cash", looked_at=NOW, done_at=NOW)


def lapsed() -> None:
    b = reserved(status="EXPIRED", closing="reservation_lapsed")
    b.orders.update(state="lapsed")


def asked_for() -> None:
    b = reserved(status="PENDING")
    b.orders.update(state="unknown", external_id="", asked_at=NOW - timedelta(minutes=1))


HEALTHY: list[Callable[[], object]] = [
    asked_for, reserved, lambda: reserved(card_wanted=True, status="PENDING_PAYMENT"),
    lambda: rows.payment(reserved(card_wanted=True), "open"),
    lambda: rows.payment(reserved(card_wanted=True), "authorised", authorised_at=NOW - 7 * H),
    lambda: rows.payment(reserved(), "voided", authorised_at=NOW - 9 * H),
    lambda: paid_at_the_desk(reserved()), lambda: paid_at_the_desk(reserved(locator="X4RT2K")),
    lambda: ticketed(paid_at_the_desk(reserved())), cancelled, lapsed]


def test_a_healthy_trip_of_ours_raises_no_case_in_any_of_its_states() -> None:
    """All together: each alone is one of them."""
    for make in HEALTHY:
        make()
    rolling.look_again(NOW)
    assert detectors.run(NOW).failed == ()
    assert [(case.kind, case.facts) for case in open_cases()] == []
    assert not SupplierOrder.objects.filter(external_id__startswith="locator:", news_at__isnull=False).exists()
    reserved(23)
    detectors.run(NOW)
    assert [case.kind for case in open_cases()] == ["ticketing_deadline"], "the control"


def test_money_that_was_given_back_by_hand_is_no_difference_to_the_gateway() -> None:
    b = rows.cancelled(given_back=0)
    payment = b.payments.get()
    rows.refund(payment, 50_000, external_id="desk:B1", method="bank_transfer")
    payment.refresh_from_db()

    def theirs(back: int) -> Intent:
        return Intent(payment.external_id, PaymentState.CAPTURED, Money(50_000, "USD"), 50_000, back)

    assert ledgers.difference(payment, theirs(0)) is None
    assert ledgers.difference(payment, theirs(1)) is not None, "the control"
    assert list(ledgers.listed_refunds(NOW - H, NOW + H)) == []
    paid_at_the_desk(reserved())
    assert not ledgers.listed_payments(NOW - H, NOW + H).filter(provider="desk").exists()
    assert Payment.objects.filter(provider="desk").exists()


def test_a_supplier_that_lists_nothing_is_not_asked_for_a_list() -> None:
    class Silent:
        lists_orders = False

    with registry.replaced(amadeus=Silent()):  # type: ignore[arg-type]
        assert "orders.amadeus" not in turns.part_names()
