"""Have a staged mismatch noticed at once: the comparison with the vendor for what it is about, then the detectors."""

from __future__ import annotations

from datetime import timedelta

from bookings import detectors, reconcile
from bookings.models import Case
from bookings.reconcile import money, notices, orders
from bookings.rehearsal.mismatches import Scene, Staged
from bookings.rehearsal.trips import payment_of
from fly2any.kernel import clock
from payments import registry as gateways
from suppliers import registry as airlines

LATER = timedelta(minutes=3)  # as the round after next would see it: an answer may be on its way at first


def notice(scene: Scene, staged: Staged) -> Case | None:
    """The open case of this scene, after every look that the site makes by itself; None when there is none yet."""
    now = clock.now()
    vendor, _, external_id = staged.subject.partition(":")
    for order in (external_id if vendor == "duffel" else "", staged.twin):
        if order:
            orders.compare_orders("duffel", (airlines.get("duffel").order(order),), now + LATER)
    if vendor == "stripe" and external_id.startswith("pi_"):
        money.compare_intents((gateways.gateway().get(external_id),), now + LATER)
    if scene.code == "M15" and staged.booking:
        intent = payment_of(staged.booking).external_id
        page = gateways.gateway().list_disputes(now - timedelta(days=1))
        notices.compare_disputes(tuple(one for one in page.items if one.intent_id == intent), now)
    if scene.code == "M18":
        reconcile.watch_balances(now)
    detectors.run(now)
    return case_of(scene, staged)


def case_of(scene: Scene, staged: Staged) -> Case | None:
    """The newest open case of the scene's kinds about what was staged."""
    about = {"booking": staged.booking} if staged.booking else {"subject": staged.subject}
    kinds = scene.kinds or detectors.DETECTORS[scene.code].kinds
    return Case.objects.filter(closed_at=None, kind__in=kinds, **about).order_by("severity", "-pk").first()
