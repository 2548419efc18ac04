"""Waking a booking: raise its counter in the same commit as the news, hint the workers after it.

Hints leave through a thread of their own, so that neither a slow broker nor a burst of messages holds a request up;
the same hint asked for twice before it left goes once. What is lost with the process costs time, never a booking.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from bookings.models import Booking
from fly2any.celery import app

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 2.0  # after a broker that did not take a hint
_WAKE = (f"UPDATE {Booking._meta.db_table} SET wakes = wakes + 1, due_at = %s, parked_at = NULL, attempts = 0 "  # noqa: S608
         "WHERE id = %s")
Hint = tuple[str, int]


def wake(booking_id: int, now: datetime) -> None:
    """Make the booking due at once and hint the workers after commit. Call it inside the transaction of the news."""
    with connection.cursor() as cursor:  # plain SQL: the busiest statement of the site
        cursor.execute(_WAKE, [now, booking_id])
    hint_after_commit(booking_id)


def hint_after_commit(booking_id: int) -> None:
    """Send the hint once the transaction is committed."""
    transaction.on_commit(lambda: _sender.add(("bookings.advance", booking_id)), robust=True)


def hint_mail() -> None:
    """After commit, hint that mail is waiting."""
    transaction.on_commit(lambda: _sender.add(("bookings.mail", 0)), robust=True)


class _Sender:
    """The thread that hands hints to the broker; started when the first hint comes, again after a fork."""

    def __init__(self) -> None:
        self._waiting: dict[Hint, None] = {}
        self._changed = threading.Condition()
        self._process = 0

    def add(self, hint: Hint) -> None:
        """Ask for a hint to be sent soon."""
        if not settings.BROKER_ENABLED:
            return
        with self._changed:
            if self._process != os.getpid():
                self._process = os.getpid()
                threading.Thread(target=self._run, name="hints", daemon=True).start()
            self._waiting[hint] = None
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                hints, self._waiting = list(self._waiting), {}
            if not _send(hints):
                time.sleep(PAUSE_SECONDS)


def _send(hints: Iterable[Hint]) -> bool:
    """Give hints to the broker; False (and the rest is lost) when it does not take one."""
    for name, booking_id in hints:
        try:
            app.send_task(name, kwargs={"booking_id": booking_id} if booking_id else {}, ignore_result=True)
        except (OperationalError, OSError):
            logger.warning("hint.lost", extra={"task": name})
            return False
    return True


_sender = _Sender()
