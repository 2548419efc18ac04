"""The card payment of a booking, as far as a browser takes part in it. Five calls a minute and address."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import access, limits, selectors, services
from bookings.api import answers, requests, schemas, waiting
from bookings.api.bookings import check_currency
from bookings.api.endpoint import Endpoint
from bookings.api.idempotency import once
from bookings.models import Booking
from bookings.status import Progress, Status
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from payments.models import Payment
from payments.types import PaymentState


class CreateIntent(Endpoint):
    """The client secret."""

    @extend_schema(operation_id="payment_create_intent", request=requests.PaymentSerializer, tags=["payments"],
                   parameters=[schemas.IDEMPOTENCY_KEY],
                   responses={200: schemas.IntentAnswer, 202: schemas.BookingAccepted,
                              **schemas.refusals(400, 403, 404, 409, 413, 415, 422, 429)})
    @once("create-intent")
    def post(self, request: Request) -> Response:
        """The client secret of the booking's open payment; a held booking becomes payable by this call."""
        asked = self.read(requests.PaymentSerializer)
        now = clock.now()
        limits.payment_call(access.address_of(request._request), now)
        booking = selectors.booking_for(principal=self.principal, reference=asked["bookingReference"])
        if booking.status == Status.HOLD:
            _compare(asked.get("amount"), Money(booking.accepted_minor, booking.currency))
            booking = services.pay_later(booking=booking, now=now)
        booking = waiting.wait(booking, _payable_or_over)
        payment = Payment.objects.filter(booking=booking).order_by("-pk").first()
        if payment is None or payment.state != PaymentState.OPEN or not payment.client_secret:
            return _nothing_to_pay(booking)
        amount = Money(payment.amount_minor, payment.currency)
        _compare(asked.get("amount"), amount)
        return Response({
            "success": True, "bookingReference": booking.reference, "status": booking.status,
            "clientSecret": payment.client_secret, "publishableKey": settings.STRIPE_PUBLISHABLE_KEY,
            "amount": amount.as_json(), "amountMinor": amount.minor, "currency": amount.currency})


class Confirm(Endpoint):
    """Please look now."""

    @extend_schema(operation_id="payment_confirm", request=requests.ConfirmSerializer, tags=["payments"],
                   responses={200: schemas.StatusAnswer, **schemas.refusals(400, 403, 404, 413, 415, 429)})
    def post(self, request: Request) -> Response:
        """The customer is back from the bank: wakes the worker and answers with the present truth."""
        asked = self.read(requests.ConfirmSerializer)
        now = clock.now()
        limits.payment_call(access.address_of(request._request), now)
        booking = selectors.booking_for(principal=self.principal, reference=asked["bookingReference"])
        services.look_now(booking=booking, now=now)
        told = selectors.status_of(principal=self.principal, reference=booking.reference)
        pause = told.pop("retryAfter")
        return Response(told, headers={} if pause is None else {"Retry-After": str(pause)})


def _payable_or_over(booking: Booking) -> bool:
    return answers.told(booking) and booking.status != Status.HOLD


def _compare(sent: Money | None, due: Money) -> None:
    """A sent amount is compared, never used."""
    if sent is None:
        return
    check_currency(sent, due.currency)
    if sent != due:
        raise Problem("price_changed", f"The amount to pay is {due}, not {sent}.", status=409,
                      action=f"Continue at {due}", tip="Nothing was charged.", extra={"total": due.as_json()})


def _nothing_to_pay(booking: Booking) -> Response:
    """Still being prepared (202), or a refusal that says how the booking stands."""
    if not answers.told(booking) or booking.status == Status.HOLD:
        return answers.accepted(booking)
    if booking.progress == Progress.CONSENT:
        raise Problem("price_changed", "The airline changed the price; agree to it first.", status=409,
                      action="Continue / Other flights", extra={"booking": answers.booking_json(booking)})
    if booking.status == Status.PENDING_TICKETING:
        raise Problem("nothing_to_pay", "Our team issues these tickets and has not asked for a payment by card.",
                      status=409, action="Watch status", tip="You get a mail with a link when it is time to pay.",
                      extra={"bookingReference": booking.reference, "status": booking.status,
                             "statusUrl": answers.status_url(booking)})
    raise Problem("nothing_to_pay", "There is no open payment for this booking.", status=409,
                  action="Watch status", extra={"bookingReference": booking.reference, "status": booking.status,
                                                "statusUrl": answers.status_url(booking)})
