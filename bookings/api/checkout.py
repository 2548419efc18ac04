"""The three steps, one call each; every answer carries the whole draft with its price as the server computes it."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import access, bundles, drafts, limits, selectors, services
from bookings.api import answers, requests, schemas
from bookings.api.bookings import agreed, check_currency, ticks
from bookings.api.endpoint import Endpoint
from bookings.api.idempotency import once
from bookings.models import Booking
from fly2any.kernel import clock

STEP = (400, 403, 404, 409, 410, 413, 415, 422, 429, 503, 504)


def draft_answer(booking: Booking, status: int = 200, *, with_bundles: bool = False) -> Response:
    """The whole draft; in step 1 with the bundles that can be chosen."""
    more = {"bundles": bundles.present_draft(booking, clock.now())} if with_bundles else {}
    return Response({"success": True, "draft": {**selectors.booking_view(booking), **more}}, status=status)


class Checkout(Endpoint):
    """Begin."""

    @extend_schema(operation_id="checkout_start", request=requests.StartSerializer, tags=["checkout"],
                   parameters=[schemas.IDEMPOTENCY_KEY],
                   responses={201: schemas.DraftAnswer, **schemas.refusals(*STEP)})
    @once("checkout")
    def post(self, request: Request) -> Response:
        """A draft for an offer, freshly priced; the open draft of the same offer is returned again."""
        asked = self.read(requests.StartSerializer)
        booking = drafts.start(offer_id=asked["offerId"], principal=self.principal, user=request.user,
                               now=clock.now())
        return draft_answer(booking, 201, with_bundles=True)


class Customize(Endpoint):
    """Step 1: extras."""

    @extend_schema(operation_id="checkout_customize", request=requests.CustomizeSerializer, tags=["checkout"],
                   responses={200: schemas.DraftAnswer, **schemas.refusals(*STEP)})
    def put(self, request: Request, draft_id: uuid.UUID) -> Response:
        """Replace the extras by `services` or by those of a `bundle`. Another currency than the fare's is refused.

        A bundle with another fare answers with that fare's draft, which has an id of its own.
        """
        asked, now = self.read(requests.CustomizeSerializer), clock.now()
        booking = selectors.draft_for(principal=self.principal, public_id=draft_id)
        if "bundle" in asked:
            booking = bundles.choose(booking=booking, key=asked["bundle"], user=request.user, now=now)
        else:
            booking = drafts.customize(booking=booking, choices=asked["services"], now=now)
        return draft_answer(booking, with_bundles=True)


class Passengers(Endpoint):
    """Step 2: travellers."""

    @extend_schema(operation_id="checkout_passengers", request=requests.PassengersSerializer, tags=["checkout"],
                   responses={200: schemas.DraftAnswer, **schemas.refusals(*STEP)})
    def put(self, request: Request, draft_id: uuid.UUID) -> Response:
        """Store all travellers and the contact, or nothing; every wrong field is named."""
        asked = self.read(requests.PassengersSerializer)
        booking = selectors.draft_for(principal=self.principal, public_id=draft_id)
        return draft_answer(drafts.set_passengers(booking=booking, passengers=asked["passengers"],
                                                  contact=asked["contact"], now=clock.now()))


class Book(Endpoint):
    """Step 3: book."""

    @extend_schema(operation_id="checkout_book", request=requests.BookSerializer, tags=["checkout"],
                   parameters=[schemas.IDEMPOTENCY_KEY, schemas.PREFER],
                   responses={201: schemas.BookingMade, 200: schemas.BookingMade, 202: schemas.BookingAccepted,
                              **schemas.refusals(*STEP)})
    @once("checkout-book")
    def post(self, request: Request, draft_id: uuid.UUID) -> Response:
        """The final press. Answers as `POST /api/bookings` does."""
        asked = self.read(requests.BookSerializer)
        now = clock.now()
        booking = selectors.draft_for(principal=self.principal, public_id=draft_id)
        check_currency(asked["acceptedTotal"], booking.currency)
        hold_first = limits.unpaid_seats(
            access.address_of(request._request), chosen=asked["isHold"], now=now,
            holdable=services.holdable(booking.offer, extras=booking.selections.exists()))
        booked = services.book(
            booking=booking, hold=asked["isHold"], accepted_minor=asked["acceptedTotal"].minor,
            acknowledgements=ticks(self, request, asked["acknowledgements"], now), again=asked["bookAgain"], now=now,
            visitor=self.principal, hold_first=hold_first)
        return answers.after_press(request, agreed(booked, asked["acceptedTotal"], now))
