"""Step 1: an offer becomes a draft; the fare is chosen among its siblings, bags, cover and seats are added or not."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from bookings import access, bundles, drafts, selectors
from bookings.checkout import extras_form, outcomes, search_form
from bookings.checkout.pages import page, summary
from bookings.models import Booking
from bookings.selectors.offers import fare_rules, raw_of
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import Search
from suppliers.types import SeatMap


@require_POST
@page
def start(request: HttpRequest) -> HttpResponse:
    """A fare was chosen: price it and open its draft (the same one again for the same fare)."""
    try:
        booking = drafts.start(offer_id=request.POST.get("offerId", ""), principal=access.principal_of(request),
                               user=request.user, now=clock.now())
    except Problem as problem:
        if problem.code == "already_booked":
            return redirect("trip", problem.extra["existing"])
        if problem.status != 410 and problem.code != "offer_taken":
            raise
        return _gone_before(request, problem)
    return redirect("checkout-extras", booking.public_id)


def _gone_before(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The fare ended before a draft began: the same search, asked afresh, is one press away."""
    offer = selectors.offer_for(principal=access.principal_of(request), offer_id=request.POST.get("offerId", ""))
    return render(request, "info/problem.html", {
        "problem": problem, "again_url": _search_url(offer.search, fresh=True)}, status=problem.status)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def extras(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Fare, bags, cover and seats, with the total that the server computes after every choice."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    if request.method == "POST":
        return _saved(request, booking)
    try:
        booking, view, notice = repriced(booking, view)
    except Problem as problem:
        if problem.status == 429:
            raise
        if problem.status < 500:
            return gone(request, booking, view, problem)
        return _page(request, booking, view, away=True)
    return _page(request, booking, view, notice=notice)


def _saved(request: HttpRequest, booking: Booking) -> HttpResponse:
    """Store the choices and go where the button says; a refused form comes back with everything in it."""
    chosen, wrong = extras_form.choices(request.POST, booking)
    try:
        if not wrong:
            booking = _stored(request, booking, chosen)
            return redirect(_next(request.POST.get("then", ""), booking))
    except Problem as problem:
        if problem.status == 410:
            return gone(request, booking, selectors.booking_view(booking), problem)
        if problem.status >= 500 or problem.code in ("not_found", "not_a_draft"):
            raise
        wrong = {"": problem.message} if not problem.field_errors else dict(problem.field_errors)
    return _page(request, booking, selectors.booking_view(booking), typed=request.POST.dict(), wrong=wrong)


def _stored(request: HttpRequest, booking: Booking, chosen: list[dict[str, Any]]) -> Booking:
    """The draft with its new choices; another fare of the same flights is a draft of its own."""
    now, fare = clock.now(), request.POST.get("fare", "")
    if fare and fare != str(booking.offer_id):
        return drafts.change_fare(booking=booking, offer_id=fare, choices=chosen, user=request.user, now=now)
    return drafts.customize(booking=booking, choices=chosen, now=now, keep=lambda item: item.kind == "seat")


def _next(then: str, booking: Booking) -> str:
    """Where the pressed button leads; news about lost extras are shown before anything else."""
    number = then.removeprefix("seats-")
    if number != then and number.isascii() and number.isdecimal() and len(number) < 3:
        return reverse("checkout-seats", args=[booking.public_id, int(number)])
    reviewed = ready(selectors.booking_view(booking))  # who came from the review goes back to it
    onward = "checkout-review" if reviewed else "checkout-passengers"
    step = onward if then == "go" and not booking.news else "checkout-extras"
    return reverse(step, args=[booking.public_id])


def _page(request: HttpRequest, booking: Booking, view: dict[str, Any], *, notice: str = "", away: bool = False,
          typed: dict[str, str] | None = None, wrong: dict[str, str] | None = None) -> HttpResponse:
    maps = seat_maps(booking)
    if not away:
        drafts.more_fares(booking.offer)
    listed = extras_form.lists(booking, maps, typed, wrong)
    ids = dict.fromkeys(listed["lost_fields"], "")
    context = {"draft": view, "news": booking.news, "notice": notice, "away": away, "seats_away": maps is None,
               "reviewed": ready(view), "priced_at": booking.offer.priced_at, "flights_url": flights_url(booking),
               "fares": extras_form.fares(booking, typed), "rules": fare_rules(raw_of(booking.offer)),
               "will_pay_now": bool(view["selections"]) and
               not booking.offer.info.instant_only, **listed,
               "bundles": bundles.present(booking, maps or [], clock.now()),
               "bundle_changed": request.GET.get("bundle") == "changed",
               "errors": summary(wrong or {}, lambda path: ids.get(path, path)) if wrong else []}
    return render(request, "checkout/extras.html", context, status=422 if wrong else 200)


def gone(request: HttpRequest, booking: Booking, view: dict[str, Any], problem: Problem) -> HttpResponse:
    """The fare has run out: say so, keep what was chosen on screen, and lead to the same search asked afresh."""
    return render(request, "checkout/gone.html", {
        "draft": view, "problem": problem, "again_url": flights_url(booking, fresh=True)}, status=problem.status)


def open_draft(request: HttpRequest, draft_id: uuid.UUID) -> tuple[Booking, dict[str, Any]]:
    """The visitor's draft and its view. Problem not_found for strangers."""
    booking = selectors.draft_for(principal=access.principal_of(request), public_id=draft_id)
    return booking, selectors.booking_view(booking)


def repriced(booking: Booking, view: dict[str, Any]) -> tuple[Booking, dict[str, Any], str]:
    """The draft after a look at the airline's present price, and what changed, in words."""
    before = view["price"]
    booking, said = drafts.refresh(booking=booking, now=clock.now())
    after = selectors.booking_view(booking)
    fare, old = after["price"]["fare"], before["fare"]
    if fare["minor"] != old["minor"]:
        verb = "raised" if fare["minor"] > old["minor"] else "lowered"
        said = [f"The airline {verb} the fare from {old['text']} to {fare['text']}.", *said]
    if after["price"]["total"]["minor"] != before["total"]["minor"]:
        said = [*said, f"The total is now {after['price']['total']['text']} instead of {before['total']['text']}."]
    return booking, after, " ".join(said)


def ready(view: dict[str, Any]) -> bool:
    """Whether every traveller and the contact are known."""
    named = all(person.get("givenName") and person.get("bornOn") for person in view["passengers"])
    return bool(named and view["contact"].get("email"))


def flights_url(booking: Booking, *, fresh: bool = False) -> str:
    """Back to the results this fare was chosen from; `fresh` asks the airlines the same question anew."""
    return _search_url(booking.offer.search, fresh=fresh)


def _search_url(search: Search | None, *, fresh: bool) -> str:
    if search is None:
        return reverse("home")
    return search_form.address(search_form.stored(search.query), s=None if fresh else search.pk)


def seat_maps(booking: Booking) -> list[SeatMap] | None:
    """The seats of each flight; [] when the airline shows none, None when it cannot be asked now."""
    try:
        return drafts.seat_maps_seen(booking.offer)
    except Problem:
        return None
