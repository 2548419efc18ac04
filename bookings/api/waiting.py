"""Waiting for the worker: at most half of the threads of this process may, and none holds a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from rest_framework.request import Request

from bookings import services
from bookings.models import Booking

_seats: list[threading.BoundedSemaphore] = []
_lock = threading.Lock()


def _semaphore() -> threading.BoundedSemaphore:
    with _lock:
        if not _seats:
            _seats.append(threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2)))
        return _seats[0]


@contextmanager
def seat() -> Iterator[bool]:
    """Whether this thread may wait now (False: too many wait already)."""
    semaphore = _semaphore()
    taken = semaphore.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            semaphore.release()


def wants_async(request: Request) -> bool:
    """`Prefer: respond-async` (RFC 7240): answer as soon as the wish is committed."""
    words = [part.strip().split(";")[0].lower() for part in request.headers.get("Prefer", "").split(",")]
    return "respond-async" in words


def wait(booking: Booking, until: Callable[[Booking], bool]) -> Booking:
    """The booking once `until` holds, or after WEB_WAIT_SECONDS, or at once when too many wait already."""
    if until(booking):
        return booking
    with seat() as allowed:
        seconds = float(settings.WEB_WAIT_SECONDS) if allowed else 0.0
        return services.wait_for(booking_id=booking.pk, seconds=seconds, until=until)
