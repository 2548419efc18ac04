"""The twenty mismatches of ux.md 12.2 as named detectors; what only a vendor's list can show is reported to them."""

from __future__ import annotations

from bookings.detectors import balance, house, listed, money, orders
from bookings.detectors.engine import DETECTORS, Run, register, report, rule_of, run
from bookings.detectors.finding import Detector, Finding

register(*money.DETECTORS, *orders.DETECTORS, *house.DETECTORS, *balance.DETECTORS, *listed.DETECTORS)

__all__ = ["DETECTORS", "Detector", "Finding", "Run", "register", "report", "rule_of", "run"]
