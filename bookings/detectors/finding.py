"""What a detector is and what it finds, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bookings.models import Case
from fly2any.kernel.money import Money


@dataclass(frozen=True)
class Finding:
    """One mismatch that stands now. Times UTC, nothing personal in the values.

    `facts` are the values that fired the rule: a case that a person handled is opened again only when one of them is
    another. `also` are values worth showing that change by themselves (how many wait). `since` is when the mismatch
    began (default: when its case was opened); `severity` overrules the ladder of `severity`; `money` is at risk.
    """

    kind: str
    subject: str
    booking_id: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    also: Mapping[str, Any] = field(default_factory=dict)
    deadline: datetime | None = None
    since: datetime | None = None
    severity: Case.Severity | None = None
    money: Money | None = None


Find = Callable[[datetime], Iterable[Finding]]


@dataclass(frozen=True)
class Detector:
    """One mismatch class of ux.md 12.2: what it looks for, and whose cases it closes when they are not found any more.

    `rules` has one sentence for each kind of case it opens. `find` streams what stands at a moment (database time,
    UTC), with every case of these kinds and subjects that must stay open among it: what it leaves out has healed.
    `subjects` are the beginnings of the subjects it closes; none for a detector whose cases others close.
    """

    code: str
    name: str
    rules: Mapping[str, str]
    find: Find
    subjects: tuple[str, ...] = ("booking:",)
    healed: str = "the records agree again"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of case it opens and closes."""
        return tuple(self.rules)

    @property
    def rule(self) -> str:
        """Everything it looks for, in words."""
        return " ".join(dict.fromkeys(self.rules.values()))
