"""Small readers of Amadeus's JSON. Tolerant of what is missing, strict about money. Pure functions, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fly2any.kernel.letters import straight
from fly2any.kernel.money import Money
from suppliers import places
from suppliers.reading import Unreadable as Unreadable
from suppliers.reading import count as count
from suppliers.reading import items as items
from suppliers.reading import mapping as mapping
from suppliers.reading import minutes as minutes
from suppliers.reading import money as money
from suppliers.types import Place

NAME = "amadeus"
EARLIEST = timedelta(hours=14)  # a bare date ends first at UTC+14 (reliability.md 9)
_SHORT = re.compile(r"[A-Z0-9/.&-]*\d[A-Z0-9/.&-]*\Z", re.ASCII)
_KEPT_UPPER = frozenset("KLM TAP LOT SAS ITA ANA JAL LATAM LAN TUI EVA TAM CSA ATR BAE MD UK USA UAE II III".split())
_KEPT_LOWER = frozenset("of de del da do and the y e".split())


def text(value: Any) -> str:
    """The value as text; ids may come as numbers."""
    return str(value) if isinstance(value, int) and value is not True else straight(value)


def texts(value: Any) -> tuple[str, ...]:
    """The non-empty texts of a list."""
    return tuple(found for found in map(text, value) if found) if isinstance(value, list) else ()


def maybe_money(amount: Any, currency: Any) -> Money | None:
    """As `money`, but None for anything that cannot be read: only where nothing is charged by it."""
    try:
        return money(amount, currency)
    except Unreadable:
        return None


def last_moment(value: Any) -> datetime | None:
    """A time limit in UTC where it comes first on earth: a bare date ends with its day, a time is UTC+14's.

    "2018-06-19" is 19 June 24:00 at UTC+14, which is 10:00 UTC of the same day. A time with a zone is what it says.
    """
    if not isinstance(value, str):
        return None
    try:
        if len(value) == len("2018-06-19"):
            return datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC) + timedelta(days=1) - EARLIEST
        stamp = datetime.fromisoformat(value)
    except ValueError:
        return None
    return stamp.astimezone(UTC) if stamp.tzinfo else stamp.replace(tzinfo=UTC) - EARLIEST


def first_moment(value: Any) -> datetime | None:
    """A moment at which something is undone: a bare date begins with its day at UTC+14; else as `last_moment`."""
    found = last_moment(value)
    return found - timedelta(days=1) if found and len(str(value)) == len("2018-06-19") else found


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of those that are known."""
    return min((moment for moment in moments if moment is not None), default=None)


def said(value: str) -> str:
    """A name in capitals as people write it: "AIRBUS A330-300" as Airbus A330-300, "AIR FRANCE" as Air France."""
    if value != value.upper():
        return value
    words = [word if _SHORT.match(word) or word in _KEPT_UPPER else
             word.lower() if place and word.lower() in _KEPT_LOWER else word.capitalize()
             for place, word in enumerate(value.split())]
    return " ".join(words)


def place(code: str, countries: Mapping[str, Any] | None = None) -> Place:
    """An airport as our own list knows it; of one it does not know, the code and what the answer says."""
    known = places.airport(code)
    if known is not None:
        return known
    return Place(code=code, name=code, country=text(mapping((countries or {}).get(code)).get("countryCode")))
