"""What of the queue somebody wants to see: a tab, choices that narrow it, and a place in the list. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from bookings.cases import KINDS
from bookings.models import Case

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**62  # of what is written into an address
AGES = {"1": "1 hour", "4": "4 hours", "24": "1 day", "72": "3 days", "168": "a week"}  # hours: words
SUPPLIERS = ("duffel", "amadeus")


@dataclass(frozen=True)
class Tab:
    """A part of the queue under its own name. `codes` are classes of mismatches, `kinds` single kinds of cases."""

    name: str
    label: str
    empty: str
    codes: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    @property
    def kinds(self) -> list[str]:
        """The kinds of cases it shows; all of them when none is named."""
        return [kind for kind, known in KINDS.items()
                if kind in self.named or known.code in self.codes] if self.codes or self.named else []

    @property
    def closed(self) -> bool:
        """Whether it shows what is closed: the newest first."""
        return self.name in ("closed_today", "closed")


def _set(*words: str) -> frozenset[str]:
    return frozenset(words)


TABS = {tab.name: tab for tab in (
    Tab("need", "Need me", "Nothing needs you now."),
    Tab("critical", "Critical", "Nothing critical is open."),
    Tab("ticket", "To ticket", "No booking waits for its tickets.", _set("M12", "M13")),
    Tab("refunds", "Refunds due", "No refund is due.", _set("M1", "M9", "M20")),
    Tab("changes", "Schedule changes", "No changed flight waits for an answer.", _set("M14"), _set("change_requested")),
    Tab("webhooks", "Webhooks", "Every message was heard.", _set("M16")),
    Tab("snoozed", "Snoozed", "Nothing is snoozed."),
    Tab("closed_today", "Closed today", "Nothing was closed today (UTC)."),
    Tab("open", "All open", "Nothing is open."),
    Tab("closed", "All closed", "Nothing was ever closed."),
)}
SHOWN = [name for name in TABS if name != "closed"]


@dataclass(frozen=True)
class Asked:
    """Texts of an address that mean something; "" where nothing was chosen. `after` and `before` are places."""

    tab: str = ""
    severity: str = ""
    kind: str = ""
    owner: str = ""  # "me", "nobody" or a user's number
    supplier: str = ""
    older: str = ""  # hours
    after: str = ""
    before: str = ""

    @classmethod
    def read(cls, values: Mapping[str, str], *, usual: str) -> Asked:
        """From an address; what means nothing is left out. `usual` is the tab when none is named."""
        found = {field.name: str(values.get(field.name, ""))[:100] for field in fields(cls)}
        known = {"tab": set(TABS), "severity": {str(one) for one in Case.Severity.values}, "kind": set(KINDS),
                 "supplier": set(SUPPLIERS), "older": set(AGES)}
        good = {name: value if name not in known or value in known[name] else "" for name, value in found.items()}
        if good["owner"] not in ("", "me", "nobody") and not _number(good["owner"]):
            good["owner"] = ""
        order = order_of(TABS[good["tab"] or usual])
        for place in ("after", "before"):
            if good[place] and values_of(good[place], order) is None:
                good[place] = ""
        return cls(**{**good, "tab": good["tab"] or usual})

    @property
    def shows(self) -> Tab:
        """The tab."""
        return TABS[self.tab]

    @property
    def narrowed(self) -> bool:
        """Whether anything was chosen besides the tab."""
        return any((self.severity, self.kind, self.owner, self.supplier, self.older))

    @property
    def choices(self) -> str:
        """Tab and choices without the place, as kept in saved filters: "tab=open&severity=1"."""
        return urlencode({name: value for name in ("tab", "severity", "kind", "owner", "supplier", "older")
                          if (value := getattr(self, name))})

    def address(self, **changes: str) -> str:
        """The query of the same list, from its beginning, with something changed."""
        return f"?{replace(self, **{'after': '', 'before': '', **changes}).whole}"

    @property
    def whole(self) -> str:
        """The query with the place."""
        place = {name: value for name in ("after", "before") if (value := getattr(self, name))}
        return "&".join(part for part in (self.choices, urlencode(place)) if part)


@dataclass(frozen=True)
class Order:
    """How a list is sorted: by these columns, all upwards or all downwards. They tell every row from every other."""

    columns: tuple[str, ...]
    down: bool = False


WORST_FIRST, NEWEST_FIRST = Order(("severity", "due", "opened_at", "id")), Order(("closed_at", "id"), down=True)


def order_of(tab: Tab) -> Order:
    """The order of a tab's lines."""
    return NEWEST_FIRST if tab.closed else WORST_FIRST


def place_of(case: Case, order: Order) -> str:
    """Where a case stands in the order, as text for an address: numbers, times as microseconds."""
    return ".".join(str((value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value)
                    for value in (getattr(case, column) for column in order.columns))


def values_of(place: str, order: Order) -> list[int | datetime] | None:
    """The values of a place; None when the text is no place in this order."""
    parts = place.split(".")
    if len(parts) != len(order.columns) or not all(_number(part) for part in parts):
        return None
    try:
        return [EPOCH + timedelta(microseconds=int(part)) if column.endswith("_at") or column == "due" else int(part)
                for column, part in zip(order.columns, parts, strict=True)]
    except OverflowError:
        return None


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < LARGEST
