"""What is done about a difference: have the driver look first, then one case; and when it is gone, the case closes.

Reconciliation looks, compares and wakes; it never decides. Each difference is one case, once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from bookings import cases
from bookings.detectors import Finding, report
from bookings.models import Booking, Heartbeat
from bookings.reconcile.runs import FULL, STALE
from bookings.wake import wake
from fly2any.kernel import faultpoints
from payments.models import Payment, Refund
from suppliers.models import SupplierOrder

YOUNG = timedelta(minutes=2)  # its answer may be on the way to our table
SIGN = "differs:"
faultpoints.register_commit("news")


def young(created_at: datetime | None, now: datetime) -> bool:
    """Whether our own row may simply not be written yet."""
    return created_at is not None and created_at > now - YOUNG


def look_then_report(finding: Finding, looked_at: datetime | None, look: Callable[[], None], now: datetime) -> None:
    """A difference may be only the time between two readings: have the driver look first, then open the case.

    The sign that it was asked to look is a heartbeat row of this difference; it goes when the difference does.
    """
    sign, first = Heartbeat.objects.get_or_create(
        name=_sign(finding.subject), defaults={"beat_at": now, "note": {"subject": finding.subject}})
    if first:
        look()
    elif looked_at is not None and looked_at > sign.beat_at and now - sign.beat_at >= STALE:
        report(finding, now)


def agrees(kind: str, subject: str, now: datetime, because: str = "the records agree again") -> None:
    """Close the case of a difference that is gone, and forget that anybody was asked to look."""
    cases.heal(kind=kind, subject=subject, now=now, because=because)
    Heartbeat.objects.filter(name=_sign(subject)).delete()


def no_longer(subjects: Iterable[str]) -> None:
    """These objects agree: if they differ again one day, the driver is sent to look first, as for a new difference."""
    names = [_sign(subject) for subject in subjects]
    if names:
        Heartbeat.objects.filter(name__in=names).delete()


def forget_signs(now: datetime) -> None:
    """Signs of differences that went away before they became cases."""
    Heartbeat.objects.filter(name__startswith=SIGN, beat_at__lt=now - FULL).delete()


def _sign(subject: str) -> str:
    return f"{SIGN}{subject}"[:60]


def news(booking_id: int, now: datetime, *, payment_id: int | None = None, order_id: int | None = None,
         refund_id: int | None = None) -> None:
    """Have the driver look at this payment, order or refund; booking first, as everywhere."""
    with transaction.atomic(durable=True):
        wake(booking_id, now)
        if payment_id is not None:
            Payment.objects.filter(pk=payment_id).update(news_at=now)
        if order_id is not None:
            SupplierOrder.objects.filter(pk=order_id).update(news_at=now)
        if refund_id is not None:
            Refund.objects.filter(pk=refund_id).update(news_at=now)
        faultpoints.committing("news")


def bookings_named(public_ids: Iterable[str]) -> dict[str, Booking]:
    """The bookings of ours that objects' metadata name, by the text that names them. One query at most."""
    wanted: dict[uuid.UUID, str] = {}
    for text in public_ids:
        try:
            wanted[uuid.UUID(text)] = text
        except ValueError:
            continue
    rows = Booking.objects.filter(public_id__in=wanted) if wanted else ()
    return {wanted[row.public_id]: row for row in rows}
