"""Sends alerts into a chat: ALERT_WEBHOOK_URL takes {"text": …}, as Slack, Mattermost and Teams do.

Rows of the outbox with the channel `chat`, claimed and marked like mails, in a turn of their own: a chat that does not
answer holds no mail up. The text names no person: alert, code, reference, severity, age and two links.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from bookings import cases, telling
from bookings.models import Case, Outbox
from bookings.runbook import runbook_url
from fly2any.kernel import faultpoints, http

logger = logging.getLogger(__name__)
faultpoints.register_commit("chat_claimed")
faultpoints.register_call("send_chat")
LEASE = timedelta(minutes=1)  # longer than one attempt can take
RETRIES = tuple(timedelta(seconds=s) for s in (10, 30, 60, 300))  # then every 15 minutes
THEN, KEEP_TRYING = timedelta(minutes=15), timedelta(hours=24)


def send_due(now: datetime, limit: int) -> int:
    """Post up to `limit` alerts that are due at `now` (UTC). Returns how many arrived. Safe to run many at once.

    After one that does not arrive the rest waits for the next turn: the chat is one place.
    """
    if not settings.ALERT_WEBHOOK_URL:
        return 0
    started, sent = time.monotonic(), 0
    for _ in range(limit):
        at = now + timedelta(seconds=time.monotonic() - started)
        row = _claim(at)
        if row is None:
            break
        came = _deliver(row, at)
        if came is None:
            break
        sent += came
    return sent


def _claim(now: datetime) -> Outbox | None:
    with transaction.atomic(durable=True):
        row = (Outbox.objects.select_for_update(skip_locked=True, of=("self",)).select_related("case", "booking")
               .filter(channel=Outbox.Channel.CHAT, due_at__lte=now, sent_at=None, dropped="")
               .order_by("due_at", "pk").first())
        if row is None:
            return None
        row.tries += 1
        row.due_at = now + LEASE
        row.save(update_fields=["tries", "due_at"])
        faultpoints.committing("chat_claimed")
    return row


def _deliver(row: Outbox, now: datetime) -> int | None:
    """1 when it arrived, 0 when there was nothing left to tell, None when the chat did not take it."""
    reason = telling.late(row)
    if reason or row.case is None:
        Outbox.objects.filter(pk=row.pk).update(dropped=reason or "no case")
        return 0
    try:
        with faultpoints.asking("send_chat"):
            http.post_json(settings.ALERT_WEBHOOK_URL, {"text": text(row, row.case, now)})
    except http.NotDelivered as error:  # its words are ours: the address is a secret
        logger.warning("chat.failed", extra={"outbox": row.pk, "error": str(error)})
        _put_off(row, now)
        return None
    Outbox.objects.filter(pk=row.pk).update(sent_at=now)
    faultpoints.passing("call.send_chat.after")
    return 1


def _put_off(row: Outbox, now: datetime) -> None:
    wait = RETRIES[row.tries - 1] if row.tries <= len(RETRIES) else THEN
    if now + wait < row.created_at + KEEP_TRYING:
        Outbox.objects.filter(pk=row.pk).update(due_at=now + wait)
    else:
        Outbox.objects.filter(pk=row.pk).update(dropped="undeliverable")


def text(row: Outbox, case: Case, now: datetime) -> str:
    """What the chat reads. No name, address or amount of a customer."""
    known = cases.KINDS[case.kind]
    code = getattr(known, "code", "")
    word = "HEALED" if row.kind == telling.HEALED else Case.Severity(case.severity).label.upper()
    minutes = max(0, int((now - case.opened_at).total_seconds() // 60))
    age = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    first = " · ".join(part for part in (
        "TEST" if settings.SANDBOX else "", word, f"{known.title} ({code})" if code else known.title,
        row.booking.reference if row.booking else "", f"case {case.pk}", f"opened {age} ago") if part)
    link = f"{settings.SITE_URL}/admin/bookings/case/{case.pk}/change/"
    if row.kind == telling.HEALED:
        return f"{first}\nIt closed by itself: {case.closed_because}\n{link}"
    return f"{first}\n{link}\nWhat to do: {runbook_url(case.kind)}"
