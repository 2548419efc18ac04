"""Figures read back and added up, and the measures that are made of them. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from bookings.figures.buckets import percentile

# a stored figure: metric, dim, n, total, high, hist; a plain tuple, because a month is thousands of them
Row = tuple[str, str, int, int, int, dict[str, int] | None]


@dataclass
class Sums:
    """Everything counted in some stretch of time, by metric and what it is told apart by."""

    counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    totals: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    highs: dict[str, int] = field(default_factory=dict)
    spreads: dict[str, dict[str, Counter[int]]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Sums:
        """Add rows up. They must not overlap in time."""
        made = cls()
        for metric, dim, n, total, high, hist in rows:
            counts, totals = made.counts[metric], made.totals[metric]
            counts[dim], totals[dim] = counts.get(dim, 0) + n, totals.get(dim, 0) + total
            if high > made.highs.get(metric, -1):
                made.highs[metric] = high
            if hist:
                spread = made.spreads[metric].setdefault(dim, Counter())
                for number, many in hist.items():
                    spread[int(number)] += many
        return made

    def n(self, metric: str, dim: str | None = None) -> int:
        """How many: of one kind, or of all; a row for all is not added to those that it is made of."""
        found = self.counts.get(metric, {})
        return found.get(dim, 0) if dim is not None else found[""] if "" in found else sum(found.values())

    def total(self, metric: str, dim: str) -> int:
        """The sum of one kind: minor units of a currency, or milliseconds."""
        return self.totals.get(metric, {}).get(dim, 0)

    def dims(self, metric: str) -> list[str]:
        """What a metric is told apart by here, the most frequent first."""
        found = [dim for dim, n in self.counts.get(metric, {}).items() if dim and n]
        return sorted(found, key=lambda dim: (-self.n(metric, dim), dim))

    def time(self, metric: str, share: float, dim: str | None = None) -> float | None:
        """The time in ms that `share` of all, or of one kind, did not exceed; None when nothing was timed."""
        spreads = self.spreads.get(metric, {})
        found = spreads.get(dim, Counter()) if dim is not None else sum(spreads.values(), Counter())
        return percentile(found, share)


class Measure(Protocol):
    """How a figure's value is made of sums. None: nothing happened that it could be made of."""

    @property
    def unit(self) -> str:
        """percent, ms, count, seconds, money, average, balance."""

    def value(self, sums: Sums) -> float | None:
        """The value in its unit."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it is made of."""


@dataclass(frozen=True)
class Share:
    """A part of a whole, in percent; `rest`: what is left of the whole without the part."""

    part: tuple[str, ...]
    whole: str
    rest: bool = False
    unit: str = "percent"

    def value(self, sums: Sums) -> float | None:
        """Percent of the whole; None without a whole."""
        whole = sums.n(self.whole)
        part = sum(sums.n(metric) for metric in self.part)
        return None if not whole else 100 * (whole - part if self.rest else part) / whole

    @property
    def metrics(self) -> tuple[str, ...]:
        """The part and the whole."""
        return (*self.part, self.whole)


@dataclass(frozen=True)
class Time:
    """What `share` of the times did not exceed, in milliseconds."""

    metric: str
    share: float
    unit: str = "ms"

    def value(self, sums: Sums) -> float | None:
        """Milliseconds."""
        return sums.time(self.metric, self.share)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The times."""
        return (self.metric,)


@dataclass(frozen=True)
class Count:
    """How many. 0 is told only where anything was counted at all, for a level only where somebody looked."""

    parts: tuple[str, ...]
    unit: str = "count"

    def value(self, sums: Sums) -> float | None:
        """A number; None when not one row was found of it and nothing else was counted either."""
        if self.parts[0].startswith("level."):
            return float(sums.n(self.parts[0])) if self.parts[0] in sums.counts else None
        return float(sum(sums.n(metric) for metric in self.parts)) if sums.counts else None

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is counted."""
        return self.parts


@dataclass(frozen=True)
class Amounts:
    """Money by currency, never added across currencies; `average`: per item instead of the sum."""

    metric: str
    unit: str = "money"

    def value(self, sums: Sums) -> float | None:
        """How many items the money is made of: the amounts themselves are told by currency."""
        return float(sum(sums.counts.get(self.metric, {}).values())) if self.metric in sums.counts else None

    def by_currency(self, sums: Sums) -> dict[str, int]:
        """Minor units of each currency (or "supplier:CUR"); averages are rounded half to even."""
        found = {dim: (sums.n(self.metric, dim), sums.total(self.metric, dim)) for dim in sums.dims(self.metric)}
        if self.unit == "average":
            return {dim: round(total / n) for dim, (n, total) in found.items() if n}
        return {dim: total for dim, (_, total) in found.items()}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Where the money stands."""
        return (self.metric,)
