"""What a tester may do in the place of consolidator, airline and staff: control endpoints under ``/_amadeus``."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.amadeus import issued, tokens
from sandbox.frame import Refusal, World

Json = dict[str, Any]
Deed = Callable[[World, str, Json], Any]


def reprice_offers(world: World, id: str, wanted: Json) -> Any:
    """Move every price by ``percent``: what was priced before is refused with 37200 when it is booked."""
    return {"factor": str(issued.reprice(world, Decimal(str(wanted.get("percent", "5")))))}


def revoke_tokens(world: World, id: str, wanted: Json) -> Any:
    """Revoke every token that is out."""
    return {"revoked": tokens.revoke_all(world)}


def set_expires_in(world: World, id: str, wanted: Json) -> Any:
    """Let tokens issued from now on live ``seconds``."""
    tokens.set_lifetime(world, int(wanted.get("seconds", tokens.LIFE_SECONDS)))
    return {"expires_in": tokens.lifetime(world)}


def routes() -> list[Route]:
    """Return the control routes."""
    deeds: dict[str, Deed] = {
        "/_amadeus/offers/reprice": reprice_offers,
        "/_amadeus/tokens/revoke": revoke_tokens,
        "/_amadeus/tokens/expires_in": set_expires_in,
    }
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
