"""Staff sessions: a short idle limit, a hard end, and an end when the person's rights change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db.models import Value
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from fly2any.kernel import clock
from fly2any.kernel.keys import digest

DOORS = ("/admin/login/", "/admin/logout/")


class StaffIdleMiddleware:
    """Ends a console session after 30 idle minutes, after 12 hours at most, and when password, role or device change.

    Looks at /admin/ only. Whoever is signed out is told why at the door, and comes back to where they were.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Log a stale staff session out, then go on; to the door, unless that is where they stand."""
        if request.path_info.startswith("/admin/"):
            why = self._ended(request)
            if why:
                logout(request)
                if request.path_info not in DOORS:
                    asked = urlencode({"ended": why, "next": request.get_full_path()})
                    return HttpResponseRedirect(f"{reverse('admin:login')}?{asked}")
        return self.get_response(request)

    def _ended(self, request: HttpRequest) -> str:
        """Why this session is over: idle, end, changed; "" while it goes on, and the look is noted."""
        session = request.session
        was_signed_in = SESSION_KEY in session
        if not isinstance(request.user, User) or not request.user.is_authenticated:
            return "changed" if was_signed_in else ""  # Django has dropped it: the password, or the account, is another
        if not request.user.is_staff and "staff_since" not in session:
            return ""  # a customer who has strayed here
        now = int(clock.now().timestamp())
        since, seen = session.get("staff_since", 0), session.get("staff_seen", 0)  # none: from before we noted them
        if now - seen > settings.STAFF_IDLE_SECONDS:
            return "idle"
        if now - since > settings.STAFF_SESSION_SECONDS:
            return "end"
        rights = _rights(request.user)
        if session.get("staff_rights") != rights or session.get("staff_factor") and not _verified(request.user):
            return "changed"
        if now - seen >= 60:
            session["staff_seen"] = now
        return ""


@receiver(user_logged_in)
def begin(request: HttpRequest, user: User, **_: Any) -> None:
    """Note when a session of staff began, and what the person might do then."""
    if user.is_staff:
        now = int(clock.now().timestamp())
        request.session.update({"staff_since": now, "staff_seen": now, "staff_rights": _rights(user)})


def _rights(user: User) -> str:
    """What this person may do, in short: another text as soon as a role, a permission or a flag is another."""
    groups = user.groups.order_by().values_list(Value(0), "pk")
    found = sorted(groups.union(user.user_permissions.order_by().values_list(Value(1), "pk"), all=True))
    return digest([user.is_staff, user.is_superuser, found])[:16]


def _verified(user: User) -> bool:
    return bool(getattr(user, "is_verified", lambda: False)())
