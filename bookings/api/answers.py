"""What is answered once a wish is written: made, still running, refused in the end, or there already."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from bookings import messages, selectors
from bookings.api import waiting
from bookings.api.errors import body_of
from bookings.models import Booking
from bookings.selectors.bookings import head
from bookings.services import Booked
from bookings.status import CLOSED, Progress, Status
from fly2any.kernel.errors import Problem

RUNNING = frozenset({Progress.RESERVING, Progress.CHECKING})
# how a booking that ended badly is told: everything else is 409
_STATUS = {"passenger_rejected": 422, "supplier_busy": 503, "supplier_down": 503, "airline_unreachable": 503,
           "misconfigured": 503, "payment_unavailable": 503, "insufficient_balance": 503, "offer_expired": 410}


def told(booking: Booking) -> bool:
    """Whether there is something to tell: the worker has got as far as it can without the customer."""
    return booking.status in CLOSED or booking.status == Status.CONFIRMED or booking.progress not in RUNNING


def status_url(booking: Booking) -> str:
    """Where to watch the booking."""
    return reverse("api-payment-status", args=[booking.reference])


def booking_json(booking: Booking) -> dict[str, Any]:
    """The booking with everything, and on top the client secret of its open payment."""
    view = selectors.booking_view(booking)
    return {**view, "clientSecret": (view["payment"] or {}).get("clientSecret")}


def after_press(request: Request, booked: Booked) -> Response:
    """The answer to the final press: 202 at once when asked for, else 201, 200 (duplicate), 202 or a refusal."""
    booking = booked.booking
    if waiting.wants_async(request):
        answer = _accepted(booking, {"success": True})
        answer["Preference-Applied"] = "respond-async"
        if booked.duplicate:
            answer.data["duplicate"] = True
        return answer
    booking = waiting.wait(booking, told)
    if not told(booking):
        return _accepted(booking, still_running(booking), full=True)
    refusal = _refusal(booking)
    if refusal is not None:
        return refusal
    body: dict[str, Any] = {"success": True, "booking": booking_json(booking), "statusUrl": status_url(booking)}
    if booked.duplicate:
        return Response({**body, "duplicate": True})
    return Response(body, status=201, headers={"Location": reverse("api-booking", args=[booking.reference])})


def still_running(booking: Booking) -> dict[str, Any]:
    """The words of a 202 after the wait."""
    said = messages.say("supplier_timeout", money=messages.money_sentence(booking, None))
    return {"success": False, "timeout": True, "code": said.code, "message": said.text, "action": said.action,
            "tip": said.tip}


def accepted(booking: Booking) -> Response:
    """202: written down and still running."""
    return _accepted(booking, still_running(booking), full=True)


def _accepted(booking: Booking, body: dict[str, Any], *, full: bool = False) -> Response:
    """202 with where to watch. Without `full` nothing is read from the database."""
    url = status_url(booking)
    view = booking_json(booking) if full else {**head(booking), "pnr": "", "clientSecret": None}
    return Response({**body, "booking": view, "statusUrl": url}, status=202,
                    headers={"Location": url, "Retry-After": "2"})


def _refusal(booking: Booking) -> Response | None:
    """The answer of a booking that ended badly, or that waits for consent to a higher price."""
    view = booking_json(booking)
    consent = view["consent"]
    if booking.status not in CLOSED and not consent:
        return None
    said = view["message"] or messages.say("not_created", money=view["money"]["sentence"]).as_json()
    extra: dict[str, Any] = {"booking": view, "statusUrl": status_url(booking)}
    if consent:
        extra["total"] = consent["new"]
    problem = Problem(said["code"], said["text"], status=_STATUS.get(said["code"], 409), action=said["action"],
                      tip=said["tip"], extra=extra)
    answer = Response(body_of(problem), status=problem.status)
    answer.keep = True  # type: ignore[attr-defined]  # a booking was made: its twin must hear the same
    return answer
