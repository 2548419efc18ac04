"""The driver lock, and the only row lock on bookings. Lock order: Booking, order, payment, refund, call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField
from django.db.models.expressions import RawSQL

from bookings.models import Booking

_NAMESPACE = 0x46325 << 44  # keeps our keys apart from other advisory locks in the same database


class LostLock(RuntimeError):
    """The connection that held the driver lock is gone: another driver may be at work."""


class DriverLock:
    """Proof that this process drives a booking; it lives and dies with one database connection."""

    def __init__(self) -> None:
        self._backend = connection.connection.info.backend_pid

    def check(self) -> None:
        """Raise LostLock unless the connection that took the lock is still the present one."""
        held_by = connection.connection
        if held_by is None or held_by.closed or held_by.info.backend_pid != self._backend:
            raise LostLock


@contextmanager
def driver(booking_id: int) -> Iterator[DriverLock | None]:
    """Become the booking's only driver, or get None at once when somebody else is (design.md 2).

    A session-level lock on this process's own direct connection: it is gone the moment the process is.
    """
    key = _NAMESPACE | booking_id
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        if not cursor.fetchone()[0]:
            yield None
            return
    lock = DriverLock()
    try:
        yield lock
    finally:
        try:
            lock.check()
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
        except Exception:
            connection.close()


def booking_for_update(booking_id: int) -> tuple[Booking, datetime]:
    """Lock the row (short, inside a transaction) and read the database clock (UTC) with it."""
    booking = (
        Booking.objects.select_for_update(of=("self",), no_key=True)
        .annotate(db_now=RawSQL("clock_timestamp()", (), output_field=DateTimeField()))
        .get(pk=booking_id)
    )
    return booking, booking.db_now.astimezone(UTC)
