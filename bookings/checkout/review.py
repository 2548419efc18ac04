"""Step 3: everything once more, the two ticks, and the press that books. A higher price is agreed to first."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import access, drafts, limits, messages, services
from bookings.checkout import customize, disclosures, outcomes, prices
from bookings.checkout.customize import flights_url, open_draft, ready, repriced
from bookings.checkout.pages import page, refusal, summary, wants_json, whole
from bookings.checkout.progress import going_on, stripe
from bookings.flow import INSTANT_LAST, INSTANT_START
from bookings.models import Booking, Seen
from bookings.selectors import booking_view
from bookings.selectors.offers import fare_rules, raw_of
from fly2any import csp
from fly2any.kernel import clock, counting
from fly2any.kernel.errors import Problem

DEADLINE_SHOWN = timedelta(minutes=20)
SAME_TRIP = ("One of these travellers is already booked on a flight at the same time: see “My trips”. If you press the "
             "button again, you book a second time.")
GONE = frozenset({"offer_expired", "sold_out", "offer_taken", "not_found", "schedule_changed"})
MARKETING = "marketing"  # the third tick, which nobody has to set


@require_http_methods(["GET", "HEAD", "POST"])
@csp.payment_page
@page
def review(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """GET: the review, freshly priced. POST: book (or hold); refusals come back to the same page."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return already(request, booking)
    if request.method == "POST":
        return _agreed(request, booking, view) if "agree" in request.POST else _book(request, booking)
    if not ready(view):
        return redirect("checkout-passengers", draft_id)
    because = request.GET.get("because", "")  # our script was refused: the page says more than a line could
    if because in GONE:
        return gone(request, booking, because)
    try:
        booking, after, notice = repriced(booking, view)
    except Problem as problem:
        if problem.code not in GONE:
            raise
        return gone(request, booking, problem.code, problem.status)
    dearer = prices.rise(view, after)
    if dearer:
        return redirect(f"{request.path}?{dearer}")
    return _show(request, booking, after, notice)


def _show(request: HttpRequest, booking: Booking, view: dict[str, Any], notice: str) -> HttpResponse:
    """The review; before it the question about a total above the one that the customer saw last."""
    change = prices.since(request.GET, view)
    if change and change["rose"]:
        return render(request, "checkout/dearer.html", {"draft": view, "change": change,
                                                        "flights_url": flights_url(booking, fresh=True)})
    counting.look(booking.public_id, Seen.Step.PAYMENT)
    existing = request.GET.get("because") == "same_trip"  # the press after this page is meant
    return render(request, "checkout/review.html", {
        **_context(booking, view), "existing": existing,
        "notice": SAME_TRIP if existing else notice or (change or {}).get("notice", "")})


def _agreed(request: HttpRequest, booking: Booking, view: dict[str, Any]) -> HttpResponse:
    """The customer goes on at the higher total: written down, unless it has moved again."""
    total = view["price"]["total"]["minor"]
    if whole(request.POST["agree"]) != total:
        return redirect(f"{request.path}?was={whole(request.POST.get('was', ''))}")
    drafts.agree_to_price(booking=booking, old_minor=whole(request.POST.get("was", "")), new_minor=total,
                          now=clock.now())
    return redirect("checkout-review", booking.public_id)


def gone(request: HttpRequest, booking: Booking, code: str, status: int = 410) -> HttpResponse:
    """The offer cannot be had any more: nothing was charged, everything is kept, similar flights are a press away."""
    said = messages.say("offer_expired" if code == "not_found" else code)
    return customize.gone(request, booking, booking_view(booking), Problem(
        said.code, said.text, status=status, action=said.action, tip=said.tip))


def already(request: HttpRequest, booking: Booking) -> HttpResponse:
    """A draft that was booked before leads to its booking."""
    if request.method == "POST":
        return going_on(request, booking, booking_view(booking))
    return redirect(outcomes.place(booking))


def _book(request: HttpRequest, booking: Booking) -> HttpResponse:
    """The final press. A refusal that can be mended is shown on the review page (or told to our script)."""
    now = clock.now()
    accepted = whole(request.POST.get("acceptedMinor", ""))
    ticks = [{"code": code, "version": disclosures.TEXTS_VERSION, "at": now.isoformat(),
              "address": access.address_of(request)} for code in (*services.TICKS, MARKETING)
             if request.POST.get(code) == "yes"]
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
        if problem.code in GONE | {"price_changed", "same_trip"}:  # the page must say more than one line
            seen = whole(request.POST.get("acceptedMinor", ""))
            return JsonResponse({"location": f"{here}?because={problem.code}" + (
                f"&was={seen}" if problem.code == "price_changed" else "")}, status=problem.status)
        return refusal(request, problem)
    if problem.code in GONE:
        return gone(request, booking, problem.code)
    view = booking_view(booking)
    fields = {path.split(".")[-1]: text for path, text in problem.field_errors.items()}
    context = {**_context(booking, view), "field_errors": fields, "errors": summary(fields) or [
        {"field": "", "text": problem.message}], "existing": problem.code == "same_trip"}
    return render(request, "checkout/review.html", context)


def _context(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    now = clock.now()
    by_team = view["ticketing"] == "manual"
    margin = INSTANT_LAST if view["canHold"] or by_team else INSTANT_START  # as services.book judges it
    ends = booking.offer_expires_at - margin
    return {"draft": view, "key": uuid.uuid4(), "pay_online": not by_team, **stripe(),
            **_hold(booking, view), "rules": fare_rules(raw_of(booking.offer)),
            "disclosures": disclosures.others(view), "flights_url": flights_url(booking),
            "terms": disclosures.terms(booking),
            "cancel_text": disclosures.free_cancellation(booking, now, by_team=by_team),
            "refund_text": disclosures.REFUNDS, "statement_name": disclosures.STATEMENT_NAME, "last_moment": ends,
            "late": now < ends < now + DEADLINE_SHOWN}


def _hold(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    """Whether this draft may be held without payment, until when, and why not."""
    info = booking.offer.info
    why = "The airline sells this fare only with payment at once." if info.instant_only else (
        "With paid extras this fare is paid at once. Without them you could hold it.")
    return {"can_hold": view["canHold"], "pay_by": info.pay_by, "why_no_hold": "" if view["canHold"] else why}
