"""A peer that answers exactly as told, once per call, and remembers what it was asked. Real sockets, no mocks."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    """One request as it arrived. `query` and a form body hold lists of values."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    port: int  # the caller's: one for each connection

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass
class Says:
    """What to answer: a status with a body, or a way to fail (reset, cut, hang, drip, drip_head)."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Peer:
    """The server. `says` queues answers; when the queue is empty the last one is repeated."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._script: deque[Says] = deque()
        self._last = Says(500, {})
        self._lock = threading.Lock()
        self.released = threading.Event()
        self.hung_up = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def says(self, *answers: Says) -> None:
        with self._lock:
            self._script.extend(answers)

    def next(self) -> Says:
        with self._lock:
            if self._script:
                self._last = self._script.popleft()
            return self._last

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            parts = urlsplit(self.path)
            peer.asked.append(Asked(self.command, parts.path, parse_qs(parts.query),
                                    {name.lower(): value for name, value in self.headers.items()}, body,
                                    int(self.client_address[1])))
            self._answer(peer.next())

        def _answer(self, says: Says) -> None:
            if says.fault == "hang":
                peer.released.wait(10)
            if says.fault in ("hang", "reset"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            if says.fault == "drip_head":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 400)
                return
            body = says.body if isinstance(says.body, bytes) else json.dumps(says.body).encode()
            self.send_response(says.status)
            for name, value in {"Content-Type": "application/json", **says.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if says.fault == "drip":
                self._drip(body)
                return
            self.wfile.write(body[: len(body) // 2] if says.fault == "cut" else body)
            if says.fault == "cut":
                self.close_connection = True

        def _drip(self, body: bytes) -> None:
            """A byte every twentieth of a second, until the other side hangs up."""
            try:
                for place in range(len(body)):
                    self.wfile.write(body[place : place + 1])
                    self.wfile.flush()
                    if peer.released.wait(0.05):
                        return
            except OSError:
                peer.hung_up.set()
            finally:
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

    return Handler
