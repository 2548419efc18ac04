"""The papers of a booking: downloads for whom it belongs to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from bookings import access, documents, selectors
from bookings.checkout.pages import page
from fly2any.kernel import clock


@require_safe
@page
def itinerary(request: HttpRequest, reference: str) -> HttpResponse:
    """The itinerary as PDF."""
    return _file(request, reference, "pdf")


@require_safe
@page
def calendar(request: HttpRequest, reference: str) -> HttpResponse:
    """The flights as a calendar file."""
    return _file(request, reference, "ics")


def _file(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    return documents.download(booking, kind, address=access.address_of(request), now=clock.now()).response()
