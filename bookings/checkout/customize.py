"""Step 1: an offer becomes a draft; the fare is chosen among its siblings, bags and seats are added or not."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from bookings import access, drafts, selectors
from bookings.checkout import extras_form, outcomes, search_form
from bookings.checkout.pages import page
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from suppliers.types import SeatMap


@require_POST
@page
def start(request: HttpRequest) -> HttpResponse:
    """A fare was chosen: price it and open its draft (the same one again for the same fare)."""
    try:
        booking = drafts.start(offer_id=request.POST.get("offerId", ""), principal=access.principal_of(request),
                               user=request.user, now=clock.now())
    except Problem as problem:
        if problem.code != "already_booked":
            raise
        return redirect("trip", problem.extra["existing"])
    return redirect("checkout-extras", booking.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def extras(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Fare, bags and seats, with the total that the server computes after every choice."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    if request.method == "POST":
        drafts.customize(booking=booking, choices=extras_form.choices(request.POST), now=clock.now())
        onward = "checkout-review" if ready(view) else "checkout-passengers"  # who came from the review returns to it
        return redirect(onward if request.POST.get("then") == "go" else "checkout-extras", draft_id)
    booking, view, notice = repriced(booking, view)
    return render(request, "checkout/extras.html", {
        "draft": view, "notice": notice, "flights_url": flights_url(booking), "fares": _fares(booking),
        "reviewed": ready(view), **_lists(booking)})


def open_draft(request: HttpRequest, draft_id: uuid.UUID) -> tuple[Booking, dict[str, Any]]:
    """The visitor's draft and its view. Problem not_found for strangers."""
    booking = selectors.draft_for(principal=access.principal_of(request), public_id=draft_id)
    return booking, selectors.booking_view(booking)


def repriced(booking: Booking, view: dict[str, Any]) -> tuple[Booking, dict[str, Any], str]:
    """The draft after a look at the airline's present price, and what changed, in words."""
    before = view["price"]["total"]
    booking, lost = drafts.refresh(booking=booking, now=clock.now())
    after = selectors.booking_view(booking)
    new = after["price"]["total"]
    said = [f"No longer sold and taken out: {', '.join(lost)}."] if lost else []
    if new["minor"] != before["minor"] and not lost:
        verb = "raised" if new["minor"] > before["minor"] else "lowered"
        said.append(f"The airline {verb} the price: the total is now {new['text']} instead of {before['text']}.")
    return booking, after, " ".join(said)


def ready(view: dict[str, Any]) -> bool:
    """Whether every traveller and the contact are known."""
    named = all(person.get("givenName") and person.get("bornOn") for person in view["passengers"])
    return bool(named and view["contact"].get("email"))


def flights_url(booking: Booking, *, fresh: bool = False) -> str:
    """Back to the results this fare was chosen from; `fresh` asks the airlines the same question anew."""
    search = booking.offer.search
    if search is None:
        return reverse("home")
    return search_form.address(search_form.stored(search.query), s=None if fresh else search.pk)


def _fares(booking: Booking) -> list[dict[str, Any]]:
    """The chosen fare among the other fares of the same flights, cheapest first, with the difference."""
    offer = selectors.offer_view(booking.offer)
    mine = {**offer, "chosen": True}
    fares = sorted([mine, *offer["fareFamily"]], key=lambda fare: fare["total"]["minor"])
    base = offer["total"]["minor"]
    for fare in fares:
        more = fare["total"]["minor"] - base
        amount = str(Money(abs(more), fare["total"]["currency"]))
        fare["difference"] = f"{amount} {'more' if more > 0 else 'less'}" if more else ""
        fare["name"] = fare["brand"] or "This fare"
    return fares


def _lists(booking: Booking) -> dict[str, Any]:
    """Bags, seats and other services; a missing seat map is no reason to stop."""
    try:
        maps: list[SeatMap] = drafts.seat_maps(offer_id=booking.offer_id, principal=booking.principal, now=clock.now())
    except Problem:
        maps = []
    return extras_form.lists(booking, booking.offer.info, maps)
