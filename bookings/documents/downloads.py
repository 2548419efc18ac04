"""A paper as something to download: content, media type and file name, or a Problem that a visitor understands."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse

from bookings import limits
from bookings.documents.calendars import calendar_file
from bookings.documents.paper import facts_of
from bookings.documents.printing import NotPrinted, pdf
from bookings.models import Booking
from bookings.status import Status
from fly2any.kernel.errors import Problem

logger = logging.getLogger(__name__)
# where a paper says something: the airline has, or had, an order
PRINTED = frozenset({Status.CONFIRMED, Status.HOLD, Status.PENDING_TICKETING, Status.CANCELLING, Status.CANCELLED})
PER_ADDRESS, WINDOW = 30, timedelta(minutes=10)  # each is a child process (bench/papers.py)


@dataclass(frozen=True)
class Paper:
    """A file for the customer."""

    name: str
    media_type: str
    content: bytes

    def response(self) -> HttpResponse:
        """The file as an answer that no cache keeps and no search engine lists."""
        answer = HttpResponse(self.content, content_type=self.media_type)
        answer["Content-Disposition"] = f'attachment; filename="{self.name}"'
        answer["Cache-Control"] = "no-store, private"
        answer["X-Robots-Tag"] = "noindex"
        return answer


def download(booking: Booking, kind: str, *, address: str, now: datetime) -> Paper:
    """The "pdf" or "ics" of a booking for a visitor from `address`. `now` is the database's time (UTC).

    Problem: no_paper (409) while there is nothing to carry, throttled (429), unavailable (503) when the PDF cannot be
    made.
    """
    limits.count("papers", address, per=WINDOW, limit=PER_ADDRESS, now=now)
    if booking.status not in PRINTED:
        raise Problem("no_paper", "There is no itinerary for this booking, because it is not booked.", status=409,
                      action="Look at the booking")
    if kind == "ics":
        return calendar(booking)
    try:
        return itinerary(booking)
    except NotPrinted as error:
        logger.exception("paper.failed", extra={"booking": booking.reference})
        raise Problem("unavailable", "The PDF cannot be made right now. Everything in it stands on the page of your "
                      "booking, which you can print.", status=503, action="Open the booking",
                      headers={"Retry-After": "60"}) from error


def itinerary(booking: Booking) -> Paper:
    """The itinerary as a file. Raises NotPrinted."""
    return Paper(f"Fly2Any-{booking.reference}.pdf", "application/pdf", pdf(facts_of(booking)))


def calendar(booking: Booking) -> Paper:
    """The flights for a calendar as a file."""
    return Paper(f"Fly2Any-{booking.reference}.ics", "text/calendar; charset=utf-8", calendar_file(booking))


def attachments(booking: Booking) -> list[Paper]:
    """What goes along with a mail: both files, or fewer. A paper that cannot be made never holds up a mail."""
    found: list[Paper] = []
    for make in (itinerary, calendar) if booking.status in PRINTED else ():
        try:
            found.append(make(booking))
        except Exception:  # whatever it is: the mail is worth more than its paper
            logger.exception("paper.failed", extra={"booking": booking.reference})
    return found
