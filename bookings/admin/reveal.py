"""Travel documents in full, once: the answer to the press that was written down, never a page with an address.

The page leaves by itself when the two minutes are over, also when the browser kept it to go back to.
"""

from __future__ import annotations

from django.contrib.admin import site
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from bookings.desk import Done
from bookings.desk.customers import SHOWN, Document, documents_of
from bookings.models import Booking
from fly2any.kernel import clock


def page(request: HttpRequest, operator: User, booking: Booking, done: Done, back: str) -> HttpResponse:
    """The documents of one booking, for the press that `done` stands for. Nothing keeps this page.

    Problem forbidden when `operator` is not the one who asked.
    """
    documents = documents_of(booking, row=done.row, viewer=operator, now=clock.now())
    context = {**site.each_context(request), "title": f"Travel documents of {booking.reference}", "booking": booking,
               "people": [(one.traveller, _pairs(one)) for one in documents], "action": done.row, "back": back}
    return TemplateResponse(request, "admin/bookings/booking/revealed.html", context, headers={
        "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
        "Refresh": f"{int(SHOWN.total_seconds())};url={back}"})


def _pairs(one: Document) -> list[tuple[str, str]]:
    pairs = [("Document", one.kind.replace("_", " ")), ("Number", one.number), ("Issued by", one.country),
             ("Expires", one.expires_on), ("Known traveller number", one.known_traveller),
             ("Redress number", one.redress)]
    return [pair for pair in pairs if pair[1]]
