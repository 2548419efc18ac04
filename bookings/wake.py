"""Waking a booking: raise its counter in the same commit as the news, hint the workers after it."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F
from kombu.exceptions import OperationalError

from bookings.models import Booking
from fly2any.celery import app

logger = logging.getLogger(__name__)


def wake(booking_id: int, now: datetime) -> None:
    """Make the booking due at once and hint the workers after commit. Call it inside the transaction of the news."""
    Booking.objects.filter(pk=booking_id).update(wakes=F("wakes") + 1, due_at=now, parked_at=None, attempts=0)
    hint_after_commit(booking_id)


def hint_after_commit(booking_id: int) -> None:
    """Send the hint once the transaction is committed; a lost hint costs time, never a booking."""
    transaction.on_commit(lambda: _send("bookings.advance", booking_id=booking_id), robust=True)


def hint_mail() -> None:
    """After commit, hint that mail is waiting."""
    transaction.on_commit(lambda: _send("bookings.mail"), robust=True)


def _send(name: str, **kwargs: int) -> None:
    if not settings.BROKER_ENABLED:
        return
    try:
        app.send_task(name, kwargs=kwargs, ignore_result=True)
    except (OperationalError, OSError):
        logger.warning("hint.lost", extra={"task": name})
