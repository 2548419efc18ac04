"""Everything that happened to a booking or a case, in one order: calls, messages, mails, staff, notes, diary.

Each entry has an id of its own (`call-12`) that stays, and `?entry=call-12#call-12` leads to it on whatever page it
is. Pages of 100 by key, newest first; a constant number of queries. The diary line of a staff action is not repeated:
its entry holds all of it and more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Coalesce

from bookings.admin import entries
from bookings.admin.entries import KINDS, Entry
from bookings.models import Booking, CallRecord, Case, Diary, Outbox, StaffAction
from payments.models import GatewayEvent
from suppliers.models import SupplierEvent

PER_PAGE = 100
Place = tuple[datetime, int, int]  # when, which source, which row: the order of the timeline


@dataclass(frozen=True)
class Source:
    """One table of the timeline: which of its rows, when each happened, and how it is told."""

    code: str
    kinds: frozenset[str]  # what its rows can be
    rows: Callable[[Booking | None, Case | None], QuerySet[Any] | None]
    tell: Callable[[Any, str], Entry]
    only: Callable[[str], Q] = lambda kind: Q()


@dataclass(frozen=True)
class Choice:
    """One way to filter."""

    word: str
    query: str
    chosen: bool


@dataclass(frozen=True)
class Timeline:
    """One page of it. `older` and `newest` are query strings, "" when there is nothing there."""

    entries: tuple[Entry, ...]
    choices: tuple[Choice, ...]
    older: str
    newest: str


def timeline_of(asked: Any, *, booking: Booking | None = None, case: Case | None = None) -> Timeline:
    """The page that the query string asks for: `kind`, `before` (a cursor) or `entry` (an id). Wrong values: none."""
    kind = asked.get("kind", "") if asked.get("kind") in KINDS else ""
    before, found = _cursor(asked.get("before", "")), list[tuple[Place, Entry]]()
    upto = None if before else _place_of(asked.get("entry", ""), booking, case)
    for rank, source in enumerate(SOURCES):
        rows = source.rows(booking, case) if not kind or kind in source.kinds else None
        if rows is None:
            continue
        rows = rows.filter(source.only(kind)) if kind else rows
        rows = rows.filter(_beyond(before, rank)) if before else rows
        rows = rows.filter(_beyond(upto, rank) | Q(happened=upto[0], pk=upto[2])) if upto else rows
        for row in rows.order_by("-happened", "-pk")[: PER_PAGE + 1]:
            code, row.booking = f"{source.code}-{row.pk}", booking
            found.append(((row.happened, rank, row.pk), source.tell(row, code)))
    found.sort(key=lambda pair: pair[0], reverse=True)
    page = found[:PER_PAGE]
    older = _query(kind, before=_written(page[-1][0])) if len(found) > PER_PAGE else ""
    return Timeline(tuple(entry for _, entry in page), _choices(kind), older,
                    _query(kind) or "?" if before or upto else "")


def _choices(kind: str) -> tuple[Choice, ...]:
    every = [("", "Everything"), *((name, one.plural) for name, one in KINDS.items())]
    return tuple(Choice(word, _query(name) or "?", name == kind) for name, word in every)


def _query(kind: str, **more: str) -> str:
    values = {**({"kind": kind} if kind else {}), **more}
    return f"?{urlencode(values)}" if values else ""


# --- places -----------------------------------------------------------------------------------------------------


def _beyond(place: Place, rank: int) -> Q:
    """Rows of this source that come after the place, newest first."""
    at, of, pk = place
    same = Q(happened=at, pk__lt=pk) if rank == of else Q(happened=at) if rank < of else Q(pk__in=[])
    return Q(happened__lt=at) | same


def _written(place: Place) -> str:
    at, rank, pk = place
    return f"{int(at.timestamp())}.{at.microsecond}.{rank}.{pk}"


def _cursor(text: str) -> Place | None:
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdecimal() and len(part) < 16 for part in parts):
        return None
    seconds, micro, rank, pk = (int(part) for part in parts)
    try:
        at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micro)
    except (ValueError, OverflowError, OSError):
        return None
    return at, rank, pk


def _place_of(code: str, booking: Booking | None, case: Case | None) -> Place | None:
    """Where an entry stands; None when there is no such entry here."""
    name, _, number = code.rpartition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        return None
    for rank, source in enumerate(SOURCES):
        rows = source.rows(booking, case) if source.code == name else None
        row = rows.filter(pk=int(number)).first() if rows is not None else None
        if row is not None:
            return row.happened, rank, row.pk
    return None


# --- sources ----------------------------------------------------------------------------------------------------


def _of(model: type[Model], at: Any) -> Callable[[Booking | None, Case | None], QuerySet[Any] | None]:
    """The rows of a booking; none for a case without one."""
    def rows(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
        return model._default_manager.filter(booking=booking).annotate(happened=at) if booking else None
    return rows


def _diary(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    rows = _of(Diary, F("at"))(booking, case)
    return rows.exclude(event__startswith="staff.", subject__startswith="action:") if rows is not None else None


def _staff(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    about = Q(booking=booking) if booking else Q(case=case)
    return StaffAction.objects.filter(about).select_related("operator", "second").annotate(happened=F("at"))


def _mails(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    about = Q(booking=booking) if booking else Q(case=case)
    return Outbox.objects.filter(about).defer("context").annotate(happened=Coalesce("sent_at", "created_at"))


def _of_object(rows: QuerySet[Any], field: str, vendor: str,
               booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    """Messages of a booking, or, for a case without one, those that named exactly its object."""
    if booking is not None:
        found = rows.filter(booking=booking)
    elif case is not None and case.subject.startswith(f"{vendor}:"):
        found = rows.filter(**{"booking": None, field: case.subject.partition(":")[2]}).exclude(**{field: ""})
    else:
        return None
    return found.annotate(happened=F("received_at"))


def _gateway(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    return _of_object(GatewayEvent.objects.all(), "intent_id", "stripe", booking, case)


def _supplier(booking: Booking | None, case: Case | None) -> QuerySet[Any] | None:
    return _of_object(SupplierEvent.objects.all(), "order_id", "duffel", booking, case)


def _notes(kind: str) -> Q:
    return Q(verb="note") if kind == "note" else ~Q(verb="note")


SOURCES: tuple[Source, ...] = (
    Source("diary", frozenset({"diary"}), _diary, entries.of_diary),
    Source("call", frozenset({"call"}), _of(CallRecord, F("at")), entries.of_call),
    Source("stripe-event", frozenset({"webhook"}), _gateway, entries.of_gateway_event),
    Source("airline-event", frozenset({"webhook"}), _supplier, entries.of_supplier_event),
    Source("mail", frozenset({"mail"}), _mails, entries.of_mail),
    Source("action", frozenset({"staff", "note"}), _staff, entries.of_action, _notes),
)
