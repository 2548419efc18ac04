"""Which reservations wait for their tickets: from a place on through `order_to_ticket`, in a fixed number of queries.

Tickets that lack a traveller's number stand in the list too; an open case (`tickets_missing`) names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from bookings.models import Case
from bookings.models.trail import FAR
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

SIZE = 50
COUNTED = 1000
SOON = timedelta(hours=24)
Rows = Any  # a QuerySet of orders with `due`
UNNUMBERED = "tickets_missing"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")
_REFERENCE = re.compile(r"(?:FLY2A-?)?([0-9A-Z]{6})")
SHOWN = {"all": "All", "mine": "Mine", "soon": "Due within 24 h"}


@dataclass(frozen=True)
class Asked:
    """What an address asks for: which of them, words looked for, and the place behind which the page begins."""

    which: str = "all"
    q: str = ""
    after: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Asked:
        """From an address; what means nothing is left out."""
        which, after = str(values.get("which", "")), str(values.get("after", ""))
        return cls(which if which in SHOWN else "all", " ".join(str(values.get("q", ""))[:40].split()),
                   after if _PLACE.fullmatch(after) else "")

    def address(self, **changes: str) -> str:
        """The query of the same list from its beginning, with something changed."""
        then = replace(self, **{"after": "", **changes})
        said = {"which": then.which if then.which != "all" else "", "q": then.q, "after": then.after}
        return f"?{urlencode({name: value for name, value in said.items() if value})}"


@dataclass(frozen=True)
class Page:
    """Orders in their order, and the place from which the next page is read ("" at the end)."""

    orders: list[SupplierOrder]
    after: str


def page(asked: Asked, user: User, now: datetime, size: int = SIZE) -> Page:
    """The page at the asked place; `now` UTC. Each part is read by its own index, no further than a page."""
    place = _place(asked.after)
    wanted = [_beyond(rows, place).order_by("due", "pk").values("pk", "due")[:size + 1]
              for rows in _parts(asked, user, now)]
    first, *others = wanted
    rows = list(first.union(*others, all=True).order_by("due", "pk")[:size + 1] if others else first)
    found = SupplierOrder.objects.select_related("booking", "handler").in_bulk([row["pk"] for row in rows[:size]])
    last = rows[size - 1] if len(rows) > size else None
    after = f"{(last['due'] - _EPOCH) // timedelta(microseconds=1)}.{last['pk']}" if last else ""
    return Page([found[row["pk"]] for row in rows[:size] if row["pk"] in found], after)


def waiting() -> str:
    """How many there are, for a link: "0", "12", "999+"; one bounded query."""
    reserved = SupplierOrder.objects.filter(state=OrderState.RESERVED).order_by().values("pk")[:COUNTED]
    lacking = Case.objects.filter(kind=UNNUMBERED, closed_at=None).order_by().values("pk")[:COUNTED]
    count = reserved.union(lacking, all=True).count()
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count)


def _parts(asked: Asked, user: User, now: datetime) -> list[Rows]:
    """Reservations with a deadline, those without one, and tickets that lack a number."""
    reserved = SupplierOrder.objects.filter(state=OrderState.RESERVED)
    lacking = SupplierOrder.objects.filter(
        state=OrderState.TICKETED,
        booking__in=Case.objects.filter(kind=UNNUMBERED, closed_at=None).values("booking"))
    dated, undated = reserved.filter(pay_by__isnull=False), reserved.filter(pay_by=None)
    parts = [dated.annotate(due=F("pay_by")), undated.annotate(due=Value(FAR)),
             lacking.annotate(due=Coalesce("pay_by", Value(FAR)))]
    if asked.q:
        return [rows.filter(_named(asked.q)) for rows in parts]
    if asked.which == "mine":
        return [rows.filter(handler=user) for rows in parts]
    if asked.which == "soon":
        return [parts[0].filter(pay_by__lte=now + SOON), parts[2]]
    return parts


def _named(words: str) -> Q:
    """Our reference, the reservation's locator, or an airline's own, each by its index."""
    word = words.upper()
    found = Q(pnr=word) | Q(external_id=words)
    if len(word) >= 5:  # two letters would be an airline
        found |= Q(locators__contains=[[word]]) & ~Q(locators=[])
    reference = _REFERENCE.fullmatch(word)
    return found | Q(booking__reference=f"FLY2A-{reference[1]}") if reference else found


def _beyond(rows: Rows, place: tuple[datetime, int] | None) -> Rows:
    if place is None:
        return rows
    due, pk = place
    return rows.filter(Q(due__gt=due) | Q(due=due, pk__gt=pk), due__gte=due)


def _place(after: str) -> tuple[datetime, int] | None:
    found = _PLACE.fullmatch(after)
    if found is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(found[1])), int(found[2])
    except OverflowError:
        return None
