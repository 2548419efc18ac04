"""Limits that protect money and logins: counted in PostgreSQL, and refused when they cannot be counted."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from bookings import messages
from fly2any.kernel import keys
from fly2any.kernel.errors import Problem

HOLDS_A_DAY = 10  # per address (reliability.md 7)
PAYMENT_CALLS = 5  # a minute and address
TEN_MINUTES, SEARCHES, OFFERS_ASKED = timedelta(minutes=10), 120, 240
PRESSES_AN_HOUR = 10
HOUR_SECONDS = 3600

_COUNT = """
WITH before AS (
    SELECT count FROM bookings_attempt WHERE scope = %(scope)s AND subject = %(subject)s AND slot = %(before)s)
INSERT INTO bookings_attempt AS a (scope, subject, slot, count) VALUES (%(scope)s, %(subject)s, %(slot)s, 1)
ON CONFLICT (scope, subject, slot) DO UPDATE SET count = LEAST(a.count + 1, %(most)s)
RETURNING a.count, COALESCE((SELECT count FROM before), 0)
"""


def count(scope: str, subject: str, *, per: timedelta, limit: int, now: datetime) -> None:
    """Count one attempt of `subject` (kept as a keyed hash); above `limit` in `per` raise Problem throttled (429).

    The window slides: what was counted in the slot before weighs as much as of it still lies within `per`. `now` is
    the database's time (UTC). Refuses (503) when the database cannot count.
    """
    length = per.total_seconds()
    slot, elapsed = divmod(now.timestamp(), length)
    start = datetime.fromtimestamp(slot * length, UTC)
    hashed = keys.keyed_digest(settings.SECRET_KEY, [scope, subject])
    values: dict[str, Any] = {"scope": scope, "subject": hashed, "slot": start, "before": start - per,
                              "most": limit + 1}
    try:
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, values)
            here, earlier = cursor.fetchone()
    except DatabaseError as error:
        raise Problem("unavailable", "We cannot take this request right now.", status=503, action="Try again",
                      headers={"Retry-After": "5"}) from error
    if here + min(earlier, limit) * (1 - elapsed / length) > limit:
        slot_ends = math.ceil(length - elapsed)
        throttled(slot_ends if here > limit else min(slot_ends, math.ceil(length / limit)))


def throttled(seconds: int) -> None:
    """Raise Problem throttled: come back in `seconds`."""
    wait = f"{seconds} seconds" if seconds <= 90 else f"{math.ceil(seconds / 60)} minutes"
    said = messages.say("throttled", wait=wait)
    raise Problem(said.code, said.text, status=429, action=said.action, headers={"Retry-After": str(seconds)})


def payment_call(address: str, now: datetime, door: str = "payments") -> None:
    """One call of a payment endpoint: 5 a minute and address. `door`: the pages' pay and look count for themselves."""
    count(door, address, per=timedelta(minutes=1), limit=PAYMENT_CALLS, now=now)


def hold(address: str, now: datetime) -> None:
    """One booking held without payment: 10 a day and address."""
    count("holds", address, per=timedelta(days=1), limit=HOLDS_A_DAY, now=now)


def search(address: str, now: datetime) -> None:
    """One search, which costs the suppliers work and us money: 120 in 10 minutes and address (an office shares one)."""
    count("search", address, per=TEN_MINUTES, limit=SEARCHES, now=now)


def offer_asked(principal: str, now: datetime) -> None:
    """One offer or its seats asked afresh at the supplier: 240 in 10 minutes and visitor."""
    count("offer", principal, per=TEN_MINUTES, limit=OFFERS_ASKED, now=now)


def pressed(deed: str, booking_id: int, now: datetime) -> None:
    """One press that mails, asks the airline or leaves a line for ever: 10 an hour, booking and deed."""
    count(deed, str(booking_id), per=timedelta(hours=1), limit=PRESSES_AN_HOUR, now=now)


def unpaid_seats(address: str, *, chosen: bool, holdable: bool, now: datetime) -> bool:
    """Count a booking that reserves seats before they are paid: 10 a day and address. May it do so?

    A `chosen` hold above the limit raises Problem throttled. Who pays at once and is above it gets False: the booking
    goes on, but its card comes first.
    """
    if not chosen and not holdable:
        return False
    try:
        hold(address, now)
    except Problem as problem:
        if chosen or problem.status != 429:
            raise
        return False
    return True
