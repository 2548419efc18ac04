"""Control endpoints under ``/_amadeus``: what a tester may do in the place of consolidator, airline and staff."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.amadeus import desk, issued, tokens
from sandbox.doors import Deed, doors
from sandbox.frame import World

Json = dict[str, Any]


def reprice_offers(world: World, id: str, wanted: Json) -> Any:
    """Move every price by ``percent``: what was priced before is refused with 37200 when it is booked."""
    return {"factor": str(issued.reprice(world, Decimal(str(wanted.get("percent", "5")))))}


def adopt_offers(world: World, id: str, wanted: Json) -> Any:
    """Take ``flightOffers`` that were made elsewhere for offers of ours, priced now and of any date."""
    for offer in wanted["flightOffers"]:
        issued.keep_priced(world, offer, {"adopted": True})
    return {"adopted": len(wanted["flightOffers"])}


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
        "/_amadeus/orders/{id:path}/ticket": desk.ticket,
        "/_amadeus/orders/{id:path}/void_tickets": desk.void_tickets,
        "/_amadeus/orders/{id:path}/cancel_by_airline": desk.cancel_by_airline,
        "/_amadeus/orders/{id:path}/schedule_change": desk.schedule_change,
        "/_amadeus/orders/{id:path}/expire": desk.expire,
        "/_amadeus/offers/reprice": reprice_offers,
        "/_amadeus/offers/adopt": adopt_offers,
        "/_amadeus/tokens/revoke": revoke_tokens,
        "/_amadeus/tokens/expires_in": set_expires_in,
    }
    return [Route("/_amadeus/orders", _look, methods=["GET"]), *doors(deeds)]


async def _look(request: Request) -> Response:
    world: World = request.app.state.world
    asked = request.query_params
    return JSONResponse({"orders": desk.look(world, *(asked.get(name, "") for name in ("remark", "name", "pnr")))})
