"""The worklist's page; it changes nothing. Who may enter tickets sees it."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from bookings.admin.ticketing.lines import lines_of
from bookings.admin.ticketing.reading import SHOWN, Asked, page
from bookings.models import Booking
from fly2any.kernel import clock

PERMISSION = "bookings.do_tickets"


def urls(admin: AdminSite) -> list[URLPattern]:
    """Its address, before the admin's own."""
    def worklist(request: HttpRequest) -> HttpResponse:
        return _worklist(request, admin)

    return [path("ticketing/", admin.admin_view(worklist), name="bookings_ticketing")]


def _worklist(request: HttpRequest, admin: AdminSite) -> HttpResponse:
    user = request.user
    if not isinstance(user, User) or not user.has_perm(PERMISSION) or not user.has_perm("bookings.view_booking"):
        raise PermissionDenied
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    now, asked = clock.now(), Asked.read(request.GET)
    seen = page(asked, user, now)
    return TemplateResponse(request, "admin/bookings/ticketing/list.html", {
        **admin.each_context(request), "opts": Booking._meta, "title": "To ticket", "asked": asked,
        "lines": lines_of(seen.orders, user, now), "next": seen.after and asked.address(after=seen.after),
        "first": asked.address(), "empty": _empty(asked),
        "tabs": [{"label": label, "address": Asked(which=name).address(), "here": asked.which == name and not asked.q}
                 for name, label in SHOWN.items()]})


def _empty(asked: Asked) -> str:
    if asked.after:
        return "No line is left behind this place."
    if asked.q:
        return f"No reservation that waits for its tickets is called “{asked.q}”."
    return {"mine": "No reservation is yours.", "soon": "Nothing is due within 24 hours."}.get(
        asked.which, "Every reservation has its tickets.")
