"""Changes the airline makes by itself, and what may be done about them."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta

from sandbox.duffel import events, orders
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, data, now_text, ok, page
from sandbox.frame import Answer, Call, World

KIND = "airline_initiated_change"
NAME = "duffel"
TAKEN = ("accepted", "cancelled", "changed")


def list_all(call: Call, world: World) -> Answer:
    """GET /air/airline_initiated_changes?order_id=."""
    order_id = call.param("order_id")
    return page(call, world.find(KIND, order_id=order_id) if order_id else world.find(KIND))


def accept(call: Call, world: World, id: str) -> Answer:
    """POST /air/airline_initiated_changes/{id}/actions/accept: the order gets the new flights."""
    change = _find(world, id)
    order = orders.find(world, change["order_id"])
    newest = world.find(KIND, order_id=order["id"])[-1]
    if newest["id"] != id or change["action_taken"] is not None or order["cancelled_at"]:
        raise refuse("stale_airline_initiated_change_accept")
    return ok(_taken(world, order, change, "accepted"))


def patch(call: Call, world: World, id: str) -> Answer:
    """PATCH /air/airline_initiated_changes/{id}: note what was done elsewhere."""
    change = _find(world, id)
    action = required(data(call), "action_taken", "")
    if action not in TAKEN:
        raise refuse("validation_inclusion", "/action_taken")
    return ok(_taken(world, orders.find(world, change["order_id"]), change, action))


def detect(world: World, order_id: str, minutes: int = 95) -> Doc:
    """Let the airline move the first slice of an order by ``minutes``; unpaid holds get no webhook."""
    order = orders.find(world, order_id)
    removed = copy.deepcopy(order["slices"][0])
    added = copy.deepcopy(removed)
    added["id"] = world.new_id("sli")
    for segment in added["segments"]:
        segment["id"] = world.new_id("seg")
        for name in ("departing_at", "arriving_at"):
            segment[name] = (datetime.fromisoformat(segment[name]) + timedelta(minutes=minutes)).isoformat()
    now = now_text(world)
    change: Doc = {
        "id": world.new_id("aic"),
        "order_id": order_id,
        "created_at": now,
        "updated_at": now,
        "added": [added],
        "removed": [removed],
        "available_actions": ["accept", "change", "cancel"],
        "action_taken": None,
        "action_taken_at": None,
        "travel_agent_ticket": None,
        "live_mode": False,
    }
    world.put(KIND, change["id"], change, order_id=order_id)
    _attach(world, order, change)
    world.ledger(NAME, "order.schedule_changed", order_id=order_id, aic_id=change["id"])
    if orders.state(order) != "unpaid":
        events.emit(
            world, "order.airline_initiated_change_detected", change["id"], {"id": order_id, "aic_id": change["id"]}
        )
    return change


def _taken(world: World, order: Doc, change: Doc, action: str) -> Doc:
    now = now_text(world)
    change.update({"action_taken": action, "action_taken_at": now, "updated_at": now, "available_actions": []})
    world.put(KIND, change["id"], change, order_id=order["id"])
    if action == "accepted":
        gone = {leg["id"] for leg in change["removed"]}
        order["slices"] = copy.deepcopy(change["added"]) + [leg for leg in order["slices"] if leg["id"] not in gone]
    _attach(world, order, change)
    return change


def _attach(world: World, order: Doc, change: Doc) -> None:
    """Keep the change on the order too, as the real order does."""
    others = [each for each in order["airline_initiated_changes"] if each["id"] != change["id"]]
    order["airline_initiated_changes"] = [*others, copy.deepcopy(change)]
    order["synced_at"] = now_text(world)
    orders.save(world, order)


def _find(world: World, id: str) -> Doc:
    change = world.get(KIND, id)
    if change is None:
        raise refuse("not_found")
    return change
