"""Bookings of one visitor, made by hand, priced this moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bookings.models import Booking
from fly2any.kernel import clock
from tests.trail import rows


def make(principal: str, *, offer: dict[str, Any] | None = None, **changes: Any) -> Booking:
    """A booking of this visitor; `offer` changes the stored picture of its offer."""
    booking = rows.booking(principal=principal, **changes)
    now = clock.now()
    raw = {**booking.offer.searched, "expires_at": (now + timedelta(minutes=30)).isoformat(), **(offer or {})}
    stored = booking.offer
    stored.principal, stored.searched, stored.priced, stored.priced_at = principal, raw, raw, now
    stored.expires_at = booking.offer_expires_at = now + timedelta(minutes=30)
    stored.save()
    booking.save()
    return booking
