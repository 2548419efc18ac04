"""Rolls the rows of each hour up into figures, hours into days, days into months. Doing it again changes nothing.

An hour is replaced as a whole in one commit together with its day and its month: whoever is killed half-way leaves
the figures as they were. The newest two hours are counted every minute, the last five days every night, because a
payment may be authorised, a message heard, or a booking paid long after it began. Searches are forgotten after seven
days, so nothing older is ever counted again by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from bookings.figures import sources
from bookings.models import Figure, Heartbeat, Seen, Tally

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = timedelta(days=5)  # what is counted again every night; searches are kept for 7 days
AT_ONCE = 48  # hours in one round, so that a long standstill is caught up in rounds
HOURS_KEPT = timedelta(days=100)  # days and months stay
TALLIES_KEPT = timedelta(days=8)
MARK = "figures.until"
LEVEL = "level."
_GUARD = 0x46494755  # one collector at a time for each hour: an advisory lock of the transaction

_PUT = """INSERT INTO bookings_figure (grain, at, metric, dim, n, total, high, hist)
SELECT 'h', %(a)s, found.metric, found.dim, found.n, found.total, 0, found.hist
FROM ({source}) AS found (metric, dim, n, total, hist) WHERE found.n <> 0"""

# Levels cannot be added up: of them only the highest of a day or a month is kept.
_FOLD = """
WITH parts AS MATERIALIZED (SELECT metric, dim, n, total, high, hist FROM bookings_figure
    WHERE grain = %(part)s AND at >= %(a)s AND at < %(z)s),
sums AS (SELECT metric, dim, CASE WHEN metric LIKE 'level.%%' THEN 0 ELSE sum(n) END AS n,
    CASE WHEN metric LIKE 'level.%%' THEN 0 ELSE sum(total) END AS total, max(high) AS high
    FROM parts GROUP BY metric, dim),
spread AS (SELECT metric, dim, jsonb_object_agg(bucket, many) AS hist FROM (
    SELECT metric, dim, one.key AS bucket, sum(one.value::bigint) AS many
    FROM parts, jsonb_each_text(parts.hist) AS one WHERE parts.hist IS NOT NULL GROUP BY metric, dim, one.key
    ) AS merged GROUP BY metric, dim)
INSERT INTO bookings_figure (grain, at, metric, dim, n, total, high, hist)
SELECT %(whole)s, %(a)s, sums.metric, sums.dim, sums.n, sums.total, sums.high, spread.hist
FROM sums LEFT JOIN spread USING (metric, dim)
"""

_LEVELS = f"""
INSERT INTO bookings_figure (grain, at, metric, dim, n, total, high, hist)
SELECT 'h', %(a)s, found.metric, found.dim, found.n, found.total, found.n, NULL
FROM ({sources.LEVELS}) AS found (metric, dim, n, total, hist)
ON CONFLICT (grain, at, metric, dim) DO UPDATE SET n = EXCLUDED.n, total = EXCLUDED.total,
    high = greatest(bookings_figure.high, EXCLUDED.high)
"""  # noqa: S608  constants only


def collect(now: datetime) -> int:
    """Count the present hour, the one before, and what was missed since the last round. Returns how many."""
    here = hour_of(now)
    fresh = [here - HOUR, here]
    mark = Heartbeat.objects.filter(name=MARK).values_list("beat_at", flat=True).first()
    start = mark or fresh[0]  # everything up to the mark's own hour was counted
    missed = [start + HOUR * number for number in range(max(0, int((fresh[0] - start) / HOUR)))]
    for at in [*missed[:AT_ONCE], *fresh]:
        count_hour(at)
    sample(now)
    caught_up = len(missed) <= AT_ONCE
    Heartbeat.objects.update_or_create(name=MARK, defaults={
        "beat_at": here if caught_up else missed[AT_ONCE],
        "note": {"counted": now.isoformat(), "caught_up": caught_up}})
    return len(missed[:AT_ONCE]) + len(fresh)


def recount(now: datetime, days: int = LATE.days) -> int:
    """Count the last `days` days again, today included, and forget what is too old. Returns how many hours."""
    first = hour_of(now).replace(hour=0) - DAY * (days - 1)
    hours = [first + HOUR * number for number in range(int((hour_of(now) - first) / HOUR) + 1)]
    for at in hours:
        count_hour(at, fold=at.hour == 23 or at == hours[-1])
    forget(now)
    return len(hours)


def count_hour(at: datetime, *, fold: bool = True) -> None:
    """Replace one hour's figures, and its day's and month's, in one commit. `at`: the hour's start, UTC."""
    window: dict[str, Any] = {**sources.parameters(), "a": at, "z": at + HOUR}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_GUARD])
        cursor.execute("DELETE FROM bookings_figure WHERE grain = 'h' AND at = %s AND metric NOT LIKE 'level.%%'", [at])
        for source in sources.SOURCES.values():
            cursor.execute(_PUT.format(source=source), window)
        if fold:
            _fold(cursor, at)


def sample(now: datetime) -> None:
    """Write down how things stand now; the present hour keeps the newest and the highest. `now`: UTC."""
    at = hour_of(now)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_GUARD])
        cursor.execute("UPDATE bookings_figure SET n = 0, total = 0 WHERE grain = 'h' AND at = %s "
                       "AND metric LIKE 'level.%%'", [at])  # what is not found any more stands at nothing
        cursor.execute(_LEVELS, {"a": at, "now": now})
        _fold(cursor, at)


def forget(now: datetime) -> dict[str, int]:
    """Drop hours, tallies and first looks that are too old; days and months stay. Returns how many of each."""
    return {
        "hours": Figure.objects.filter(grain="h", at__lt=now - HOURS_KEPT).delete()[0],
        "tallies": Tally.objects.filter(at__lt=now - TALLIES_KEPT).delete()[0],
        "seen": Seen.objects.filter(at__lt=now - TALLIES_KEPT).delete()[0],
    }


def _fold(cursor: CursorWrapper, at: datetime) -> None:
    """The day from its hours, the month from its days. The caller holds the lock and the transaction."""
    day = at.replace(hour=0)
    month = day.replace(day=1)
    for part, whole, start, end in (("h", "d", day, day + DAY), ("d", "m", month, next_month(month))):
        cursor.execute("DELETE FROM bookings_figure WHERE grain = %s AND at = %s", [whole, start])
        cursor.execute(_FOLD, {"part": part, "whole": whole, "a": start, "z": end})


def hour_of(now: datetime) -> datetime:
    """The hour that a moment belongs to, UTC."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """The first moment of the month after."""
    return (month + timedelta(days=32)).replace(day=1)
