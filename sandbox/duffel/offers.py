"""Offers: one, many, re-priced, with their services and seat maps."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.duffel import ids, planes, published, search
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, data, moment, objects, ok, page
from sandbox.frame import Answer, Call, World

CENT = Decimal("0.01")
PRICE_RISE_PERCENT = "7.5"
LENGTH = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/offers/{id}."""
    offer, request = live(world, id)
    manner = _manner(request)
    if manner == "gone_on_get":
        raise refuse("offer_no_longer_available")
    if manner == "price_changes" and id not in request["repriced"]:
        reprice(world, request, id, PRICE_RISE_PERCENT)
        offer = shown(request, ids.number_of(id))
    shop = request.get("shops", {}).get(id)
    if shop and shop["each"]:
        shop["edition"] += 1
        world.put(search.KIND, request["id"], request)
    if call.param("return_available_services") == "true":
        offer["available_services"] = services(request, offer)
    return ok(offer)


def list_of_request(call: Call, world: World) -> Answer:
    """GET /air/offers?offer_request_id=."""
    request = search.find(world, call.param("offer_request_id") or "")
    most = call.param("max_connections")
    total = len(search.inventory_of(request).texts)
    owners = search.inventory_of(request).owners
    found = [shown(request, ids.OFFERS + n) for n in range(total) if owners[n] not in request["without"]]
    if most is not None and most.isdigit():
        found = [offer for offer in found if all(len(leg["segments"]) - 1 <= int(most) for leg in offer["slices"])]
    sort = call.param("sort", "total_amount") or "total_amount"
    name = sort.lstrip("-")
    if name not in ("total_amount", "total_duration"):
        raise refuse("validation_inclusion", "/sort")
    found.sort(key=_price if name == "total_amount" else _minutes, reverse=sort.startswith("-"))
    return page(call, found)


def patch_passenger(call: Call, world: World, id: str, passenger_id: str) -> Answer:
    """PATCH /air/offers/{id}/passengers/{pid}: names and frequent-flyer numbers."""
    _, request = live(world, id)
    if passenger_id not in {passenger["id"] for passenger in search.passengers_of(request)}:
        raise refuse("not_found")
    asked = data(call)
    known = {name: asked[name] for name in ("given_name", "family_name", "loyalty_programme_accounts") if name in asked}
    request["named"].setdefault(passenger_id, {}).update(known)
    world.put(search.KIND, request["id"], request)
    return ok(next(p for p in search.passengers_of(request) if p["id"] == passenger_id))


def price(call: Call, world: World, id: str) -> Answer:
    """POST /air/offers/{id}/actions/price."""
    offer, request = live(world, id)
    asked = data(call)
    offer["available_services"] = services(request, offer)
    chosen = objects(asked.get("intended_services") or [], "/intended_services")
    total = Decimal(offer["total_amount"]) + sum(
        (
            Decimal(service["total_amount"]) * quantity
            for service, quantity in chosen_services(world, request, offer, chosen)
        ),
        Decimal(0),
    )
    offer["intended_services"] = chosen
    offer["intended_payment_methods"] = [
        {
            "type": method.get("type"),
            "card_id": method.get("card_id"),
            "surcharge_amount": "0.00",
            "charge_amount": str(total),
            "surcharge_currency": offer["total_currency"],
            "charge_currency": offer["total_currency"],
        }
        for method in objects(asked.get("intended_payment_methods") or [], "/intended_payment_methods")
    ]
    return ok(offer)


def upsell(call: Call, world: World, id: str) -> Answer:
    """POST /air/offers/{id}/upsell: the other brands of the same flights."""
    offer, request = live(world, id)
    keys = [leg["comparison_key"] for leg in offer["slices"]]
    every = (shown(request, ids.OFFERS + n) for n in range(len(search.inventory_of(request).texts)))
    return ok(
        [other for other in every if other["id"] != id and [leg["comparison_key"] for leg in other["slices"]] == keys]
    )


def seat_maps(call: Call, world: World) -> Answer:
    """GET /air/seat_maps?offer_id=."""
    offer, request = live(world, call.param("offer_id") or "")
    return ok(planes_of(world, request, offer))


def planes_of(world: World, request: Doc, offer: Doc) -> list[Doc]:
    """Return the seat maps of an offer as its shop stands now."""
    shop = shop_of(request, offer["id"])
    taken = taken_seats(world, offer)
    for segment in (segment for leg in offer["slices"] for segment in leg["segments"]):
        taken[segment["id"]] = taken.get(segment["id"], set()) | set(shop["seats_gone"])
    charts = planes.seat_maps(offer, taken, _edition(shop))
    for element in _elements(charts):
        for service in element["available_services"]:
            service["total_amount"] = _dearer(service["total_amount"], shop)
    return charts


def shop_of(request: Doc, offer_id: str) -> Doc:
    """Return what a tester made of an offer's extras: kinds and seats gone, prices moved, ids changing."""
    known: Doc = request.get("shops", {}).get(offer_id) or {
        "each": False, "edition": 0, "gone": [], "seats_gone": [], "percent": "0"}
    return known


def keep_shop(world: World, request: Doc, offer_id: str, shop: Doc) -> None:
    """Store the same."""
    request.setdefault("shops", {})[offer_id] = shop
    world.put(search.KIND, request["id"], request)


def _edition(shop: Doc) -> str:
    return str(shop["edition"]) if shop["edition"] else ""


def _dearer(amount: str, shop: Doc) -> str:
    return str((Decimal(amount) * (100 + Decimal(shop["percent"])) / 100).quantize(CENT, ROUND_HALF_UP))


def _elements(charts: list[Doc]) -> list[Doc]:
    rows = (row for chart in charts for cabin in chart["cabins"] for row in cabin["rows"])
    return [element for row in rows for section in row["sections"] for element in section["elements"]]


def live(world: World, id: str) -> tuple[Doc, Doc]:
    """Return (offer, its request); refuses one that is unknown, expired, gone or used up."""
    offer, request = any_age(world, id)
    if request["order_id"] or id in request["gone"] or world.now() >= moment(offer["expires_at"]):
        raise refuse("offer_no_longer_available")
    return offer, request


def any_age(world: World, id: str) -> tuple[Doc, Doc]:
    """Return (offer, its request), however old; refuses an unknown id."""
    request = search.family(world, id)
    offer = shown(request, ids.number_of(id)) if request is not None else None
    if request is None or not offer or offer["id"] != id:
        raise refuse("not_found")
    return offer, request


def shown(request: Doc, number: int) -> Doc:
    """Return the offer as it stands now: with names given since and at its present price; empty when there is none."""
    made = moment(request["created_at"])
    offer = search.inventory_of(request).offer(number, request["core"], made)
    if offer is None:
        return {}
    offer["passengers"] = search.passengers_of(request)
    percent = request["repriced"].get(offer["id"])
    if percent is not None:
        base = (Decimal(offer["base_amount"]) * (100 + Decimal(percent)) / 100).quantize(CENT, ROUND_HALF_UP)
        offer["base_amount"] = str(base)
        offer["total_amount"] = str(base + Decimal(offer["tax_amount"]))
    if offer["id"] in request.get("aged", {}):
        offer["expires_at"] = request["aged"][offer["id"]]
    return offer


def reprice(world: World, request: Doc, offer_id: str, percent: str) -> None:
    """Move an offer's base fare by so many percent (of the searched fare)."""
    request["repriced"][offer_id] = percent
    world.put(search.KIND, request["id"], request)


def services(request: Doc, offer: Doc) -> list[Doc]:
    """Return the bags and covers of an offer as its shop stands now."""
    shop = shop_of(request, offer["id"])
    every = search.inventory_of(request).services_of(ids.number_of(offer["id"]), request["core"])
    found = [service for service in every if service["type"] not in shop["gone"]]
    for service in found:
        service["id"] += _edition(shop)
        service["total_amount"] = _dearer(service["total_amount"], shop)
    return found


def chosen_services(world: World, request: Doc, offer: Doc, chosen: list[Doc]) -> list[tuple[Doc, int]]:
    """Return (service, quantity) for each chosen one; refuses what is unknown, too much, sold or a second seat."""
    known = {service["id"]: service for service in services(request, offer)}
    if any(str(item.get("id")) not in known for item in chosen):
        known.update(seat_services(planes_of(world, request, offer)))
    found: list[tuple[Doc, int]] = []
    seen: set[str] = set()
    seated: set[tuple[str, str]] = set()
    for number, item in enumerate(chosen):
        at = f"/services/{number}"
        id, quantity = required(item, "id", at), item.get("quantity", 1)
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise refuse("validation_inclusion", f"{at}/quantity")
        if id in seen:
            raise refuse("validation_unique", f"{at}/id")
        service = known.get(id)
        if service is None or quantity > service["maximum_quantity"]:
            raise refuse("ancillary_service_not_available")
        if service["type"] == "seat":
            place = service["segment_ids"][0]
            marks = {(place, service["passenger_ids"][0]), (place, service["metadata"]["designator"])}
            if marks & seated:
                raise refuse("ancillary_service_not_available")
            seated |= marks
        seen.add(id)
        found.append((service, quantity))
    return found


def seat_services(charts: list[Doc]) -> dict[str, Doc]:
    """Return the seats on sale as services, by id."""
    found = {}
    for chart in charts:
        for row in (row for cabin in chart["cabins"] for row in cabin["rows"]):
            for seat in (element for section in row["sections"] for element in section["elements"]):
                for service in seat["available_services"]:
                    found[service["id"]] = {
                        "id": service["id"],
                        "type": "seat",
                        "maximum_quantity": 1,
                        "total_amount": service["total_amount"],
                        "total_currency": service["total_currency"],
                        "passenger_ids": [service["passenger_id"]],
                        "segment_ids": [chart["segment_id"]],
                        "metadata": {name: seat[name] for name in ("designator", "name", "disclosures")},
                    }
    return found


def flight_key(segment: Doc) -> str:
    """Return what makes two segments the same flight on the same day."""
    carrier, number = segment["marketing_carrier"]["iata_code"], segment["marketing_carrier_flight_number"]
    return f"{carrier}{number}@{segment['departing_at']}"


def taken_seats(world: World, offer: Doc) -> dict[str, set[str]]:
    """Return segment id -> seats sold to earlier orders on the same flight."""
    found = {}
    for segment in (segment for leg in offer["slices"] for segment in leg["segments"]):
        sold = world.find("seat", flight=flight_key(segment))
        if sold:
            found[segment["id"]] = {seat["designator"] for seat in sold}
    return found


def age_out(world: World, request: Doc, offer_id: str) -> None:
    """Let an offer expire at once."""
    request.setdefault("aged", {})[offer_id] = (world.now() - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    world.put(search.KIND, request["id"], request)


def _manner(request: Doc) -> str | None:
    return published.behaviour(*request["codes"][0])


def _price(offer: Doc) -> Any:
    return Decimal(offer["total_amount"])


def _minutes(offer: Doc) -> Any:
    total = 0
    for leg in offer["slices"]:
        found = LENGTH.fullmatch(leg["duration"] or "PT0M")
        days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        total += days * 1440 + hours * 60 + minutes
    return total
