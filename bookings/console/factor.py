"""Pages of the second factor: set it up, show it, renew the recovery codes. They work without scripts."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import quote

import segno
from django.contrib import admin, messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from bookings.console import door
from bookings.desk import lockout, second_factor
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

View = Callable[..., HttpResponse]
WRONG = "That code does not fit. Type the six figures that the app shows now; a code works once."
WRONG_RECOVERY = "That is none of your recovery codes, or it was used before."


def _staff(view: View) -> View:
    """For staff who have given their password; others go to the door."""
    @never_cache
    @sensitive_post_parameters()
    @require_http_methods(["GET", "POST"])
    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return HttpResponseRedirect(f"{reverse('admin:login')}?{REDIRECT_FIELD_NAME}={quote(request.path)}")
        return view(request, user)

    return inner


@_staff
def verify(request: HttpRequest, user: User) -> HttpResponse:
    """Ask for the app's code, or with `?recovery=1` for a recovery code; go on to where the visitor was heading."""
    if second_factor.phone_of(user) is None:
        return HttpResponseRedirect(door.next_step(request))
    recovery = bool(request.GET.get("recovery"))
    if request.method == "GET":
        return _page(request, "verify", recovery=recovery)
    locked = _locked(request, user)
    if locked is not None:
        return locked
    show = second_factor.show_recovery if recovery else second_factor.show_code
    device = show(user, request.POST.get("code", "")[:40])
    if device is None:
        lockout.wrong_code(request, user)
        wait = second_factor.wait_of(user, recovery=recovery)
        return _page(request, "verify", 422, recovery=recovery, wrong=WRONG_RECOVERY if recovery else WRONG, wait=wait)
    second_factor.accept(request, device)
    if recovery:
        left = second_factor.codes_left(user)
        messages.warning(request, f"You used a recovery code; {left} are left. Is the phone lost? Set up a new one "
                                  "under Second factor.")
        return HttpResponseRedirect(reverse("admin:second_factor_mine"))
    return HttpResponseRedirect(door.back_to(request))


@_staff
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """Set up the first device; or, for a session that has shown the old one, a new one instead of it."""
    shown = bool(getattr(user, "is_verified", lambda: False)())
    if second_factor.phone_of(user) is not None and not shown:
        return HttpResponseRedirect(door.next_step(request))
    signed = request.POST.get("secret", "") if request.method == "POST" else second_factor.new_secret(user)
    device = second_factor.open_secret(user, signed)
    if device is None:  # the page lay open for too long
        return HttpResponseRedirect(request.get_full_path())
    if request.method == "GET":
        return _set_up_page(request, signed, device)
    locked = _locked(request, user)
    if locked is not None:
        return locked
    try:
        codes = second_factor.confirm(user, device, "".join(request.POST.get("code", "")[:20].split()))
    except Problem:
        return HttpResponseRedirect(door.back_to(request))
    if codes is None:
        lockout.wrong_code(request, user)
        return _set_up_page(request, signed, device, 422, wrong=WRONG)
    second_factor.accept(request, device)
    return _codes_page(request, user, codes)


@require_http_methods(["GET", "POST"])
@sensitive_post_parameters()
def mine(request: HttpRequest) -> HttpResponse:
    """One's own device: when it was set up, how many recovery codes are left; POST makes ten new ones."""
    user = cast(User, request.user)
    device = second_factor.phone_of(user)
    if request.method == "GET" or device is None:
        return _page(request, "mine", device=device, left=second_factor.codes_left(user), plain=True)
    locked = _locked(request, user)
    if locked is not None:
        return locked
    if second_factor.show_code(user, request.POST.get("code", "")[:20]) is None:
        lockout.wrong_code(request, user)
        return _page(request, "mine", 422, device=device, left=second_factor.codes_left(user), wrong=WRONG, plain=True)
    return _codes_page(request, user, second_factor.renew_codes(user))


def _locked(request: HttpRequest, user: User) -> HttpResponse | None:
    lock = lockout.at_code(user, clock.now())
    if lock is None and not lockout.pair_is_locked(request, user.username):
        return None
    return door.locked_page(request, lock)


def _set_up_page(request: HttpRequest, signed: str, device: Any, status: int = 200, wrong: str = "") -> HttpResponse:
    return _page(request, "set_up", status, secret=signed, wrong=wrong, in_text=second_factor.in_text(device),
                 picture=_picture(device.config_url))


def _codes_page(request: HttpRequest, user: User, codes: list[str]) -> HttpResponse:
    """The recovery codes, this once, and the same as a file that the link itself carries."""
    text = "\r\n".join([f"Fly2Any console, recovery codes of {user.username}", "Each opens the door once.", "", *codes])
    return _page(request, "codes", codes=codes, file=f"data:text/plain;charset=utf-8,{quote(text)}", plain=True)


def _picture(address: str) -> SafeString:
    """The address as a QR code in SVG, without any style of its own."""
    drawn = segno.make(address, error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass="qr", lineclass=None, omitsize=True)
    return mark_safe(drawn)  # noqa: S308 (made of squares only)


def _page(request: HttpRequest, name: str, status: int = 200, *, plain: bool = False, **words: Any) -> HttpResponse:
    titles = {"verify": "Second factor", "set_up": "Set up your second factor", "codes": "Your recovery codes",
              "mine": "My second factor"}
    context = {**admin.site.each_context(request), "title": titles[name], "subtitle": None,
               "next": door.back_to(request), "half_way": not plain, **words}
    return render(request, f"admin/people/{name}.html", context, status=status)
