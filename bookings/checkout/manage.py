"""My trips, one trip, looking it up, and cancelling it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import access, accounts, letter, selectors, services
from bookings.checkout import aftercare, manual, outcomes, papers, stays
from bookings.checkout.account import SAID as ACCOUNT_SAID
from bookings.checkout.account import customer_of
from bookings.checkout.customize import flights_url
from bookings.checkout.pages import page, summary, whole
from bookings.checkout.words import day
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from suppliers import places

PER_PAGE = 20
SAID = {"contact": "Your contact data is changed.", "answer": "Your answer is written down.",
        "request": "Your request is with our team. We have sent you a copy."}
REFUND_TO = {"balance": "To the card you paid with", "original_form_of_payment": "To the card you paid with",
             "airline_credits": "As a credit with the airline", "voucher": "As a voucher of the airline",
             "awaiting_payment": "Nothing was paid"}


@require_safe
@page
def trips(request: HttpRequest) -> HttpResponse:
    """The bookings of this customer or browser, the newest first."""
    after, principal = request.GET.get("after", ""), access.principal_of(request)
    found = selectors.bookings_of(principal=principal, after=after or None, limit=PER_PAGE + 1)
    more, found = len(found) > PER_PAGE, found[:PER_PAGE]
    user = customer_of(request)
    return render(request, "trips/trips.html", {
        "drafts": [] if after else selectors.open_drafts(principal=principal, now=clock.now()),
        "trips": [_line(booking) for booking in found], "later": bool(after), "customer": user,
        "said": ACCOUNT_SAID.get(request.GET.get("done", ""), ""), "verified": bool(user and accounts.verified(user)),
        "joinable": len(accounts.to_join(user, principal)) if user and not after else 0,
        "more_url": f"{request.path}?after={found[-1].reference}" if more else ""})


@require_safe
@page
def trip(request: HttpRequest, reference: str) -> HttpResponse:
    """A booking that rests: confirmed, held, reserved, cancelled, not booked. Others lead where they are."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if outcomes.place(booking) != request.path:
        return redirect(outcomes.place(booking))
    view = selectors.booking_view(booking)
    payment = view.get("payment") or {}
    tickets = [ticket["number"] for ticket in (view.get("order") or {}).get("tickets", [])]
    card = f"{payment['cardBrand'].capitalize()} ending {payment['cardLast4']}" if payment.get("cardLast4") else ""
    return render(request, "trips/trip.html", {
        "trip": view, "outcome": outcomes.outcome(booking, view), "tickets": tickets, "card": card,
        "cancel_text": _free_cancellation(booking), "links": _links(booking, view),
        "said": SAID.get(request.GET.get("done", ""), ""), **aftercare.parts(booking, view),
        **papers.parts(request, booking, view), **stays.door(booking, view)})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def find(request: HttpRequest) -> HttpResponse:
    """Reference and e-mail open a booking; the same answer for every kind of wrong data."""
    typed = {name: request.POST.get(name, "").strip()[:254] for name in ("reference", "email")}
    typed["reference"] = typed["reference"] or request.GET.get("ref", "").strip()[:12]  # shows nothing by itself
    wrong: dict[str, str] = {}
    if request.method == "POST":
        wrong = {name: text for name, text in (("reference", "Enter your reference, such as FLY2A-7KQ2MX."),
                                               ("email", "Enter the e-mail address of the booking."))
                 if not typed[name]}
        if not wrong:
            try:
                booking = access.grant(request, reference=typed["reference"], email=typed["email"], now=clock.now())
                return redirect("trip", booking.reference)
            except Problem as problem:
                if problem.status != 404:  # too many tries, or nobody could count: not the same as wrong data
                    raise
                wrong = {"reference": "We know no booking with this reference and e-mail address. Check both."}
    return render(request, "trips/find.html", {
        "fields": _find_fields(typed, wrong), "errors": summary(wrong), "sent": request.GET.get("sent") == "yes"})


@require_POST
@page
def mail_link(request: HttpRequest) -> HttpResponse:
    """Send links to the bookings of an address; the same reply whether there are any or not."""
    email = request.POST.get("link-email", "").strip()[:254]
    if "@" not in email:
        wrong = {"link-email": "Enter an e-mail address, such as anna@example.com."}
        return render(request, "trips/find.html", {
            "fields": _find_fields({"reference": "", "email": ""}, wrong, email), "errors": summary(wrong)})
    access.mail_links(request, email=email, now=clock.now())
    return redirect(f"{reverse('trip-find')}?sent=yes")


@require_safe
@page
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """A link from one of our mails: this browser may see the booking from now on."""
    booking = access.follow(request, token=token, now=clock.now())
    return redirect("trip", booking.reference)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask what comes back, see it, confirm it: nothing is cancelled before the last press."""
    now = clock.now()
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if request.method == "POST" and request.POST.get("verb") == "confirm":
        try:
            services.cancel(booking=booking, refund_minor=whole(request.POST.get("refund", "")), now=now)
        except Problem as problem:
            return _refused(request, booking, problem)
        return redirect("trip", booking.reference)
    if request.method == "POST":
        services.ask_quote(booking=booking, now=now)
        return redirect("trip-cancel", booking.reference)
    view = selectors.booking_view(booking)
    if "cancel" not in view.get("actions", ()):
        return redirect(outcomes.place(booking))
    return render(request, "trips/cancel.html", {"trip": view, **_quote(booking, view)})


def _refused(request: HttpRequest, booking: Booking, problem: Problem) -> HttpResponse:
    """Nothing was cancelled: say why on the page itself, with the offer as it is now or the way to a new one."""
    if problem.code not in ("quote_missing", "refund_changed"):
        raise problem
    view = selectors.booking_view(booking)
    said = {"quote_missing": "The airline's offer has run out, so nothing was cancelled. Ask for a new one.",
            "refund_changed": "The amount has changed since you saw it, so nothing was cancelled. Look at it again."}
    now = {"ask": True} if problem.code == "quote_missing" else _quote(booking, view)
    return render(request, "trips/cancel.html", {"trip": view, "refused": said[problem.code], **now},
                  status=problem.status)


def _free_cancellation(booking: Booking) -> str:
    """Until when cancelling costs nothing, on the clock of the place where the trip begins; "" when it costs."""
    until = letter.free_until(booking, booking.orders.order_by("-pk").first())
    start = booking.offer.info.slices[0].origin
    place = places.airport(start.code)
    if booking.status != "CONFIRMED" or until is None or place is None:
        return ""
    return f"Free cancellation until {letter.deadline(until, place.time_zone, start.city or place.city)}."


def _quote(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    """The state of the cancellation offer: not asked for, asked, or told. A reservation is given back for nothing."""
    quote = view.get("quote")
    if manual.is_manual(booking) and (view.get("order") or {}).get("state") == "reserved":
        return {"free": manual.cancelling(view), "refund": (quote or {}).get("refund")}
    if booking.quote_wanted:
        return {"waiting": True}
    if not quote:
        call = booking.calls.filter(kind="quote_cancel").order_by("-asked_at").first()
        return {"unknown": True} if call is not None and call.outcome in ("refused", "unavailable") else {"ask": True}
    ticketed = quote["penalty"] is not None
    if ticketed and not quote["known"]:
        return {"unknown": True}
    credit = quote["refundTo"] not in ("balance", "original_form_of_payment", "awaiting_payment")
    order = booking.orders.order_by("-pk").first()
    return {"credit": Money(order.quote_refund_minor or 0, booking.currency) if ticketed and credit and order else None,
            "refund": quote["refund"], "penalty": quote.get("penalty"), "expires": quote.get("expiresAt"),
            "refund_to": REFUND_TO.get(quote.get("refundTo") or "", "The airline decides; we tell you in writing")}


def _links(booking: Booking, view: dict[str, Any]) -> list[dict[str, Any]]:
    actions = view.get("actions", ())
    links = []
    if booking.status == "HOLD" and "pay" in actions:
        links.append({"url": reverse("trip-pay", args=[booking.reference]),
                      "word": f"Pay {view['price']['total']['text']} now", "first": True})
    if booking.status in ("FAILED", "EXPIRED", "CANCELLED"):
        links.append({"url": flights_url(booking, fresh=True), "word": "Similar flights", "first": True})
    return links


def _line(booking: Booking) -> dict[str, Any]:
    """One trip of the list, without a query."""
    word, tone = outcomes.word(booking.status)
    view = selectors.offers.raw_of(booking.offer)["slices"]
    start, end, last = view[0]["origin"], view[0]["destination"], view[-1]
    leaves, returns = view[0]["segments"][0]["departing_local"], last["segments"][0]["departing_local"]
    names = [start["city"] or start["code"], end["city"] or end["code"]]
    if len(view) > 1 and last["destination"]["code"] != start["code"]:
        names.append(last["destination"]["city"] or last["destination"]["code"])
    return {"url": outcomes.place(booking), "word": word, "tone": tone, "reference": booking.reference,
            "title": " to ".join(names), "when": day(leaves), "back": day(returns) if len(view) > 1 else "",
            "airline": selectors.offers.raw_of(booking.offer)["owner_name"],
            "total": Money(selectors.bookings.total_minor(booking), booking.currency)}


def _find_fields(typed: dict[str, str], wrong: dict[str, str], link_email: str = "") -> dict[str, dict[str, Any]]:
    return {
        "reference": {"id": "reference", "label": "Fly2Any reference", "value": typed["reference"], "maxlength": 12,
                      "hint": "For example FLY2A-7KQ2MX", "error": wrong.get("reference", "")},
        "email": {"id": "email", "label": "E-mail address of the booking", "value": typed["email"], "type": "email",
                  "autocomplete": "email", "inputmode": "email", "error": wrong.get("email", "")},
        "link_email": {"id": "link-email", "label": "Your e-mail address", "value": link_email, "type": "email",
                       "autocomplete": "email", "inputmode": "email", "error": wrong.get("link-email", "")},
    }
