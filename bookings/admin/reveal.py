"""Travel documents in full, once: the answer to the press that was written down, never a page with an address."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from bookings.desk import Done
from bookings.models import Booking, Passenger
from fly2any.kernel import secretbox

DOCUMENT = (("kind", "Document"), ("number", "Number"), ("country", "Issued by"), ("expires_on", "Expires"))
NUMBERS = (("knownTravellerNumber", "Known traveller number"), ("redressNumber", "Redress number"))


def page(request: HttpRequest, booking: Booking, done: Done, back: str) -> HttpResponse:
    """The documents of one booking, for the press that `done` stands for. Nothing keeps this page."""
    people = [{"number": one.position + 1, "name": f"{one.title.title()} {one.given_name} {one.family_name}".strip(),
               "pairs": _pairs(one)} for one in booking.passengers.order_by("position")]
    context = {**site.each_context(request), "title": f"Travel documents of {booking.reference}", "booking": booking,
               "people": people, "action": done.row, "back": back}
    return TemplateResponse(request, "admin/bookings/booking/revealed.html", context, headers={
        "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _pairs(one: Passenger) -> list[tuple[str, str]]:
    born = [("Born", one.born_on.isoformat())] if one.born_on else []
    return [*born, *_open(one.document, DOCUMENT), *_open(one.numbers, NUMBERS),
            *(("Frequent flyer", " ".join(map(str, row))) for row in one.loyalty if isinstance(row, list))]


def _open(sealed: str, names: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    known: dict[str, Any] = json.loads(secretbox.unseal(sealed)) if sealed else {}
    return [(label, str(known[name])) for name, label in names if known.get(name)]
