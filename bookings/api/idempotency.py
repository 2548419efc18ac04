"""Idempotency-Key: the same request is carried out once, and its twin gets the stored answer (reliability.md 5)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import connection
from rest_framework.request import Request
from rest_framework.response import Response

from bookings.models import Idempotency
from fly2any.kernel import keys
from fly2any.kernel.errors import Problem

# Nothing that answers runs longer than this: 20 s of waiting and a few statements of 5 s. A row that is older and
# still "running" was left by a dead process; whoever comes next takes it over. That is safe: the offer claim finds
# the booking which the dead one may have made.
ABANDONED = timedelta(seconds=45)
_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")
# Neither statement waits for the disk: what a crash of PostgreSQL takes with it is found again by the offer claim.
_LAZY = "WITH lazy AS (SELECT set_config('synchronous_commit', 'off', true))"
_BEGIN = f"""
{_LAZY}
INSERT INTO bookings_idempotency AS i (principal, endpoint, key, digest, created_at)
SELECT %s, %s, %s, %s, clock_timestamp() FROM lazy
ON CONFLICT (principal, endpoint, key) DO UPDATE SET created_at = clock_timestamp()
    WHERE i.status IS NULL AND i.digest = EXCLUDED.digest
    AND i.created_at < clock_timestamp() - make_interval(secs => %s)
RETURNING id
"""  # noqa: S608
_FINISH = f"{_LAZY} UPDATE bookings_idempotency SET status = %s, body = %s::jsonb FROM lazy WHERE id = %s"  # noqa: S608
View = Callable[..., Response]


def once(endpoint: str) -> Callable[[View], View]:
    """Decorate a handler that makes something. `endpoint` names it for all its addresses."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get("Idempotency-Key")
            if key is None:
                return view(self, request, *args, **kwargs)
            return _guarded(endpoint, key, self, request, lambda: view(self, request, *args, **kwargs), kwargs)

        return wrapped

    return decorate


def _guarded(endpoint: str, key: str, view: Any, request: Request, run: Callable[[], Response],
             path: dict[str, Any]) -> Response:
    if not _KEY.match(key):
        raise Problem("invalid_key", "An Idempotency-Key has 1 to 200 visible ASCII characters.", status=400,
                      action="Send a UUID")
    principal, digest = str(view.principal), keys.digest([path, request.data])
    row = _begin(principal, endpoint, key, digest)
    if row is None:
        return _twin(principal, endpoint, key, digest)
    try:
        answer = run()
    except BaseException:
        Idempotency.objects.filter(pk=row, status__isnull=True).delete()  # nothing was made: the key is free again
        raise
    if 200 <= answer.status_code < 300 or getattr(answer, "keep", False):
        _finish(row, answer)
    else:
        Idempotency.objects.filter(pk=row).delete()
    return answer


def _begin(principal: str, endpoint: str, key: str, digest: str) -> int | None:
    """Take the key for this request; None when somebody has it. One statement, committed at once."""
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [principal, endpoint, key, digest, ABANDONED.total_seconds()])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _finish(row: int, answer: Response) -> None:
    """Keep the answer for twins."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [answer.status_code, json.dumps(answer.data), row])


def _twin(principal: str, endpoint: str, key: str, digest: str) -> Response:
    """The stored answer of the same request, or why there is none."""
    row = Idempotency.objects.filter(principal=principal, endpoint=endpoint, key=key).first()
    if row is not None and row.digest != digest:
        raise Problem("key_reused", "This Idempotency-Key was used for another request.", status=422,
                      action="Use a new key", tip="One key belongs to one request body.")
    if row is None or row.status is None:
        raise Problem("twin_running", "The same request is being carried out right now.", status=409,
                      action="Try again in 2 s", headers={"Retry-After": "2"})
    return Response(row.body, status=row.status, headers={"Idempotent-Replayed": "true"})
