"""Every refusal in one shape: {"success": false, code, message, action, tip, fieldErrors, requestId}."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response

from bookings import messages
from fly2any.kernel import database
from fly2any.kernel.errors import Outside, Problem
from fly2any.logs import request_id

logger = logging.getLogger(__name__)

# what the framework refuses, in our words: code, message, action
_FRAMEWORK: tuple[tuple[type[Exception], str, str, str], ...] = (
    (exceptions.ParseError, "invalid_json", "The body is not JSON that we can read.", "Send a JSON object"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type", "Only JSON is understood here.",
     "Send Content-Type: application/json"),
    (exceptions.MethodNotAllowed, "method_not_allowed", "This address does not know that method.",
     "See /api/docs"),
    (exceptions.NotFound, "not_found", "There is nothing at this address.", "See /api/docs"),
    (exceptions.PermissionDenied, "forbidden", "This request was not accepted as yours.",
     "Send the CSRF token of your session"),
    (exceptions.NotAuthenticated, "forbidden", "This request was not accepted as yours.", "Sign in"),
    (exceptions.AuthenticationFailed, "forbidden", "This request was not accepted as yours.", "Sign in"),
    (exceptions.APIException, "refused", "This request was refused.", "See /api/docs"),
)


def body_of(problem: Problem) -> dict[str, Any]:
    """A refusal as JSON."""
    return {"success": False, "code": problem.code, "message": problem.message, "action": problem.action,
            "tip": problem.tip, "fieldErrors": problem.field_errors, "requestId": request_id(), **problem.extra}


def as_json(problem: Problem) -> JsonResponse:
    """A refusal as an answer of a plain Django view."""
    answer = JsonResponse(body_of(problem), status=problem.status, headers=problem.headers)
    answer["Cache-Control"] = "no-store"
    return answer


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's door for everything raised in a view."""
    problem = as_problem(error)
    answer = Response(body_of(problem), status=problem.status, headers=problem.headers)
    answer.exception = True
    return answer


def as_problem(error: Exception) -> Problem:
    """Whatever was raised, as a refusal. Never a trace, a query, a supplier's body or a key."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return Problem("invalid_request", "Some fields are missing or cannot be read.", status=400,
                       action="Correct the named fields", field_errors=flatten(error.detail))
    if isinstance(error, exceptions.APIException):
        code, message, action = next(row[1:] for row in _FRAMEWORK if isinstance(error, row[0]))
        return Problem(code, message, status=error.status_code, action=action)
    if isinstance(error, Http404):
        return Problem("not_found", "There is nothing at this address.", status=404, action="See /api/docs")
    if isinstance(error, PermissionDenied):
        return Problem("forbidden", "This request was not accepted as yours.", status=403)
    if isinstance(error, SuspiciousOperation):
        return Problem("invalid_request", "This request cannot be read.", status=400, action="Correct it")
    if database.is_away(error):
        logger.exception("api.database")
        return Problem("unavailable", "We are very busy right now.", status=503, action="Try again",
                       tip="Nothing is lost: look at your bookings before you try again.",
                       headers={"Retry-After": "5"})
    if isinstance(error, Outside):
        logger.warning("api.outside", extra={"code": error.code})
        said = messages.say(error.code)
        return Problem(said.code, said.text, status=503, action=said.action, headers={"Retry-After": "10"})
    logger.exception("api.bug")
    said = messages.say("internal", id=request_id() or "unknown")
    return Problem("internal", said.text, status=500, action=said.action)


def flatten(detail: Any, path: str = "") -> dict[str, str]:
    """DRF's nested errors as {"passengers.0.givenName": "first sentence"}."""
    if isinstance(detail, Mapping):
        found: dict[str, str] = {}
        for key, value in detail.items():
            name = "" if key == "non_field_errors" else str(key)
            found.update(flatten(value, ".".join(part for part in (path, name) if part)))
        return found
    if isinstance(detail, list):
        if detail and all(isinstance(item, str) for item in detail):
            return {path or "body": str(detail[0])}
        found = {}
        for index, value in enumerate(detail):
            found.update(flatten(value, f"{path}.{index}" if path else str(index)))
        return found
    return {path or "body": str(detail)}


def nothing_here(request: HttpRequest, **_: Any) -> JsonResponse:
    """Any other address under /api."""
    return as_json(as_problem(Http404()))
