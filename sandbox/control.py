"""The control endpoints: faults, ledger, clock, state, reset, webhooks, health."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.contracts import Vendor
from sandbox.faults import Faults
from sandbox.world import World


async def _faults(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    if request.method == "GET":
        return JSONResponse({"faults": world.faults.listed()})
    if request.method == "DELETE":
        world.faults.clear(request.query_params.get("id"))
        return JSONResponse({"faults": world.faults.listed()})
    try:
        fault = world.faults.arm(await _body(request))
    except ValueError as problem:
        return JSONResponse({"error": str(problem)}, status_code=400)
    return JSONResponse(fault, status_code=201)


async def _ledger(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    asked = request.query_params
    rows = world.read_ledger(vendor=asked.get("vendor"), event=asked.get("event"), since=int(asked.get("since", 0)))
    return JSONResponse({"rows": rows})


async def _clock(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    if request.method == "POST":
        wanted = await _body(request)
        moved = world.clock.offset + float(wanted.get("advance_seconds", 0))
        world.set_offset(0.0 if wanted.get("reset") else moved)
        request.app.state.run_timers()
    return JSONResponse({"now": world.now().isoformat(), "offset_seconds": world.clock.offset})


async def _reset(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    world.store.wipe()
    request.app.state.copies.clear()
    world.age += 1
    world.clock.offset = 0.0
    world.faults = Faults(world.store)
    start(world, list(world.vendors.values()))
    return JSONResponse({"reset": True})


async def _copies(request: Request) -> JSONResponse:
    """Keep the world under a number, or bring it back, its clock too; slow calls under way are then cut off."""
    world: World = request.app.state.world
    copies = request.app.state.copies
    wanted = await _body(request)
    if "number" not in wanted:
        copies.append((world.store.copy(), world.clock.timestamp()))
        return JSONResponse({"number": len(copies) - 1}, status_code=201)
    kept, at = copies[int(wanted["number"])]
    world.store.bring_back(kept)
    world.faults = Faults(world.store)
    world.age += 1
    world.set_offset(at - time.time())
    return JSONResponse({"number": wanted["number"], "offset_seconds": world.clock.offset})


async def _state(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    kind = request.query_params.get("kind")
    if kind:
        return JSONResponse({"kind": kind, "docs": world.find(kind)})
    return JSONResponse(
        {"kinds": dict(world.store.rows("SELECT kind, count(*) FROM docs GROUP BY kind ORDER BY kind"))}
    )


async def _webhooks(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    if request.method == "POST":
        world.outbox.switch(bool((await _body(request)).get("deliver", True)))
    queued = [row for name in world.vendors for row in world.outbox.attempts_of(name)]
    return JSONResponse({"deliver": world.outbox.enabled, "deliveries": queued})


async def _healthz(request: Request) -> JSONResponse:
    world: World = request.app.state.world
    return JSONResponse({"ok": True, "vendors": sorted(world.vendors), "now": world.now().isoformat()})


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return dict(json.loads(raw)) if raw else {}


def routes() -> list[Route]:
    """Return the control endpoints' routes."""
    return [
        Route("/_faults", _faults, methods=["GET", "POST", "DELETE"]),
        Route("/_ledger", _ledger),
        Route("/_clock", _clock, methods=["GET", "POST"]),
        Route("/_reset", _reset, methods=["POST"]),
        Route("/_copies", _copies, methods=["POST"]),
        Route("/_state", _state),
        Route("/_webhooks", _webhooks, methods=["GET", "POST"]),
        Route("/_healthz", _healthz),
    ]


def start(world: World, vendors: list[Vendor]) -> None:
    """Let every vendor that wants to set itself up do so."""
    for vendor in vendors:
        begin = getattr(vendor, "start", None)
        if begin is not None:
            with world.transaction():
                begin(world)
