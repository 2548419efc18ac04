"""What only a vendor's list can show: `bookings.reconcile` reports it and closes it, so nothing is looked for here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bookings.detectors.finding import Detector, Finding


def _reported(now: datetime) -> Iterator[Finding]:
    return iter(())


DETECTORS = (
    Detector("M6", "payment without a booking", {
        "orphaned_payment": "Stripe lists a payment or charge that keeps or reserves money, and no row of ours stands "
        "for it."}, _reported, subjects=()),
    Detector("M15", "early fraud warning", {
        "fraud_warning": "Stripe lists an early fraud warning of a payment whose money is not given back and not "
        "disputed."}, _reported, subjects=()),
)
