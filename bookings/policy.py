"""Pure: until when cancelling is free, and when a refund is due (dot-rules.md 2.5, 2.6). All moments are UTC.

Nobody is told "by law you may cancel": the 24 hours are our own rule, kept where the airline gives everything back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

FREE_FOR = timedelta(hours=24)
FREE_IF_AHEAD = timedelta(days=7)  # 7 x 24 hours, not seven dates
CARD_BUSINESS_DAYS, OTHER_DAYS = 7, 20  # 14 CFR 260.6: credit card, other ways to pay
CLOCK_OF_THE_RULE = ZoneInfo("America/New_York")  # the airline's confirmation counts on the date in Washington


class Kind(StrEnum):
    """What we may say about cancelling before the booking is made."""

    ALWAYS_FREE = "always_free"  # until `until`, the departure
    OUR_DAY = "our_day"  # free of any fee of ours until `until`, if the airline gives everything back
    FEE = "fee"
    NOTHING_BACK = "nothing_back"
    NOT_STATED = "not_stated"


@dataclass(frozen=True)
class Promise:
    """What the page promises before the booking; `until` is UTC, None without a deadline."""

    kind: Kind
    until: datetime | None = None


def free_until(*, booked_at: datetime, departs_at: datetime, full_refund: bool,
               void_until: datetime | None) -> datetime | None:
    """Until when a ticketed booking can be cancelled for nothing; None when it cannot.

    `full_refund`: the fare's own terms give everything back before departure. Otherwise the airline's void window
    (`void_until`) decides, cut to 24 hours after booking, for departures a week and more after it.
    """
    if full_refund:
        return departs_at
    if void_until is None or departs_at - booked_at < FREE_IF_AHEAD:
        return None
    ends = min(void_until, booked_at + FREE_FOR)
    return ends if ends > booked_at else None


def promise(*, booked_at: datetime, departs_at: datetime, allowed: bool | None, fee_minor: int | None) -> Promise:
    """What may be promised before the order exists. `allowed`, `fee_minor`: the fare's refund terms, None unknown."""
    if allowed and fee_minor == 0:
        return Promise(Kind.ALWAYS_FREE, departs_at)
    if departs_at - booked_at >= FREE_IF_AHEAD:
        return Promise(Kind.OUR_DAY, booked_at + FREE_FOR)
    if allowed is None:
        return Promise(Kind.NOT_STATED)
    return Promise(Kind.FEE if allowed else Kind.NOTHING_BACK)


def refund_due(confirmed_at: datetime, *, by_card: bool) -> date:
    """The last day for a refund that is owed: 7 business days by card, 20 calendar days otherwise.

    Counted from the day after the airline confirmed its cancellation or significant change (`confirmed_at`, UTC).
    """
    day = confirmed_at.astimezone(CLOCK_OF_THE_RULE).date()
    if not by_card:
        return day + timedelta(days=OTHER_DAYS)
    left = CARD_BUSINESS_DAYS
    while left:
        day += timedelta(days=1)
        left -= is_business_day(day)
    return day


def is_business_day(day: date) -> bool:
    """Monday to Friday without the federal holidays of the United States."""
    return day.weekday() < 5 and day not in federal_holidays(day.year)


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> frozenset[date]:
    """The days on which federal holidays are observed in a year (5 U.S.C. 6103): a Saturday's on Friday, a Sunday's
    on Monday. New Year's Day of the next year counts when it is kept on 31 December.
    """
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25),
             date(year + 1, 1, 1)]
    floating = [_nth(year, 1, 0, 3), _nth(year, 2, 0, 3), _last_monday_of_may(year), _nth(year, 9, 0, 1),
                _nth(year, 10, 0, 2), _nth(year, 11, 3, 4)]
    kept = [day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0)) for day in fixed]
    return frozenset(day for day in [*kept, *floating] if day.year == year)


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())
