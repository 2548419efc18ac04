"""Open cases that only a vendor's answer can close: each object is asked for again, the longest unseen first."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import F

from bookings.detectors import Finding, report
from bookings.models import Case
from bookings.reconcile import money, notices, orders
from bookings.reconcile.differences import agrees, forget_signs
from fly2any.kernel.errors import Outside, Refused
from payments import registry as gateways
from suppliers import registry as airlines

logger = logging.getLogger(__name__)
KINDS = ("orphaned_payment", "orphaned_booking", "ledgers_differ", "duplicate_order", "duplicate_payment", "dispute",
         "fraud_warning")
MOST = 200  # a turn: the others follow at the next


def recheck(now: datetime) -> int:
    """Look the objects of open cases up; close what has healed, refresh what stands. Returns how many closed.

    A vendor that does not answer keeps its cases as they are; the other vendor's are looked at all the same.
    """
    forget_signs(now)
    closed, silent = 0, set()
    names = {gateways.gateway().name, *airlines.names()}
    waiting = Case.objects.filter(kind__in=KINDS, closed_at=None).order_by(F("seen_at").asc(nulls_first=True), "pk")
    for case in waiting[:MOST]:
        owner, _, external_id = case.subject.partition(":")
        if owner not in names or owner in silent or not external_id:
            continue
        try:
            closed += _again(case, owner, external_id, now)
        except Outside as error:
            logger.warning("reconcile.unanswered", extra={"part": "recheck", "code": error.code})
            silent.add(owner)
    return closed


def _again(case: Case, owner: str, external_id: str, now: datetime) -> int:
    finding = _finding(case, owner, external_id)
    if finding is None or finding.kind != case.kind:
        agrees(case.kind, case.subject, now)
    if finding is not None:
        report(finding, now)
    return int(finding is None)


def _finding(case: Case, owner: str, external_id: str) -> Finding | None:
    """What is wrong about the case's object now; None: nothing any more."""
    if owner != gateways.gateway().name:
        return orders.order_finding(owner, external_id)
    try:
        match case.facts.get("object", "payment"):
            case "refund":
                return money.refund_finding(external_id)
            case "charge":
                return money.charge_finding(external_id)
            case "dispute":
                return notices.dispute_finding(external_id)
            case "warning":
                return notices.warning_finding(external_id, str(case.facts.get("intent", "")))
    except Refused as refusal:
        if refusal.code == "not_found":
            return None  # it is gone there, and nothing of ours names it
        raise
    return money.payment_finding(external_id)
