"""The people of the console: who has which role, who has a second factor, who is locked out; help for them."""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings import desk
from bookings.access import address_of
from bookings.desk import lockout
from bookings.desk.people import LIFT_ADDRESS, PEOPLE_ACTIONS
from bookings.desk.roles import EACH, ROLES
from bookings.desk.staff import role_of
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.keys import digest

MOST = 200


def _people() -> QuerySet[User]:
    return User.objects.filter(is_staff=True).prefetch_related("groups").order_by("-is_active", "username")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Everybody on the staff, and what each role may do. Needs bookings.do_people."""
    if not request.user.has_perm("bookings.do_people"):
        raise PermissionDenied
    now, people = clock.now(), list(_people()[:MOST])
    devices = dict(TOTPDevice.objects.filter(user__in=people, confirmed=True).values_list("user_id", "created_at"))
    pairs = lockout.pairs([user.username for user in people], now)
    failures = lockout.failures(people, now)
    lines = [{"user": user, "role": role_of(user), "device": devices.get(user.pk), "own": user == request.user,
              "pairs": pairs.get(user.username, []), "failures": failures[user.username],
              "shut": failures[user.username] >= lockout.A_NAME} for user in people]
    context = {**admin.site.each_context(request), "title": "People", "lines": lines, "now": now,
               "addresses": [(mark, *known) for mark, known in lockout.addresses(now).items()],
               "roles": [(role, EACH[role], len(ROLES[role])) for role in ROLES]}
    return render(request, "admin/people/page.html", context)


@require_http_methods(["GET", "POST"])
def verb(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """GET says what will happen to this colleague; POST does it once, with a reason."""
    user, action = _manager(request, PEOPLE_ACTIONS.get(verb))
    person = get_object_or_404(User, pk=pk, is_staff=True)
    return _asked(request, action, {"user": pk}, f"user:{pk}", {
        "name": person.username, "role": role_of(person), "own": person == user})


@require_http_methods(["GET", "POST"])
def address(request: HttpRequest, mark: str) -> HttpResponse:
    """The same for an address that is locked whatever the name. `mark` stands for it; unknown ones are not found."""
    _, action = _manager(request, LIFT_ADDRESS)
    known = lockout.addresses(clock.now()).get(mark)
    if known is None and request.method == "GET":
        raise Http404
    return _asked(request, action, {"mark": mark}, f"address:{mark}", {"name": known[0] if known else "An address"})


def _manager(request: HttpRequest, action: desk.Action | None) -> tuple[User, desk.Action]:
    if action is None or not isinstance(request.user, User) or not request.user.has_perm(action.permission):
        raise PermissionDenied
    return request.user, action


def _asked(request: HttpRequest, action: desk.Action, params: desk.Params, subject: str,
           about: dict[str, Any]) -> HttpResponse:
    """The page of an action on a person or an address, and its doing."""
    user, _ = _manager(request, action)
    problem, status = ("Not for yourself: another manager does it." if about.get("own") else ""), 200
    key = request.POST.get("key") or secrets.token_urlsafe(24)
    if request.method == "POST":
        by = desk.By(operator=user, reason=request.POST.get("reason", "").replace("\x00", ""),
                     key=digest([user.pk, action.name, subject, key])[:60], address=address_of(request),
                     request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")))
        try:
            done = desk.do(action, by=by, params=params, subject=subject)
        except Problem as found:
            problem, status = found.message, found.status
        else:
            messages.success(request, done.said)
            return HttpResponseRedirect(reverse("admin:people"))
    context = {**admin.site.each_context(request), "title": f"{action.label}: {about['name']}", "action": action,
               "about": about, "plan": action.plan(desk.situation_of(), {}), "problem": problem, "key": key,
               "reason": request.POST.get("reason", "")}
    return render(request, "admin/people/verb.html", context, status=status)
