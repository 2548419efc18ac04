"""How the dashboard writes numbers: grouped, with their unit, never a figure that was not counted."""

from __future__ import annotations

from collections.abc import Mapping

from fly2any.kernel.money import Money, MoneyError, exponent

NOTHING = "no data yet"
MINUTE, HOUR, DAY = 60_000.0, 3_600_000.0, 86_400_000.0


def shown(value: float | None, unit: str) -> str:
    """A value for a reader: 97.4 %, 480 ms, 1.24 s, 3 h 20 min, 12,345."""
    if value is None:
        return NOTHING
    if unit == "percent":
        return percent(value)
    if unit == "ms":
        return lasting(value)
    if unit == "seconds":
        return lasting(value * 1000) if value >= 60 else f"{value:.0f} s"
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """One decimal, two where little is left: never 100 % or 0 % of what is not all or nothing."""
    if value in (0.0, 100.0):
        return f"{value:.0f} %"
    if min(value, 100 - value) < 0.05:
        return "under 0.05 %" if value < 50 else "over 99.95 %"
    return f"{value:.1f} %"


def lasting(ms: float) -> str:
    """A length of time in two parts at most."""
    if ms < 0.5:
        return "0 s"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 10_000:
        return f"{ms / 1000:.2f} s"
    if ms < MINUTE:
        return f"{ms / 1000:.0f} s"
    if ms < HOUR:
        return f"{ms // MINUTE:.0f} min {ms % MINUTE / 1000:.0f} s"
    if ms < 2 * DAY:
        return f"{ms // HOUR:.0f} h {ms % HOUR // MINUTE:.0f} min"
    return f"{ms // DAY:,.0f} d {ms % DAY // HOUR:.0f} h"


def on_axis(ms: float) -> str:
    """A length of time beside an axis: as short as it goes."""
    for size, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1000.0, "s")):
        if ms >= size:
            return f"{ms / size:.3g} {letter}"
    return f"{ms:.3g} ms" if ms else "0"


def money(minor: int, currency: str) -> str:
    """An amount with its currency, grouped."""
    try:
        return str(Money(minor, currency))
    except MoneyError:
        return f"{minor:,} {currency}"


def moneys(amounts: Mapping[str, int]) -> list[str]:
    """Amounts by currency, or by "supplier:CUR", in the order given."""
    found = []
    for dim, minor in amounts.items():
        who, _, currency = dim.rpartition(":")
        found.append(f"{who} {money(minor, currency)}".strip())
    return found


def major(minor: int, currency: str) -> float:
    """An amount in whole units, for drawing only."""
    try:
        return minor / 10 ** exponent(currency)
    except MoneyError:
        return float(minor)


def cause(dim: str) -> str:
    """ "duffel:sold_out" for a reader."""
    who, _, code = dim.partition(":")
    return f"{who}: {code.replace('_', ' ') or 'no reason given'}" if code or ":" in dim else who


def short(value: float) -> str:
    """A number beside an axis: 950, 1.2k, 25k, 3M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
