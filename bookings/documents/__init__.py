"""The papers of a booking: an itinerary to print and carry, and a calendar file."""

from bookings.documents.calendars import calendar_file
from bookings.documents.check_in import link_to as check_in_link
from bookings.documents.downloads import PRINTED, Paper, attachments, download
from bookings.documents.paper import BAG_FEES, before_you_fly, facts_of, people
from bookings.documents.printing import NotPrinted, pdf
from bookings.models import Booking

__all__ = ["BAG_FEES", "PRINTED", "NotPrinted", "Paper", "attachments", "before_you_fly", "calendar_file",
           "check_in_link", "download", "itinerary_pdf", "people"]


def itinerary_pdf(booking: Booking) -> bytes:
    """The itinerary as PDF (tagged, A4, prints on Letter), the same bytes for the same facts. Raises NotPrinted."""
    return pdf(facts_of(booking))
