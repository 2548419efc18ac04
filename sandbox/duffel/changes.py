"""Order changes: ask, pick, confirm. In test mode a change always costs 125.00: 100.00 fare and 25.00 penalty."""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from decimal import Decimal

from sandbox.duffel import balance, events, order_checks, orders
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.inventory import at
from sandbox.duffel.reference import place
from sandbox.duffel.requests import Doc, data, day, moment, now_text, objects, ok, page
from sandbox.frame import Answer, Call, World

REQUEST, OFFER, CHANGE = "order_change_request", "order_change_offer", "order_change"
NAME = "duffel"
COST, PENALTY = Decimal("125.00"), Decimal("25.00")
OFFERS_LIVE = timedelta(days=3)


def create_request(call: Call, world: World) -> Answer:
    """POST /air/order_change_requests."""
    asked = data(call)
    order = orders.find(world, str(required(asked, "order_id", "")))
    wanted = required(asked, "slices", "")
    if not isinstance(wanted, dict):
        raise refuse("validation_type", "/slices")
    if "change" not in order["available_actions"] or orders.state(order) != "paid":
        raise refuse("order_not_changeable")
    remove = objects(required(wanted, "remove", "/slices"), "/slices/remove")
    add = objects(required(wanted, "add", "/slices"), "/slices/add")
    known = {leg["id"]: leg for leg in order["slices"]}
    gone = [known.get(str(item.get("slice_id"))) for item in remove]
    if None in gone:
        raise refuse("validation_inclusion", "/slices/remove")
    request: Doc = {
        "id": world.new_id("ocr"),
        "order_id": order["id"],
        "live_mode": False,
        "created_at": now_text(world),
        "updated_at": now_text(world),
        "slices": {"remove": remove, "add": [_shown(leg) for leg in add]},
    }
    legs = [leg for leg in gone if leg is not None]
    made = [_offer(world, order, request, legs, add, hours) for hours in (0, 3)] if len(add) == len(legs) else []
    request["order_change_offers"] = made
    world.put(REQUEST, request["id"], request)
    return ok(request, 201)


def get_request(call: Call, world: World, id: str) -> Answer:
    """GET /air/order_change_requests/{id}."""
    return ok(_find(world, REQUEST, id))


def list_offers(call: Call, world: World) -> Answer:
    """GET /air/order_change_offers?order_change_request_id=."""
    return page(call, world.find(OFFER, request_id=call.param("order_change_request_id") or ""))


def get_offer(call: Call, world: World, id: str) -> Answer:
    """GET /air/order_change_offers/{id}."""
    return ok(_find(world, OFFER, id))


def create(call: Call, world: World) -> Answer:
    """POST /air/order_changes: a pending change."""
    offer = _find(world, OFFER, str(required(data(call), "selected_order_change_offer", "")))
    if world.now() >= moment(offer["expires_at"]):
        raise refuse("order_change_expired")
    copied = {
        name: copy.deepcopy(value)
        for name, value in offer.items()
        if name not in ("id", "order_change_id", "order_change_request_id")
    }
    change = {**copied, "id": world.new_id("oce"), "created_at": now_text(world), "confirmed_at": None}
    world.put(CHANGE, change["id"], change)
    offer["order_change_id"] = change["id"]
    world.put(OFFER, offer["id"], offer)
    return ok(change, 201)


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/order_changes/{id}."""
    return ok(_find(world, CHANGE, id))


def confirm(call: Call, world: World, id: str) -> Answer:
    """POST /air/order_changes/{id}/actions/confirm: pay the difference; the same order gets the new flights."""
    change = _find(world, CHANGE, id)
    order = orders.find(world, change["order_id"])
    if change["confirmed_at"]:
        raise refuse("already_confirmed")
    if world.now() >= moment(change["expires_at"]):
        raise refuse("order_change_expired")
    if "change" not in order["available_actions"]:
        raise refuse("order_not_changeable")
    due = Decimal(change["change_total_amount"])
    given = required(data(call), "payment", "")
    if not isinstance(given, dict):
        raise refuse("validation_type", "/payment")
    order_checks.matching_payment(given, due, change["change_total_currency"], "/payment")
    balance.take(world, due, change["change_total_currency"])
    gone = {leg["id"] for leg in change["slices"]["remove"]}
    order["slices"] = [leg for leg in order["slices"] if leg["id"] not in gone] + copy.deepcopy(change["slices"]["add"])
    order["slices"].sort(key=lambda leg: str(leg["segments"][0]["departing_at"]))
    order["total_amount"] = change["new_total_amount"]
    order["base_amount"] = str(Decimal(order["base_amount"]) + due)
    change["confirmed_at"] = now_text(world)
    order["changes"].append(copy.deepcopy(change))
    world.put(CHANGE, id, change)
    orders.save(world, order)
    world.ledger(NAME, "order.changed", order_id=order["id"], amount=str(due), currency=change["change_total_currency"])
    events.emit(world, "air.order.changed", id, {"id": order["id"], "order_change_id": id})
    return ok(change)


def _offer(world: World, order: Doc, request: Doc, legs: list[Doc], add: list[Doc], hours: int) -> Doc:
    now, currency = world.now(), order["total_currency"]
    offer = {
        "id": world.new_id("oco"),
        "order_id": order["id"],
        "order_change_id": None,
        "order_change_request_id": request["id"],
        "live_mode": False,
        "created_at": at(now),
        "updated_at": at(now),
        "expires_at": at(now + OFFERS_LIVE),
        "change_total_amount": str(COST),
        "change_total_currency": currency,
        "penalty_total_amount": str(PENALTY),
        "penalty_total_currency": currency,
        "penalty_amount": str(PENALTY),
        "penalty_currency": currency,
        "refund_to": None,
        "new_total_amount": str(Decimal(order["total_amount"]) + COST),
        "new_total_currency": currency,
        "slices": {
            "remove": copy.deepcopy(legs),
            "add": [
                _moved(world, leg, wanted, n, hours) for n, (leg, wanted) in enumerate(zip(legs, add, strict=True))
            ],
        },
    }
    world.put(OFFER, offer["id"], offer, request_id=request["id"])
    return offer


def _moved(world: World, leg: Doc, wanted: Doc, number: int, hours: int) -> Doc:
    """Return the same flights on another date; another route is not offered."""
    if (wanted.get("origin"), wanted.get("destination")) not in {
        (leg["origin"]["iata_code"], leg["destination"]["iata_code"]),
        (leg["origin"]["iata_city_code"], leg["destination"]["iata_city_code"]),
    }:
        raise refuse("order_not_changeable")
    when: date = day(
        required(wanted, "departure_date", f"/slices/add/{number}"), f"/slices/add/{number}/departure_date"
    )
    moved = copy.deepcopy(leg)
    moved["id"] = world.new_id("sli")
    shift = timedelta(days=(when - datetime.fromisoformat(leg["segments"][0]["departing_at"]).date()).days, hours=hours)
    for segment in moved["segments"]:
        segment["id"] = world.new_id("seg")
        for name in ("departing_at", "arriving_at"):
            segment[name] = (datetime.fromisoformat(segment[name]) + shift).isoformat()
    return moved


def _shown(wanted: Doc) -> Doc:
    """Return a wanted slice with its places spelled out, as the answer has it."""
    ends = {name: place(str(wanted.get(name))) for name in ("origin", "destination")}
    return {**ends, "departure_date": wanted.get("departure_date"), "cabin_class": wanted.get("cabin_class")}


def _find(world: World, kind: str, id: str) -> Doc:
    doc = world.get(kind, id)
    if doc is None:
        raise refuse("not_found")
    return doc
