"""Changing what stands: contact data, a request to our team, and the answer to an airline's change of flights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import access, afterwards, forms, limits, messages, selectors, services
from bookings.checkout import outcomes
from bookings.checkout.aftercare import ENDED
from bookings.checkout.pages import page, summary
from bookings.models import Booking
from bookings.selectors.changes import flight_change
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

REQUESTS_AN_HOUR = 5  # per address; one is open at a time, so nobody needs more


@require_http_methods(["GET", "HEAD", "POST"])
@page
def contact(request: HttpRequest, reference: str) -> HttpResponse:
    """The e-mail address and phone number we use for a booking."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if booking.status in ENDED:
        return redirect(outcomes.place(booking))
    typed = {"email": booking.contact_email, "phone": booking.contact_phone}
    wrong: dict[str, str] = {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "").strip()[:254] for name in typed}
        try:
            email, phone = forms.check_contact(typed)
        except Problem as problem:
            wrong = {name.removeprefix("contact."): text for name, text in problem.field_errors.items()}
        else:
            services.change_contact(booking=booking, email=email, phone=phone, now=clock.now())
            return _done(booking, "contact")
    return render(request, "trips/contact.html", {
        "trip": {"reference": booking.reference}, "errors": summary(wrong), "fields": {
            "email": {"id": "email", "label": "E-mail address", "value": typed["email"], "type": "email",
                      "autocomplete": "email", "inputmode": "email", "error": wrong.get("email", "")},
            "phone": {"id": "phone", "label": "Mobile number with country", "value": typed["phone"], "type": "tel",
                      "autocomplete": "tel", "inputmode": "tel", "hint": "For example +1 212 555 0188",
                      "error": wrong.get("phone", "")}}})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def request_change(request: HttpRequest, reference: str) -> HttpResponse:
    """What the customer wants changed, in their words; a person of ours answers."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if booking.status in ENDED or (request.method != "POST" and booking.requests.filter(answered_at=None).exists()):
        return redirect(outcomes.place(booking))
    wrong: dict[str, str] = {}
    if request.method == "POST":
        try:
            topic, words = afterwards.check_request(request.POST)
        except Problem as problem:
            wrong = problem.field_errors
        else:
            now = clock.now()
            limits.count("change-request", access.address_of(request), per=timedelta(hours=1), limit=REQUESTS_AN_HOUR,
                         now=now)
            afterwards.ask(booking=booking, topic=topic, words=words, now=now)
            return _done(booking, "request")
    return render(request, "trips/request.html", _request_form(request, booking, wrong))


def _request_form(request: HttpRequest, booking: Booking, wrong: dict[str, str]) -> dict[str, Any]:
    now = clock.now()
    typed = request.POST if request.method == "POST" else request.GET
    return {
        "trip": selectors.booking_view(booking), "topics": afterwards.Topic.choices, "topic": typed.get("topic", ""),
        "topic_error": wrong.get("topic", ""), "errors": summary(wrong),
        "hours": int((afterwards.answer_by(now, booking.departs_at) - now).total_seconds() // 3600),
        "words": {"id": "words", "label": "Tell us what you need", "value": request.POST.get("words", "")[:5000],
                  "hint": "For example: “We would like to fly home one day later, on 14 May, in the afternoon.”",
                  "error": wrong.get("words", ""), "rows": 6}}


@require_http_methods(["GET", "HEAD", "POST"])
@page
def flights(request: HttpRequest, reference: str) -> HttpResponse:
    """The flights as booked and as the airline wants them now, side by side; the customer's answer is only kept."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if request.method == "POST" and request.POST.get("answer") in ("accept", "refund"):
        afterwards.answer_change(booking=booking, change_id=request.POST.get("change", "")[:200],
                                 answer=request.POST["answer"], now=clock.now())
        return redirect("trip-flights", booking.reference)
    change = flight_change(booking, booking.orders.order_by("-pk").first())
    if change is None:
        return redirect(outcomes.place(booking))
    view = selectors.booking_view(booking)
    return render(request, "trips/flights.html", {"trip": view, "change": change, "card": (
        messages.card_words(booking.payments.order_by("-pk").first())), "unanswered": request.method == "POST"})


def _done(booking: Booking, what: str) -> HttpResponse:
    return redirect(f"{reverse('trip', args=[booking.reference])}?done={what}")
