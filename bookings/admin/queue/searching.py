"""Where the search box leads: to the one booking or case that is meant, or to a page of those that may be."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import F, Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings.admin.find import GATEWAYS, SUPPLIERS, bookings_matching, without_dates
from bookings.admin.queue.doors import drawn
from bookings.admin.queue.lines import address, line_of, when
from bookings.admin.queue.reading import shown
from bookings.models import Booking, Case, Passenger
from bookings.status import STATUS_WORDS, Status
from fly2any.kernel import clock
from fly2any.kernel.readonly import amount
from suppliers.models import SupplierOrder

MOST = 25  # bookings, and cases, on the page
SHOWN_OF = ("reference", "status", "money", "accepted_minor", "currency", "departs_at", "contact_email")


@require_safe
def find_view(request: HttpRequest) -> HttpResponse:
    """What the words mean: a redirect when it is one thing, else a page."""
    user = request.user
    if user.is_anonymous or not (user.has_perm("bookings.view_case") or user.has_perm("bookings.view_booking")):
        raise PermissionDenied
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:200]
    bookings = _bookings(text) if text else []
    cases = _cases(text, bookings) if text and user.has_perm("bookings.view_case") else []
    one = _the_one(user, bookings, cases)
    if one:
        return HttpResponseRedirect(one)
    now = clock.now()
    words, days = without_dates(text)
    return drawn(request, "found.html", "Search", {
        "q": text, "bookings": [_row(one) for one in bookings[:MOST]] if user.has_perm("bookings.view_booking") else [],
        "lines": [vars(line_of(case, user, now)) for case in cases[:MOST]], "most": MOST,
        "more": len(bookings) > MOST or len(cases) > MOST, "only_a_date": bool(days) and not words})


def _bookings(text: str) -> list[Booking]:
    found = Booking.objects.filter(bookings_matching(text)).only(*SHOWN_OF).prefetch_related(
        Prefetch("passengers", Passenger.objects.only("booking_id", "given_name", "family_name")),
        Prefetch("orders", SupplierOrder.objects.only("booking_id", "pnr")))
    return list(found.order_by("-pk")[:MOST + 1])


def _cases(text: str, bookings: list[Booking]) -> list[Case]:
    """Cases of these bookings and cases about exactly this object outside; open ones first."""
    subjects = [text, *(f"{vendor}:{text}" for vendor in (*SUPPLIERS, *GATEWAYS))]
    found = Case.objects.filter(Q(booking__in=[one.pk for one in bookings]) | Q(subject__in=subjects))
    order = (F("closed_at").desc(nulls_first=True), "severity", "due", "opened_at", "pk")
    return list(shown(found).order_by(*order)[:MOST + 1])


def _the_one(user: User, bookings: list[Booking], cases: list[Case]) -> str:
    """The address of the only thing meant: the one open case, else the one booking, else the one case."""
    of_others = [case for case in cases if case.booking_id is None or case.booking_id not in {b.pk for b in bookings}]
    waiting = [case for case in cases if case.closed_at is None]
    if len(bookings) + len(of_others) != 1 or len(waiting) > 1:
        return ""
    if waiting or of_others:
        return reverse("admin:bookings_case_change", args=[(waiting or of_others)[0].pk])
    return reverse("admin:bookings_booking_change", args=[bookings[0].pk]) if user.has_perm(
        "bookings.view_booking") else ""


def _row(booking: Booking) -> dict[str, Any]:
    people = [f"{one.given_name} {one.family_name}".strip() for one in booking.passengers.all()]
    return {"reference": booking.reference, "address": address("admin:bookings_booking_change", booking.pk),
            "status": STATUS_WORDS[Status(booking.status)][0], "money": booking.money,
            "traveller": people[0] if people else "", "others": len(people) - 1, "departs": when(booking.departs_at),
            "pnrs": ", ".join(order.pnr for order in booking.orders.all() if order.pnr),
            "agreed": amount(booking.accepted_minor, booking.currency) if booking.accepted_minor else "–",
            "email": booking.contact_email}
