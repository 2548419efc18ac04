"""Step 2: who travels, and how we reach them; then what should be looked at once more."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import access, drafts, forms, selectors, twins
from bookings.checkout import outcomes, search_form, traveller_fields, traveller_form
from bookings.checkout.customize import flights_url, open_draft, ready
from bookings.checkout.pages import page, wants_json
from bookings.checkout.words import day
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@page
def travellers(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """The form of all travellers; a refused one comes back with everything typed and the errors named."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    if request.method == "POST":
        return _posted(request, booking, view)
    return _form(request, booking, view, drafts.typed_in(booking) or None)


def _posted(request: HttpRequest, booking: Booking, view: dict[str, Any]) -> HttpResponse:
    """Keep what was typed, and go on when it is asked for and complete."""
    now, typed = clock.now(), traveller_form.typed(request.POST, drafts.typed_in(booking))
    if request.POST.get("then") in ("save", "later"):
        drafts.save_typed(booking=booking, typed=typed, now=now)
        if wants_json(request):
            return JsonResponse({"saved": True, "meant": forms.suggestion(typed.get("contact-email", ""))})
        return redirect(f"{request.path}?saved=yes")
    people, contact, wrong = traveller_form.read({**typed, **traveller_form.removals(request.POST)}, view)
    party = None
    try:
        if not wrong:
            booking = drafts.set_passengers(booking=booking, passengers=people, contact=contact, now=now, typed=typed)
            asked = _questions(request, booking, selectors.booking_view(booking))
            return redirect("checkout-check" if asked else "checkout-review", booking.public_id)
        drafts.check_passengers(booking=booking, passengers=people, contact=contact, now=now)
    except Problem as problem:
        if not problem.field_errors:
            raise
        wrong = {**problem.field_errors, **wrong}  # of a date that is none, the form knows more
        party = problem.extra.get("searchFor")
    drafts.save_typed(booking=booking, typed=typed, now=now)
    return _form(request, booking, view, {**typed, **traveller_form.removals(request.POST)}, wrong, party)


def _form(request: HttpRequest, booking: Booking, view: dict[str, Any], typed: Mapping[str, str] | None,
          wrong: dict[str, str] | None = None, party: dict[str, Any] | None = None) -> HttpResponse:
    wrong = wrong or {}
    lead = selectors.known_customer(request.user)
    adults = any(person["kind"] == "adult" for person in view["passengers"])
    return render(request, "checkout/passengers.html", {
        **traveller_fields.context(view, typed, wrong, lead), "draft": view,
        "search_again": _search_again(booking, party), "alone": "" if adults else forms.alone_text(view["ownerName"]),
        "errors": traveller_form.summary(view, _in_order(wrong)), "saved": request.GET.get("saved") == "yes",
        "flights_url": flights_url(booking)})


def _in_order(wrong: dict[str, str]) -> dict[str, str]:
    """Errors as the page has the fields: of the whole party, traveller by traveller, the contact."""
    order = ("givenName", "familyName", "title", "gender", "bornOn", "residence", "infantOn", "infantPosition",
             "document", "knownTravellerNumber", "redressNumber", "loyalty")

    def place(path: str) -> tuple[int, int, int]:
        parts = path.split(".")
        if parts[0] != "passengers" or len(parts) < 3:
            return (0 if parts[0] == "passengers" else 99), 0, 0
        return 1 + int(parts[1]), order.index(parts[2]) if parts[2] in order else len(order), len(path)

    return dict(sorted(wrong.items(), key=lambda item: place(item[0])))


def _search_again(booking: Booking, party: dict[str, Any] | None) -> dict[str, str] | None:
    """The same search for the party that the birth dates mean; no address where nobody can book it here."""
    search = booking.offer.search
    if party is None:
        return None
    ages = party["childAges"]
    parts = [f"{number} {one if number == 1 else many}" for number, one, many in (
        (party["adults"], "adult", "adults"), (len(ages), "child", "children"), (party["infants"], "infant", "infants"))
        if number]
    words = ", ".join(parts) + (f" ({' and '.join(map(str, ages))} years)" if ages else "")
    if not party["adults"] or party["infants"] > party["adults"] or search is None:
        return {"words": words, "url": "", "why": forms.alone_text(booking.offer.info.owner_name)
                if not party["adults"] else ""}
    query = replace(search_form.stored(search.query), adults=party["adults"], child_ages=tuple(ages),
                    infants=party["infants"])
    return {"words": words, "url": search_form.address(query), "why": ""}


# --- once more before the review --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def check(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """Book again? Is the address right? Is the passport good for long enough? Asked once, and never a wall."""
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    if not ready(view):
        return redirect("checkout-passengers", draft_id)
    if request.method == "POST":
        meant = forms.suggestion(booking.contact_email)
        if request.POST.get("then") == "email" and meant:
            drafts.correct_email(booking=booking, email=meant, now=clock.now())
            return redirect("checkout-check", draft_id)
        if request.POST.get("again") == "yes":  # the question stood on the page
            drafts.agree_again(booking=booking)
        return redirect("checkout-review", draft_id)
    asked = _questions(request, booking, view)
    if not asked:
        return redirect("checkout-review", draft_id)
    return render(request, "checkout/check.html", {"draft": view, **asked})


def _questions(request: HttpRequest, booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    """What should be looked at once more; {} when nothing."""
    agreed = booking.again_for == booking.trip_digest
    twin = None if agreed else twins.flying_already(booking, access.principal_of(request))
    found = {"twin": _twin(twin) if twin else None, "meant": forms.suggestion(booking.contact_email),
             "expiring": _expiring(view)}
    return {name: value for name, value in found.items() if value}


def _expiring(view: dict[str, Any]) -> list[dict[str, str]]:
    """Whose passport ends within six months of the last landing, and when."""
    lands = forms.a_date(view["slices"][-1]["segments"][-1]["arrivingLocal"][:10])
    return [{"name": f"{person['givenName']} {person['familyName']}", "expires": day(expires)}
            for person in view["passengers"] if person["document"] and lands
            and (expires := forms.a_date(person["document"]["expiresOn"])) and forms.expires_soon(
                expires.isoformat(), lands)]


def _twin(twin: Booking) -> dict[str, str]:
    flights = list(twin.segments.all())
    return {"reference": twin.reference, "url": reverse("trip", args=[twin.reference]),
            "flights": f"{flights[0].origin} – {flights[-1].destination}", "day": day(flights[0].departing_local)}
