"""HTTP by hand over asyncio: hundreds of clients at the same instant cost this process almost nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """What to send. `body` is JSON unless it is bytes already."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self, host: str) -> bytes:
        """The request as it goes over the wire."""
        body = b"" if self.body is None else self.body if isinstance(self.body, bytes) else json.dumps(
            self.body).encode()
        headers = {"Host": host, "Accept": "application/json", **self.headers}
        if self.method != "GET":
            headers = {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


@dataclass
class Answer:
    """What came back; `status` is 0 when the connection broke. Several cookies: one a line in "set-cookie"."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Line:
    """One kept-alive connection to a port of this machine; reconnects when the server has closed it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect, sending nothing."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: Request | bytes) -> Answer:
        """Send and read the whole answer."""
        raw = request if isinstance(request, bytes) else request.raw(f"127.0.0.1:{self.port}")
        started = time.perf_counter()
        if self._writer is None:
            await self.open()
        assert self._writer is not None and self._reader is not None
        try:
            self._writer.write(raw)
            status, headers = await self._head()
            body = await self._body(headers)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return Answer(0, {}, b"", time.perf_counter() - started)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, headers, body, time.perf_counter() - started)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    async def _head(self) -> tuple[int, dict[str, str]]:
        assert self._reader is not None
        raw = await self._reader.readuntil(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in lines if line):
            many = name.lower() == "set-cookie" and "set-cookie" in headers
            headers[name.lower()] = f"{headers['set-cookie']}\n{value.strip()}" if many else value.strip()
        return int(first.split(" ")[1]), headers

    async def _body(self, headers: dict[str, str]) -> bytes:
        assert self._reader is not None
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        if headers.get("transfer-encoding", "") != "chunked":
            return b""
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)


def at_once(requests: Iterable[tuple[int, Request]], seconds: float = 120.0) -> list[Answer]:
    """Every request on a connection of its own to its port, all connected first and all sent at the same instant."""

    async def run() -> list[Answer]:
        wanted = list(requests)
        lines = [Line(port) for port, _ in wanted]
        for start in range(0, len(lines), 100):
            await asyncio.gather(*(line.open() for line in lines[start:start + 100]))
        raws = [request.raw(f"127.0.0.1:{port}") for port, request in wanted]
        answers = await asyncio.wait_for(
            asyncio.gather(*(line.ask(raw) for line, raw in zip(lines, raws, strict=True))), seconds)
        for line in lines:
            line.close()
        return answers

    return asyncio.run(run())


def steadily(port: int, work: Iterable[Request | bytes], clients: int,
             then: Callable[[Line, Answer], Awaitable[None]] | None = None) -> tuple[list[Answer], float]:
    """`clients` connections share `work` until it is done, each asking again as soon as it is answered.

    Returns the answers and the seconds it took in all. `then` runs on the same connection after each answer.
    """
    queue = iter(list(work))
    answers: list[Answer] = []

    async def client() -> None:
        line = Line(port)
        await line.open()
        for request in queue:
            answer = await line.ask(request)
            answers.append(answer)
            if then is not None:
                await then(line, answer)
        line.close()

    async def run() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return time.perf_counter() - started

    return answers, asyncio.run(run())
