"""The seats of one flight: drawn as a plane or listed, for one traveller at a time."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import drafts, selectors
from bookings.checkout import extras_form, outcomes, seats_page
from bookings.checkout.customize import gone, open_draft, seat_maps
from bookings.checkout.pages import page
from bookings.checkout.search_form import isolated
from bookings.models import Booking, Selection
from bookings.selectors.offers import raw_of
from bookings.selectors.sold import key_of
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

Raw = dict[str, Any]
NONE = "none"  # what "the airline assigns" sends


@require_http_methods(["GET", "HEAD", "POST"])
@page
def seats(request: HttpRequest, draft_id: uuid.UUID, number: int) -> HttpResponse:
    """GET: the plane or the list. POST: take a seat, or none; an exit row asks for agreement first."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    flights = [flight for piece in raw_of(booking.offer)["slices"] for flight in piece["segments"]]
    if not 1 <= number <= len(flights):
        raise Problem("not_found", "We found no such flight in this trip.", status=404, action="Check the address")
    try:
        if request.method == "POST":
            return _chosen(request, booking, number - 1)
        booking, _ = drafts.refresh(booking=booking, now=clock.now())
    except Problem as problem:
        if problem.status == 410:
            return gone(request, booking, view, problem)
        if request.method == "POST" and problem.status < 500:
            return _page(request, booking, number - 1, problem)
    return _page(request, booking, number - 1)


def _chosen(request: HttpRequest, booking: Booking, flight: int) -> HttpResponse:
    """Store what was chosen. Raises Problem for a seat that cannot be had, and what the drafts raise."""
    who, seat = _traveller(request.POST.get("traveller", ""), booking), request.POST.get("seat", "").strip().upper()
    if not seat:
        raise Problem("validation_failed", "Choose a seat, or let the airline assign one.", status=422,
                      field_errors={"seat": "Choose a seat, or let the airline assign one."})
    agreed = request.POST.get("agreed") == "yes"
    drawn = _drawn(booking, flight, who)
    wanted = next((cell for cell in drawn["listed"] if cell["designator"] == seat), None) if drawn else None
    if wanted and wanted["state"] == "free" and wanted["notes"] and not agreed:
        if "ask" in request.POST:
            raise Problem("validation_failed", "Tick the box to take this seat.", status=422,
                          field_errors={"agreed": "Tick the box to take this seat, or choose another one."})
        return redirect(_address(booking, flight, who, request.POST.get("view", ""), ask=seat))
    choices = [] if seat == NONE.upper() else [
        {"key": key_of(("seat", who, (flight,), seat)), "quantity": 1, "agreed": agreed}]
    try:
        drafts.customize(booking=booking, choices=choices, now=clock.now(), keep=lambda item: not _same(
            item, who, flight))
    except Problem as problem:
        if problem.code != "services_unavailable":
            raise
        raise Problem(problem.code, f"Seat {isolated(seat[:4])} cannot be had for traveller {who + 1} on this flight. "
                      "Choose another one.", status=409) from problem
    return redirect(_address(booking, flight, who, request.POST.get("view", "")))


def _same(item: Selection, who: int, flight: int) -> bool:
    return item.kind == "seat" and item.passenger_position == who and item.segment_positions == [flight]


def _traveller(text: str, booking: Booking) -> int:
    """A traveller by number from 1, of those who have a seat; the first of them for anything else."""
    seated = [at for at, item in enumerate(raw_of(booking.offer)["passengers"]) if item["kind"] != "infant"]
    wanted = int(text) - 1 if text.isascii() and text.isdecimal() and len(text) < 3 else -1
    return wanted if wanted in seated else seated[0]


def _address(booking: Booking, flight: int, who: int, view: str, ask: str = "") -> str:
    """This page again, for this traveller, as plane or list."""
    query = {"traveller": str(who + 1), **({"view": "list"} if view == "list" else {}), **({"ask": ask} if ask else {})}
    return f"{reverse('checkout-seats', args=[booking.public_id, flight + 1])}?{urlencode(query)}"


def _drawn(booking: Booking, flight: int, who: int) -> Raw | None:
    """The plane for a traveller; None when there is no map."""
    segment = [item["external_id"] for piece in raw_of(booking.offer)["slices"] for item in piece["segments"]][flight]
    seat_map = next((item for item in seat_maps(booking) or () if item.segment_id == segment and item.cabins), None)
    return seats_page.plane(seat_map, seats_page.viewer(booking, flight, who)) if seat_map else None


def _page(request: HttpRequest, booking: Booking, flight: int, problem: Problem | None = None) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    who, listed = _traveller(asked.get("traveller", ""), booking), asked.get("view") == "list"
    view, drawn = selectors.booking_view(booking), _drawn(booking, flight, who)
    seat = asked.get("ask", "")
    ask = next((cell for cell in drawn["listed"] if cell["designator"] == seat and cell["state"] == "free"
                and cell["notes"]), None) if drawn and seat else None
    raw = raw_of(booking.offer)
    flights = extras_form.seat_flights(booking, seat_maps(booking), list(booking.selections.all()))
    people = [{"number": at + 1, "whom": extras_form.traveller(raw, at), "now": at == who,
               "seat": next((item.detail for item in booking.selections.all() if _same(item, at, flight)), ""),
               "href": _address(booking, flight, at, asked.get("view", ""))}
              for at, item in enumerate(raw["passengers"]) if item["kind"] != "infant"]
    others = [item["number"] for item in flights if item["map"]]
    after = next((number for number in others if number > flight + 1), None)
    context = {
        "draft": view, "flight": flights[flight], "flights": flights, "people": people, "plane": drawn, "ask": ask,
        "who": next(person for person in people if person["now"]), "listed": listed, "news": booking.news,
        "plane_url": _address(booking, flight, who, ""), "list_url": _address(booking, flight, who, "list"),
        "here": _address(booking, flight, who, asked.get("view", "")), "next_flight": after, "errors": _errors(problem)}
    return render(request, "checkout/seats.html", context, status=problem.status if problem else 200)


def _errors(problem: Problem | None) -> list[dict[str, str]]:
    if problem is None:
        return []
    texts = {path.rsplit(".", 1)[-1]: text for path, text in problem.field_errors.items()}
    if "agreed" in texts:
        return [{"field": "agreed", "text": texts["agreed"]}]
    return [{"field": "seats", "text": next(iter(texts.values()), problem.message)}]
