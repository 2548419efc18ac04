"""How an open case is told to people outside the console: rows of the outbox, by mail and into a chat.

A telling is a row like every mail: written in the commit that opens the case, sent later, tried again, once for a
case, version and channel. Nothing here needs the broker. What a row says is looked at when it goes out: a case that
was taken or closed meanwhile, or told anew, is not told late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from bookings import outbox
from bookings.models import Case, Outbox

TOLD, HEALED = "case_alert", "case_healed"
AT_ONCE = frozenset({"ticketing_deadline"})  # told from its first day on: the hours that are left are its urgency
LOOK_BACK = timedelta(hours=24)  # a case that healed longer ago is no news


def channels() -> list[tuple[str, str]]:
    """Where alerts go: (channel, address). The address of the chat is a secret, so its rows carry none."""
    mail = [(Outbox.Channel.MAIL.value, settings.ALERT_EMAIL)] if settings.ALERT_EMAIL else []
    chat = [(Outbox.Channel.CHAT.value, "")] if settings.ALERT_WEBHOOK_URL else []
    return mail + chat


def tell(case: Case, now: datetime, *, version: str = "1") -> None:
    """Queue that this case is open, if it is critical, high or `AT_ONCE`; what is less urgent waits in the console."""
    if case.severity <= Case.Severity.HIGH or case.kind in AT_ONCE:
        _queue(TOLD, case, now, version)


def healed(now: datetime) -> int:
    """Queue, once for each, that a critical case which was told has closed by itself. Returns how many. Times UTC."""
    told = Outbox.objects.filter(case=OuterRef("pk"))
    rows = Case.objects.filter(
        Exists(told.filter(kind=TOLD).exclude(sent_at=None)), ~Exists(told.filter(kind=HEALED)), closed_by=None,
        closed_at__gt=now - LOOK_BACK, severity=Case.Severity.CRITICAL).select_related("booking")
    found = list(rows.order_by("-closed_at")[:200])
    for case in found:
        _queue(HEALED, case, now, "1")
    return len(found) if channels() else 0


def late(row: Outbox) -> str:
    """Why this telling would no longer be true, or was overtaken; "" while it is worth sending."""
    case = row.case
    if row.kind != TOLD or case is None:
        return ""
    if case.closed_at is not None:
        return "the case is closed"
    if case.taken_by_id is not None:
        return "somebody has taken the case"
    newer = Outbox.objects.filter(kind=TOLD, case=case, channel=row.channel, pk__gt=row.pk)
    return "told anew" if newer.exists() else ""


def _queue(kind: str, case: Case, now: datetime, version: str) -> None:
    for channel, to in channels():
        outbox.queue(kind, case.booking, now, case=case, to=to, version=version, channel=channel)
