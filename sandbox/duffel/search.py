"""Offer requests: what was asked for, and the offers that answer it."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.duffel import generated, ids, published
from sandbox.duffel.errors import error, refuse, required
from sandbox.duffel.generated import Search
from sandbox.duffel.inventory import Template, template
from sandbox.duffel.reference import place
from sandbox.duffel.requests import Doc, data, day, moment, now_text, objects, ok, page
from sandbox.flights.trips import Slice
from sandbox.frame import Answer, Call, World
from sandbox.store import dumps

KIND = "offer_request"
CABINS = ("economy", "premium_economy", "business", "first")
TYPES = ("adult", "child", "infant_without_seat")
FURTHEST = timedelta(days=361)
MOST_PASSENGERS = 9
IATA = re.compile(r"[A-Z]{3}")
DEFAULT_TIMEOUT_MS = 20_000


def create(call: Call, world: World) -> Answer:
    """POST /air/offer_requests."""
    timeout = _supplier_timeout(call)
    request = _made(data(call), world)
    manner = published.behaviour(*request["codes"][0])
    if manner == "timeout":
        late = error("airline_internal")
        late.delay = 0.0 if world.fast else timeout
        return late
    slow = world.use_fault("duffel.create_offer_request", "slow_supplier")
    delay = 0.0
    if slow is not None:
        seconds = float(slow.get("seconds", 5.0))
        delay = min(seconds, timeout)
        if seconds > timeout:
            request["without"] = list(slow.get("carriers") or template(search_of(request)).owners)
    world.put(KIND, request["id"], request)
    whole = call.param("return_offers", "true") != "false"
    if whole and call.param("view") == "itineraries":
        return ok({**_head(request), "slices": _itineraries(request, world)}, 201)
    return Answer(201, _rendered(request, whole), {"content-type": "application/json; charset=utf-8"}, delay)


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/offer_requests/{id}."""
    return Answer(200, _rendered(find(world, id), True), {"content-type": "application/json; charset=utf-8"})


def list_all(call: Call, world: World) -> Answer:
    """GET /air/offer_requests: the newest first, without offers."""
    return page(call, [_head(request) for request in reversed(world.find(KIND))])


def create_batch(call: Call, world: World) -> Answer:
    """POST /air/batch_offer_requests: the same search, handed out in two batches."""
    request = _made(data(call), world)
    request["batches"] = 2
    world.put(KIND, request["id"], request)
    return ok({**_batch_head(request), "offers": []}, 201)


def get_batch(call: Call, world: World, id: str) -> Answer:
    """GET /air/batch_offer_requests/{id}: the offers that became available since the last call."""
    request = find(world, id)
    if request.get("batches") is None or world.now() > moment(request["created_at"]) + timedelta(minutes=1):
        raise refuse("not_found")
    every = json.loads(_offers_text(request))
    half = len(every) // 2
    fresh = {2: every[:half], 1: every[half:]}.get(request["batches"], [])
    request["batches"] = max(0, request["batches"] - 1)
    world.put(KIND, request["id"], request)
    return ok({**_batch_head(request), "offers": fresh})


def find(world: World, id: str) -> Doc:
    """Return the stored offer request; refuses an unknown id."""
    request = world.get(KIND, id)
    if request is None:
        raise refuse("not_found")
    return request


def family(world: World, offer_id: str) -> Doc | None:
    """Return the offer request an offer's id belongs to."""
    return world.get(KIND, ids.make("orq", 0, ids.core_of(offer_id))) if len(offer_id) > 22 else None


def search_of(request: Doc) -> Search:
    """Return the stored request as the inventory knows it."""
    return Search(
        tuple(Slice(origin, destination, date.fromisoformat(when)) for origin, destination, when in request["legs"]),
        request["cabin"],
        tuple((type, age) for type, age in request["party"]),
        request["max_connections"],
        request["hour"],
    )


def inventory_of(request: Doc) -> Template:
    """Return the template the request's offers are made from."""
    return template(search_of(request))


def _supplier_timeout(call: Call) -> float:
    text = call.param("supplier_timeout", str(DEFAULT_TIMEOUT_MS)) or ""
    if not text.isdigit() or not 2000 <= int(text) <= 60_000:
        raise refuse("validation_inclusion", "/supplier_timeout")
    return int(text) / 1000


def _made(asked: Doc, world: World) -> Doc:
    legs = _legs(objects(required(asked, "slices", ""), "/slices"), world)
    party = _party(objects(required(asked, "passengers", ""), "/passengers"))
    cabin = asked.get("cabin_class")
    if cabin is not None and cabin not in CABINS:
        raise refuse("validation_inclusion", "/cabin_class")
    connections = asked.get("max_connections")
    if connections is not None and connections not in (0, 1, 2):
        raise refuse("validation_inclusion", "/max_connections")
    now = world.now()
    core = ids.new_core(int(now.timestamp() * 1000))
    return {
        "id": ids.make("orq", 0, core),
        "core": core,
        "created_at": now_text(world),
        "legs": legs,
        "party": party,
        "codes": [leg[:2] for leg in legs],
        "cabin_class": cabin,
        "cabin": cabin or "economy",
        "max_connections": connections,
        "hour": now.replace(minute=0, second=0, microsecond=0).isoformat(),
        "named": {},
        "repriced": {},
        "gone": [],
        "asked_passengers": [
            {
                "given_name": p.get("given_name"),
                "family_name": p.get("family_name"),
                "fare_type": p.get("fare_type"),
                "loyalty_programme_accounts": p.get("loyalty_programme_accounts") or [],
            }
            for p in asked["passengers"]
        ],
        "order_id": None,
        "attempted": False,
        "without": [],
    }


def _legs(asked: list[Doc], world: World) -> list[list[str]]:
    legs: list[list[str]] = []
    for number, leg in enumerate(asked):
        at = f"/slices/{number}"
        ends = []
        for name in ("origin", "destination"):
            code = required(leg, name, at)
            if not isinstance(code, str) or not IATA.fullmatch(code):
                raise refuse("validation_format", f"{at}/{name}")
            if place(code) is None:
                raise refuse("validation_inclusion", f"{at}/{name}")
            ends.append(code)
        if ends[0] == ends[1]:
            raise refuse("validation_inclusion", f"{at}/destination")
        when = day(required(leg, "departure_date", at), f"{at}/departure_date")
        if when < (world.now() - timedelta(hours=12)).date() or when > world.now().date() + FURTHEST:
            raise refuse("validation_inclusion", f"{at}/departure_date")
        if legs and when.isoformat() < legs[-1][2]:
            raise refuse("validation_inclusion", f"{at}/departure_date")
        legs.append([*ends, when.isoformat()])
    return legs


def _party(asked: list[Doc]) -> list[list[Any]]:
    party: list[list[Any]] = []
    for number, passenger in enumerate(asked):
        at, type, age = f"/passengers/{number}", passenger.get("type"), passenger.get("age")
        if age is not None and (not isinstance(age, int) or isinstance(age, bool) or not 0 <= age <= 130):
            raise refuse("validation_inclusion", f"{at}/age")
        if type is None and age is None and not passenger.get("fare_type"):
            raise refuse("validation_required", f"{at}/type")
        if type is not None and type not in TYPES:
            raise refuse("validation_inclusion", f"{at}/type")
        if age is not None:
            type = "infant_without_seat" if age < 2 else "child" if age < 12 else "adult"
        party.append([type or "adult", age])
    if len(party) > MOST_PASSENGERS:
        raise refuse("validation_length", "/passengers")
    types = [type for type, _ in party]
    if types.count("infant_without_seat") > types.count("adult"):
        raise refuse("validation_inclusion", "/passengers")
    return party


def _head(request: Doc) -> Doc:
    slices = []
    for origin, destination, when in request["legs"]:
        ends = {"origin": place(origin), "destination": place(destination)}
        slices.append(
            {
                **ends,
                "origin_type": (ends["origin"] or {})["type"],
                "destination_type": (ends["destination"] or {})["type"],
                "departure_date": when,
            }
        )
    return {
        "id": request["id"],
        "created_at": request["created_at"],
        "live_mode": False,
        "cabin_class": request["cabin_class"],
        "client_key": f"sandbox_{request['core']}",
        "slices": slices,
        "passengers": passengers_of(request),
    }


def passengers_of(request: Doc) -> list[Doc]:
    """Return the passengers as they are known now: as asked for, and as patched since."""
    return [
        {**passenger, **asked, **request["named"].get(passenger["id"], {})}
        for passenger, asked in zip(_unnamed(request), request["asked_passengers"], strict=True)
    ]


def _unnamed(request: Doc) -> list[Doc]:
    made = generated.passengers(search_of(request))
    return [{**passenger, "id": passenger["id"].replace(ids.BLANK, request["core"])} for passenger in made]


def _batch_head(request: Doc) -> Doc:
    return {
        "id": request["id"],
        "created_at": request["created_at"],
        "live_mode": False,
        "total_batches": 2,
        "remaining_batches": request["batches"],
        "client_key": f"sandbox_{request['core']}",
    }


def _offers_text(request: Doc) -> str:
    """Return the offers as searched, with the names and numbers of the passengers as they are known now."""
    made: datetime = moment(request["created_at"])
    text = inventory_of(request).offers_text(request["core"], made, frozenset(request["without"]))
    unnamed, named = dumps(_unnamed(request)), dumps(passengers_of(request))
    return f"[{text if named == unnamed else text.replace(unnamed, named)}]"


def _rendered(request: Doc, whole: bool) -> bytes:
    head = dumps(_head(request))
    offers = f',"offers":{_offers_text(request)}' if whole else ""
    return f'{{"data":{head[:-1]}{offers}}}}}'.encode()


def _itineraries(request: Doc, world: World) -> list[Doc]:
    """Return the slices with their offers grouped by itinerary and brand (``view=itineraries``)."""
    offers = json.loads(_offers_text(request))
    slices = []
    for number, head in enumerate(_head(request)["slices"]):
        groups: dict[str, dict[str, Any]] = {}
        for offer in offers:
            leg = offer["slices"][number]
            group = groups.setdefault(leg["comparison_key"], {**leg, "brands": {}})
            brand = group["brands"].setdefault(leg["fare_brand_name"], {"name": leg["fare_brand_name"], "offers": []})
            brand["offers"].append({name: offer[name] for name in offer if name != "slices"})
        slices.append(
            {**head, "itineraries": [{**group, "brands": list(group["brands"].values())} for group in groups.values()]}
        )
    return slices
