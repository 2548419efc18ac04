"""Doors of the worker: ids in, one call each. A lost task costs time only; the sweep finds the row."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.db import close_old_connections

from bookings import mail, sweep
from bookings.advance import advance
from fly2any.kernel import clock


@shared_task(name="bookings.advance", acks_late=True)
def advance_booking(*, booking_id: int, **_: Any) -> None:
    """Drive one booking."""
    close_old_connections()
    advance(booking_id)
    sweep.watch_sweeper(clock.now)


@shared_task(name="bookings.mail", acks_late=True)
def send_mail(**_: Any) -> None:
    """Send what is due."""
    close_old_connections()
    mail.send_due(clock.now(), 20)
