"""The papers of a booking: an itinerary to print and carry, and a calendar file."""

from bookings.documents.calendars import calendar_file
from bookings.documents.downloads import PRINTED, Paper, attachments, download
from bookings.documents.paper import facts_of
from bookings.documents.printing import NotPrinted, pdf
from bookings.models import Booking

__all__ = ["PRINTED", "NotPrinted", "Paper", "attachments", "calendar_file", "download", "itinerary_pdf"]


def itinerary_pdf(booking: Booking) -> bytes:
    """The itinerary as PDF (tagged, A4, prints on Letter), the same bytes for the same facts. Raises NotPrinted."""
    return pdf(facts_of(booking))
