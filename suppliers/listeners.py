"""The one list through which suppliers speak upward: who wants to hear that something of a booking changed outside."""

from collections.abc import Callable
from datetime import datetime

Listener = Callable[[int, datetime], None]
_subscribers: list[Listener] = []


def subscribe(listener: Listener) -> None:
    """Register a listener once; it is called inside the transaction that kept the supplier's message."""
    if listener not in _subscribers:
        _subscribers.append(listener)


def tell(booking_id: int, now: datetime) -> None:
    """Tell every listener that `booking_id` has news (`now`: database time, UTC)."""
    for listener in _subscribers:
        listener(booking_id, now)
