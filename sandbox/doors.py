"""Control endpoints as vendors write them: a plain deed in one transaction, behind a POST with a JSON body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.contracts import Refusal
from sandbox.world import World

Deed = Callable[[World, str, dict[str, Any]], Any]


def doors(deeds: dict[str, Deed]) -> list[Route]:
    """Return a route per deed: it gets the world, the path's ``id`` and the body, and its result is ``data``."""
    return [Route(path, _door(deed), methods=["POST"]) for path, deed in deeds.items()]


def _door(deed: Deed) -> Callable[[Request], Any]:
    async def door(request: Request) -> Response:
        world: World = request.app.state.world
        raw = await request.body()
        wanted = json.loads(raw) if raw else {}
        try:
            with world.transaction():
                return JSONResponse({"data": deed(world, request.path_params.get("id", ""), wanted)})
        except Refusal as refusal:
            return JSONResponse(refusal.answer.body, status_code=refusal.answer.status)

    return door
