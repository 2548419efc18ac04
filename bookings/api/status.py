"""The status endpoint: polled often, so a plain view that reads two rows at most and writes nothing."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.views import APIView

from bookings import access, selectors
from bookings.api import schemas
from bookings.api.errors import as_json, as_problem


def payment_status(request: HttpRequest, reference: str) -> HttpResponse:
    """Where a booking stands, with an ETag and how long to wait before the next look."""
    if request.method not in ("GET", "HEAD"):
        refused = as_json(as_problem(MethodNotAllowed(request.method or "")))
        refused["Allow"] = "GET, HEAD"
        return refused
    try:
        told = selectors.status_of(principal=access.principal_of(request), reference=reference)
    except Exception as error:
        return as_json(as_problem(error))
    pause = told.pop("retryAfter")
    body = json.dumps(told, separators=(",", ":")).encode()
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if tag in request.headers.get("If-None-Match", ""):
        answer: HttpResponse = HttpResponse(status=304)
        del answer["Content-Type"]
    else:
        answer = HttpResponse(body, content_type="application/json")
    answer["ETag"] = tag
    answer["Cache-Control"] = "private, no-cache"
    if pause is not None:
        answer["Retry-After"] = str(pause)
    return answer


class StatusDocs(APIView):
    """How drf-spectacular sees the plain view above."""

    @extend_schema(operation_id="payment_status", tags=["payments"],
                   responses={200: schemas.StatusAnswer, 304: None, **schemas.refusals(404)})
    def get(self, request: HttpRequest, reference: str) -> HttpResponse:
        """Where a booking stands. Read only; send the ETag back as If-None-Match, and wait for Retry-After seconds."""
        return payment_status(request, reference)


payment_status.cls = StatusDocs  # type: ignore[attr-defined]
payment_status.initkwargs = {}  # type: ignore[attr-defined]
