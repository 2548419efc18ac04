"""What no view may forget: a page is never blank and never kept by a cache, because its head says who is signed in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers


class LastTouchMiddleware:
    """An address that only takes a press gets a page ; HTML without a word on caching gets no-store."""

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
        if "Cache-Control" not in response and response.get("Content-Type", "").startswith("text/html"):
            add_never_cache_headers(response)
        return response
