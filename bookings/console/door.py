"""The door of the console: why it is shut, what comes after the password, why a session ended."""

from __future__ import annotations

import unicodedata
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from bookings.access import counted_address
from bookings.desk import lockout, second_factor
from fly2any.kernel import clock

MOST_LETTERS = 150  # of a name, as Django's users have them
ENDED = {
    "idle": "You were signed out because nothing was pressed for half an hour.",
    "end": "You were signed out: a session ends after 12 hours, however busy.",
    "changed": "You were signed out because your password, your role or your second factor was changed. "
               "If you know nothing of it, tell a manager now.",
}


def one_name(request: HttpRequest) -> str:
    """The name typed, as the form will read it, and put in the typed one's place: a lock on a name has one spelling."""
    typed = request.POST.get("username", "").replace("\x00", "")[:MOST_LETTERS]
    name = unicodedata.normalize("NFKC", typed.strip())[:MOST_LETTERS].strip()
    posted = request.POST.copy()
    posted["username"] = name
    request.POST = posted  # type: ignore[assignment]
    return name


def shut(request: HttpRequest, name: str) -> HttpResponse | None:
    """The page that says that this name or this address has failed too often; None while the door is open."""
    lock = lockout.at_password(name, counted_address(request), clock.now())
    return locked_page(request, lock) if lock else None


def locked_page(request: HttpRequest, lock: lockout.Lock | None = None) -> HttpResponse:
    """429, and what to do. Without `lock`: axes' own, five failures of a name at an address."""
    words = {**admin.site.each_context(request), "title": "Too many tries", "lock": lock,
             "limit": settings.AXES_FAILURE_LIMIT}
    return render(request, "admin/people/locked.html", words, status=429)


def axes_locked(request: HttpRequest, _: HttpResponse | None, __: dict[str, Any] | None = None) -> HttpResponse:
    """What django-axes answers instead of a wrong password when it locks: the console's page, or the customers'."""
    if request.path_info.startswith("/admin/"):
        return locked_page(request)
    return render(request, "info/locked.html", status=429)


def back_to(request: HttpRequest) -> str:
    """The page of ours that the visitor was on the way to; the console's home when there is none."""
    asked = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    ours = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if ours else reverse("admin:index")


def next_step(request: HttpRequest) -> str:
    """Where somebody goes who has given the password: to show the second factor, or to set one up first."""
    name = "second_factor" if second_factor.phone_of(cast(User, request.user)) else "second_factor_set_up"
    return f"{reverse(f'admin:{name}')}?{urlencode({REDIRECT_FIELD_NAME: back_to(request)})}"


def why_ended(request: HttpRequest) -> str:
    """The sentence for somebody whose session has just ended, "" for others."""
    return ENDED.get(request.GET.get("ended", ""), "")
