"""Bookings: made in one call, read, changed and cancelled by whom they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import access, drafts, forms, limits, selectors, services
from bookings.api import answers, requests, schemas, waiting
from bookings.api.endpoint import Endpoint
from bookings.api.idempotency import once
from bookings.models import Booking
from bookings.selectors.bookings import consent as consent_of
from bookings.selectors.bookings import line as line_of
from bookings.services import Booked
from bookings.status import CLOSED, Progress
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from suppliers.models import SupplierOrder

REFERENCES = 5  # tries for a free reference


class BookingsList(Endpoint):
    """The customer's bookings."""

    @extend_schema(operation_id="bookings_list", parameters=[requests.ListSerializer],
                   responses={200: schemas.BookingsAnswer, **schemas.refusals(400)}, tags=["bookings"])
    def get(self, request: Request) -> Response:
        """Own bookings only, newest first; `next` is the `after` of the following part."""
        asked = self.read(requests.ListSerializer, request.query_params)
        found = selectors.bookings_of(principal=self.principal, after=asked.get("after") or None, limit=asked["limit"])
        return Response({"success": True, "bookings": [line_of(booking) for booking in found],
                         "next": found[-1].reference if len(found) == asked["limit"] else None})


class BookingsCreate(Endpoint):
    """A new booking."""

    @extend_schema(operation_id="bookings_create", request=requests.BookingSerializer,
                   parameters=[schemas.IDEMPOTENCY_KEY, schemas.PREFER], tags=["bookings"],
                   responses={201: schemas.BookingMade, 200: schemas.BookingMade, 202: schemas.BookingAccepted,
                              **schemas.refusals(400, 403, 404, 409, 410, 413, 415, 422, 429, 503)})
    @once("bookings")
    def post(self, request: Request) -> Response:
        """The three steps in one call. Same offer again by the same customer: 200 with the first booking."""
        asked = self.read(requests.BookingSerializer)
        offer, now = selectors.offer_to_book(offer_id=asked["offerId"])
        check_currency(asked["acceptedTotal"], offer.currency)
        hold_first = limits.unpaid_seats(
            access.address_of(request._request), chosen=asked["isHold"], now=now,
            holdable=services.holdable(offer, extras=bool(asked.get("services"))))
        build = drafts.complete_draft(
            offer=offer, principal=self.principal, user=request.user, services=asked.get("services", ()),
            passengers=asked["passengers"], contact=asked["contact"], now=now)
        booked = redrawn(lambda: services.book_at_once(
            build=build, offer=offer, principal=self.principal, hold=asked["isHold"],
            accepted_minor=asked["acceptedTotal"].minor, again=asked["bookAgain"], now=now,
            hold_first=hold_first, acknowledgements=ticks(self, request, asked["acknowledgements"], now)))
        return answers.after_press(request, agreed(booked, asked["acceptedTotal"], now))


class Bookings(BookingsList, BookingsCreate):
    """Both at one address."""


@extend_schema_view(post=extend_schema(operation_id="flights_booking_create"))
class BookingCreate(BookingsCreate):
    """Another name of `POST /api/bookings`."""


@extend_schema_view(post=extend_schema(operation_id="flights_create_order"))
class CreateOrder(BookingsCreate):
    """Another name of `POST /api/bookings`."""


@extend_schema_view(get=extend_schema(operation_id="flights_my_orders"))
class MyOrders(BookingsList):
    """Another name of `GET /api/bookings`."""


class BookingDetail(Endpoint):
    """One booking."""

    @extend_schema(operation_id="booking", responses={200: schemas.BookingAnswer, **schemas.refusals(404)},
                   tags=["bookings"])
    def get(self, request: Request, reference: str) -> Response:
        """Everything about an own booking."""
        booking = selectors.booking_for(principal=self.principal, reference=reference)
        return Response({"success": True, "booking": answers.booking_json(booking)})

    @extend_schema(operation_id="booking_change", request=requests.PatchSerializer, tags=["bookings"],
                   responses={200: schemas.BookingAnswer, **schemas.refusals(400, 403, 404, 413, 415, 422, 429)})
    def patch(self, request: Request, reference: str) -> Response:
        """Change the contact data, and nothing else."""
        wanted = self.read(requests.PatchSerializer)["contact"]
        booking = selectors.booking_for(principal=self.principal, reference=reference)
        email, phone = forms.check_contact({"email": booking.contact_email, "phone": booking.contact_phone, **wanted})
        services.change_contact(booking=booking, email=email, phone=phone, now=clock.now())
        return self.get(request, reference)

    @extend_schema(operation_id="booking_cancel_quote", tags=["bookings"],
                   responses={200: schemas.QuoteAnswer, 202: schemas.BookingAccepted,
                              **schemas.refusals(400, 403, 404, 409, 413, 415, 429)})
    def delete(self, request: Request, reference: str) -> Response:
        """Answers with what a cancellation would give back. Nothing is cancelled before it is confirmed."""
        self.read(requests.EmptySerializer)
        return quoted(self.principal, reference)


class Cancellation(Endpoint):
    """Ask what a cancellation gives back."""

    @extend_schema(operation_id="cancellation_quote", request=requests.EmptySerializer, tags=["bookings"],
                   parameters=[schemas.IDEMPOTENCY_KEY],
                   responses={200: schemas.QuoteAnswer, 202: schemas.BookingAccepted,
                              **schemas.refusals(400, 403, 404, 409, 413, 415, 422, 429)})
    @once("cancellation")
    def post(self, request: Request, reference: str) -> Response:
        """The airline's quote: amount, where it goes, penalty, valid until. Nothing is cancelled yet."""
        self.read(requests.EmptySerializer)
        return quoted(self.principal, reference)


class CancellationConfirm(Endpoint):
    """Cancel."""

    @extend_schema(operation_id="cancellation_confirm", request=requests.CancelSerializer, tags=["bookings"],
                   parameters=[schemas.IDEMPOTENCY_KEY, schemas.PREFER],
                   responses={200: schemas.BookingAnswer, 202: schemas.BookingAccepted,
                              **schemas.refusals(400, 403, 404, 409, 413, 415, 422, 429)})
    @once("cancellation-confirm")
    def post(self, request: Request, reference: str) -> Response:
        """Cancel at the refund that was quoted. A refund that has changed since is refused, nothing is cancelled."""
        refund: Money | None = self.read(requests.CancelSerializer).get("acceptedRefund")
        booking = selectors.booking_for(principal=self.principal, reference=reference)
        if refund is not None:
            check_currency(refund, booking.currency)
        elif SupplierOrder.objects.filter(booking=booking, state="ticketed").exists():
            raise Problem("invalid_request", "Say which refund the customer has agreed to.", status=400,
                          action="Ask for the quote first",
                          field_errors={"acceptedRefund": "Required once a ticket has been issued."})
        booking = services.cancel(booking=booking, refund_minor=refund.minor if refund else None, now=clock.now())
        if not waiting.wants_async(request):
            booking = waiting.wait(booking, lambda fresh: fresh.status in CLOSED or fresh.wish != "cancel")
        if booking.status not in CLOSED:
            return answers.accepted(booking)
        return Response({"success": True, "booking": answers.booking_json(booking)})


# --- shared by the doors to a booking ---------------------------------------------------------------------------


def ticks(view: Endpoint, request: Request, given: list[dict[str, Any]], now: Any) -> list[dict[str, Any]]:
    """The acknowledgements with when and from where they were given (dot-rules.md 1)."""
    address = access.address_of(request._request)
    return [{**item, "at": now.isoformat(), "address": address} for item in given]


def check_currency(amount: Money, currency: str) -> None:
    """Problem price_changed when an amount is in another currency than ours."""
    if amount.currency != currency:
        raise Problem("price_changed", f"This is sold in {currency}, not in {amount.currency}.", status=409,
                      action="Look at the price again", tip="Nothing was booked or charged.")


def redrawn(book: Callable[[], Booked]) -> Booked:
    """Book, with another reference when the drawn one is taken already."""
    for _ in range(REFERENCES - 1):
        try:
            return book()
        except IntegrityError as error:
            if "reference" not in str(error):
                raise
    return book()


def agreed(booked: Booked, total: Money, now: Any) -> Booked:
    """The same press again, now with the higher total, is the customer's consent to it."""
    booking = booked.booking
    if not booked.duplicate or booking.progress != Progress.CONSENT:
        return booked
    order = SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
    asked = consent_of(booking, order)
    if asked is None or asked["new"]["minor"] != total.minor:
        return booked
    return Booked(services.accept_price(booking=booking, total_minor=total.minor, now=now), duplicate=True)


def quoted(principal: str, reference: str) -> Response:
    """Ask for a quote and wait for it."""
    booking = selectors.booking_for(principal=principal, reference=reference)
    services.ask_quote(booking=booking, now=clock.now())
    booking = waiting.wait(Booking.objects.get(pk=booking.pk), lambda fresh: not fresh.quote_wanted)
    view = answers.booking_json(booking)
    if booking.quote_wanted:
        return answers.accepted(booking)
    if view["quote"] is None:
        raise Problem("not_cancellable", "The airline does not tell what a cancellation gives back.", status=409,
                      action="Contact us", extra={"booking": view})
    return Response({"success": True, "quote": view["quote"], "booking": view})
