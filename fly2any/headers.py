"""Headers that every answer carries, a file, a refusal and a redirect included; the policy of scripts is in csp.py."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers

from fly2any import logs

_NEVER_ASKED_FOR = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer",
                    "microphone", "midi", "serial", "usb", "xr-spatial-tracking")
ALWAYS = {
    "Cross-Origin-Resource-Policy": "same-origin",  # no other site draws our files or answers into its pages
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _NEVER_ASKED_FOR),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


class HeadersMiddleware:
    """Adds what is missing of ALWAYS, and the number under which the logs know the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer. What a view has said itself stands."""
        response = self.get_response(request)
        for name, value in ALWAYS.items():
            response.headers.setdefault(name, value)
        if "Cache-Control" not in response.headers and response.get("Content-Type", "").startswith("text/html"):
            add_never_cache_headers(response)  # the head of a page says who is signed in
        response.headers["X-Request-Id"] = logs.request_id()
        return response
