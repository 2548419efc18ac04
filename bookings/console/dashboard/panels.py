"""The charts of the dashboard: which figures they show, step by step, and the funnel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bookings.console.dashboard.charts import Chart, Line
from bookings.console.dashboard.words import NOTHING, cause, major, money, on_axis, percent, short, shown
from bookings.figures.definitions import BY_NAME, STEPS, Figure
from bookings.figures.reading import Reading
from bookings.figures.sums import Amounts, Share, Sums, Time

SUPPLIERS = 4  # lines in one chart: more could not be told apart


@dataclass(frozen=True)
class Step:
    """One step of the funnel."""

    name: str
    count: int
    of_before: str  # in percent of the step before
    of_all: str  # in percent of the first
    width: float  # of its bar, percent

    @property
    def written(self) -> str:
        """The count, grouped."""
        return f"{self.count:,}"


def charts(reading: Reading) -> list[Chart]:
    """What the dashboard shows, in its order."""
    found = [money_chart(reading, currency) for currency in currencies(reading)[:2]]
    found.append(figure_chart(BY_NAME["bookings"], reading))
    found += [figure_chart(BY_NAME[name], reading) for name in ("payment-success", "payment-time", "supplier-latency")]
    return [*found, cases_chart(reading), figure_chart(BY_NAME["server-errors"], reading)]


def currencies(reading: Reading) -> list[str]:
    """The currencies of the window, the most used first."""
    return reading.sums.dims("money.captured")


def funnel(sums: Sums) -> list[Step]:
    """From the search to the money, each step with its share of the step before and of the first."""
    counts = [sums.n(metric) for metric, _ in STEPS]
    most = max([*counts, 1])
    made = []
    for place, (_, name) in enumerate(STEPS):
        before = counts[place - 1] if place else 0
        made.append(Step(name, counts[place], percent(100 * counts[place] / before) if before else "–",
                         percent(100 * counts[place] / counts[0]) if counts[0] else NOTHING,
                         round(100 * counts[place] / most, 1)))
    return made


def figure_chart(figure: Figure, reading: Reading) -> Chart:
    """One figure, step by step; times as p50 and p95, latencies by supplier."""
    measure = figure.measure
    unit = measure.unit
    say: Callable[[float], str] = lambda value: shown(value, unit)  # noqa: E731
    axis = {"percent": lambda v: f"{v:g} %", "ms": on_axis, "seconds": lambda v: on_axis(v * 1000)}.get(unit, short)
    limits = tuple(limit for limit in (figure.above, figure.below) if limit is not None)
    lines, bars, top, bottom = [Line(figure.title, _along(reading, measure.value))], unit == "count", None, 0.0
    if isinstance(measure, Time):
        lines = _timed(figure, measure, reading)
    elif figure.is_level:
        lines = [Line("highest", _along(reading, lambda sums: _high(sums, measure.metrics[0])))]
    elif isinstance(measure, Share):
        top, bottom = _ends(lines[0].values, limits)
    if figure.per_day and reading.window.grain != "d":
        limits = ()  # the target is for a day
    return Chart(figure.name, figure.title, _short_steps(reading), lines, say, axis, bars=bars, top=top,
                 bottom=bottom, target=limits, full_steps=_words(reading))


def _ends(values: Sequence[float | None], limits: Sequence[float]) -> tuple[float | None, float]:
    """Where the axis of a share ends and begins: near 100 % only the part that moves is drawn, and the axis says so."""
    lowest = min([value for value in values if value is not None] + list(limits), default=0.0)
    bottom = next((step for step in (90.0, 80.0, 50.0) if lowest > step), 0.0)
    return (100.0, bottom) if bottom else (None, 0.0)


def _timed(figure: Figure, measure: Time, reading: Reading) -> list[Line]:
    if figure.name != "supplier-latency":
        return [Line(f"p{share * 100:.0f}", _along(reading, _time_of(measure.metric, share))) for share in (0.5, 0.95)]
    return [Line(f"{dim} p95", _along(reading, _time_of(measure.metric, 0.95, dim)))
            for dim in reading.sums.dims(measure.metric)[:SUPPLIERS]] or [Line(figure.title, _along(
                reading, measure.value))]


def _time_of(metric: str, share: float, dim: str | None = None) -> Callable[[Sums], float | None]:
    return lambda sums: sums.time(metric, share, dim)


def _number_of(metric: str) -> Callable[[Sums], float | None]:
    return lambda sums: float(sums.n(metric)) if sums.counts else None


def _high(sums: Sums, metric: str) -> float | None:
    return float(sums.highs[metric]) if metric in sums.highs else None


def money_chart(reading: Reading, currency: str, metric: str = "money.captured", what: str = "Revenue") -> Chart:
    """Money of one currency, step by step."""
    values = _along(reading, lambda sums: major(sums.total(metric, currency), currency))
    exact = {major(sums.total(metric, currency), currency): sums.total(metric, currency)
             for sums in reading.steps.values()}
    return Chart(f"{what.lower()}-{currency.lower()}", f"{what} in {currency}", _short_steps(reading),
                 [Line(currency, values)], lambda value: money(exact.get(value, 0), currency), short, bars=True,
                 full_steps=_words(reading))


def money_table(reading: Reading) -> list[tuple[str, list[str]]]:
    """Each currency for itself: captured on the last day, in the last 7 and 30 days, and in the window; given back."""
    every = [*currencies(reading), *reading.last_days[30].dims("money.captured"), *reading.sums.dims("money.refunded")]
    return [(currency, [money(sums.total(metric, currency), currency) for sums, metric in (
        *((reading.last_days[days], "money.captured") for days in (1, 7, 30)), (reading.sums, "money.captured"),
        (reading.sums, "money.refunded"))]) for currency in dict.fromkeys(every)]


def cases_chart(reading: Reading) -> Chart:
    """How many cases came and went."""
    lines = [Line(word, _along(reading, _number_of(metric))) for metric, word in
             (("case.opened", "opened"), ("case.closed", "closed"))]
    return Chart("cases", "Cases opened and closed", _short_steps(reading), lines, lambda value: f"{value:,.0f}", short,
                 bars=True, full_steps=_words(reading))


def _along(reading: Reading, value: Callable[[Sums], float | None]) -> list[float | None]:
    """The value of each step; None where nothing was counted, as in steps to come."""
    empty = Sums()
    return [value(sums) if (sums := reading.steps.get(start, empty)).counts or sums.highs else None
            for start, _ in reading.window.steps()]


def _short_steps(reading: Reading) -> list[str]:
    return [step_name(start, reading.window.grain) for start, _ in reading.window.steps()]


def _words(reading: Reading) -> list[str]:
    return [step_name(start, reading.window.grain, full=True) for start, _ in reading.window.steps()]


def step_name(start: datetime, grain: str, *, full: bool = False) -> str:
    """What a step is called: 14:00, 21 Nov, Nov; in full with what it belongs to."""
    if grain == "h":
        return f"{start:%-d %B, %H:%M} to {start.hour + 1:02}:00" if full else f"{start:%H:%M}"
    if grain == "d":
        return f"{start:%a %-d %B %Y}" if full else f"{start:%-d %b}"
    return f"{start:%B %Y}" if full else f"{start:%b}"


def breakdown(figure: Figure, sums: Sums) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables of a figure's parts: for each metric that is told apart, each kind with its number in words."""
    found = []
    for metric in PARTS.get(figure.name, ()):
        rows = [(cause(dim), _part(metric, dim, sums)) for dim in sums.dims(metric)]
        if rows:
            found.append((TITLES[metric], rows))
    return found


def _part(metric: str, dim: str, sums: Sums) -> str:
    if metric.endswith(".time"):
        half, most = (shown(sums.time(metric, share, dim), "ms") for share in (0.5, 0.95))
        return f"p50 {half}, p95 {most}, {sums.n(metric, dim):,} timed"
    if metric.startswith("money."):
        return f"{money(sums.total(metric, dim), dim)} in {sums.n(metric, dim):,}"
    if metric == "level.balance":
        return money(sums.total(metric, dim), dim.rpartition(":")[2])
    return f"{sums.n(metric, dim):,}"


PARTS = {
    "revenue": ("money.captured", "money.refunded"), "average-booking": ("money.captured",),
    "bookings": ("money.captured",), "order-failures": ("order.failed", "order.asked"),
    "supplier-latency": ("search.time", "call.time"), "supplier-balance": ("level.balance",),
    "supplier-failures": ("search.failed", "search.asked", "call.failed", "call.made"),
    "webhooks-in-time": ("webhook.late", "webhook.came", "webhook.time"), "server-errors": ("web.5xx",),
    "webhook-failures": ("webhook.failed", "webhook.lost", "webhook.refused"), "database-errors": ("db.error",),
}
TITLES = {
    "money.captured": "Captured, by currency", "money.refunded": "Given back, by currency",
    "order.failed": "Failed orders, by supplier and cause", "order.asked": "Orders asked for, by supplier",
    "search.time": "Searches, by supplier", "call.time": "Requests of bookings, by whom they ask",
    "level.balance": "Balance, by supplier and currency", "search.failed": "Failed searches, by supplier and cause",
    "search.asked": "Searches asked, by supplier", "call.failed": "Failed requests of bookings, by step",
    "call.made": "Requests of bookings, by whom they ask", "webhook.late": "Late, by sender", "webhook.came":
    "Messages that concern us, by sender", "webhook.time": "From making to hearing, by sender",
    "webhook.failed": "Not kept, by sender", "webhook.lost": "Never recognised, by sender",
    "webhook.refused": "Unproven, by sender and reason", "web.5xx": "By status", "db.error": "By kind",
}


def is_money(figure: Figure) -> bool:
    """Whether a figure is told by currency."""
    return isinstance(figure.measure, Amounts)
