"""VTIMEZONE components for the clocks of a trip: each change of the clock within the years that matter.

The library's own generator names the start of summer time in the new offset; RFC 5545 3.6.5 wants the old one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def component(name: str, first: datetime, last: datetime) -> Timezone:
    """The zone `name` (IANA) as it is between the start of `first`'s year and the end of `last`'s."""
    zone, found = ZoneInfo(name), Timezone()
    found.add("TZID", name)
    at, ends = datetime(first.year, 1, 1, tzinfo=UTC), datetime(last.year + 1, 1, 1, tzinfo=UTC)
    found.add_component(_rule(zone, at, at))
    while at < ends:
        if _offset(zone, at) != _offset(zone, at + DAY):
            turn = _turn(zone, at)
            found.add_component(_rule(zone, turn - SECOND, turn))
        at += DAY
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _turn(zone: ZoneInfo, day: datetime) -> datetime:
    """The first second (UTC) of the new offset within the day that begins at `day`."""
    low, high = 0, int(DAY.total_seconds())  # the offset of `low` is old, of `high` new
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, day + timedelta(seconds=middle)) == _offset(zone, day):
            low = middle
        else:
            high = middle
    return day + timedelta(seconds=high)


def _rule(zone: ZoneInfo, before: datetime, after: datetime) -> TimezoneStandard | TimezoneDaylight:
    """What holds from `after` on; it starts on the clock that was shown `before`."""
    local = after.astimezone(zone)
    rule = TimezoneDaylight() if local.dst() else TimezoneStandard()
    rule.add("DTSTART", (after + _offset(zone, before)).replace(tzinfo=None))
    rule.add("TZOFFSETFROM", _offset(zone, before))
    rule.add("TZOFFSETTO", _offset(zone, after))
    rule.add("TZNAME", local.tzname() or "LMT")
    return rule
