"""Reads lines of the queue: a page of them after a place, each part through its own index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import (
    BigIntegerField,
    DateTimeField,
    Func,
    Q,
    QuerySet,
    TextField,
    Value,
)
from django.db.models.lookups import GreaterThan, LessThan

from bookings.admin.queue.asked import SHOWN, TABS, WORST_FIRST, Asked, Order, order_of, place_of, values_of
from bookings.cases import KINDS
from bookings.desk import ACTIONS
from bookings.models import Case

SIZE = 25  # lines of a page
SHOWN_WITH = ("booking", "taken_by", "closed_by")
SHOWN_OF = ("kind", "subject", "severity", "verdict", "money_minor", "currency", "opened_at", "deadline", "due",
            "snoozed_until", "snoozed_because", "closed_at", "closed_because", "booking__reference", "booking__route",
            "taken_by__username", "closed_by__username")  # what lines, exports and places read
COUNTED = 1000  # a tab counts no further: "999+"
ANYBODYS = "mark_handled"  # the action of kinds that recommend none


@dataclass(frozen=True)
class Page:
    """Lines in order, and the places from which the next and the previous page are read ("" at the ends)."""

    cases: list[Case]
    after: str
    before: str


class Row(Func):
    """Several columns compared as one value, as PostgreSQL compares them: the index of the order answers at once."""

    function = "ROW"
    output_field = TextField()


def action_of(kind: str) -> str:
    """The name of the action that is recommended for a kind of cases; "" when none is."""
    return KINDS[kind].action if kind in KINDS and KINDS[kind].action in ACTIONS else ""


def kinds_for(user: User) -> list[str] | None:
    """Kinds of cases this person may act on; None when there is none that they may not."""
    mine = [kind for kind in KINDS if user.has_perm(ACTIONS[action_of(kind) or ANYBODYS].permission)]
    return None if len(mine) == len(KINDS) else mine


def parts(asked: Asked, user: User, now: datetime) -> list[QuerySet[Case]]:
    """The rows asked for, in parts that share none and that an index serves each. `now` is UTC."""
    tab, cases = asked.shows, _narrowed(asked, user, now)
    if tab.closed:
        since = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return [cases.filter(closed_at__gte=since) if tab.name == "closed_today" else
                cases.filter(closed_at__isnull=False)]
    cases = cases.filter(closed_at=None)
    if tab.name == "snoozed":
        return [cases.filter(snoozed_until__isnull=False, snoozed_until__gt=now)]
    cases = cases.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=now))
    if tab.name == "need":
        free, kinds = cases.filter(taken_by=None), kinds_for(user)
        return [cases.filter(taken_by=user), *([free] if kinds is None else [free.filter(kind=one) for one in kinds])]
    if tab.name == "critical":
        return [cases.filter(severity=Case.Severity.CRITICAL)]
    return [cases.filter(kind=one) for one in tab.kinds] if tab.kinds else [cases]


def _narrowed(asked: Asked, user: User, now: datetime) -> QuerySet[Case]:
    cases = Case.objects.all()
    if asked.severity:
        cases = cases.filter(severity=int(asked.severity))
    if asked.kind:
        cases = cases.filter(kind=asked.kind)
    if asked.owner:
        cases = cases.filter(taken_by={"me": user.pk, "nobody": None}.get(asked.owner, asked.owner))
    if asked.supplier:
        cases = cases.filter(booking__supplier=asked.supplier)
    if asked.older:
        cases = cases.filter(opened_at__lte=now - timedelta(hours=int(asked.older)))
    return cases


def page(asked: Asked, user: User, now: datetime, size: int = SIZE) -> Page:
    """The page at the asked place. A page before the first line is the first page."""
    order = order_of(asked.shows)
    found = _read(asked, user, now, size + 1)
    more = len(found) > size
    if asked.before:
        if not more:
            return page(replace(asked, before="", after=""), user, now, size)
        found = list(reversed(found[:size]))
        return Page(found, after=place_of(found[-1], order), before=place_of(found[0], order))
    found = found[:size]
    return Page(found, after=place_of(found[-1], order) if more else "",
                before=place_of(found[0], order) if asked.after and found else "")


def _read(asked: Asked, user: User, now: datetime, most: int) -> list[Case]:
    """At most that many cases from the place on, in the order asked for; backwards before a place."""
    order = order_of(asked.shows)
    back = bool(asked.before)
    down = order.down != back
    columns = [f"-{name}" if down else name for name in order.columns]
    place = values_of(asked.before or asked.after, order) if asked.before or asked.after else None
    wanted = [rows.filter(_beyond(order, place, down=down)) if place else rows
              for rows in parts(asked, user, now)]
    return cases_of(_first(wanted, order.columns, columns, most))


def keys(asked: Asked, user: User, now: datetime, most: int) -> list[int]:
    """The cases of the whole list in its order, at most that many, as primary keys."""
    order = order_of(asked.shows)
    columns = [f"-{name}" if order.down else name for name in order.columns]
    return _first(parts(asked, user, now), order.columns, columns, most)


def _first(wanted: list[QuerySet[Case]], columns: tuple[str, ...], order_by: list[str], most: int) -> list[int]:
    """The first of all parts together: each is read no further than the page is long."""
    if not wanted:
        return []
    first, *others = [rows.order_by(*order_by).values("id", *columns[:-1])[:most] for rows in wanted]
    return [row["id"] for row in (first.union(*others, all=True).order_by(*order_by)[:most] if others else first)]


def ticked(ids: list[str]) -> list[int]:
    """Primary keys as ticked on a page, each once, at most a page of them."""
    good = dict.fromkeys(int(one) for one in ids if one.isascii() and one.isdigit() and len(one) < 19)
    return list(good)[:SIZE]


def shown(cases: QuerySet[Case]) -> QuerySet[Case]:
    """The rows with what a line shows of them and of others, and nothing else: bookings and people are wide."""
    return cases.select_related(*SHOWN_WITH).only(*SHOWN_OF)


def cases_of(ids: list[int], cases: QuerySet[Case] | None = None) -> list[Case]:
    """These cases in the order given, as lines show them; or as `cases` reads them."""
    found = (shown(Case.objects.all()) if cases is None else cases).in_bulk(ids)
    return [found[one] for one in ids if one in found]


def _beyond(order: Order, place: list[int | datetime], *, down: bool) -> GreaterThan | LessThan:
    values = [Value(one, output_field=DateTimeField() if isinstance(one, datetime) else BigIntegerField())
              for one in place]
    return (LessThan if down else GreaterThan)(Row(*order.columns), Row(*values))


def counts(user: User, now: datetime) -> dict[str, str]:
    """How many lines each tab has, up to COUNTED ("999+"), in one query, written by hand: it is asked on every page."""
    asked = [(name, where, values) for name in SHOWN for where, values in _conditions(name, user)]
    known: dict[str, str | int | datetime] = {
        "now": now, "me": user.pk, "today": now.replace(hour=0, minute=0, second=0, microsecond=0)}
    for _, _, values in asked:
        known |= dict(values)
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(_counting(name, where) for name, where, _ in asked), known)
        row = cursor.fetchone()
    found = dict.fromkeys(SHOWN, 0)
    for (name, *_), count in zip(asked, row, strict=True):
        found[name] += count
    return {name: _shown(count) for name, count in found.items()}


def _counting(name: str, where: str) -> str:
    """A bounded count: an index gives the order, and the reading ends at the limit."""
    order = "closed_at DESC, id DESC" if TABS[name].closed else ", ".join(WORST_FIRST.columns)
    return (f"(SELECT COUNT(*) FROM (SELECT 1 FROM bookings_case WHERE {where} "  # noqa: S608 - texts of this module
            f"ORDER BY {order} LIMIT {COUNTED}) bounded)")


def _conditions(name: str, user: User) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The parts of a tab as SQL and its values; the same as `parts` gives."""
    if name == "closed_today":
        return [("closed_at >= %(today)s", ())]
    if name == "snoozed":
        return [("closed_at IS NULL AND snoozed_until IS NOT NULL AND snoozed_until > %(now)s", ())]
    awake = "closed_at IS NULL AND (snoozed_until IS NULL OR snoozed_until <= %(now)s)"
    if name == "critical":
        return [(f"{awake} AND severity = 1", ())]
    if name == "need":
        kinds, free = kinds_for(user), f"{awake} AND taken_by_id IS NULL"
        return [(f"{awake} AND taken_by_id = %(me)s", ()), *([(free, ())] if kinds is None else _each(free, kinds))]
    return _each(awake, TABS[name].kinds) if TABS[name].kinds else [(awake, ())]


def _each(where: str, kinds: list[str]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(f"{where} AND kind = %({kind})s", ((kind, kind),)) for kind in kinds]


def _shown(count: int) -> str:
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count)
