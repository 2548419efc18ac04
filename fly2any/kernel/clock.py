"""The database's clock: the only clock that deadlines are compared with (reliability.md 9)."""

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """The database's time, aware, UTC. Call it at doors and pass the value on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        stamp: datetime = cursor.fetchone()[0]
    return stamp.astimezone(UTC)
