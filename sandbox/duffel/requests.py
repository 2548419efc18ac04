"""Reading what a caller sent: the data envelope, money, times, pages."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.duffel.errors import refuse
from sandbox.duffel.inventory import at
from sandbox.frame import Answer, Call, World

Doc = dict[str, Any]
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
AMOUNT = re.compile(r"-?\d+(\.\d{1,3})?")
PAGE = 50
LONGEST_PAGE = 200


def data(call: Call) -> Doc:
    """Return the ``data`` object of the body; refuses anything else."""
    try:
        body = json.loads(call.body)
    except (ValueError, UnicodeDecodeError):
        raise refuse("malformed_data_parameter") from None
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise refuse("malformed_data_parameter")
    return dict(body["data"])


def ok(body: Any, status: int = 200) -> Answer:
    """Return a successful answer with the data envelope."""
    return Answer(status, {"data": body})


def amount(value: Any, pointer: str) -> Decimal:
    """Return an amount given as Duffel wants it: a decimal string."""
    if not isinstance(value, str):
        raise refuse("validation_type", pointer)
    if not AMOUNT.fullmatch(value):
        raise refuse("validation_format", pointer)
    try:
        return Decimal(value)
    except InvalidOperation:
        raise refuse("validation_format", pointer) from None


def day(value: Any, pointer: str) -> date:
    """Return a date given as YYYY-MM-DD."""
    if not isinstance(value, str):
        raise refuse("validation_type", pointer)
    try:
        if not DAY.fullmatch(value):
            raise ValueError(value)
        return date.fromisoformat(value)
    except ValueError:
        raise refuse("validation_format", pointer) from None


def objects(value: Any, pointer: str) -> list[Doc]:
    """Return a list of objects; refuses anything else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise refuse("validation_type", pointer)
    return value


def moment(text: str) -> datetime:
    """Return an aware UTC time from Duffel's or a caller's ISO form."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def now_text(world: World) -> str:
    """Return the sandbox's time as Duffel writes it."""
    return at(world.now())


def limit(call: Call) -> int:
    """Return the page size asked for; refuses what Duffel refuses."""
    try:
        wanted = int(call.param("limit") or PAGE)
    except ValueError:
        raise refuse("invalid_pagination") from None
    if not 1 <= wanted <= LONGEST_PAGE:
        raise refuse("invalid_pagination")
    return wanted


def page(call: Call, found: Sequence[Any]) -> Answer:
    """Return one page of a list whose order does not change between calls, with cursors to the next and the last."""
    size = limit(call)
    after, before = _position(call.param("after")), _position(call.param("before"))
    start = after if after is not None else max(0, before - size) if before is not None else 0
    end = start + size
    meta = {
        "limit": size,
        "after": _cursor(end) if end < len(found) else None,
        "before": _cursor(start) if start else None,
    }
    return Answer(200, {"data": list(found[start:end]), "meta": meta})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"p{position}".encode()).decode()


def _position(cursor: str | None) -> int | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        if not text.startswith("p"):
            raise ValueError(text)
        return max(0, int(text[1:]))
    except (binascii.Error, ValueError):
        raise refuse("invalid_pagination") from None
