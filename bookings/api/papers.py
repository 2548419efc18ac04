"""The papers of a booking: PDF itinerary and calendar file."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from bookings import access, documents, selectors
from bookings.api import schemas
from bookings.api.endpoint import Endpoint
from fly2any.kernel import clock


class Itinerary(Endpoint):
    """The itinerary to print and carry."""

    @extend_schema(operation_id="booking_itinerary", tags=["bookings"], responses={
        (200, "application/pdf"): OpenApiTypes.BINARY, **schemas.refusals(404, 409, 429, 503)})
    def get(self, request: Request, reference: str) -> HttpResponse:
        """A tagged PDF (A4). 409 `no_paper` while nothing is booked."""
        return download(self, request, reference, "pdf")


class CalendarFile(Endpoint):
    """The flights for a calendar."""

    @extend_schema(operation_id="booking_calendar", tags=["bookings"], responses={
        (200, "text/calendar"): OpenApiTypes.STR, **schemas.refusals(404, 409, 429, 503)})
    def get(self, request: Request, reference: str) -> HttpResponse:
        """One event for each flight (RFC 5545), with stable UIDs. 409 `no_paper` while nothing is booked."""
        return download(self, request, reference, "ics")


def download(view: Endpoint, request: Request, reference: str, kind: str) -> HttpResponse:
    """The file, for whom the booking belongs to."""
    booking = selectors.booking_for(principal=view.principal, reference=reference)
    address = access.address_of(request._request)
    return documents.download(booking, kind, address=address, now=clock.now()).response()
