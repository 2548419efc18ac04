"""Staff sessions: a short idle limit, a hard end, and the second factor for the console."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from fly2any.kernel import clock


class StaffIdleMiddleware:
    """Ends a console session after 30 idle minutes and after 12 hours at most; looks at /admin/ only."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Log a stale staff session out, then go on."""
        if request.path_info.startswith("/admin/") and request.user.is_authenticated:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = int(clock.now().timestamp())
        since = request.session.get("staff_since", now)
        seen = request.session.get("staff_seen", now)
        if now - seen > settings.STAFF_IDLE_SECONDS or now - since > settings.STAFF_SESSION_SECONDS:
            logout(request)
            return
        request.session["staff_since"] = since
        if now - seen >= 60 or "staff_seen" not in request.session:
            request.session["staff_seen"] = now
