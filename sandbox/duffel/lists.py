"""Reference lists: places, airports, airlines, aircraft."""

from __future__ import annotations

from functools import lru_cache

from sandbox.duffel import reference
from sandbox.duffel.errors import refuse
from sandbox.duffel.requests import Doc, ok, page
from sandbox.flights import airports as world_airports
from sandbox.flights.airlines import AIRCRAFT
from sandbox.frame import Answer, Call, World


def suggest(call: Call, world: World) -> Answer:
    """GET /places/suggestions by ``query`` (or ``name``), or by ``lat``, ``lng``, ``rad``."""
    lat, lng = call.param("lat"), call.param("lng")
    if lat is not None and lng is not None:
        try:
            return ok(reference.near(float(lat), float(lng), float(call.param("rad") or 50_000)))
        except ValueError:
            raise refuse("validation_format", "/lat") from None
    text = call.param("query") or call.param("name")
    if not text:
        raise refuse("validation_required", "/query")
    return ok(_suggested(text.strip().lower()))


def airports(call: Call, world: World) -> Answer:
    """GET /air/airports, optionally of one country."""
    country = call.param("iata_country_code")
    codes = [code for code, known in _sorted() if country is None or known == country]
    found = page(call, codes)
    body = found.body
    if isinstance(body, dict):
        body["data"] = [_airport(code) for code in body["data"]]
    return found


def airport(call: Call, world: World, id: str) -> Answer:
    """GET /air/airports/{id}."""
    code = id.removeprefix("arp_").split("_")[0].upper()
    if code not in world_airports.airports() or _airport(code)["id"] != id:
        raise refuse("not_found")
    return ok(_airport(code))


def airlines(call: Call, world: World) -> Answer:
    """GET /air/airlines."""
    return page(call, list(reference.airlines().values()))


def airline(call: Call, world: World, id: str) -> Answer:
    """GET /air/airlines/{id}."""
    return ok(_by_id(list(reference.airlines().values()), id))


def aircraft(call: Call, world: World) -> Answer:
    """GET /air/aircraft."""
    return page(call, [reference.aircraft(code) for code in AIRCRAFT])


def one_aircraft(call: Call, world: World, id: str) -> Answer:
    """GET /air/aircraft/{id}."""
    return ok(_by_id([reference.aircraft(code) for code in AIRCRAFT], id))


@lru_cache(maxsize=2048)
def _suggested(text: str) -> list[Doc]:
    return reference.suggestions(text)


@lru_cache(maxsize=1)
def _sorted() -> list[tuple[str, str]]:
    return sorted((code, known["country"]) for code, known in world_airports.airports().items())


def _airport(code: str) -> Doc:
    return {name: value for name, value in reference.airport_place(code).items() if name != "airports"}


def _by_id(found: list[Doc], id: str) -> Doc:
    for each in found:
        if each["id"] == id:
            return each
    raise refuse("not_found")
