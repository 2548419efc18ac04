"""How staff are told outside the console: of open cases by mail and into a chat, of what concerns them by mail.

A telling is a row like every mail: written in the commit of what it tells, sent later, tried again, once for a
case, version and channel. Nothing here needs the broker. What a row says is looked at when it goes out: a case that
was taken or closed meanwhile, or told anew, is not told late; nor is a proposal that somebody has decided.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef

from bookings import outbox
from bookings.models import Case, Outbox, Proposal
from fly2any.kernel.money import Money

TOLD, HEALED = "case_alert", "case_healed"
AT_ONCE = frozenset({"ticketing_deadline"})  # told from its first day on: the hours that are left are its urgency
PROPOSED, FACTOR_RESET = "proposal_waits", "factor_reset"
OF_STAFF = (TOLD, HEALED, PROPOSED, FACTOR_RESET)  # mails that no customer gets
MOST = 50  # people who are told of a proposal
LOOK_BACK = timedelta(hours=24)  # a case that healed longer ago is no news


def channels() -> list[tuple[str, str]]:
    """Where alerts go: (channel, address). The address of the chat is a secret, so its rows carry none."""
    mail = [(Outbox.Channel.MAIL.value, settings.ALERT_EMAIL)] if settings.ALERT_EMAIL else []
    chat = [(Outbox.Channel.CHAT.value, "")] if settings.ALERT_WEBHOOK_URL else []
    return mail + chat


def tell(case: Case, now: datetime, *, version: str = "1") -> None:
    """Queue that this case is open, if it is critical, high or `AT_ONCE`; what is less urgent waits in the console.

    Of a case that somebody has taken only that it is critical now: they took it for something smaller.
    """
    free = case.taken_by_id is None and (case.severity <= Case.Severity.HIGH or case.kind in AT_ONCE)
    if free or case.severity <= Case.Severity.CRITICAL:
        _queue(TOLD, case, now, version)


def proposed(row: Proposal, what: str, now: datetime) -> None:
    """Queue to everybody who may decide this proposal that it waits; to ALERT_EMAIL when none has an address."""
    deciders = User.objects.with_perm("bookings.do_second", backend="django.contrib.auth.backends.ModelBackend")
    people = deciders.filter(is_staff=True, is_active=True).exclude(email="").exclude(pk=row.proposed_by_id)
    addresses = {str(pk): to for pk, to in people.order_by("pk").values_list("pk", "email")[:MOST]}
    money = str(Money(row.amount_minor, row.currency)) if row.amount_minor is not None else ""
    for who, to in (addresses or {"all": settings.ALERT_EMAIL}).items():
        if to:
            outbox.queue(PROPOSED, row.booking, now, case=row.case, to=to, version=f"{row.pk}:{who}",
                         context={"proposal": row.pk, "what": what, "amount": money})


def factor_reset(user: User, now: datetime) -> None:
    """Queue to a colleague that a manager took their second factor away, in case it was not them who asked."""
    if user.email:
        outbox.queue(FACTOR_RESET, None, now, to=user.email, version=f"{user.pk}:{now:%Y%m%d%H%M%S%f}",
                     context={"user": user.pk})


def words(row: Outbox) -> dict[str, Any] | None:
    """What a mail to staff says that is about no case; None for other mails."""
    if row.kind == PROPOSED:
        return {"reference": row.booking.reference if row.booking else "",
                "link": f"{settings.SITE_URL}/admin/bookings/proposal/{row.context['proposal']}/decide/"}
    return {"link": f"{settings.SITE_URL}/admin/login/"} if row.kind == FACTOR_RESET else None


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
    if row.kind == PROPOSED:
        waits = Proposal.objects.filter(pk=row.context["proposal"], decided_at=None).exists()
        return "" if waits else "somebody has decided"
    if row.kind != TOLD or case is None:
        return ""
    if case.closed_at is not None:
        return "the case is closed"
    if case.taken_by_id not in (None, row.context.get("owner")):
        return "somebody has taken the case"
    newer = Outbox.objects.filter(kind=TOLD, case=case, channel=row.channel, pk__gt=row.pk)
    return "told anew" if newer.exists() else ""


def _queue(kind: str, case: Case, now: datetime, version: str) -> None:
    for channel, to in channels():
        outbox.queue(kind, case.booking, now, case=case, to=to, version=version, channel=channel,
                     context={"owner": case.taken_by_id} if case.taken_by_id else None)
