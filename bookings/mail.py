"""Sends what the outbox holds: each mail once, again with the same Message-ID when we cannot know that it went.

A row is claimed in one commit (its next try is put off), sent without any transaction, and marked in another. A
process killed in between leaves the row due again; the Message-ID, fixed by the row, lets mailboxes drop the twin.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string

from bookings import account_links, cases, documents, letter, telling
from bookings.models import AccessLink, Booking, ChangeRequest, Outbox
from bookings.runbook import runbook_url
from bookings.selectors.changes import flight_change
from bookings.status import CLOSED, Progress, Status
from fly2any.kernel import faultpoints
from payments.models import Refund

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)  # longer than one attempt can take with its 10 s time-outs
RETRIES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))  # then hourly
faultpoints.register_commit("mail_claimed")
faultpoints.register_call("send_mail")
KEEP_TRYING = timedelta(hours=72)
LINK_LIFE = timedelta(days=30)
WITH_PAPERS = frozenset({"confirmed", "flights_accepted"})
Link = Callable[[Booking, datetime], str]
_ADDRESS = re.compile(r"\bhttps?://\S+")
REMINDERS = frozenset({"hold_reminder_24", "hold_reminder_2"})


def send_due(now: datetime, limit: int, *, enough: Callable[[], bool] = lambda: False) -> int:
    """Send up to `limit` mails that are due at `now` (UTC). Returns how many went out. Safe to run many at once.

    Ends after the mail in hand once `enough` says so.
    """
    started, sent = time.monotonic(), 0
    for _ in range(limit):
        if enough():
            break
        at = now + timedelta(seconds=time.monotonic() - started)
        row = _claim(at)
        if row is None:
            break
        sent += _deliver(row, at)
    return sent


def _claim(now: datetime) -> Outbox | None:
    """Take the oldest due row, an alert before any other, for `LEASE`; the first claim keeps when it was due."""
    with transaction.atomic(durable=True):
        due = (Outbox.objects.select_for_update(skip_locked=True, of=("self",))
               .filter(channel=Outbox.Channel.MAIL, due_at__lte=now, sent_at=None, dropped="").order_by("due_at", "pk"))
        row = due.filter(case__isnull=False).first() or due.first()  # alerts first: they are few
        if row is None:
            return None
        row.context = {"first_due_at": row.due_at.isoformat(), **row.context}
        row.tries += 1
        row.due_at = now + LEASE
        row.save(update_fields=["context", "tries", "due_at"])
        faultpoints.committing("mail_claimed")
    return row


def _deliver(row: Outbox, now: datetime) -> int:
    booking = row.booking
    reason = outdated(row, now) or telling.late(row)
    if reason:
        Outbox.objects.filter(pk=row.pk).update(dropped=reason)
        return 0
    try:
        message = _message(row, booking, now)
        with faultpoints.asking("send_mail"):
            get_connection().send_messages([message])
    except OSError as error:  # the mail server; its words may hold the address, so only its kind is logged
        logger.warning("mail.failed", extra={"kind": row.kind, "outbox": row.pk, "error": type(error).__name__})
        _put_off(row, now)
        return 0
    except Exception:  # one bad mail must not hold up the others: it stays, and is tried again
        logger.exception("mail.failed", extra={"kind": row.kind, "outbox": row.pk})
        _put_off(row, now)
        return 0
    Outbox.objects.filter(pk=row.pk).update(sent_at=now, **_kept(booking, message))
    faultpoints.passing("call.send_mail.after")
    return 1


def _kept(booking: Booking | None, message: EmailMultiAlternatives) -> dict[str, str]:
    """What staff may read of a mail about a booking: its words as sent, without the addresses that open something."""
    if booking is None:
        return {}
    return {"subject": str(message.subject)[:200], "text": _ADDRESS.sub("[link]", str(message.body))}


def _put_off(row: Outbox, now: datetime) -> None:
    wait = RETRIES[row.tries - 1] if row.tries <= len(RETRIES) else RETRIES[-1]
    if now + wait < _first_due(row) + KEEP_TRYING:
        Outbox.objects.filter(pk=row.pk).update(due_at=now + wait)
        return
    Outbox.objects.filter(pk=row.pk).update(dropped="undeliverable")
    cases.open_case(kind="mail_undelivered", subject=f"outbox:{row.pk}", booking=row.booking, now=now,
                    facts={"mail": row.kind, "tries": row.tries})


def _first_due(row: Outbox) -> datetime:
    kept = row.context.get("first_due_at")
    return datetime.fromisoformat(kept) if kept else row.due_at


def outdated(row: Outbox, now: datetime) -> str:
    """Why this mail would no longer tell the truth and is not sent; "" while it does. `now` UTC."""
    return _outdated(row.kind, row.booking, now) or _answered(row) or _without_account(row)


def preview(kind: str, booking: Booking, now: datetime, *, version: str = "1") -> tuple[str, str, str] | None:
    """Address, subject and text of a mail about `booking` as it would go out; nothing is written or sent.

    The booking may be changed in memory, to see the words of a state to come. None when its words cannot be drawn.
    """
    row = Outbox(kind=kind, booking=booking, version=version, due_at=now, created_at=now)
    try:
        words = {**_words(row, booking, now, lambda _, __: f"{settings.SITE_URL}/manage/link/…/"), "papers": set()}
        subject, text = (render_to_string(f"mail/{kind}.{part}", words) for part in ("subject", "txt"))
    except Exception:  # a page of the desk does without its preview rather than fail
        logger.exception("mail.unpreviewed", extra={"kind": kind})
        return None
    return booking.contact_email, " ".join(subject.split()), text.strip()


def _outdated(kind: str, booking: Booking | None, now: datetime) -> str:
    """Why this mail would no longer tell the truth; "" while it does."""
    if booking is None:
        return ""
    status = Status(booking.status)
    if kind in REMINDERS and (status is not Status.HOLD or booking.pay_by is None or booking.pay_by <= now):
        return "no longer held"
    if kind == "hold_created" and status is not Status.HOLD:
        return "no longer held"
    if kind == "confirmed" and status is not Status.CONFIRMED:
        return "no longer confirmed"
    if kind == "price_changed" and booking.progress != Progress.CONSENT:
        return "answered"
    if kind == "checking" and booking.progress != Progress.CHECKING:
        return "the airline has answered"
    if kind in ("pay_needed", "card_released") and (status is Status.CONFIRMED or status in CLOSED):
        return "nothing to pay"
    if kind == "pay_link" and status not in (Status.HOLD, Status.PENDING_PAYMENT) and not booking.card_wanted:
        return "nothing to pay"
    if kind == "received" and (status not in (Status.PENDING, Status.PENDING_PAYMENT) or
                               booking.progress in (Progress.CHECKING, Progress.CONSENT)):
        return "told otherwise"
    if kind == "reserved" and status is not Status.PENDING_TICKETING:
        return "no longer pending"
    if kind in ("not_booked", "expired") and status is Status.CONFIRMED:
        return "booked after all"
    return ""


def _answered(row: Outbox) -> str:
    """A change of flights that is answered, or that a newer one has replaced, is not asked about any more."""
    if row.kind != "flights_changed" or row.booking is None:
        return ""
    change = flight_change(row.booking, row.booking.orders.order_by("-pk").first())
    asked = change is not None and change["state"] == "open" and change["id"][-40:].endswith(row.first_version)
    return "" if asked else "answered"


def _without_account(row: Outbox) -> str:
    """A mail about an account that was closed meanwhile, or that never was, has nobody to go to."""
    key = row.context.get("user")
    return "" if key is None or User.objects.filter(pk=key).exists() else "the account is closed"


def _message(row: Outbox, booking: Booking | None, now: datetime) -> EmailMultiAlternatives:
    """The mail as it goes out. Raises when it has no address or its template cannot be filled in."""
    to = row.to or (booking.contact_email if booking else "")
    if not to:
        raise ValueError("a mail without an address")
    papers = documents.attachments(booking) if booking and row.kind in WITH_PAPERS else []
    words = {**_words(row, booking, now), "papers": {paper.name.rpartition(".")[2] for paper in papers}}
    subject = " ".join(render_to_string(f"mail/{row.kind}.subject", words).split())
    message = EmailMultiAlternatives(
        subject=subject, body=render_to_string(f"mail/{row.kind}.txt", words), to=[to],
        headers={"Message-ID": f"<outbox-{row.pk}@{_host()}>", "Auto-Submitted": "auto-generated",
                 "X-Auto-Response-Suppress": "All"})
    message.attach_alternative(render_to_string(f"mail/{row.kind}.html", words), "text/html")
    for paper in papers:
        message.attach(paper.name, paper.content, paper.media_type.partition(";")[0])
    return message


def _words(row: Outbox, booking: Booking | None, now: datetime, link: Link | None = None) -> dict[str, Any]:
    words: dict[str, Any] = {"site": settings.SITE_URL, "sandbox": settings.SANDBOX,
                             "support": parseaddr(settings.DEFAULT_FROM_EMAIL)[1], "given": row.context}
    to_staff = telling.words(row)
    if to_staff is not None:
        return words | to_staff
    if row.case is not None:
        return {**words, "case": row.case, "known": cases.KINDS.get(row.case.kind),
                "reference": booking.reference if booking else "",
                "link": f"{settings.SITE_URL}/admin/bookings/case/{row.case.pk}/change/",
                "runbook": runbook_url(row.case.kind)}
    if booking is None:
        return words | _account_words(row)
    words |= letter.words(booking)
    if row.kind in ("change_received", "change_answered"):
        words["request"] = letter.request_words(ChangeRequest.objects.get(pk=int(row.first_version), booking=booking))
    if row.kind == "flights_changed":
        words["change"] = letter.change_words(booking, booking.orders.order_by("-pk").first())
    if row.kind == "contact_changed":
        return words  # the address before: no new key to the booking goes there
    if row.kind == "refund_sent":
        refund = Refund.objects.select_related("payment").get(pk=int(row.first_version),
                                                                          payment__booking=booking)
        words["refund"] = letter.refund_words(refund)
    return {**words, "link": (link or link_to)(booking, now)}


def _account_words(row: Outbox) -> dict[str, Any]:
    """What a mail about an account says; its link is made now and kept nowhere."""
    user = User.objects.get(pk=row.context["user"])
    link = account_links.verify_link if row.kind == "verify_address" else account_links.reset_link
    return {**account_links.words(user), "link": link(user)}


def link_to(booking: Booking, now: datetime) -> str:
    """A fresh address that opens this booking without a password, until 30 days after its last flight.

    128 random bits; only their hash is stored.
    """
    token = secrets.token_urlsafe(16)
    ends = max(booking.arrives_at or now, now) + LINK_LIFE
    AccessLink.objects.create(booking=booking, token_hash=hashlib.sha256(token.encode()).hexdigest(),
                              expires_at=ends, created_at=now)
    return f"{settings.SITE_URL}/manage/link/{token}/"


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "localhost"
