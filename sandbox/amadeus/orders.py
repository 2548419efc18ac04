"""Flight orders: reservations that wait for a ticket, and go by themselves when none comes."""

from __future__ import annotations

import base64
import copy
import random
import zlib
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sandbox.amadeus import offers, order_rules, pricing
from sandbox.amadeus.dictionaries import dictionaries
from sandbox.amadeus.errors import expect_type, refuse
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]
KIND = "amadeus_order"
OFFICE = "NYC1S2195"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no airline writes I or O into a record locator
ESCAPES = {"/": "%2f", "+": "%2B", "=": "%3D"}
LIVE = "live"


def create(call: Call, world: World, asked: Json) -> Answer:
    """POST /v1/booking/flight-orders."""
    if "data" not in asked:
        raise refuse(32171, "data is missing", pointer="/data")
    data = asked["data"]
    expect_type(data, "flight-order")
    order_rules.check(world, data)
    for number, offer in enumerate(data["flightOffers"]):
        pricing.same_price(world, offer, f"/data/flightOffers/{number}")
        _holdable(offer, data, f"/data/flightOffers/{number}")
    order = _made(world, data)
    world.put(KIND, key(order["id"]), order, pnr=order["pnr"])
    deadline = datetime.fromisoformat(order["deadline"])
    seconds = (deadline - world.now()).total_seconds()
    world.later(seconds, "amadeus", "lapse", {"id": key(order["id"])})
    world.ledger(
        "amadeus",
        "order.created",
        id=order["id"],
        pnr=order["pnr"],
        deadline=order["deadline"],
        amount=str(sum(Decimal(offer["price"]["grandTotal"]) for offer in order["data"]["flightOffers"])),
        currency=order["data"]["flightOffers"][0]["price"]["currency"],
        remarks=remarks(order),
        client_ref=call.headers.get("ama-client-ref"),
    )
    return Answer(201, _body(call, order, created=True))


def _holdable(offer: Json, data: Json, pointer: str) -> None:
    """Refuse what cannot wait for a consolidator: the airline wants a ticket at once, or a card."""
    if data.get("ticketingAgreement", {}).get("option") == "CONFIRM":
        return
    if offer.get("instantTicketingRequired"):
        raise refuse(9112, "This offer must be ticketed at once", pointer=f"{pointer}/instantTicketingRequired")
    if offer.get("paymentCardRequired"):
        raise refuse(1304, "This offer is sold with a payment card only", pointer=f"{pointer}/paymentCardRequired")


def get(call: Call, world: World, asked: Json, id: str) -> Answer:
    """GET /v1/booking/flight-orders/{id}."""
    return Answer(200, _body(call, find(world, id)))


def cancel(call: Call, world: World, asked: Json, id: str) -> Answer:
    """DELETE /v1/booking/flight-orders/{id}: only until a ticket is issued."""
    order = find(world, id)
    if any(ticket["documentStatus"] == "ISSUED" for ticket in order["data"].get("tickets", ())):
        raise refuse(4926, "The order is ticketed and cannot be cancelled here", pointer="/data/tickets")
    end(world, order, "cancelled")
    if world.use_fault("amadeus.cancel_order", "200_empty"):
        return Answer(200, b"")
    return Answer(204)


def key(id: str) -> str:
    """Return what an order is kept under: its id as a server sees it in a path, decoded once."""
    return unquote(id)


def find(world: World, id: str) -> Json:
    """Return a live order by its id, decoded once; refuses one that is unknown or gone (1797)."""
    order = world.get(KIND, id)
    if order is None or order["state"] != LIVE:
        raise refuse(1797, "The order is unknown")
    return order


def end(world: World, order: Json, state: str) -> None:
    """Let a reservation go; ``state`` is the event's name: cancelled, lapsed."""
    save(world, {**order, "state": state})
    world.ledger("amadeus", f"order.{state}", id=order["id"], pnr=order["pnr"])


def save(world: World, order: Json) -> None:
    """Write an order."""
    world.put(KIND, key(order["id"]), order, pnr=order["pnr"])


def lapse(world: World, id: str) -> None:
    """Cancel a reservation whose time has come, unless a ticket stands for it."""
    order = world.get(KIND, id)
    tickets = order["data"].get("tickets", ()) if order is not None else ()
    if order is not None and order["state"] == LIVE and not any(one["documentStatus"] == "ISSUED" for one in tickets):
        end(world, order, "lapsed")


def remarks(order: Json) -> list[str]:
    """Return the texts of an order's general remarks."""
    return [each["text"] for each in order["data"].get("remarks", {}).get("general", ())]


def _made(world: World, data: Json) -> Json:
    dice = random.SystemRandom()
    several = world.use_fault("amadeus.create_order", "several_records") is not None
    pnrs = ["".join(dice.choices(LETTERS, k=6)) for _ in range(2 if several else 1)]
    made = copy.deepcopy(data)
    deadline = _deadline(world, data)
    made["id"] = order_id(pnrs[0], world.now())
    made["queuingOfficeId"] = data.get("queuingOfficeId", OFFICE)
    made["flightOffers"] = [_renumbered(offer) for offer in made["flightOffers"]]
    if several:
        for offer in made["flightOffers"]:
            offer["nonHomogeneous"] = True
    made["associatedRecords"] = _records(world, made, pnrs, dice)
    made.setdefault("ticketingAgreement", {"option": "CONFIRM"})
    if made["ticketingAgreement"]["option"] != "CONFIRM":
        made["ticketingAgreement"]["dateTime"] = deadline.date().isoformat()
    queue = {"number": "0", "category": "0"}
    made["automatedProcess"] = [{"code": "IMMEDIATE", "queue": queue, "officeId": made["queuingOfficeId"]}]
    return {
        "id": made["id"],
        "pnr": pnrs[0],
        "state": LIVE,
        "created": world.now().isoformat(),
        "deadline": deadline.isoformat(),
        "data": made,
    }


def _records(world: World, made: Json, pnrs: list[str], dice: random.Random) -> list[Json]:
    """The airline's own locator first, then ours: their order is no promise, and the airline's has no date."""
    rows = []
    for offer in made["flightOffers"]:
        airline = "".join(dice.choices(LETTERS, k=6))
        rows.append(
            {"reference": airline, "originSystemCode": offer["validatingAirlineCodes"][0], "flightOfferId": offer["id"]}
        )
        rows += [
            {
                "reference": pnr,
                "creationDate": world.now().replace(tzinfo=None).isoformat(timespec="seconds"),
                "originSystemCode": "GDS",
                "flightOfferId": offer["id"],
            }
            for pnr in pnrs
        ]
    return rows


def _deadline(world: World, data: Json) -> datetime:
    """When the reservation goes by itself: the agreement's day, 00:00 UTC, or the end of the last ticketing day."""
    midnight = datetime.combine(world.now().date(), time(), tzinfo=UTC)
    agreement = data.get("ticketingAgreement", {})
    times = []
    if agreement.get("option") == "DELAY_TO_CANCEL" and agreement.get("delay"):
        times.append(midnight + timedelta(days=int(agreement["delay"][:-1])))
    for offer in data["flightOffers"]:
        if (last := offer.get("lastTicketingDate", "")) >= world.now().date().isoformat():
            times.append(datetime.fromisoformat(last).replace(tzinfo=UTC) + timedelta(days=1))
    return max(min(times, default=midnight + timedelta(days=7)), world.now())


def order_id(pnr: str, made: datetime) -> str:
    """Return an id as Amadeus writes them: packed, in base 64, and already percent-encoded."""
    packed = zlib.compress(f"6X|{pnr}|{made:%Y-%m-%d}".encode())
    packed += b"\0" * (3 - len(packed) % 3 == 3)  # so that there is padding, and with it always an escape
    return "".join(ESCAPES.get(each, each) for each in base64.b64encode(packed).decode())


def _renumbered(offer: Json) -> Json:
    """Return the offer with its segments numbered from 1: what was 137 in the search is 1 in the order."""
    found = copy.deepcopy(offer)
    new = {segment["id"]: str(number) for number, segment in enumerate(offers.segments(found), 1)}
    for segment in offers.segments(found):
        segment["id"] = new[segment["id"]]
    for pricing_of_one in found["travelerPricings"]:
        for detail in pricing_of_one["fareDetailsBySegment"]:
            detail["segmentId"] = new[detail["segmentId"]]
    return found


def _body(call: Call, order: Json, *, created: bool = False) -> Json:
    shown = copy.deepcopy(order["data"])
    if not created:
        for offer in shown["flightOffers"]:
            _later_look(offer, order.get("flights", {}))
    itself = f"{call.base_url}/amadeus/v1/booking/flight-orders/{order['id']}"
    words = dictionaries(shown["flightOffers"])
    return {"meta": {"count": 1, "links": {"self": itself}}, "data": shown, "dictionaries": words}


def _later_look(offer: Json, status: dict[str, str]) -> None:
    """Later looks say how each flight stands, and leave fees and brands out."""
    offer["price"].pop("fees", None)
    for segment in offers.segments(offer):
        segment["bookingStatus"] = status.get(segment["id"], "CONFIRMED")
        segment["segmentType"] = "ACTIVE"
        segment["isFlown"] = False
    for pricing_of_one in offer["travelerPricings"]:
        for detail in pricing_of_one["fareDetailsBySegment"]:
            detail.pop("brandedFare", None)
            detail.pop("brandedFareLabel", None)
