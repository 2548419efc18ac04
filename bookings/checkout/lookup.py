"""Links to somebody's bookings by e-mail: the reply is the same whether there are any or not."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest

from bookings import access, limits, outbox
from bookings.models import Booking
from bookings.status import Status

WINDOW = timedelta(minutes=15)
PER_ADDRESS = 5
MOST_BOOKINGS = 5


def mail_links(request: HttpRequest, *, email: str, now: datetime) -> None:
    """Queue a mail with a link for each of the newest bookings of this address, at most once in 15 minutes each.

    Problem throttled when one address asks too often.
    """
    limits.count("link-mail", access.address_of(request), per=WINDOW, limit=PER_ADDRESS, now=now)
    version = str(int(now.timestamp() // WINDOW.total_seconds()))
    mine = (Booking.objects.filter(contact_email__iexact=email).exclude(status=Status.DRAFT)
            .order_by("-created_at", "-pk")[:MOST_BOOKINGS])
    for booking in mine:
        outbox.queue("lookup_link", booking, now, version=version)
