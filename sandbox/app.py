"""The ASGI application: vendor calls with their faults, and the control endpoints beside them."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.routing import Match

from sandbox import control
from sandbox.contracts import Answer, Call, Refusal, Vendor
from sandbox.faults import CALL_KINDS, SLOW
from sandbox.protocol import hang_up, reset
from sandbox.store import dumps
from sandbox.world import World

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Pause = Callable[[float], Awaitable[None]]

FRAME = "_frame"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_SECONDS = {"hang": 200.0, "silence": 200.0, "late": 3.0, "drip": 30.0}
DROPS = 40


class SandboxApp:
    """Vendor prefixes go straight to the vendor; everything else is Starlette's."""

    def __init__(self, world: World, vendors: list[Vendor]) -> None:
        self.world = world
        self._vendors = vendors
        self._raw = {vendor.name: list(_extra(vendor, "routes")) for vendor in vendors}
        routes = [route for found in self._raw.values() for route in found]
        routes += [route for vendor in vendors for route in _extra(vendor, "control_routes")]
        self.pages = Starlette(routes=[*routes, *control.routes()])
        self.pages.state.world = world
        self.pages.state.copies = []
        self.pause: Pause = asyncio.sleep  # who plays without waiting puts another in its place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            vendor = self._vendor_of(scope)
            if vendor is not None:
                await self._serve(vendor, scope, receive, send)
                return
        await self.pages(scope, receive, send)  # type: ignore[arg-type]

    def _vendor_of(self, scope: Scope) -> Vendor | None:
        path: str = scope["path"]
        for vendor in self._vendors:
            if path.startswith(vendor.prefix + "/"):
                if any(route.matches(scope)[0] != Match.NONE for route in self._raw[vendor.name]):
                    return None
                return vendor
        return None

    async def _serve(self, vendor: Vendor, scope: Scope, receive: Receive, send: Send) -> None:
        call = await _read(vendor, scope, receive, self.world.base_url)
        operation = vendor.operation(call)
        slow, age = self.world.faults.fire(operation, SLOW), self.world.age
        if slow is not None:
            await self.pause(float(slow.get("seconds", 1.0)))
            if self.world.age != age:
                await _reset(scope, self.pause)
                return
        fault = self.world.faults.fire(operation, CALL_KINDS)
        if fault is None:
            answer = self.perform(vendor, call, operation, None)
            if answer.delay:
                await self.pause(answer.delay)
            await _send(send, answer, self.pause)
            return
        await self._misbehave(fault, vendor, call, operation, scope, send)

    async def _misbehave(
        self, fault: dict[str, Any], vendor: Vendor, call: Call, operation: str, scope: Scope, send: Send
    ) -> None:
        kind = fault["kind"]
        seconds = float(fault.get("seconds", DEFAULT_SECONDS.get(kind, 0.0)))
        if kind in ("reset_before", "late", "silence"):
            with self.world.transaction():
                self._note(vendor, call, operation, kind)
                if kind == "late":
                    self.world.later(seconds, FRAME, "late_call", _packed(call, operation))
            if kind == "silence":
                await self.pause(seconds)
            await _reset(scope, self.pause)
            return
        answer = self.perform(vendor, call, operation, fault)
        if kind == "reset_after":
            await _reset(scope, self.pause)
        elif kind == "cut":
            await _send(send, answer, self.pause, cut=True)
            hang_up(scope)
        elif kind == "drip":
            await _send(send, answer, self.pause, drip=seconds)
        elif kind == "garbage":
            hello = Answer(answer.status, b"<html><body>upstream says hello</bo", {"content-type": "text/html"})
            await _send(send, hello, self.pause)
        else:
            if kind == "hang":
                await self.pause(seconds)
            await _send(send, answer, self.pause)

    def perform(self, vendor: Vendor, call: Call, operation: str, fault: dict[str, Any] | None) -> Answer:
        """Run the vendor's handler in one transaction, or what the fault puts in its place, and write the ledger."""
        kind = fault["kind"] if fault else None
        world = self.world
        world.fault = fault or {}
        try:
            with world.transaction():
                answer = None
                if kind == "status":
                    answer = _stated(fault or {}) or vendor.odd(kind, call, world) or _plain_error(fault or {})
                elif kind in ("202", "200_no_order"):
                    answer = vendor.odd(kind, call, world)
                if answer is None:
                    answer = vendor.handle(call, world)
                self._note(vendor, call, operation, kind, answer.status)
        except Refusal as refusal:
            answer = refusal.answer
            with world.transaction():
                self._note(vendor, call, operation, kind, answer.status)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            answer = Answer(500, {"sandbox_bug": traceback.format_exc(limit=-3)})
            with world.transaction():
                self._note(vendor, call, operation, "sandbox_bug", 500)
        finally:
            world.fault = {}
        if fault and kind == "status_after":
            return _stated(fault) or self._shaped_after(fault, vendor, call)
        return answer

    def _shaped_after(self, fault: dict[str, Any], vendor: Vendor, call: Call) -> Answer:
        self.world.fault = fault
        try:
            with self.world.transaction():
                return vendor.odd("status", call, self.world) or _plain_error(fault)
        finally:
            self.world.fault = {}

    def _note(self, vendor: Vendor, call: Call, operation: str, kind: str | None, status: int | None = None) -> None:
        if call.method in READS:
            return
        outcome = "done" if status is not None and status < 300 else "refused" if status is not None else "not_run"
        self.world.ledger(
            vendor.name,
            "request",
            operation=operation,
            method=call.method,
            path=call.path,
            outcome=outcome,
            status=status,
            fault=kind,
            idempotency_key=call.headers.get("idempotency-key"),
        )

    def run_timers(self) -> float:
        """Fire every timer that is due; return the seconds until the next look."""
        world = self.world
        while True:
            rows = world.store.rows("SELECT id, due, vendor, action, payload FROM timers ORDER BY due, id LIMIT 1")
            if not rows:
                return 5.0
            wait = rows[0][1] - world.clock.timestamp()
            if wait > 0:
                return min(wait, 5.0)
            self._fire(*rows[0])

    def _fire(self, id: int, due: float, vendor: str, action: str, payload: str) -> None:
        try:
            with self.world.transaction():
                self.world.store.write("DELETE FROM timers WHERE id = ?", (id,))
                if vendor != FRAME:
                    self.world.vendors[vendor].on_timer(self.world, action, _loads(payload))
                    return
            self._late(_loads(payload))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.world.store.write("DELETE FROM timers WHERE id = ?", (id,))
            self.world.ledger(vendor, "sandbox_bug", action=action)

    def _late(self, packed: dict[str, Any]) -> None:
        operation = packed.pop("operation")
        call = Call(
            **{**packed, "body": base64.b64decode(packed["body"]), "query": [tuple(pair) for pair in packed["query"]]}
        )
        self.perform(self.world.vendors[call.vendor], call, operation, {"kind": "late_run"})


def _extra(vendor: Vendor, name: str) -> list[Any]:
    found = getattr(vendor, name, None)
    return list(found()) if found else []


def _loads(text: str) -> dict[str, Any]:
    return dict(json.loads(text))


async def _read(vendor: Vendor, scope: Scope, receive: Receive, base_url: str) -> Call:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = scope["query_string"]
    return Call(
        vendor=vendor.name,
        method=scope["method"],
        path=scope["path"][len(vendor.prefix) :],
        query=parse_qsl(query.decode(), keep_blank_values=True) if query else [],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        base_url=base_url,
    )


def _packed(call: Call, operation: str) -> dict[str, Any]:
    return {
        "vendor": call.vendor,
        "method": call.method,
        "path": call.path,
        "query": call.query,
        "headers": call.headers,
        "body": base64.b64encode(call.body).decode(),
        "base_url": call.base_url,
        "operation": operation,
    }


def _stated(fault: dict[str, Any]) -> Answer | None:
    """Return the answer whose body the fault itself spells out."""
    if "body" not in fault:
        return None
    return Answer(int(fault.get("status", 500)), fault["body"], dict(fault.get("headers", {})))


def _plain_error(fault: dict[str, Any]) -> Answer:
    status = int(fault.get("status", 500))
    return Answer(status, {"error": {"message": f"sandbox fault: {status}"}})


async def _reset(scope: Scope, pause: Pause) -> None:
    reset(scope)
    # Let the loop notice the lost connection, so that the server does not try to answer on it.
    await pause(0.01)


async def _send(send: Send, answer: Answer, pause: Pause, *, cut: bool = False, drip: float = 0.0) -> None:
    body, kind = answer.body, b"application/json; charset=utf-8"
    if body is None:
        data = b""
    elif isinstance(body, bytes):
        data = body
    else:
        data = dumps(body).encode()
    names = {name.lower() for name in answer.headers}
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    if "content-type" not in names and body is not None:
        headers.append((b"content-type", kind))
    headers.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if cut:
        await send({"type": "http.response.body", "body": data[: max(1, len(data) // 2)], "more_body": True})
        return
    if drip:
        size = max(1, len(data) // DROPS)
        for start in range(0, len(data), size):
            await send({"type": "http.response.body", "body": data[start : start + size], "more_body": True})
            await pause(drip / DROPS)
        data = b""
    await send({"type": "http.response.body", "body": data})
