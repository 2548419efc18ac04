"""What every call of the API goes through: size, media type, origin, who asks, one error shape, nothing cached."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import IO, Any

from django.conf import settings
from django.http import QueryDict
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from bookings import access
from fly2any.kernel.errors import Problem

MOST_BYTES = 64 * 1024
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class StrictJSON(BaseParser):
    """A JSON object of at most 64 KiB."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None,
              parser_context: Any = None) -> dict[str, Any]:
        """Read it. Raises ParseError for anything but an object, Problem too_large beyond the limit."""
        raw = stream.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise too_large()
        try:
            found = json.loads(raw.decode(), parse_constant=_no_number, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError from error
        if not isinstance(found, dict):
            raise exceptions.ParseError
        return found


def _no_number(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of a name that stands twice may believe two things: nobody is asked to guess."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def too_large() -> Problem:
    """The body is beyond the limit."""
    return Problem("too_large", "The body is larger than 64 KiB.", status=413, action="Send less")


class AlwaysJSON(BaseContentNegotiation):
    """There is one answer format, whatever is asked for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """The JSON parser, if the body says that it is JSON."""
        wanted = (request.content_type or "").split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """JSON."""
        return renderers[0], renderers[0].media_type


class Endpoint(APIView):
    """One address of the API. The principal is known to the view as `self.principal`."""

    renderer_classes: list[type[BaseRenderer]] = [JSONRenderer]
    parser_classes = [StrictJSON]
    content_negotiation_class = AlwaysJSON
    makes_guests = True
    principal: access.Principal

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse what must not get further, then learn who asks."""
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE:
            _check_body(request)
            _check_origin(request)
        if self.makes_guests:
            self.principal = access.principal_of(request._request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Give the guest the cookie, and keep the answer out of caches."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.makes_guests:
            access.ensure_guest(request._request, answer)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    def read(self, serializer: type[Serializer], data: Any = None) -> dict[str, Any]:
        """The validated body (or `data`). Raises ValidationError, told as invalid_request (400)."""
        given = self.request.data if data is None else data
        if isinstance(given, QueryDict):  # which the library takes for a form, whose empty fields count as absent
            given = given.dict()
        found: dict[str, Any] = _ready(serializer).run_validation(given)
        return found


@lru_cache(maxsize=64)
def _ready(serializer: type[Serializer]) -> Serializer:
    """One instance for all requests: making one costs more than using it, and validating leaves no trace in it."""
    return serializer()


def _check_body(request: Request) -> None:
    """JSON only (415) and not too much of it (413), also where the body is not needed."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()) or int(length) > MOST_BYTES:
        raise too_large()
    kind = (request.content_type or "").split(";")[0].strip().lower()
    if kind != "application/json" and (kind or int(length)):
        raise exceptions.UnsupportedMediaType(kind)


def _check_origin(request: Request) -> None:
    """No other site may make a visitor's browser act: cookies are SameSite=Lax, and a foreign Origin is refused."""
    origin = request.headers.get("Origin", "")
    own = f"{request.scheme}://{request.get_host()}"
    foreign = bool(origin) and origin != own and origin not in settings.CSRF_TRUSTED_ORIGINS
    if foreign or request.headers.get("Sec-Fetch-Site", "") in ("cross-site", "same-site"):
        raise Problem("foreign_origin", "This request comes from another site.", status=403, action="Use our pages")
