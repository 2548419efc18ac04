"""The customer's own page of a booking, for staff to read: the same view and template, without anything that works.

Four walls: the page is made in a transaction that the database keeps from writing; forms, scripts and links are taken
out of the markup; the policy of the answer forbids to run or send anything; no cookie of the page is passed on. That
somebody looked is written down (StaffAction).
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, path, resolve, reverse
from django.views.decorators.http import require_GET

from bookings import access
from bookings.admin.actions import by_of
from bookings.models import Booking, StaffAction
from fly2any.kernel import clock

MOST_STEPS = 4  # from the trip's address to the page that tells the truth about it now
_NOTHING = ["'none'"]
_GONE = re.compile(r"<script\b.*?</script\s*>|<noscript\b.*?</noscript\s*>|<meta\b[^>]*http-equiv[^>]*>|"
                   r"<input\b[^>]*type=\"hidden\"[^>]*>", re.IGNORECASE | re.DOTALL)
_FORM = re.compile(r"<(/?)form\b[^>]*>", re.IGNORECASE)
_FIELD = re.compile(r"<(button|input|select|textarea)\b", re.IGNORECASE)
_LINK = re.compile(r"(<a\b[^>]*?)\shref=\"(?!#)[^\"]*\"", re.IGNORECASE)


def urls(admin: AdminSite) -> list[URLPattern]:
    """Where staff see what the customer sees."""
    return [path("<int:pk>/as-customer/", admin.admin_view(as_customer), name="bookings_booking_as_customer")]


@require_GET
def as_customer(request: HttpRequest, pk: int) -> HttpResponse:
    """The page that the customer sees now. 403 without view_booking, 404 for a draft: it has no such page."""
    if not isinstance(request.user, User) or not request.user.has_perm("bookings.view_booking"):
        raise PermissionDenied
    booking = get_object_or_404(Booking.objects.exclude(wish="draft"), pk=pk)
    by = by_of(request, request.user, "", secrets.token_urlsafe(24))
    StaffAction.objects.create(
        key=by.key, verb="view_as_customer", operator=request.user, booking=booking, at=clock.now(),
        said="Shown as the customer sees it.", address=by.address[:64], request_id=by.request_id[:120])
    html = _without_what_works(_rendered(request, booking))
    head = render_to_string("admin/bookings/booking/as_customer_head.html", {})
    banner = render_to_string("admin/bookings/booking/as_customer_banner.html", {
        "booking": booking, "sandbox": settings.SANDBOX,
        "back": reverse("admin:bookings_booking_change", args=[booking.pk])})
    html = html.replace("</head>", f"{head}</head>", 1)
    html = re.sub(r"(<body\b[^>]*>)", lambda found: found[1] + banner, html, count=1)
    response = HttpResponse(html, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
    vars(response)["_csp_replace"] = {"script-src": _NOTHING, "form-action": _NOTHING, "connect-src": _NOTHING,
                                      "frame-src": _NOTHING}
    return response


def _rendered(request: HttpRequest, booking: Booking) -> str:
    """What the site answers to the owner, made in a transaction that cannot write."""
    address = reverse("trip", args=[booking.reference])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        for _ in range(MOST_STEPS):
            answer = _asked(request, booking, address)
            if answer.status_code in (301, 302):
                address = answer["Location"]
                continue
            if answer.status_code != 200 or not isinstance(answer, HttpResponse):
                raise Http404
            return answer.content.decode()
    raise Http404


def _asked(request: HttpRequest, booking: Booking, address: str) -> HttpResponseBase:
    """The customer's view of this address, asked as the booking's owner: no session, no cookie, no token of theirs."""
    parts = urlsplit(address)
    inner = HttpRequest()
    inner.method, inner.path, inner.path_info = "GET", parts.path, parts.path
    inner.META = {name: request.META[name] for name in ("SERVER_NAME", "SERVER_PORT", "HTTP_HOST", "REMOTE_ADDR",
                                                        "wsgi.url_scheme") if name in request.META}
    inner.user = booking.user if booking.user is not None else AnonymousUser()
    access.read_as_owner(inner, booking)
    found = resolve(parts.path)
    inner.resolver_match = found
    response: HttpResponseBase = found.func(inner, *found.args, **found.kwargs)
    return response


def _without_what_works(html: str) -> str:
    """The same page with nothing to press, send, run or follow; text and looks stay."""
    html = _GONE.sub("", html)
    html = _FORM.sub(lambda found: f"<{found[1]}div>", html)
    html = _FIELD.sub(r"<\1 disabled", html)
    return _LINK.sub(r'\1 aria-disabled="true"', html)
