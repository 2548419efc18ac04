"""Bags that can still be added to a paid order."""

from __future__ import annotations

from decimal import Decimal

from sandbox.duffel import balance, offers, order_checks, orders
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, data, objects, ok
from sandbox.frame import Answer, Call, World


def available(call: Call, world: World, id: str) -> Answer:
    """GET /air/orders/{id}/available_services."""
    order = orders.find(world, id)
    return ok(_left(world, order) if orders.state(order) == "paid" else [])


def add(call: Call, world: World, id: str) -> Answer:
    """POST /air/orders/{id}/services: pay for them and add them."""
    order, asked = orders.find(world, id), data(call)
    if orders.state(order) != "paid":
        raise refuse("order_not_changeable")
    known = {service["id"]: service for service in _left(world, order)}
    wanted = objects(required(asked, "add_services", ""), "/add_services")
    chosen: list[tuple[Doc, int]] = []
    for item in wanted:
        service, quantity = known.get(str(item.get("id"))), item.get("quantity", 1)
        if service is None or not isinstance(quantity, int) or not 1 <= quantity <= service["maximum_quantity"]:
            raise refuse("ancillary_service_not_available")
        chosen.append((service, quantity))
    due = sum((Decimal(service["total_amount"]) * quantity for service, quantity in chosen), Decimal(0))
    given = required(asked, "payment", "")
    if not isinstance(given, dict):
        raise refuse("validation_type", "/payment")
    order_checks.matching_payment(given, due, order["total_currency"], "/payment")
    balance.take(world, due, order["total_currency"])
    for service, quantity in chosen:
        kept = {name: value for name, value in service.items() if name != "maximum_quantity"}
        order["services"].append({**kept, "id": world.new_id("ser"), "quantity": quantity})
    order["total_amount"] = str(Decimal(order["total_amount"]) + due)
    order["base_amount"] = str(Decimal(order["base_amount"]) + due)
    orders.save(world, order)
    world.ledger("duffel", "order.services_added", order_id=id, amount=str(due), currency=order["total_currency"])
    return ok(order)


def _left(world: World, order: Doc) -> list[Doc]:
    """Return the offer's bags nobody has bought for the same traveller and flights."""
    request = order_checks.request_of(world, order)
    offer, _ = offers.any_age(world, order["offer_id"])
    bought = {(tuple(s["segment_ids"]), tuple(s["passenger_ids"])) for s in order["services"] if s["type"] == "baggage"}
    flown = {segment["id"] for leg in order["slices"] for segment in leg["segments"]}
    return [
        {**service, "id": service["id"].replace("ase_", "aso_", 1)}
        for service in offers.services(request, offer)
        if service["type"] == "baggage"
        and set(service["segment_ids"]) <= flown
        and (tuple(service["segment_ids"]), tuple(service["passenger_ids"])) not in bought
    ]
