"""The one place that talks HTTP to Duffel: `duffel_api`'s HttpClient for headers and sessions, nothing else of it.

Its own `do_get`/`do_post` raise KeyError on 202 and throw status and headers away, so requests are prepared and
sent one level lower (duffel.md 2). Redirects are refused, proxies and .netrc of the machine are ignored, answers
have an overall deadline. A POST, which is never repeated, opens a connection of its own and closes it: a kept one
that the other side is just dropping would turn a booking into "outcome unknown" (seen: it happens within
milliseconds).
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests  # noqa: TID251 (the vendor's own HTTP, see design.md 7)
import tenacity
from duffel_api.http_client import HttpClient
from requests.adapters import HTTPAdapter  # noqa: TID251
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

from fly2any.kernel import exchanges
from fly2any.kernel.errors import Unavailable
from fly2any.kernel.http import guard
from suppliers.duffel import errors
from suppliers.duffel.errors import Call
from suppliers.duffel.kept import ALLOWED

CONNECT_SECONDS = 3.0
POOL_SIZE = 64
MOST_BYTES = 64 * 1024 * 1024
TRIES = 3
BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=8)  # full jitter


@dataclass(frozen=True)
class Answer:
    """A plain yes: the `data` of the body, its `meta`, the status, and the server's own time."""

    status: int
    data: Any
    meta: Mapping[str, Any]
    served_at: datetime
    request_id: str = ""


class _TooLate(Exception):
    """The answer did not end before its deadline, or is too large to be one."""


class DuffelClient:
    """Sends one call and returns its answer, or raises one of the three families. Shared by all threads.

    `seconds` overrides the time-outs of single kinds of call (by `Call.name`), for tests.
    """

    def __init__(self, *, token: str, base: str, seconds: Mapping[str, float] | None = None) -> None:
        self._base = base.rstrip("/")
        self._token = token
        self._seconds = dict(seconds or {})
        self._reading = self._session()

    def _session(self) -> requests.Session:
        made = HttpClient(access_token=self._token, api_url=self._base, api_version="v2")
        session: requests.Session = made.http_session
        session.trust_env = False
        session.headers["Content-Type"] = "application/json"
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def get(self, call: Call, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Ask something that changes nothing; asked again up to twice within the call's time when it fails."""
        if not call.retried:
            return self._once(call, "GET", path, params, None, self._limit(call))
        until = time.monotonic() + self._limit(call)
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_before_delay(self._limit(call)),
            wait=BACKOFF, retry=tenacity.retry_if_exception(_worth_another_try), reraise=True,
        )
        return retrying(lambda: self._once(call, "GET", path, params, None, max(0.05, until - time.monotonic())))

    def post(self, call: Call, path: str, data: Mapping[str, Any] | None = None,
             params: Mapping[str, Any] | None = None) -> Answer:
        """Send something, exactly once. `data` goes into Duffel's envelope; None sends no body."""
        body = None if data is None else {"data": dict(data)}
        return self._once(call, "POST", path, params, body, self._limit(call))

    def _limit(self, call: Call) -> float:
        return self._seconds.get(call.name, call.seconds)

    def _once(self, call: Call, method: str, path: str, params: Mapping[str, Any] | None,
              body: Mapping[str, Any] | None, seconds: float) -> Answer:
        url = self._base + path
        guard(url)
        session = self._session() if method == "POST" else self._reading
        started, asked = time.monotonic(), {"method": method, "path": path, "params": params, "body": body}
        try:
            response, content = _exchange(session, requests.Request(method, url, params=params, json=body), seconds)
        except requests.RequestException as error:
            _tell(asked, None, None, started)
            raise errors.silence(call, connected=_was_sent(error), code=_word(error)) from error
        except _TooLate as error:
            _tell(asked, None, None, started)
            raise errors.silence(call, connected=True) from error
        finally:
            if session is not self._reading:
                session.close()
        answered = _parsed(content)
        _tell(asked, response, answered, started)
        return _judge(call, response, answered)


def _exchange(session: requests.Session, request: requests.Request, seconds: float) -> tuple[requests.Response, bytes]:
    """Send one request and read its whole answer, within the time it takes to connect and `seconds`."""
    until = time.monotonic() + CONNECT_SECONDS + seconds
    response = session.send(session.prepare_request(request), timeout=(min(CONNECT_SECONDS, seconds), seconds),
                            allow_redirects=False, stream=True)
    try:
        return response, _read(response, until)
    finally:
        response.close()


def _read(response: requests.Response, until: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(65536):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES or time.monotonic() > until:
            raise _TooLate
    return b"".join(parts)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _tell(asked: Mapping[str, Any], response: requests.Response | None, answered: Any, started: float) -> None:
    """Let whoever listens know what was sent and what came back, without anything personal."""
    exchanges.told(lambda: {
        "vendor": "duffel", "method": asked["method"], "path": asked["path"],
        "status": response.status_code if response is not None else None,
        "request_id": response.headers.get("x-request-id", "")[:100] if response is not None else "",
        "sent": exchanges.kept({**({"params": dict(asked["params"])} if asked["params"] else {}),
                                **(asked["body"] or {})}, ALLOWED),
        "got": exchanges.kept(answered, ALLOWED) if isinstance(answered, dict) else None}, started=started)


def _judge(call: Call, response: requests.Response, body: Any) -> Answer:
    """Tell a plain yes from everything else by the status first, then by the body."""
    headers = response.headers
    request_id = headers.get("x-request-id", "")[:100]
    status = response.status_code
    now = datetime.now(UTC)
    if status in call.done:
        if not isinstance(body, dict) or "data" not in body:
            raise errors.unreadable(call, request_id)
        meta = body.get("meta")
        return Answer(status, body["data"], meta if isinstance(meta, dict) else {},
                      errors.served_at(headers.get("date", ""), now), request_id)
    if call.changes and status in (200, 202):
        raise errors.accepted(request_id)
    wait = errors.seconds_until(headers.get("ratelimit-reset", ""), headers.get("date", ""), now)
    raise errors.from_answer(call, status, body, request_id=request_id, retry_after=wait)


def _was_sent(error: requests.RequestException) -> bool:
    """Whether the request may have reached the other side. Refused, timed out connecting, bad certificate: no."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, SSLError):
        return not (reason.args and isinstance(reason.args[0], ssl.SSLCertVerificationError))
    return not isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _word(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.ReadTimeout) or "timed out" in str(error):
        return "supplier_timeout"
    return "supplier_down"


def _worth_another_try(error: BaseException) -> bool:
    """Reads that failed at the other end; not those refused, misconfigured or told to wait."""
    return isinstance(error, Unavailable) and error.code in {"supplier_down", "supplier_timeout"}
