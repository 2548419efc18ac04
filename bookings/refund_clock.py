"""By when a refund that is due must be sent: 7 business days (14 CFR 260.2, dot-rules.md 2.6). Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BUSINESS_DAYS = 7  # what was paid by credit card; we take cards only
_HERE = ZoneInfo("America/New_York")  # whose calendar days are counted
_MONDAY, _THURSDAY = 0, 3


def legal_date(due_since: datetime) -> date:
    """The last day for sending a refund that has been due since this moment (UTC): the 7th business day after it."""
    day, left = due_since.astimezone(_HERE).date(), BUSINESS_DAYS
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return day


def end_of(day: date) -> datetime:
    """The last minute of that day where days are counted, as UTC."""
    return datetime.combine(day, time(23, 59), _HERE).astimezone(UTC)


def is_business_day(day: date) -> bool:
    """Neither a weekend nor a federal holiday, also where that is observed on another day (5 U.S.C. 6103)."""
    return day.weekday() < 5 and day not in _holidays(day.year) | _holidays(day.year + 1)


def _holidays(year: int) -> frozenset[date]:
    """The federal holidays of a year on the days they are observed (New Year's may be the 31st before)."""
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25)]
    moving = [_nth(year, 1, _MONDAY, 3), _nth(year, 2, _MONDAY, 3), _last_monday(year, 5), _nth(year, 9, _MONDAY, 1),
              _nth(year, 10, _MONDAY, 2), _nth(year, 11, _THURSDAY, 4)]
    return frozenset([*(_observed(day) for day in fixed), *moving])


def _observed(day: date) -> date:
    """A Saturday's holiday is observed on the Friday before, a Sunday's on the Monday after."""
    return day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _last_monday(year: int, month: int) -> date:
    last = date(year, month + 1, 1) - timedelta(days=1)
    return last - timedelta(days=last.weekday())
