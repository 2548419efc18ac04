"""The sandbox in this process: the same application, without sockets and without waiting.

Requests of the vendors' libraries are handed to it where their bytes would leave, and come back as those libraries
would have read them: a reset, half a body, silence until the time-out. What takes time outside moves the clocks instead.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from sandbox import __main__ as programs
from sandbox import control
from sandbox.faults import Faults
from sandbox.protocol import TRANSPORT
from suppliers.amadeus.wire import Reply, Silence, Wire

URL = "http://127.0.0.1:9"  # nobody listens there: a request that left this process would be refused
NOTICEABLE = 0.05  # seconds; shorter pauses belong to the real server's sockets


@dataclass
class Heard:
    """What a client sees of one answer."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    reset: bool = False
    waited: float = 0.0  # seconds

    @property
    def cut(self) -> bool:
        """Whether less came than the headers say."""
        return len(self.body) < int(dict(self.headers).get("content-length", 0))


class _Line:
    """Stands in for the connection, which the application may reset or close."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def get_extra_info(self, name: str) -> None:
        """There is no socket."""

    def abort(self) -> None:
        """The client sees a reset."""
        self.heard.reset = True

    def close(self) -> None:
        """The client sees the end of what was written."""


class Inside:
    """Stands where `tests.sandbox.process.Sandbox` stands, one for this process. `pass_by` lets seconds pass."""

    def __init__(self, folder: Path, pass_by: Callable[[float], None]) -> None:
        self.url, self.pass_by = URL, pass_by
        self.app = programs.build(argparse.Namespace(
            host="127.0.0.1", port=9, data=folder, site=URL, fast=True, vendors=programs.VENDOR_MODULES,
            duffel_secret="whsec_sandbox_duffel", stripe_secret="whsec_sandbox_stripe"))
        self.app.pages.state.run_timers = self.app.run_timers
        self.app.pause = self._pause
        self.world = self.app.world
        self.world.store.db.execute("PRAGMA synchronous=OFF")
        self.http = httpx.Client(base_url=URL, transport=_Doors(self))
        self.waited = 0.0  # seconds that clients have waited for answers, in all
        self._waited, self._patience = 0.0, 0.0

    def stop(self) -> None:
        """Close the files."""
        self.http.close()
        self.world.store.db.close()

    def reset(self) -> None:
        """An empty world, at the present time, without webhooks of its own."""
        self.world.store.wipe()
        self.world.faults = Faults(self.world.store)
        control.start(self.world, list(self.world.vendors.values()))
        self.world.outbox.switch(False)

    def fault(self, operation: str, kind: str, **more: Any) -> dict[str, Any]:
        """Arm a fault."""
        return self.world.faults.arm({"operation": operation, "kind": kind, **more})

    def ledger(self, **asked: Any) -> list[dict[str, Any]]:
        """Rows of the ledger."""
        return self.world.read_ledger(**asked)

    def advance(self, seconds: float) -> None:
        """The clocks were moved (they are the process's own): what is due now happens."""
        self.app.run_timers()

    def exchange(self, method: str, url: str, headers: dict[str, str], body: bytes, patience: float) -> Heard:
        """One request and what a client hears of it within `patience` seconds."""
        parts, heard = urlsplit(url), Heard()
        scope = {
            "type": "http", "method": method, "path": unquote(parts.path), "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(), "root_path": "", "scheme": "http", "http_version": "1.1",
            "server": ("127.0.0.1", 9), "client": ("127.0.0.1", 1), TRANSPORT: _Line(heard),
            "headers": [(name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]}
        self._waited, self._patience = 0.0, patience

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                heard.status = message["status"]
                heard.headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]]
                heard.headers.append(("date", formatdate(time.time(), usegmt=True)))
            else:
                heard.body += message.get("body", b"")

        _run(self.app(scope, receive, send))
        heard.waited = self._waited
        return heard

    async def _pause(self, seconds: float) -> None:
        """In the place of sleeping: the clocks go on, as long as the client waits."""
        if seconds >= NOTICEABLE:
            left = max(0.0, self._patience - self._waited)
            self._waited += seconds
            if min(seconds, left) > 0:
                self.waited += min(seconds, left)
                self.pass_by(min(seconds, left))


def _run(call: Coroutine[Any, Any, None]) -> None:
    """Run to its end what never really waits."""
    try:
        call.send(None)
    except StopIteration:
        return
    call.close()
    raise RuntimeError("the sandbox waited for something")


class _Doors(httpx.BaseTransport):
    """The control endpoints, and the vendors' own for who calls them by hand."""

    def __init__(self, inside: Inside) -> None:
        self.inside = inside

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx would hear it."""
        heard = self.inside.exchange(request.method, str(request.url), dict(request.headers), request.read(), 10.0)
        if heard.reset or heard.cut:
            raise httpx.ReadError("reset")
        if heard.waited > 10.0:
            raise httpx.ReadTimeout("late")
        return httpx.Response(heard.status, headers=heard.headers, content=heard.body)


@contextmanager
def plugged(inside: Inside) -> Iterator[None]:
    """From now on `requests` and Amadeus' wire reach the sandbox here; whatever else they ask for is refused."""

    def send(adapter: HTTPAdapter, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None,
             **_: Any) -> requests.Response:
        patience = float(timeout[1] if isinstance(timeout, tuple) else timeout or 60.0)
        body = request.body or b""
        heard = inside.exchange(str(request.method), str(request.url), dict(request.headers),
                                body if isinstance(body, bytes) else str(body).encode(), patience)
        if heard.waited > patience:
            late = ReadTimeoutError(None, str(request.url), "Read timed out.")  # type: ignore[arg-type]
            raise requests.ReadTimeout(late, request=request)
        if heard.reset:
            aborted = ProtocolError("Connection aborted.", ConnectionResetError(104, "Connection reset by peer"))
            raise requests.ConnectionError(aborted, request=request)
        answer = HTTPResponse(io.BytesIO(heard.body), heard.headers, heard.status, preload_content=False,
                              request_method=request.method)
        response = adapter.build_response(request, answer)
        if not stream:
            _ = response.content
        return response

    def exchange(wire: Wire, method: str, url: str, headers: Any, body: bytes | None, *, seconds: float,
                 alone: bool = False) -> Reply:
        heard = inside.exchange(method, url, dict(headers), body or b"", seconds)
        late = heard.waited > seconds
        if late or heard.reset or heard.cut:
            raise Silence(sent=True, late=late)
        return Reply(heard.status, {name.lower(): value for name, value in heard.headers}, heard.body)

    with mock.patch.object(HTTPAdapter, "send", send), mock.patch.object(Wire, "send", exchange):
        yield
