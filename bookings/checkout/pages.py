"""What every page does: know its visitor, and say a refusal in one tone, as a page or as JSON for our own scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from bookings import access
from fly2any import logs
from fly2any.kernel.errors import Problem

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]


def page(view: _View[_P]) -> _View[_P]:
    """Decorate a view: the visitor gets a guest cookie, a Problem becomes a page, and nothing is cached."""

    @never_cache
    @wraps(view)
    def wrapped(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Problem as problem:
            response = refusal(request, problem)
        access.ensure_guest(request, response)
        return response

    return cast(_View[_P], wrapped)


def wants_json(request: HttpRequest) -> bool:
    """Whether one of our scripts asks."""
    return request.headers.get("Accept", "").startswith("application/json")


def refusal(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The page (or JSON) that says what is wrong and what to do next."""
    response: HttpResponse
    if wants_json(request):
        response = JsonResponse({"success": False, "code": problem.code, "message": problem.message,
                                 "action": problem.action, "tip": problem.tip,
                                 "fieldErrors": problem.field_errors, "requestId": logs.request_id(),
                                 **problem.extra}, status=problem.status)
    else:
        template = "404.html" if problem.status == 404 else "info/problem.html"
        response = render(request, template, {"problem": problem}, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def whole(text: str) -> int:
    """A whole number that a form carried; -1, which no amount equals, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1


def summary(field_errors: Mapping[str, str], ids: Callable[[str], str] = str) -> list[dict[str, str]]:
    """The lines of the error summary; `ids` turns a field's path into the id of its input."""
    return [{"field": ids(field), "text": text} for field, text in field_errors.items()]
