"""The one place that talks to Amadeus: the `amadeus` package's Client over a transport and a token of our own.

The package builds each request (address, headers, body) and nothing more: it has no time-outs, opens a connection for
each call, fetches a token in every thread, trips over a charset and can log secrets (amadeus.md 2). So it is handed a
stand-in for every answer and never sees a body; what came back is read and judged here.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import amadeus
import tenacity

from fly2any.kernel import exchanges
from fly2any.kernel.errors import Outside, Refused, Unavailable
from fly2any.kernel.http import guard
from suppliers.amadeus import errors, raw
from suppliers.amadeus.errors import Call
from suppliers.amadeus.kept import ALLOWED
from suppliers.amadeus.wire import Reply, Silence, Wire

TRIES = 3
BACKOFF = tenacity.wait_random_exponential(multiplier=0.5, max=8)  # full jitter
EARLY = 10.0  # seconds before its end that a token is no longer used
TOKEN_PATH = "/v1/security/oauth2/token"  # noqa: S105 (an address)
_AGAIN = frozenset({"supplier_busy", "supplier_down", "supplier_timeout"})


@dataclass(frozen=True)
class Answer:
    """A plain yes: its text, the JSON in it (None for an empty body), and the server's own time."""

    status: int
    text: str = field(repr=False)
    body: Any = field(repr=False)
    served_at: datetime
    request_id: str = ""

    @property
    def data(self) -> Any:
        """The `data` of the body; None when there is none."""
        return self.body.get("data") if isinstance(self.body, dict) else None


class AmadeusClient:
    """Sends one call and returns its answer, or raises one of the three families. Shared by all threads.

    Build it after the process has forked. `token_fields` go into the token call; `reference` begins the header that
    an Enterprise contract wants on each call; `seconds` overrides time-outs by `Call.name`, for tests.
    """

    def __init__(self, *, client_id: str, client_secret: str, base: str, token_fields: Mapping[str, str] | None = None,
                 reference: str = "", seconds: Mapping[str, float] | None = None) -> None:
        parts = urlsplit(base.rstrip("/"))
        secure = parts.scheme == "https"
        self._path, self._reference, self._seconds = parts.path, reference, dict(seconds or {})
        self._base = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._wire = Wire()
        self._form = urlencode({"grant_type": "client_credentials", "client_id": client_id,
                                "client_secret": client_secret, **(token_fields or {})}).encode()
        self._vendor = _vendor(client_id, client_secret, host=parts.hostname or "", ssl=secure,
                               port=parts.port or (443 if secure else 80), http=self._send)
        self._vendor.access_token = self._token = _Token(self._fetch_token)
        self._asking = threading.local()

    def get(self, call: Call, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Ask something that changes nothing."""
        return self._asked(call, "GET", path, dict(params or {}))

    def post(self, call: Call, path: str, body: str) -> Answer:
        """Send a body, JSON text already."""
        return self._asked(call, "POST", path, body)

    def delete(self, call: Call, path: str) -> Answer:
        """Cancel what is at `path`."""
        return self._asked(call, "DELETE", path, {})

    def _asked(self, call: Call, verb: str, path: str, params: Any) -> Answer:
        """The answer, asked for again within the call's own time while nothing can have been changed by it."""
        until = time.monotonic() + self._limit(call)
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES if call.retried else 1) | _over(until), wait=BACKOFF,
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, Unavailable) and error.code in _AGAIN),
            reraise=True)
        return retrying(lambda: self._authorised(call, verb, path, params, until))

    def _authorised(self, call: Call, verb: str, path: str, params: Any, until: float) -> Answer:
        """With a token that is good, or at the second attempt a new one: a 401 was not carried out (amadeus.md 5)."""
        guard(self._base)
        self._token.until = until
        bearer, answer = self._once(call, verb, path, params, until)
        if answer.status == 401 and errors.STALE_TOKEN & set(errors.codes_of(answer.body)):
            self._token.forget(bearer)
            _, answer = self._once(call, verb, path, params, until)
        return _judged(call, answer)

    def _once(self, call: Call, verb: str, path: str, params: Any, until: float) -> tuple[str, Answer]:
        asking = self._asking
        asking.call, asking.until, asking.answer = call, until, None
        with suppress(amadeus.ResponseError):  # it judges the stand-in; we judge the answer
            self._vendor.request(verb, f"{self._path}{path}", params)
        return asking.bearer, asking.answer

    def _send(self, request: Any) -> _StandIn:
        """The package's transport: its request over our wire, the answer kept for the one who asked."""
        call: Call = self._asking.call
        headers = {name: value for name, value in request.header_items() if name.lower() != "connection"}
        headers["Accept-Encoding"] = "gzip"
        if call.override:
            headers["X-HTTP-Method-Override"] = "GET"  # the package forgets it where `include` is asked for
        else:
            headers.pop("X-http-method-override", None)
        if self._reference:
            headers["ama-client-ref"] = f"{self._reference}-{uuid.uuid4().hex}"
        self._asking.bearer = headers.get("Authorization", "")
        url = request.full_url.removesuffix("?")
        self._asking.answer = self._told(call, request.get_method(), url, headers, request.data)
        return _StandIn()

    def _told(self, call: Call, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """One exchange, told to whoever listens without anything personal. Raises what silence means for the call."""
        started = time.monotonic()
        seconds = max(0.05, self._asking.until - started)
        try:
            reply = self._wire.send(method, url, headers, body, seconds=seconds, alone=call.changes)
        except Silence as error:
            _record(method, url, body, None, started)
            raise errors.silence(call, sent=error.sent, late=error.late) from None
        answer = _read(reply)
        _record(method, url, body, answer, started)
        return answer

    def _fetch_token(self, until: float) -> tuple[str, float]:
        """A new token and the seconds it is good for. Whatever goes wrong here, the call itself was not sent."""
        guard(self._base)
        seconds = max(0.05, min(self._limit(errors.TOKEN), until - time.monotonic()))
        started, url = time.monotonic(), f"{self._base}{TOKEN_PATH}"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            reply = self._wire.send("POST", url, headers, self._form, seconds=seconds)
        except Silence as error:
            _record("POST", url, None, None, started)
            raise errors.silence(errors.TOKEN, sent=error.sent, late=error.late) from None
        answer = _read(reply)
        _record("POST", url, None, answer, started, got=False)
        return _token_in(answer)

    def _limit(self, call: Call) -> float:
        return self._seconds.get(call.name, call.seconds)


class _Token:
    """The bearer token, fetched once for all threads that wait for it. Takes the place of the package's own."""

    def __init__(self, fetch: Any) -> None:
        self._fetch, self._lock = fetch, threading.Lock()
        self._bearer, self._good_until = "", 0.0
        self._patience = threading.local()

    @property
    def until(self) -> float:
        """Until when (monotonic seconds) this thread's call may wait for a token."""
        return float(self._patience.until)

    @until.setter
    def until(self, moment: float) -> None:
        self._patience.until = moment

    def _bearer_token(self) -> str:
        """What the package asks for before each request."""
        if not self._lock.acquire(timeout=max(0.05, self.until - time.monotonic())):
            raise Unavailable("supplier_timeout", "no token in time")
        try:
            if time.monotonic() >= self._good_until:
                token, seconds = self._fetch(self.until)
                self._bearer, self._good_until = f"Bearer {token}", time.monotonic() + seconds - EARLY
            return self._bearer
        finally:
            self._lock.release()

    def forget(self, bearer: str) -> None:
        """Use this token no more, unless another thread has replaced it already."""
        with self._lock:
            if self._bearer == bearer:
                self._good_until = 0.0


class _StandIn:
    """What the package is shown in place of an answer."""

    status = 200

    def read(self) -> bytes:
        """Something it can parse."""
        return b'{"data": {}}'

    def getheaders(self) -> list[tuple[str, str]]:
        """A type it knows."""
        return [("Content-Type", "application/json")]


def _vendor(client_id: str, client_secret: str, **options: Any) -> Any:
    """The package's client, silent, and without the handler to stdout that it gives its logger."""
    made = amadeus.Client(client_id=client_id, client_secret=client_secret, hostname="test", log_level="silent",
                          logger=logging.getLogger("fly2any.amadeus"), custom_app_id="fly2any", custom_app_version="1",
                          **options)
    its_own = logging.getLogger("amadeus")
    for handler in list(its_own.handlers):
        its_own.removeHandler(handler)
    its_own.setLevel(logging.WARNING)
    return made


def _over(until: float) -> Any:
    return lambda state: time.monotonic() + (state.upcoming_sleep or 0.0) >= until


def _read(reply: Reply) -> Answer:
    text, headers = reply.text, reply.headers
    ours = datetime.now(UTC)
    try:
        stamp = parsedate_to_datetime(headers.get("date", ""))
        served = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        served = ours
    named = headers.get("ama-request-id") or headers.get("ama-gateway-request-id") or ""
    return Answer(reply.status, text, raw.parsed(text) if text.strip() else None, served, named[:100])


def _record(method: str, url: str, body: bytes | None, answer: Answer | None, started: float, *,
            got: bool = True) -> None:
    """Let whoever listens know what was sent and what came back, without anything personal."""
    def made() -> dict[str, Any]:
        parts = urlsplit(url)
        sent, answered = json.loads(body) if body else None, answer.body if got and answer else None
        return {"vendor": "amadeus", "method": method, "path": parts.path + (f"?{parts.query}" if parts.query else ""),
                "status": answer.status if answer else None, "request_id": answer.request_id if answer else "",
                "sent": exchanges.kept(sent, ALLOWED) if sent is not None else None,
                "got": exchanges.kept(answered, ALLOWED) if isinstance(answered, dict) else None}
    exchanges.told(made, started=started)


def _judged(call: Call, answer: Answer) -> Answer:
    """The answer if it is a plain yes."""
    status = answer.status
    if status in call.done:
        if status != 204 and answer.body is None and answer.text.strip():
            raise errors.unreadable(call, answer.request_id)
        return answer
    if 200 <= status < 300:
        raise errors.unreadable(call, answer.request_id)
    raise errors.from_answer(call, status, answer.body, request_id=answer.request_id)


def _token_in(answer: Answer) -> tuple[str, float]:
    """The token of a good answer; a refusal of our credentials means that the provider is off."""
    body = answer.body if isinstance(answer.body, dict) else {}
    token, seconds = body.get("access_token"), body.get("expires_in")
    if answer.status == 200 and isinstance(token, str) and token:
        try:
            return token, float(seconds or 0)
        except (TypeError, ValueError):
            return token, 0.0
    if answer.status in (400, 401, 403, 410):
        raise Unavailable("provider_off", "Amadeus does not take our credentials", request_id=answer.request_id,
                          vendor_code=str(next(iter(errors.codes_of(answer.body)), 0) or f"http_{answer.status}"),
                          detail={"status": answer.status})
    error = errors.from_answer(errors.TOKEN, answer.status, answer.body, request_id=answer.request_id)
    raise _unsent(error)


def _unsent(error: Outside) -> Outside:
    return Unavailable("supplier_down", "no token") if isinstance(error, Refused) else error
