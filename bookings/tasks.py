"""Doors of the worker: ids in, one call each. A lost task costs time only; the sweep finds the row."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_ready
from django.db import close_old_connections, connection

from bookings import copies, mail, sweep
from bookings.advance import advance
from fly2any.kernel import clock, counting, settling

logger = logging.getLogger(__name__)


@worker_init.connect
def settle(**_: Any) -> None:
    """Before the worker starts its children or threads."""
    settling.settle()


@worker_ready.connect
def watch_over_the_sweeper(**_: Any) -> None:
    """From now on this worker notices a silent sweeper, also while no booking wakes it."""
    threading.Thread(target=_watch, name="watch", daemon=True).start()
    counting.start()


def _watch(rounds: int = -1) -> None:
    """Look once a minute, for ever (or `rounds` times)."""
    pause = threading.Event()
    while rounds:
        pause.wait(sweep.WATCH_EVERY_SECONDS)
        rounds -= 1
        try:
            copies.check()
            sweep.watch_sweeper(clock.now)
        except Exception:
            logger.exception("watch.failed")
            connection.close()


@shared_task(name="bookings.advance", acks_late=True)
def advance_booking(*, booking_id: int, **_: Any) -> None:
    """Drive one booking."""
    close_old_connections()
    copies.check_now_and_then()
    advance(booking_id)
    sweep.watch_sweeper(clock.now)


@shared_task(name="bookings.mail", acks_late=True)
def send_mail(**_: Any) -> None:
    """Send what is due."""
    close_old_connections()
    copies.check_now_and_then()
    mail.send_due(clock.now(), 20)
