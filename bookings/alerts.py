"""What the sweeper tells people although no booking raised it: critical cases again, breakers, broken promises."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Q

from bookings import cases, invariants
from bookings.models import Booking, Case
from fly2any.kernel import faultpoints
from suppliers import surroundings
from suppliers.models import BreakerState

REPEAT = timedelta(minutes=15)  # reliability.md 11: again until somebody takes the case
QUIET = timedelta(hours=1)  # a breaker that a person has seen is not told again for so long
MOST = 200
faultpoints.register_commit("alert")


def tell(now: datetime) -> None:
    """Everything that is due at `now` (database time, UTC). Safe to run often, and twice at once."""
    repeat(now)
    breakers(now)


def repeat(now: datetime) -> int:
    """Tell again of each critical case that nobody has taken, every 15 minutes. Returns how many were told."""
    told, before = 0, now - REPEAT
    waiting = Case.objects.filter(
        Q(snoozed_until=None) | Q(snoozed_until__lte=now),
        Q(alerted_at__lte=before) | Q(alerted_at=None, opened_at__lte=before),
        closed_at=None, taken_by=None, severity=Case.Severity.CRITICAL).order_by("opened_at", "pk")
    for case in waiting.select_related("booking")[:MOST]:
        with transaction.atomic(durable=True):
            mine = Case.objects.filter(pk=case.pk, closed_at=None, taken_by=None, alerted_at=case.alerted_at)
            if mine.update(alerted_at=now):
                cases.alert(case, now, version=now.isoformat())
                told += 1
            faultpoints.committing("alert")
    return told


def breakers(now: datetime) -> None:
    """One case for each breaker that stops new bookings; it closes itself when the supplier answers again."""
    open_now = BreakerState.objects.exclude(open_until=None).exclude(supplier=surroundings.SUPPLIER)
    stopped = {f"{row.supplier}:{row.kind}": row for row in open_now}
    for subject, row in stopped.items():
        seen = Case.objects.filter(kind="breaker_open", subject=subject, closed_by__isnull=False,
                                   closed_at__gt=now - QUIET)
        if not seen.exists():
            with transaction.atomic(durable=True):
                cases.open_case(kind="breaker_open", subject=subject, now=now, facts={"reason": row.reason})
                faultpoints.committing("case")
    for case in Case.objects.filter(kind="breaker_open", closed_at=None).exclude(subject__in=stopped):
        cases.heal(kind="breaker_open", subject=case.subject, now=now, because="the supplier answers again")


def promises(now: datetime) -> int:
    """Every broken invariant of tonight becomes a case, once (reliability.md 1). Returns how many were found."""
    found = list(islice(invariants.check(now), MOST))
    subjects = [f"{broken.invariant}:{broken.reference}" for broken in found]
    for broken in found:
        subject = f"{broken.invariant}:{broken.reference}"
        if Case.objects.filter(kind="invariant_broken", subject=subject, closed_by__isnull=False).exists():
            continue
        with transaction.atomic(durable=True):
            cases.open_case(kind="invariant_broken", subject=subject, now=now, facts={"found": broken.detail},
                            booking=Booking.objects.filter(reference=broken.reference).first())
            faultpoints.committing("case")
    if len(found) < MOST:
        for case in Case.objects.filter(kind="invariant_broken", closed_at=None).exclude(subject__in=subjects):
            cases.heal(kind=case.kind, subject=case.subject, now=now, because="tonight it was kept")
    return len(found)
