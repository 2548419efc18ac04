"""Pure: until when cancelling is free (dot-rules.md 2.5; refunds that are due: refund_clock). Moments are UTC.

Nobody is told "by law you may cancel": the 24 hours are our own rule, kept where the airline gives everything back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

FREE_FOR = timedelta(hours=24)
FREE_IF_AHEAD = timedelta(days=7)  # 7 x 24 hours, not seven dates


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
