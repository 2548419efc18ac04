"""Against the sandbox: what people do by hand at Stripe and at the airline becomes a case, and closes again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models import F

from bookings import reconcile
from bookings.models import Booking, Case, Heartbeat
from bookings.reconcile import differences
from fly2any.kernel import clock
from fly2any.kernel.money import Money
from payments import registry as gateways
from payments.models import Payment
from suppliers import registry as airlines
from tests.core.conftest import running_sandbox, world

if TYPE_CHECKING:
    from tests.world import World

__all__ = ["running_sandbox", "world"]  # the fixtures


def open_cases() -> set[tuple[str, str]]:
    return set(Case.objects.filter(closed_at=None).values_list("kind", "subject"))


def turn(world: World) -> None:
    """A full comparison now, the drivers after it; then ten minutes pass for the differences that were seen."""
    assert reconcile.full(clock.now(), rest=0)
    for booking in Booking.objects.exclude(wish="draft"):
        world.drive(booking, 3)
    Heartbeat.objects.filter(name__startswith=differences.SIGN).update(beat_at=F("beat_at") - timedelta(minutes=10))


def test_what_is_done_by_hand_outside_is_found_without_webhooks(
        world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "YOUNG", timedelta(0))
    booking = world.booked()
    world.drive(booking)
    world.pay(booking)
    world.drive(booking, 2)
    assert booking.status == "CONFIRMED"
    turn(world)
    assert open_cases() == set(), "all agree"

    gateway, supplier = gateways.gateway(), airlines.get("duffel")
    stray = gateway.create(amount=Money(5000, "GBP"), key="stray", payment_id="", booking_id="", description="desk")
    assert world.sandbox.http.post(f"/_stripe/payment_intents/{stray.external_id}/authorise", json={}).is_success
    payment, order = Payment.objects.get(), world.order(booking)
    by_hand = gateway.refund(payment.external_id, amount=Money(100, payment.currency), key="hand", refund_id="")
    bank = world.sandbox.http.post(f"/_stripe/charges/{payment.attempt_id}/fraud_warning", json={})
    turn(world)
    payment.refresh_from_db()
    assert payment.refunded_minor == 100, "the driver has learned it"
    turn(world)
    warned = f"stripe:{bank.json()['id']}"
    assert open_cases() == {("orphaned_payment", f"stripe:{stray.external_id}"), ("fraud_warning", warned),
                            ("ledgers_differ", f"stripe:{by_hand.external_id}")}

    gateway.void(stray.external_id, key="void")
    world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/cancel_by_airline", json={})
    turn(world)
    reconcile.light(clock.now())
    order.refresh_from_db()
    assert (order.state, supplier.order(order.external_id).state.value) == ("cancelled", "cancelled")
    assert gateway.get(payment.external_id).refunded_minor == payment.captured_minor, "all of it is back"
    assert ("orphaned_payment", f"stripe:{stray.external_id}") not in open_cases()
