"""The papers of a booking for whom it belongs to: downloads, the confirmation once more, and links to share."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bookings import access, documents, handover, selectors
from bookings.checkout import disclosures
from bookings.checkout.pages import page, summary, whole
from bookings.checkout.progress import masked
from bookings.models import Booking
from bookings.status import CLOSED, Status
from fly2any.kernel import clock

View = dict[str, Any]
LASTS = (("trip", "Until the day after the last flight"), ("day", "One day"), ("week", "One week"),
         ("month", "30 days"))


# --- the page of the booking ------------------------------------------------------------------------------------


def parts(request: HttpRequest, booking: Booking, view: View) -> View:
    """What the page of a booking says beside its status: papers, travellers with all that is theirs, what is next."""
    airline = view["ownerName"] or "the airline"
    confirmed = booking.status == Status.CONFIRMED
    return {
        "papers": booking.status in documents.PRINTED, "again_key": uuid.uuid4(), "mailed": _mailed(request, booking),
        "people": documents.people(booking, view), "came_about": booking.status not in (Status.FAILED, Status.EXPIRED),
        "bag_fees": documents.BAG_FEES,
        "masked_email": masked(booking.contact_email),
        "before": documents.before_you_fly(view) if confirmed else [],
        "check_in": {"url": documents.check_in_link(view["ownerCode"]), "airline": airline} if confirmed else None,
        "notices": disclosures.others(view) if booking.status not in CLOSED else [],
    }


def _mailed(request: HttpRequest, booking: Booking) -> str:
    """What became of the mail that was asked for by the press that led here; "" when there was none."""
    key = _key(request.GET.get("again", ""))
    row = handover.sent_again(booking, key) if key else None
    if row is None:
        return ""
    where = masked(row.to or booking.contact_email)
    if row.dropped:
        return f"The mail to {where} was not sent, because the booking has changed since."
    return f"We have sent it to {where}." if row.sent_at else f"It is on its way to {where}."


# --- downloads --------------------------------------------------------------------------------------------------


@require_safe
@page
def itinerary(request: HttpRequest, reference: str) -> HttpResponse:
    """The itinerary as PDF."""
    return _file(request, reference, "pdf")


@require_safe
@page
def calendar(request: HttpRequest, reference: str) -> HttpResponse:
    """The flights as a calendar file."""
    return _file(request, reference, "ics")


def _file(request: HttpRequest, reference: str, kind: str) -> HttpResponse:
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    return documents.download(booking, kind, address=access.address_of(request), now=clock.now()).response()


# --- by mail ----------------------------------------------------------------------------------------------------


@require_POST
@page
def send_again(request: HttpRequest, reference: str) -> HttpResponse:
    """The confirmation once more, to the contact address: once for each press."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    key = _key(request.POST.get("key", "")) or uuid.uuid4()
    handover.send_again(booking=booking, key=key, now=clock.now())
    return redirect(f"{reverse('trip', args=[booking.reference])}?again={key}")


# --- by a link --------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def share(request: HttpRequest, reference: str) -> HttpResponse:
    """Make a link that shows the flights to others, and see which links work."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    if request.method == "POST":
        lasts = request.POST.get("lasts", "")
        if lasts not in dict(LASTS):
            return _share_page(request, booking, {"lasts-trip": "Choose how long the link shall work."})
        key = _key(request.POST.get("key", "")) or uuid.uuid4()
        names = {whole(place) for place in request.POST.getlist("name")}
        handover.share(booking=booking, key=key, names=names, lasts=lasts, now=clock.now())
        return redirect(f"{request.path}?made={key}")
    return _share_page(request, booking, {})


@require_POST
@page
def revoke(request: HttpRequest, reference: str) -> HttpResponse:
    """Take a link back."""
    booking = selectors.booking_for(principal=access.principal_of(request), reference=reference)
    handover.revoke(booking=booking, share_id=whole(request.POST.get("share", "")), now=clock.now())
    return redirect(f"{reverse('trip-share', args=[booking.reference])}?taken=back")


def _share_page(request: HttpRequest, booking: Booking, wrong: dict[str, str]) -> HttpResponse:
    now, key = clock.now(), _key(request.GET.get("made", ""))
    made = handover.made_by(booking, key, now) if key else None
    address = reverse("shared", args=[handover.token_of(booking, key)]) if made and key else ""
    people = [{"place": person.position, "name": _first(person.given_name)} for person in booking.passengers.all()]
    return render(request, "trips/share.html", {
        "booking": booking, "possible": booking.status in documents.PRINTED, "people": people, "lasts": LASTS,
        "ends": handover.ends(booking, "trip", now), "key": uuid.uuid4(), "errors": summary(wrong),
        "wrong": wrong, "chosen": request.POST.get("lasts", "trip"), "ticked": request.POST.getlist("name"),
        "link": f"{settings.SITE_URL}{address}" if address else "", "made": made,
        "taken": request.GET.get("taken") == "back",
        "shares": [{"id": one.pk, "ends": one.expires_at, "made": one.created_at, "new": made and made.pk == one.pk,
                    "names": [person["name"] for person in people if person["place"] in one.names]}
                   for one in handover.active(booking, now)]})


@require_safe
@page
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The flights of a booking for whoever was given the link. No cookie, no references, no prices."""
    found = handover.opened(token=token, address=access.address_of(request), now=clock.now())
    answer = render(request, "trips/shared.html", selectors.shared_view(found))
    answer["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _first(given: str) -> str:
    return given.split(" ")[0]


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
