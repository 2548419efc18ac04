"""Free cancellation and the refund clock, as tables: time of booking × departure × what the airline says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bookings import policy, refund_clock
from bookings.letter import deadline
from bookings.policy import Kind


def at(text: str, zone: str = "America/New_York") -> datetime:
    """A local time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


NOON = "2026-11-21T12:00"
# booked (New York), departure, its zone, void window ends (New York) -> free until (New York)
VOIDS = [
    (NOON, "2026-12-20T19:00", "America/New_York", "2026-11-22T23:59", "2026-11-22T12:00"),  # our day is shorter
    (NOON, "2026-12-20T19:00", "America/New_York", "2026-11-21T23:59", "2026-11-21T23:59"),  # the airline's is
    (NOON, "2026-12-20T19:00", "America/New_York", None, None),  # no window, no promise
    (NOON, "2026-12-20T19:00", "America/New_York", "2026-11-21T11:00", None),  # a window that is over
    (NOON, "2026-11-28T12:00", "America/New_York", "2026-11-23T00:00", "2026-11-22T12:00"),  # exactly 7 x 24 h
    (NOON, "2026-11-28T11:59", "America/New_York", "2026-11-23T00:00", None),  # a minute less
    # the night the clocks go back has 25 hours: 24 hours are 24 hours, and a week of dates is an hour longer
    ("2026-10-31T12:00", "2026-12-20T19:00", "America/New_York", "2026-11-02T00:00", "2026-11-01T11:00"),
    ("2026-10-31T12:00", "2026-11-07T11:00", "America/New_York", "2026-11-02T00:00", "2026-11-01T11:00"),
    # the night they go forward has 23: seven dates are an hour short of 7 x 24
    ("2026-03-07T12:00", "2026-03-14T12:00", "America/New_York", "2026-03-09T00:00", None),
    ("2026-03-07T12:00", "2026-03-14T13:00", "America/New_York", "2026-03-09T00:00", "2026-03-08T13:00"),
    # beyond the date line it is tomorrow already: Auckland's noon of the 29th is 18:00 of the 28th in New York
    (NOON, "2026-11-29T06:00", "Pacific/Auckland", "2026-11-23T00:00", "2026-11-22T12:00"),
    (NOON, "2026-11-29T05:59", "Pacific/Auckland", "2026-11-23T00:00", None),
]


@pytest.mark.parametrize(("booked", "leaves", "zone", "void", "free"), VOIDS)
def test_free_within_our_day_and_the_airlines_window(booked: str, leaves: str, zone: str, void: str | None,
                                                     free: str | None) -> None:
    found = policy.free_until(booked_at=at(booked), departs_at=at(leaves, zone), full_refund=False,
                              void_until=at(void) if void else None)
    assert found == (at(free) if free else None)


def test_a_fare_that_gives_everything_back_is_free_until_it_leaves() -> None:
    leaves = at("2026-11-22T08:00")
    assert policy.free_until(booked_at=at(NOON), departs_at=leaves, full_refund=True, void_until=None) == leaves


@pytest.mark.parametrize(("days", "allowed", "fee", "kind"), [
    (1, True, 0, Kind.ALWAYS_FREE), (30, True, 0, Kind.ALWAYS_FREE),
    (30, True, 20000, Kind.OUR_DAY), (30, False, None, Kind.OUR_DAY), (7, None, None, Kind.OUR_DAY),
    (6, True, 20000, Kind.FEE), (6, True, None, Kind.FEE), (6, False, None, Kind.NOTHING_BACK),
    (6, None, None, Kind.NOT_STATED),
])
def test_what_is_promised_before_booking(days: int, allowed: bool | None, fee: int | None, kind: Kind) -> None:
    booked = at(NOON)
    found = policy.promise(booked_at=booked, departs_at=booked + timedelta(days=days), allowed=allowed, fee_minor=fee)
    assert found.kind is kind
    assert found.until == {Kind.ALWAYS_FREE: booked + timedelta(days=days),
                           Kind.OUR_DAY: booked + timedelta(hours=24)}.get(kind)


@pytest.mark.parametrize(("zone", "city", "said"), [
    ("America/New_York", "New York", "Sun 22 Nov 2026, 12:00 (New York time)"),
    ("Pacific/Auckland", "Auckland", "Mon 23 Nov 2026, 06:00 (Auckland time)"),
    ("Asia/Kathmandu", "Kathmandu", "Sun 22 Nov 2026, 22:45 (Kathmandu time)"),
])
def test_the_end_is_said_on_the_travellers_clock(zone: str, city: str, said: str) -> None:
    assert deadline(at("2026-11-22T12:00"), zone, city) == said


@pytest.mark.parametrize(("confirmed", "due"), [
    ("2026-11-20T17:00", "2026-12-02"),  # Friday before Thanksgiving: 23 24 25 | 27 30 1 2
    ("2026-11-13T17:00", "2026-11-24"),  # no holiday
    ("2026-12-18T17:00", "2026-12-30"),  # Christmas on a Friday
    ("2026-12-24T09:00", "2027-01-06"),  # Christmas and New Year
    ("2027-12-27T09:00", "2028-01-06"),  # New Year's Saturday is kept on Friday, 31 December 2027
    ("2026-07-01T23:30", "2026-07-13"),  # Independence Day on a Saturday is kept on Friday the 3rd
    ("2026-11-13T22:00", "2026-11-24"),  # Saturday in UTC, Friday in Washington
])
def test_seven_business_days_over_federal_holidays(confirmed: str, due: str) -> None:
    assert refund_clock.legal_date(at(confirmed)) == date.fromisoformat(due)
