"""A case as one line of the queue, in the words of the page and of the export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from django.contrib.auth.models import User
from django.urls import reverse

from bookings.admin.buttons import advised
from bookings.admin.queue.reading import action_of
from bookings.admin.words import SIGNS, in_words, span
from bookings.cases import title_of
from bookings.desk import ACTIONS
from bookings.models import Case
from fly2any.kernel.readonly import amount


@dataclass(frozen=True)
class Line:
    """What one line says. Times are UTC; amounts are for a reader."""

    case: Case
    title: str
    reference: str  # of the booking, or the object outside
    severity: str
    sign: str
    age: str
    deadline: str
    late: bool
    amount: str
    owner: str
    mine: bool
    action: str  # the label of what is recommended
    may: bool  # whether this person may do it
    verdict: str
    address: str  # of the case
    action_address: str
    opened_at: str  # times in full, UTC; "" when there is none
    deadline_at: str
    snoozed_until: str
    closed_at: str
    closer: str  # who closed it; "" when it closed by itself


def line_of(case: Case, user: User, now: datetime) -> Line:
    """The line of a case, for this person, at this time; it asks the database nothing."""
    severity, name = Case.Severity(case.severity), advised(case) if action_of(case.kind) else ""
    action = ACTIONS[name] if name and case.closed_at is None else None
    return Line(
        case=case, title=title_of(case.kind), reference=case.booking.reference if case.booking else case.subject,
        severity=severity.label, sign=SIGNS[severity], age=span((case.closed_at or now) - case.opened_at),
        deadline=in_words(case.deadline, case.closed_at or now),
        late=case.deadline is not None and case.deadline <= (case.closed_at or now),
        amount=amount(case.money_minor, case.currency), owner=case.taken_by.get_username() if case.taken_by else "",
        mine=case.taken_by_id == user.pk, action=action.label if action else "",
        may=action is not None and user.has_perm(action.permission),
        verdict=case.verdict, address=address("admin:bookings_case_change", case.pk),
        action_address=address("admin:bookings_case_verb", case.pk, name) if action else "",
        opened_at=when(case.opened_at), deadline_at=when(case.deadline), snoozed_until=when(case.snoozed_until),
        closed_at=when(case.closed_at), closer=case.closed_by.get_username() if case.closed_by else "")


def address(name: str, pk: int, *more: str) -> str:
    """The address of a row's page: what `reverse` says, worked out once for all rows."""
    return _pattern(name, *more).replace("/0/", f"/{pk}/")


@cache
def _pattern(name: str, *more: str) -> str:
    return reverse(name, args=[0, *more])


def when(at: datetime | None) -> str:
    """A time in full, UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
