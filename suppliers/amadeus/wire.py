"""How bytes go to Amadeus and come back: kept connections, redirects and proxies ignored, and a hard end to each call.

Two ends guard a call: the socket's own time-out between two packets, and a bell that hangs up when the whole time is
over, whatever trickles in until then. What must not be sent twice opens a connection of its own and closes it: a kept
one that the other side is just dropping would turn a reservation into "outcome unknown".
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

CONNECT_SECONDS = 3.0
POOL_SIZE = 64
MOST_BYTES = 32 * 1024 * 1024
_PART = 65536


class Silence(Exception):
    """No readable answer. `sent`: the request may have reached the other side; `late`: its time was over."""

    def __init__(self, *, sent: bool, late: bool) -> None:
        super().__init__("sent" if sent else "not sent")
        self.sent, self.late = sent, late


@dataclass
class Reply:
    """What came back: header names in lower case, the body as it was."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text: UTF-8, or what the header names, and never an error."""
        with suppress(UnicodeDecodeError):
            return self.content.decode("utf-8-sig")
        _, _, named = self.headers.get("content-type", "").partition("charset=")
        with suppress(LookupError, UnicodeDecodeError):
            return self.content.decode(named.split(";")[0].strip(" \"'") or "latin-1")
        return self.content.decode("utf-8", "replace")


class _TooMuch(Exception):
    """The answer is too long to be one."""


class _Bell:
    """Hangs up this thread's connection when the time is over, even while a body trickles in byte by byte."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._stopped = self._rung = False
        self._sock: Any = None
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> _Bell:
        _here.bell = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        _here.bell = None

    def hold(self, sock: Any) -> None:
        """The socket to hang up; at once when it is too late already."""
        with self._lock:
            self._sock = sock
            if self._rung:
                self._hang_up()

    def stop(self) -> bool:
        """From now on it does not ring; whether it had not."""
        with self._lock:
            self._stopped = True
            self._timer.cancel()
            return not self._rung

    def _ring(self) -> None:
        with self._lock:
            if not self._stopped:
                self._rung = True
                self._hang_up()

    def _hang_up(self) -> None:
        if self._sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._sock, socket.SHUT_RDWR)


class _Here(threading.local):
    """The bell of the call that this thread is making."""

    bell: _Bell | None = None


_here = _Here()


class _Heard(HTTPConnection):
    """A connection that tells the bell which socket it sends over."""

    def request(self, *args: Any, **more: Any) -> None:
        """As the connection sends it."""
        bell = _here.bell
        if bell is not None and self.sock is not None:
            bell.hold(self.sock)
        super().request(*args, **more)
        if bell is not None:
            bell.hold(self.sock)


class _HeardSecurely(_Heard, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Heard


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HeardSecurely


def _pool(size: int) -> urllib3.PoolManager:
    """Connections that know who uses them. The machine's proxies are never asked."""
    made = urllib3.PoolManager(num_pools=4, maxsize=size, retries=False)
    made.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return made


class Wire:
    """Sends one request and returns its reply, or raises Silence. Shared by all threads of one process."""

    def __init__(self) -> None:
        self._kept = _pool(POOL_SIZE)

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *, seconds: float,
             alone: bool = False) -> Reply:
        """One request, its whole answer within `seconds`. `alone`: over a connection that nothing else uses."""
        pool = _pool(1) if alone else self._kept
        started = time.monotonic()
        try:
            with _Bell(seconds) as bell:
                return self._exchange(pool, bell, method, url, headers, body, seconds)
        except (HTTPError, OSError, _TooMuch) as error:
            slow = isinstance(error, ReadTimeoutError | ConnectTimeoutError | TimeoutError)
            late = time.monotonic() - started >= seconds or (slow and not isinstance(error, NewConnectionError))
            raise Silence(sent=_was_sent(error), late=late) from None
        finally:
            if alone:
                pool.clear()

    def _exchange(self, pool: urllib3.PoolManager, bell: _Bell, method: str, url: str, headers: Mapping[str, str],
                  body: bytes | None, seconds: float) -> Reply:
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
        response = pool.request(method, url, body=body, headers=dict(headers), redirect=False, preload_content=False,
                                timeout=timeout, retries=False)
        whole = False
        try:
            parts: list[bytes] = []
            size = 0
            while part := response.read(_PART):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise _TooMuch
            whole = bell.stop()
        finally:
            if not whole:
                response.close()  # what is left of it must not be read as the next answer
            response.release_conn()
        if not whole:
            raise TimeoutError
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status, headers, b"".join(parts))


def _was_sent(error: BaseException) -> bool:
    """Whether the request may have reached the other side. Refused, timed out connecting, bad certificate: no."""
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        return False
    if isinstance(error, SSLError):
        return not (error.args and isinstance(error.args[0], ssl.SSLCertVerificationError))
    return True
