"""Step 3: everything once more, the two ticks, and the press that books."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import access, limits, services
from bookings.checkout import disclosures, outcomes
from bookings.checkout.customize import flights_url, open_draft, repriced
from bookings.checkout.pages import page, refusal, summary, wants_json, whole
from bookings.checkout.progress import going_on, stripe
from bookings.checkout.words import moment
from bookings.flow import INSTANT_LAST, INSTANT_START
from bookings.models import Booking
from bookings.selectors import booking_view
from fly2any import csp
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

DEADLINE_SHOWN = timedelta(minutes=20)
SAME_TRIP = ("One of these travellers is already booked on a flight at the same time: see “My trips”. If you press the "
             "button again, you book a second time.")
FREE_CANCEL_AHEAD = timedelta(days=7)


@require_http_methods(["GET", "HEAD", "POST"])
@csp.payment_page
@page
def review(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """GET: the review, freshly priced. POST: book (or hold); refusals come back to the same page."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return already(request, booking)
    if request.method == "POST":
        return _book(request, booking)
    if not ready(view):
        return redirect("checkout-passengers", draft_id)
    booking, view, notice = repriced(booking, view)
    existing = request.GET.get("because") == "same_trip"  # our script was told so; the press after this page is meant
    return render(request, "checkout/review.html", {**_context(booking, view), "existing": existing, "notice": (
        SAME_TRIP if existing else notice)})


def already(request: HttpRequest, booking: Booking) -> HttpResponse:
    """A draft that was booked before leads to its booking."""
    if request.method == "POST":
        return going_on(request, booking, booking_view(booking))
    return redirect(outcomes.place(booking))


def ready(view: dict[str, Any]) -> bool:
    """Whether every traveller and the contact are known."""
    named = all(person.get("givenName") and person.get("bornOn") for person in view["passengers"])
    return bool(named and view["contact"].get("email"))


def _book(request: HttpRequest, booking: Booking) -> HttpResponse:
    """The final press. A refusal that can be mended is shown on the review page (or told to our script)."""
    now = clock.now()
    accepted = whole(request.POST.get("acceptedMinor", ""))
    ticks = [{"code": code, "version": disclosures.TEXTS_VERSION, "at": now.isoformat(),
              "address": access.address_of(request)} for code in services.TICKS if request.POST.get(code) == "yes"]
    try:
        hold = request.POST.get("wish") == "hold"
        hold_first = limits.unpaid_seats(
            access.address_of(request), chosen=hold, now=now,
            holdable=services.holdable(booking.offer, extras=booking.selections.exists()))
        booked = services.book(booking=booking, hold=hold, accepted_minor=accepted, acknowledgements=ticks,
                               again=request.POST.get("again") == "yes", now=now, hold_first=hold_first,
                               visitor=access.principal_of(request))
    except Problem as problem:
        return _refused(request, booking, problem)
    return going_on(request, booked.booking, booking_view(booked.booking))


def _refused(request: HttpRequest, booking: Booking, problem: Problem) -> HttpResponse:
    here = reverse("checkout-review", args=[booking.public_id])
    if wants_json(request):
        if problem.code in ("price_changed", "same_trip"):  # the page must say more than one line
            return JsonResponse({"location": f"{here}?because={problem.code}"}, status=problem.status)
        return refusal(request, problem)
    view = booking_view(booking)
    fields = {path.split(".")[-1]: text for path, text in problem.field_errors.items()}
    context = {**_context(booking, view), "field_errors": fields, "errors": summary(fields) or [
        {"field": "", "text": problem.message}], "existing": problem.code == "same_trip"}
    return render(request, "checkout/review.html", context)


def _context(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    now = clock.now()
    margin = INSTANT_LAST if view["canHold"] else INSTANT_START  # as services.book judges it
    ends = booking.offer_expires_at - margin
    return {"draft": view, "key": uuid.uuid4(), "pay_online": booking.route != "manual", **stripe(),
            **_hold(booking, view), "disclosures": disclosures.others(view), "flights_url": flights_url(booking),
            "cancel_text": _cancel_text(booking), "last_moment": ends,
            "late": now < ends < now + DEADLINE_SHOWN}


def _hold(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    """Whether this draft may be held without payment, until when, and why not."""
    info = booking.offer.info
    why = "The airline sells this fare only with payment at once." if info.instant_only else (
        "With paid extras this fare is paid at once. Without them you could hold it.")
    return {"can_hold": view["canHold"], "pay_by": info.pay_by, "why_no_hold": "" if view["canHold"] else why}


def _cancel_text(booking: Booking) -> str:
    """Our 24-hour policy, said only where it can be kept (dot-rules.md 2.5)."""
    now = clock.now()
    leaves = moment(booking.departs_at)
    if leaves and leaves - now >= FREE_CANCEL_AHEAD:
        return ("If the airline still gives everything back when you ask, cancelling within 24 hours of booking is "
                "free of any fee of ours. You see the exact amount before you confirm.")
    return "If you cancel, you see what you get back before you confirm."
