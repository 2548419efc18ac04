"""What no view may forget: a page is never blank."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class LastTouchMiddleware:
    """An address that only takes a press gets a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer. The API's and the webhooks' refusals are left as they are."""
        response = self.get_response(request)
        blank = response.status_code == 405 and not response.streaming and not response.content
        if blank and not request.path_info.startswith("/api/"):
            allowed = response.get("Allow", "")
            response = render(request, "405.html", status=405)
            response["Allow"] = allowed
        return response
