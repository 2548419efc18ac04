"""After the press: the progress of a booking, its payment, and the question about a higher price."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import access, limits, selectors, services
from bookings.checkout import disclosures, manual, outcomes, returning
from bookings.checkout.customize import flights_url
from bookings.checkout.pages import page, wants_json, whole
from bookings.checkout.words import moment
from bookings.flow import HOLD_MARGIN, MAX_DECLINES
from bookings.models import Booking
from bookings.selectors.cheaper import cheaper
from bookings.status import Progress
from fly2any import csp
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money

LATE = timedelta(seconds=60)
DEADLINE_SHOWN = timedelta(minutes=20)
PATIENCE = 25  # seconds to wait for the bank's answer after the customer came back, then the card form is shown again
AT_THE_BANK = (Progress.CARD, Progress.BANK)


@require_safe
@page
def progress(request: HttpRequest, reference: str) -> HttpResponse:
    """What is being done now; leads on to the outcome as soon as there is one."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    trip = selectors.booking_view(booking)
    paid = whole(request.GET.get("paid", ""))  # how many attempts had been declined when the customer pressed
    waits_for_bank = paid >= 0 and _declines(trip) <= paid and booking.progress in AT_THE_BANK
    if not waits_for_bank and outcomes.place(booking) != request.path:
        return redirect(outcomes.place(booking))
    late = booking.wished_at is not None and clock.now() - booking.wished_at > LATE
    return render(request, "trips/progress.html", {
        "trip": trip, "heading": outcomes.heading(booking), "late": late,
        "certain": outcomes.certain(booking), "by_when": outcomes.by_when(booking, clock.now()),
        "steps": outcomes.steps(booking, _state(trip) in ("authorised", "capturing", "captured")),
        "status_url": status_url(booking), "patience": PATIENCE if waits_for_bank else "",
        "masked_email": masked(trip["contact"]["email"])})


@require_http_methods(["GET", "HEAD", "POST"])
@csp.payment_page
@page
def pay(request: HttpRequest, reference: str) -> HttpResponse:
    """The card form of a booking that waits for its payment; the press makes a held booking payable first."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if request.method == "POST":
        limits.payment_call(access.address_of(request), clock.now(), "trip-pay")
        booking = services.pay_later(booking=booking, now=clock.now()) if booking.status == "HOLD" else booking
        return going_on(request, booking, selectors.booking_view(booking))
    trip = selectors.booking_view(booking)
    if booking.status != "HOLD" and outcomes.place(booking) != request.path:
        return redirect(outcomes.place(booking))
    return render(request, "trips/pay.html", {
        "trip": trip, "amount": trip["price"]["total"], "lowered": _lowered(booking, trip),
        "manual": manual.is_manual(booking),
        "key": uuid.uuid4(), **stripe(), **_deadline(trip),
        "attempts_left": MAX_DECLINES - _declines(trip),
        "cheaper": cheaper(booking, clock.now()) if (trip.get("message") or {}).get("code") == "insufficient_funds"
        else []})


def _lowered(booking: Booking, trip: dict[str, Any]) -> str:
    """The airline turned out cheaper than agreed: applied, and said."""
    total = trip["price"]["total"]
    if total["minor"] >= booking.accepted_minor:
        return ""
    agreed = Money(booking.accepted_minor, booking.currency)
    return f"The airline lowered the price: you pay {total['text']} instead of {agreed}."


def _deadline(trip: dict[str, Any]) -> dict[str, Any]:
    """Until when to pay (the window, or the airline's own deadline less our margin), and whether that is near."""
    deadlines = trip.get("deadlines") or {}
    window, pay_by = moment(deadlines.get("windowEndsAt")), moment(deadlines.get("payBy"))
    ends = window or (pay_by - HOLD_MARGIN if pay_by else None)
    now = clock.now()
    return {"pay_before": ends, "late": ends is not None and now < ends < now + DEADLINE_SHOWN}


@require_POST
@page
def let_go(request: HttpRequest, reference: str) -> HttpResponse:
    """A cheaper fare, or the same without an extra: the unpaid booking is given up, the same search asked again."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if booking.status != "PENDING_PAYMENT" or booking.progress not in AT_THE_BANK:
        return redirect(outcomes.place(booking))
    services.cancel(booking=booking, refund_minor=None, now=clock.now())
    return redirect(flights_url(booking, fresh=True))


@require_safe
@page
def back(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the bank sends the customer: the owner goes on; another browser learns how it ended and nothing else."""
    try:
        booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    except Problem as problem:
        return returning.elsewhere(request, reference, problem)
    query = f"?paid={paid}" if (paid := whole(request.GET.get("paid", ""))) >= 0 else ""
    return redirect(reverse("checkout-progress", args=[booking.reference]) + query)


@require_POST
@page
def look(request: HttpRequest, reference: str) -> HttpResponse:
    """The customer is back from the bank: let the worker look now (once in 5 s at most)."""
    limits.payment_call(access.address_of(request), clock.now(), "trip-look")
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    services.look_now(booking=booking, now=clock.now())
    return going_on(request, booking, selectors.booking_view(booking))


@require_http_methods(["GET", "HEAD", "POST"])
@page
def price(request: HttpRequest, reference: str) -> HttpResponse:
    """The airline raised the price: old, new, difference. Going on stores the consent."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if request.method == "POST":
        total = whole(request.POST.get("total", ""))
        services.accept_price(booking=booking, total_minor=total, now=clock.now())
        return redirect("checkout-progress", reference)
    trip = selectors.booking_view(booking)
    if not trip.get("consent") or outcomes.place(booking) != request.path:
        return redirect(outcomes.place(booking))
    return render(request, "trips/price.html", {
        "trip": trip, "consent": trip["consent"], "post_url": request.path, "cause": outcomes.cause(booking, trip),
        "flights_url": flights_url(booking, fresh=True)})


def going_on(request: HttpRequest, booking: Booking, trip: dict[str, Any]) -> HttpResponse:
    """After a press: our script gets the addresses it needs, a plain browser the progress page."""
    if not wants_json(request):
        return redirect("checkout-progress", booking.reference)
    address = reverse("checkout-progress", args=[booking.reference])
    return JsonResponse({"reference": booking.reference, "status": status_url(booking),
                         "look": reverse("trip-look", args=[booking.reference]),
                         "back": returning.address(booking, _declines(trip)),
                         "progress": f"{address}?paid={_declines(trip)}"}, status=202)


def status_url(booking: Booking) -> str:
    """Where scripts ask how a booking stands."""
    return f"/api/payments/status/{booking.reference}"


def stripe() -> dict[str, str]:
    """What a page with a card form must know."""
    return {"stripe_key": settings.STRIPE_PUBLISHABLE_KEY, "stripe_js_url": settings.STRIPE_JS_URL,
            "statement_name": disclosures.STATEMENT_NAME}


def masked(email: str) -> str:
    """a***@example.com"""
    name, _, host = email.partition("@")
    return f"{name[:1]}***@{host}" if host else ""


def _state(trip: dict[str, Any]) -> str:
    return str((trip.get("payment") or {}).get("state") or "")


def _declines(trip: dict[str, Any]) -> int:
    return int((trip.get("payment") or {}).get("declines") or 0)
