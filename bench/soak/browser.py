"""One customer's browser, or an integrator's client, before two web servers: every answer's waiting time is noted.

A request that a restarting server refuses or drops is sent again as a browser or an integrator would: the same words,
the same key. Each sending is noted for itself, from the moment it was meant to leave.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.wire import Answer, Line, Request

LONGEST = 60.0  # seconds until an answer is not waited for any more: long lost by then
PATIENCE = 90.0  # seconds in which a customer goes on trying before they leave
AGAIN = frozenset({429, 502, 503, 504})
TIMES = 8  # how often an answer that says "later" is believed


class Unreachable(Exception):
    """Nobody answered for as long as a customer tries."""


class Turned(Exception):
    """The site said no, in words: the reason ends the story."""


@dataclass
class Note:
    """One sending: what for, when it was meant to leave (s since the start), seconds waited, how it ended."""

    kind: str
    at: float
    waited: float
    how: str


@dataclass
class Front:
    """The web servers, taken in turn, and what was noted of them."""

    ports: list[int]
    began: float = field(default_factory=time.time)
    notes: list[Note] = field(default_factory=list)
    turn: int = 0

    def round(self) -> Iterator[int]:
        """Every server once, beginning with the next."""
        self.turn += 1
        yield from (self.ports[(self.turn + at) % len(self.ports)] for at in range(len(self.ports)))


class Browser:
    """Cookies, an address of its own, and the page last read."""

    def __init__(self, front: Front, number: int) -> None:
        self.front, self.cookies = front, dict[str, str]()
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.meant: float | None = None
        self.page, self.path = "", ""

    async def think(self, seconds: float) -> None:
        """Do nothing; the next request is meant to leave right after it, however late this process is."""
        self.meant = time.time() + seconds
        await asyncio.sleep(seconds)

    # --- JSON -------------------------------------------------------------------------------------------------------

    async def api(self, kind: str, method: str, path: str, body: Any = None, *, good: tuple[int, ...] = (200, 201, 202),
                  **headers: str) -> dict[str, Any]:
        """Ask the API; raises Turned with the refusal's code for any other answer than a `good` one."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if "csrftoken" in self.cookies:
            sent["X-CSRFToken"] = self.cookies["csrftoken"]
        answer = await self._sent(f"api {kind}", Request(method, path, body, sent))
        try:
            told = json.loads(answer.body) if answer.body else {}
        except ValueError:
            told = {}
        if answer.status not in good:
            raise Turned(f"{kind}: {answer.status} {told.get('code', '')}".strip())
        return {**told, "_status": answer.status, "_pause": float(answer.headers.get("retry-after", 0) or 0)}

    # --- pages ------------------------------------------------------------------------------------------------------

    async def get(self, kind: str, path: str) -> None:
        """Open a page and follow where it leads."""
        await self._follow(kind, Request("GET", path, None, {"Accept": "text/html"}))

    async def post(self, kind: str, path: str, fields: dict[str, str], *, good: tuple[int, ...] = (200,)) -> None:
        """Press a button of the page last read, with its token."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page)
        if token is None:
            raise Turned(f"{kind}: no form on the page")
        body = urlencode({"csrfmiddlewaretoken": token.group(1), **fields}).encode()
        await self._follow(kind, Request("POST", path, body, {
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}), good)

    async def _follow(self, kind: str, request: Request, good: tuple[int, ...] = (200,)) -> None:
        answer = await self._sent(f"page {kind}", request)
        for _ in range(6):
            if answer.status not in (301, 302, 303):
                break
            place = urlsplit(answer.headers["location"])
            request = Request("GET", place.path + (f"?{place.query}" if place.query else ""), None,
                              {"Accept": "text/html"})
            answer = await self._sent(f"page {kind}, led on", request)
        self.page, self.path = answer.body.decode(errors="replace"), request.path
        if answer.status not in good:
            raise Turned(f"{kind}: {answer.status} {self.heading}")

    @property
    def heading(self) -> str:
        """The page's h1."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", "", found.group(1))).split()) if found else ""

    @property
    def hidden(self) -> dict[str, str]:
        """What the forms of the page carry hidden, without the token."""
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.page)
        return {name: html.unescape(value) for name, value in found if name != "csrfmiddlewaretoken"}

    # --- the wire ---------------------------------------------------------------------------------------------------

    async def _sent(self, kind: str, request: Request) -> Answer:
        """The answer, after as many sendings as it took. Raises Unreachable."""
        first, times = time.time(), 0
        while True:
            answer, how = await self._once(kind, request)
            times += answer is not None
            pause = _pause(answer, how, times)
            if pause is None:
                assert answer is not None
                return answer
            if time.time() - first > PATIENCE:
                if answer is not None:
                    return answer
                raise Unreachable(f"{kind}: {how}")
            await self.think(pause)

    async def _once(self, kind: str, request: Request) -> tuple[Answer | None, str]:
        """One sending to the next server that takes connections; noted."""
        meant, self.meant = self.meant or time.time(), None
        answer, how = None, "refused"
        for port in self.front.round():
            line = Line(port)
            try:
                answer = await asyncio.wait_for(line.ask(self._dressed(request).raw(f"127.0.0.1:{port}")), LONGEST)
                how = str(answer.status) if answer.status else "broken"
            except TimeoutError:
                how = "silent"
            except OSError:
                continue  # nobody there: nothing was sent, the next one is asked
            finally:
                line.close()
            break
        waited = time.time() - meant
        self.front.notes.append(Note(kind, meant - self.front.began, waited, how))
        if answer is not None and answer.status:
            for cookie in answer.headers.get("set-cookie", "").splitlines():
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer, how
        return None, how

    def _dressed(self, request: Request) -> Request:
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        return Request(request.method, request.path, request.body, {
            "X-Forwarded-For": self.address, "Connection": "close", **cookie, **request.headers})


def _pause(answer: Answer | None, how: str, times: int) -> float | None:
    """Seconds until the same is sent again; None: this is the answer."""
    if answer is None:
        return 0.5 if how == "refused" else 1.0
    asked = float(answer.headers.get("retry-after", 0) or 0)
    if answer.status in AGAIN and times < TIMES:
        return min(asked or 1.0, 20.0)
    if answer.status == 409 and asked:  # the same request still runs, or was killed while it ran: its lease ends
        return min(asked, 5.0)
    return None
