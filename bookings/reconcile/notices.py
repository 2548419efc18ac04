"""Disputes, early fraud warnings, and events that never reached us: fetched, so that no webhook is needed."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from bookings.detectors import Finding, report
from bookings.reconcile.money import subject_of
from bookings.wake import wake
from fly2any.kernel import faultpoints
from payments import inbox
from payments import registry as gateways
from payments.models import Dispute, Payment
from payments.types import DisputeInfo, Notice, PaymentState

faultpoints.register_commit("dispute")


def hear_undelivered(notices: tuple[Notice, ...], now: datetime) -> list[int]:
    """Events that Stripe could not deliver are heard as if they had come."""
    live = inbox.live_keys()
    for notice in notices:
        if notice.live_mode == live:
            inbox.keep(notice)
    return []


def _payments(intent_ids: set[str]) -> dict[str, Payment]:
    rows = Payment.objects.filter(provider=gateways.gateway().name, external_id__in=intent_ids - {""})
    return {row.external_id: row for row in rows}


def compare_disputes(disputes: tuple[DisputeInfo, ...], now: datetime) -> list[int]:
    """A page of disputes: kept beside their payments, whose bookings are woken at each change."""
    payments = _payments({dispute.intent_id for dispute in disputes})
    stored = {row.external_id: row for row in Dispute.objects.filter(
        external_id__in=[dispute.external_id for dispute in disputes])}
    for dispute in disputes:
        payment, row = payments.get(dispute.intent_id), stored.get(dispute.external_id)
        if payment is None:
            finding = _stranger(dispute)
            if finding is not None:
                report(finding, now)
        elif row is None or (row.status, row.answer_by) != (dispute.status[:40], dispute.answer_by):
            _keep(dispute, payment, now)
    return []


def _stranger(dispute: DisputeInfo) -> Finding | None:
    if dispute.over:
        return None
    return Finding("dispute", subject_of(dispute.external_id), None,
                   {"object": "dispute", "intent": dispute.intent_id, "amount": str(dispute.amount),
                    "status": dispute.status}, deadline=dispute.answer_by, money=dispute.amount)


def _keep(dispute: DisputeInfo, payment: Payment, now: datetime) -> None:
    words = {"status": dispute.status[:40], "reason": dispute.reason[:60], "answer_by": dispute.answer_by}
    with transaction.atomic(durable=True):
        wake(payment.booking_id, now)  # locks the booking first
        Payment.objects.filter(pk=payment.pk).update(disputed=True, news_at=now)
        Dispute.objects.update_or_create(
            external_id=dispute.external_id, defaults=words,
            create_defaults={**words, "payment": payment, "amount_minor": dispute.amount.minor, "seen_at": now,
                             "currency": dispute.amount.currency})
        faultpoints.committing("dispute")


def dispute_finding(external_id: str) -> Finding | None:
    """Whether this dispute of no payment of ours is still to be answered. Raises Outside."""
    return _stranger(gateways.gateway().get_dispute(external_id))


def compare_warnings(warnings: tuple[Notice, ...], now: datetime) -> list[int]:
    """A page of early fraud warnings: each is a case until its money is given back or a dispute follows."""
    live = inbox.live_keys()
    mine = [warning for warning in warnings if warning.live_mode == live and warning.object_id]
    payments = _payments({warning.intent_id for warning in mine})
    for warning in mine:
        finding = _warned(warning.object_id, warning.intent_id, payments.get(warning.intent_id))
        if finding is not None:
            report(finding, now)
    return []


def _warned(external_id: str, intent_id: str, payment: Payment | None) -> Finding | None:
    """Nothing is left to do when the money was given back, never taken, or is disputed (that is a case of its own).

    A payment that is not ours has a case by the list of intents.
    """
    if payment is None or payment.disputed or payment.state in (PaymentState.VOIDED, PaymentState.VOIDING):
        return None
    if 0 < payment.captured_minor <= payment.refunded_minor:
        return None
    return Finding("fraud_warning", subject_of(external_id), payment.booking_id,
                   {"object": "warning", "intent": intent_id})


def warning_finding(external_id: str, intent_id: str) -> Finding | None:
    """Whether this warning still asks for a decision, by our own row of its payment."""
    return _warned(external_id, intent_id, _payments({intent_id}).get(intent_id))
