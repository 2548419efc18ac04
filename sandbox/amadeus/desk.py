"""The people who are not in the API: the consolidator who tickets, the airline that changes, staff at a terminal."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from sandbox.amadeus import offers, orders
from sandbox.amadeus.errors import refuse
from sandbox.flights.carriers import BY_CODE
from sandbox.frame import World

Json = dict[str, Any]
STOCK = "172"
FLOWN_BY = {offers.SIX.code: offers.SIX, **BY_CODE}


def ticket(world: World, id: str, wanted: Json) -> Json:
    """Issue tickets: for everybody who has none, for ``travelerIds``, or with ``partly`` for the first such one."""
    order = _order(world, id)
    data = order["data"]
    done = {each["travelerId"] for each in data.get("tickets", ()) if each["documentStatus"] == "ISSUED"}
    open_for = [each["id"] for each in data["travelers"] if each["id"] not in done]
    chosen = [each for each in open_for if each in wanted.get("travelerIds", open_for)]
    chosen = chosen[:1] if wanted.get("partly") else chosen
    made = [_ticket(offer, each) for each in chosen for offer in data["flightOffers"]]
    data.setdefault("tickets", []).extend(made)
    orders.save(world, order)
    numbers = [each["documentNumber"] for each in made]
    _tell(world, order, "order.ticketed", tickets=numbers, complete=len(chosen) == len(open_for))
    return order


def void_tickets(world: World, id: str, wanted: Json) -> Json:
    """Void every ticket: the reservation stands as before."""
    order = _order(world, id)
    for each in order["data"].get("tickets", ()):
        each["documentStatus"] = "VOID"
    orders.save(world, order)
    _tell(world, order, "order.tickets_voided")
    return order


def cancel_by_airline(world: World, id: str, wanted: Json) -> Json:
    """Let the airline cancel every flight; with ``gone`` the record can no longer be looked up."""
    order = _order(world, id)
    order["flights"] = {segment["id"]: "CANCELLED" for segment in _segments(order)}
    if wanted.get("gone"):
        orders.end(world, order, "cancelled_by_airline")
        return order
    orders.save(world, order)
    _tell(world, order, "order.cancelled_by_airline")
    return order


def schedule_change(world: World, id: str, wanted: Json) -> Json:
    """Let the airline move the flights of the first itinerary by ``minutes`` (95)."""
    order = _order(world, id)
    later = timedelta(minutes=int(wanted.get("minutes", 95)))
    for segment in order["data"]["flightOffers"][0]["itineraries"][0]["segments"]:
        for end in ("departure", "arrival"):
            segment[end]["at"] = (datetime.fromisoformat(segment[end]["at"]) + later).isoformat()
    orders.save(world, order)
    _tell(world, order, "order.schedule_changed")
    return order


def expire(world: World, id: str, wanted: Json) -> Json:
    """Let the reservation cancel itself now, as it would at its time."""
    order = _order(world, id)
    orders.lapse(world, orders.key(order["id"]))
    return order


def look(world: World, remark: str, name: str, pnr: str) -> list[Json]:
    """What staff see at the terminal: reservations by a remark's text, a name or a locator, the newest last."""
    found = []
    for order in world.find(orders.KIND):
        shown = _line(order)
        if (
            any(remark.casefold() in each.casefold() for each in shown["remarks"] or [""])
            and any(name.casefold() in each.casefold() for each in shown["names"])
            and any(pnr.upper() in each["reference"] for each in shown["records"])
        ):
            found.append(shown)
    return found


def _line(order: Json) -> Json:
    data = order["data"]
    return {
        "pnr": order["pnr"],
        "id": order["id"],
        "state": order["state"],
        "created": order["created"],
        "deadline": order["deadline"],
        "names": [f"{each['name']['lastName']}/{each['name']['firstName']}" for each in data["travelers"]],
        "remarks": orders.remarks(order),
        "records": data["associatedRecords"],
        "tickets": data.get("tickets", []),
        "total": [
            {"amount": offer["price"]["grandTotal"], "currency": offer["price"]["currency"]}
            for offer in data["flightOffers"]
        ],
    }


def _order(world: World, id: str) -> Json:
    """Return a live order by its id (as it stands or decoded) or by its locator; refuses an unknown one."""
    found = world.find(orders.KIND, pnr=id)
    order = found[0] if found else world.get(orders.KIND, orders.key(id))
    if order is None or order["state"] != orders.LIVE:
        raise refuse(1797, "The order is unknown")
    return order


def _segments(order: Json) -> list[Json]:
    return [segment for offer in order["data"]["flightOffers"] for segment in offers.segments(offer)]


def _ticket(offer: Json, traveller: str) -> Json:
    carrier = FLOWN_BY.get(offer["validatingAirlineCodes"][0])
    stock = carrier.ticket_stock if carrier and carrier.ticket_stock else STOCK
    return {
        "documentType": "ETICKET",
        "documentNumber": f"{stock}-{random.SystemRandom().randrange(10**9, 10**10)}",
        "documentStatus": "ISSUED",
        "travelerId": traveller,
        "segmentIds": [segment["id"] for segment in offers.segments(offer)],
    }


def _tell(world: World, order: Json, event: str, **more: Any) -> None:
    world.ledger("amadeus", event, id=order["id"], pnr=order["pnr"], **more)
