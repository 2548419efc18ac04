"""The customer's yes to a higher price before anything is booked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from bookings.models import Booking, Diary


def agree_to_price(*, booking: Booking, old_minor: int, new_minor: int, now: datetime) -> None:
    """Write down that the customer goes on at the new total (minor units of the booking's currency)."""
    who = "guest" if booking.user_id is None else f"user:{booking.user_id}"
    with transaction.atomic(durable=True):
        Diary.objects.create(booking=booking, at=now, actor=who, event="price.accepted", before=str(old_minor),
                             after=str(new_minor), cause="review")
