"""A tile for each figure: its value, whether it is as it should be, how it moved, what stands behind it; in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bookings.console.dashboard.words import NOTHING, cause, lasting, moneys, percent, shown
from bookings.figures.definitions import BY_NAME, FIGURES, Figure
from bookings.figures.reading import Reading
from bookings.figures.sums import Amounts, Share, Sums
from bookings.models import Case

MET, MISSED, FREE, EMPTY = "met", "missed", "free", "empty"
SIGNS = {MET: "✓", MISSED: "✗", FREE: "", EMPTY: "–"}
MOST = 4  # lines beneath a value; the figure's own page has all of them


@dataclass(frozen=True)
class Tile:
    """What one tile says."""

    figure: Figure
    values: list[str]  # one; of money one for each currency
    state: str
    verdict: str
    lines: list[str]
    moved: str  # in words: up, down, level, with how much and against what; "" when there is nothing to compare
    arrow: str

    @property
    def sign(self) -> str:
        """The verdict's sign, which never stands alone."""
        return SIGNS[self.state]


def tiles(reading: Reading) -> list[Tile]:
    """All tiles, in the order of the table of figures."""
    return [tile(figure, reading) for figure in FIGURES]


def tile(figure: Figure, reading: Reading) -> Tile:
    """One tile."""
    now, before = _sums(figure, reading)
    values = values_of(figure, now)
    if figure.per_day and reading.window.days > 1 and values != [NOTHING]:
        values = [f"{now_of(figure, now) / reading.window.days:,.1f} a day"]
    state = _state(figure, now, reading.window.days)
    verdict = {MET: f"Target met: {figure.target}", MISSED: f"Target missed: {figure.target}",
               FREE: "No target", EMPTY: f"Target: {figure.target}" if figure.target else "No target"}[state]
    arrow, moved = _moved(figure, now if figure.is_level else reading.ran, before, reading)
    lines = LINES[figure.name](now, reading) if state != EMPTY and figure.name in LINES else []
    return Tile(figure, values, state, verdict, lines[:MOST + 2], moved, arrow)


def now_of(figure: Figure, sums: Sums) -> float:
    """The value as a number, 0 where there is none."""
    return figure.measure.value(sums) or 0.0


def values_of(figure: Figure, sums: Sums) -> list[str]:
    """The value in words: one for each currency when it is money."""
    if isinstance(figure.measure, Amounts):
        return moneys(figure.measure.by_currency(sums)) or [NOTHING]
    return [shown(figure.measure.value(sums), figure.measure.unit)]


def _sums(figure: Figure, reading: Reading) -> tuple[Sums, Sums]:
    return (reading.levels, reading.levels_before) if figure.is_level else (reading.sums, reading.before)


def _state(figure: Figure, sums: Sums, days: float) -> str:
    if figure.measure.value(sums) is None:
        return EMPTY
    met = figure.met(sums, days)
    return FREE if met is None else MET if met else MISSED


def _moved(figure: Figure, now: Sums, before: Sums, reading: Reading) -> tuple[str, str]:
    """Arrow and words: how much, in points for shares, in percent else, and whether that is better."""
    if isinstance(figure.measure, Amounts):
        return _money_moved(figure.measure, now, before, reading)
    value, earlier = figure.measure.value(now), figure.measure.value(before)
    if value is None or earlier is None:
        return "", ""
    return _difference(value, earlier, figure.measure.unit, figure.better, reading)


def _money_moved(measure: Amounts, now: Sums, before: Sums, reading: Reading) -> tuple[str, str]:
    """The change of the first currency, named."""
    here, there = measure.by_currency(now), measure.by_currency(before)
    first = next(iter(here), None)
    if first is None or not there.get(first):
        return "", ""
    arrow, words = _difference(here[first], there[first], "count", "up", reading)
    return arrow, f"{first.replace(':', ' ')} {words}" if len(here) > 1 else words


def _difference(value: float, earlier: float, unit: str, better: str, reading: Reading) -> tuple[str, str]:
    than = compared(reading)
    step = value - earlier
    if unit == "percent":
        size, level = f"{abs(step):.1f} points", abs(step) < 0.05
    elif earlier:
        size, level = f"{abs(100 * step / earlier):,.0f} %", abs(step / earlier) < 0.005
    else:
        size, level = f"from 0 to {shown(value, unit)}", step == 0
    if level:
        return "→", f"as {than}"
    up = step > 0
    good = "" if not better else ", better" if up == (better == "up") else ", worse"
    return ("▲" if up else "▼"), f"{'up' if up else 'down'} {size}{good} than {than}" if good else (
        f"{'up' if up else 'down'} {size} against {than}")


def compared(reading: Reading) -> str:
    """What a value is compared with."""
    window = reading.window
    what = {"today": "the day before", "7d": "the 7 days before", "30d": "the 30 days before",
            "12m": "the 12 months before", "month": "the month before"}[window.period]
    return what if window.over else f"{what}, to the same hour"


# --- what stands beneath the value ------------------------------------------------------------------------------------


def _of(measure: Share, what: str) -> Callable[[Sums, Reading], list[str]]:
    def say(sums: Sums, reading: Reading) -> list[str]:
        whole = sums.n(measure.whole)
        part = sum(sums.n(metric) for metric in measure.part)
        return [f"{whole - part if measure.rest else part:,} of {whole:,} {what}"]
    return say


def _share(name: str, what: str) -> Callable[[Sums, Reading], list[str]]:
    measure = next(figure.measure for figure in FIGURES if figure.name == name)
    assert isinstance(measure, Share)  # noqa: S101  the table says so
    return _of(measure, what)


def _times(metric: str, sums: Sums, what: str) -> list[str]:
    """Half and 95 of 100, of all."""
    half, most = sums.time(metric, 0.5), sums.time(metric, 0.95)
    return [f"half within {shown(half, 'ms')} (p50), 95 of 100 within {shown(most, 'ms')} (p95)",
            f"of {sums.n(metric):,} {what}"]


def _by(metric: str, sums: Sums, most: int = MOST) -> list[str]:
    dims = sums.dims(metric)
    left = len(dims) - most
    return [f"{cause(dim)} {sums.n(metric, dim):,}" for dim in dims[:most]] + ([f"and {left} more"] if left > 0 else [])


def _revenue(sums: Sums, reading: Reading) -> list[str]:
    back = moneys(Amounts("money.refunded").by_currency(sums))
    return [f"given back: {', '.join(back) or 'nothing'}"]


def _bookings(sums: Sums, reading: Reading) -> list[str]:
    return [f"on {reading.window.day:%-d %B}: {reading.last_days[1].n('money.captured'):,}"]


def _refunds(sums: Sums, reading: Reading) -> list[str]:
    return moneys({dim: sums.total("level.refunds", dim) for dim in sums.dims("level.refunds")
                   if sums.n("level.refunds", dim)})


def _cases(sums: Sums, reading: Reading) -> list[str]:
    worst = [f"{sums.n('level.cases', str(one.value)):,} {one.label}" for one in Case.Severity
             if sums.n("level.cases", str(one.value))]
    oldest = [f"the oldest is open for {lasting(sums.n('level.oldest') * 1000.0)}"] if sums.n("level.cases") else []
    flow = f"in the period {reading.sums.n('case.opened'):,} opened, {reading.sums.n('case.closed'):,} closed"
    return [", ".join(worst), *oldest, flow] if worst else [*oldest, flow]


def _latency(sums: Sums, reading: Reading) -> list[str]:
    found = []
    for metric, what in (("search.time", "searches"), ("call.time", "bookings")):
        for dim in sums.dims(metric)[:MOST]:
            half, most = sums.time(metric, 0.5, dim), sums.time(metric, 0.95, dim)
            found.append(f"{dim} {what}: p50 {shown(half, 'ms')}, p95 {shown(most, 'ms')}")
    return found


def _failures(sums: Sums, reading: Reading) -> list[str]:
    calls = sums.n("call.made")
    failed = sums.n("call.failed")
    return [*_by("search.failed", sums, 3), f"requests of bookings that failed: {failed:,} of {calls:,}"]


def _orders(sums: Sums, reading: Reading) -> list[str]:
    return [f"{sums.n('order.failed'):,} of {sums.n('order.asked'):,} orders", *_by("order.failed", sums, 3)]


def _webhooks(sums: Sums, reading: Reading) -> list[str]:
    return [f"{sums.n('webhook.late'):,} late of {sums.n('webhook.came'):,} messages",
            f"95 of 100 within {shown(sums.time('webhook.time', 0.95), 'ms')} (p95)"]


def _unkept(sums: Sums, reading: Reading) -> list[str]:
    return [f"not kept: {sums.n('webhook.failed'):,}, never recognised: {sums.n('webhook.lost'):,}",
            f"unproven, refused: {sums.n('webhook.refused'):,}"]


def _errors(sums: Sums, reading: Reading) -> list[str]:
    """In all, the days above the target, and by status."""
    found = []
    if reading.window.days > 1:
        found.append(f"{sums.n('web.5xx'):,} in the period")
    if reading.window.grain == "d":
        limit = BY_NAME["server-errors"].below or 0
        over = sum(day.n("web.5xx") >= limit for day in reading.steps.values())
        found.append(f"{over} of {reading.window.days:.0f} days at {limit:.0f} or more")
    return [*found, *_by("web.5xx", sums)]


def _queue(sums: Sums, reading: Reading) -> list[str]:
    return [f"highest in the period {shown(float(reading.sums.highs.get('level.queue', 0)), 'seconds')}"]


def _funnel_share(sums: Sums, reading: Reading) -> list[str]:
    started, reached = sums.n("booking.started"), sums.n("booking.reached")
    done = sums.n("booking.completed")
    gone = percent(100 * (started - reached) / started) if started else NOTHING
    return [f"{reached - done:,} of {reached:,} left at the payment", f"{gone} left between start and payment"]


LINES: dict[str, Callable[[Sums, Reading], list[str]]] = {
    "payment-success": _share("payment-success", "payments"), "three-d-secure": _share("three-d-secure", "payments"),
    "declines": _share("declines", "attempts"),
    "payment-time": lambda sums, _: _times("payment.time", sums, "payments"),
    "revenue": _revenue, "bookings": _bookings, "refunds-due": _refunds,
    "conversion": _share("conversion", "searches"), "abandonment": _funnel_share, "open-cases": _cases,
    "time-to-solve": lambda sums, _: _times("case.time", sums, "cases"),
    "healed": _share("healed", "closed cases"), "order-failures": _orders, "supplier-latency": _latency,
    "supplier-failures": _failures, "webhooks-in-time": _webhooks, "webhook-failures": _unkept,
    "server-errors": _errors, "database-errors": lambda sums, _: _by("db.error", sums), "queue-lag": _queue,
}
