"""Orders: made from an offer, looked at, amended, lapsed."""

from __future__ import annotations

import copy
import random
import secrets
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from sandbox.duffel import balance, events, offers, order_checks, published, search
from sandbox.duffel.errors import error, refuse
from sandbox.duffel.inventory import at
from sandbox.duffel.requests import Doc, data, moment, now_text, ok
from sandbox.flights.carriers import BY_CODE
from sandbox.frame import Answer, Call, World
from sandbox.ids import base62

KIND = "order"
NAME = "duffel"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
TICKETLESS = frozenset({"VY", "JQ", "U2", "NK", "F9", "Y4", "FR", "W6", "SG", "AK", "TO"})
# Keys of an offer's parts that an order's parts do not have.
NOT_IN_SLICES = ("comparison_key", "ngs_shelf")
DRIFT_PERCENT = Decimal("1.5")
AFTER_200, AFTER_202 = 30.0, 60.0


def create(call: Call, world: World) -> Answer:
    """POST /air/orders."""
    plan = prepared(data(call), world)
    manner = published.behaviour(*plan["codes"])
    if manner in ("creation_fails", "price_changes") or (
        manner == "insufficient_balance" and plan["type"] == "instant"
    ):
        return _published_refusal(manner, plan, world)
    if manner in ("answers_202", "answers_202_then_fails"):
        return postponed(plan, world, 202, AFTER_202, "failed" if manner == "answers_202_then_fails" else "created")
    if manner == "answers_200":
        order = made(plan, world, tell=False)
        world.later(AFTER_200, NAME, "tell_created", {"order_id": order["id"]})
        return ok({}, 200)
    return ok(made(plan, world), 201)


def prepared(asked: Doc, world: World) -> Doc:
    """Check everything and return what is needed to make the order, now or later."""
    offer, request = order_checks.chosen_offer(asked, world)
    type = order_checks.order_type(asked, offer)
    passengers = order_checks.passengers(asked, offer, request)
    chosen = order_checks.services(asked, offer, request, world)
    for service, _ in chosen:
        if service["total_currency"] != offer["total_currency"]:
            raise refuse("ancillary_service_not_available")
    total = Decimal(offer["total_amount"]) + sum((Decimal(s["total_amount"]) * n for s, n in chosen), Decimal(0))
    payment = order_checks.payment(asked, total, offer["total_currency"]) if type == "instant" else None
    metadata = order_checks.metadata(asked.get("metadata"))
    if payment is not None:
        balance.check(world, total, offer["total_currency"])
    return {
        "offer": offer,
        "type": type,
        "passengers": passengers,
        "services": [[s, n] for s, n in chosen],
        "payment": payment,
        "metadata": metadata,
        "request_id": request["id"],
        "codes": request["codes"][0],
        "total": str(total),
        "users": asked.get("users") or [],
        "attempted_at": now_text(world),
    }


def postponed(plan: Doc, world: World, status: int, seconds: float, then: str) -> Answer:
    """Answer without an order; what comes of it comes later: ``created``, ``failed`` or ``nothing``."""
    request = search.find(world, plan["request_id"])
    request["attempted"] = True
    world.put(search.KIND, request["id"], request)
    world.ledger(NAME, "order.pending", offer_id=plan["offer"]["id"], metadata=plan["metadata"], then=then)
    if then != "nothing":
        world.later(seconds, NAME, f"order_{then}", plan)
    return ok({}, status)


def made(plan: Doc, world: World, *, tell: bool = True) -> Doc:
    """Make the order: use up the offer and its request, take the money, tell the world."""
    request = search.find(world, plan["request_id"])
    if request["order_id"]:
        raise refuse("offer_request_already_booked", "/selected_offers")
    order = _document(plan, world)
    request.update({"order_id": order["id"], "attempted": True})
    world.put(search.KIND, request["id"], request)
    save(world, order, offer_id=order["offer_id"], booking_reference=order["booking_reference"])
    _sell_seats(world, order)
    world.ledger(
        NAME,
        "order.created",
        order_id=order["id"],
        offer_id=order["offer_id"],
        type=order["type"],
        amount=order["total_amount"],
        currency=order["total_currency"],
        metadata=order["metadata"],
        booking_reference=order["booking_reference"],
    )
    if plan["payment"] is not None:
        balance.take(world, Decimal(order["total_amount"]), order["total_currency"])
        world.ledger(
            NAME,
            "order.paid",
            order_id=order["id"],
            amount=order["total_amount"],
            currency=order["total_currency"],
            by="instant",
        )
    else:
        due = moment(order["payment_status"]["payment_required_by"])
        world.later((due - world.now()).total_seconds(), NAME, "lapse", {"order_id": order["id"]})
    if tell:
        tell_created(world, order["id"])
    if published.behaviour(*plan["codes"]) == "airline_change":
        world.later(0.0, NAME, "schedule_change", {"order_id": order["id"]})
    return order


def failed(plan: Doc, world: World) -> None:
    """Let an order that was accepted for later come to nothing."""
    world.ledger(NAME, "order.creation_failed", offer_id=plan["offer"]["id"], metadata=plan["metadata"])
    events.emit(
        world,
        "order.creation_failed",
        base62(int(world.now().timestamp()), 12),
        {"offer_id": plan["offer"]["id"], "order_creation_attempted_at": plan["attempted_at"]},
    )


def tell_created(world: World, order_id: str) -> None:
    """Emit ``order.created``."""
    order = world.get(KIND, order_id) or {}
    events.emit(
        world, "order.created", order_id, {"id": order_id, "order_id": order_id, "offer_id": order.get("offer_id")}
    )


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/orders/{id}."""
    return ok(fresh(world, find(world, id)))


def patch(call: Call, world: World, id: str) -> Answer:
    """PATCH /air/orders/{id}: replace the metadata."""
    order, asked = find(world, id), data(call)
    if "metadata" in asked:
        order["metadata"] = order_checks.metadata(asked["metadata"])
        save(world, order)
    return ok(order)


def find(world: World, id: str) -> Doc:
    """Return the stored order; refuses an unknown id."""
    order = world.get(KIND, id)
    if order is None:
        raise refuse("not_found")
    return order


def save(world: World, order: Doc, **tags: str) -> None:
    """Write the order back."""
    world.put(KIND, order["id"], order, **tags)


def state(order: Doc) -> str:
    """Return ``cancelled``, ``paid``, ``unpaid`` or ``lapsed``."""
    if order["cancelled_at"]:
        return "cancelled"
    if order["payment_status"]["paid_at"]:
        return "paid"
    return "unpaid" if order["payment_status"]["awaiting_payment"] else "lapsed"


def fresh(world: World, order: Doc) -> Doc:
    """Return the order synced with the airline: past its price guarantee an unpaid hold costs what it costs now."""
    terms = order["payment_status"]
    guarantee = terms["price_guarantee_expires_at"]
    if state(order) == "unpaid" and guarantee and world.now() >= moment(guarantee):
        terms["price_guarantee_expires_at"] = None
        reprice(world, order, DRIFT_PERCENT)
    return order


def reprice(world: World, order: Doc, percent: Decimal) -> None:
    """Move an unpaid order's base fare by so many percent; remember what it cost before."""
    earlier = (world.get("old_prices", order["id"]) or {"amounts": []})["amounts"]
    world.put("old_prices", order["id"], {"amounts": [*earlier, order["total_amount"]]})
    base = (Decimal(order["base_amount"]) * (100 + percent) / 100).quantize(offers.CENT, ROUND_HALF_UP)
    order["base_amount"] = str(base)
    order["total_amount"] = str(base + Decimal(order["tax_amount"]))
    save(world, order)


def lapse(world: World, order_id: str) -> None:
    """Let the airline release an unpaid hold whose time is up."""
    order = world.get(KIND, order_id)
    if order is None or state(order) != "unpaid":
        return
    order["payment_status"]["awaiting_payment"] = False
    order["available_actions"] = []
    order["synced_at"] = now_text(world)
    save(world, order)
    world.ledger(NAME, "order.lapsed", order_id=order_id)


def departure(order: Doc) -> datetime:
    """Return when the first flight leaves, UTC."""
    segment = order["slices"][0]["segments"][0]
    return datetime.fromisoformat(segment["departing_at"]).replace(tzinfo=ZoneInfo(segment["origin"]["time_zone"]))


def ticketed(world: World, order: Doc) -> None:
    """Mark the order paid and give it the documents its airline gives."""
    now = world.now()
    order["payment_status"].update({"awaiting_payment": False, "paid_at": at(now)})
    order["documents"] = _documents(order)
    if now + timedelta(days=7) < departure(order) and order["owner"]["iata_code"] not in TICKETLESS:
        order["void_window_ends_at"] = at(now + timedelta(hours=24))


def _published_refusal(manner: str, plan: Doc, world: World) -> Answer:
    if manner == "price_changes":
        request = search.find(world, plan["request_id"])
        offers.reprice(world, request, plan["offer"]["id"], offers.PRICE_RISE_PERCENT)
        return error("price_changed")
    return error("order_not_created" if manner == "creation_fails" else manner)


def _document(plan: Doc, world: World) -> Doc:
    offer, now = plan["offer"], now_text(world)
    reference = _reference()
    hold = plan["type"] == "hold"
    extra = Decimal(plan["total"]) - Decimal(offer["total_amount"])
    order: Doc = {
        "id": world.new_id("ord"),
        "type": plan["type"],
        "content": "managed",
        "offer_id": offer["id"],
        "live_mode": False,
        "booking_reference": reference,
        "booking_references": [{"booking_reference": reference, "carrier": offer["owner"]}],
        "owner": offer["owner"],
        "created_at": now,
        "synced_at": now,
        "cancelled_at": None,
        "cancellation": None,
        "changes": [],
        "airline_initiated_changes": [],
        "users": plan["users"],
        "metadata": plan["metadata"],
        "documents": [],
        "total_amount": plan["total"],
        "total_currency": offer["total_currency"],
        "base_amount": str(Decimal(offer["base_amount"]) + extra),
        "base_currency": offer["base_currency"],
        "tax_amount": offer["tax_amount"],
        "tax_currency": offer["tax_currency"],
        "void_window_ends_at": None,
        "conditions": offer["conditions"],
        "available_actions": _actions(offer),
        "passengers": plan["passengers"],
        "payment_status": _payment_status(offer, hold),
        "services": [_service(world, service, quantity) for service, quantity in plan["services"]],
        "slices": [_slice(leg, plan) for leg in copy.deepcopy(offer["slices"])],
    }
    if not hold:
        ticketed(world, order)
    return order


def _payment_status(offer: Doc, hold: bool) -> Doc:
    terms = offer["payment_requirements"]
    due, guarantee = terms["payment_required_by"], terms["price_guarantee_expires_at"]
    return {
        "awaiting_payment": hold,
        "paid_at": None,
        "payment_required_by": due if hold else None,
        "price_guarantee_expires_at": guarantee if hold else None,
    }


def _actions(offer: Doc) -> list[str]:
    change = offer["conditions"]["change_before_departure"]
    can_change = offer["owner"]["iata_code"] == "ZZ" or bool(change and change["allowed"])
    return ["cancel", "change", "update"] if can_change else ["cancel", "update"]


def _slice(leg: Doc, plan: Doc) -> Doc:
    seats = {
        (s["segment_ids"][0], s["passenger_ids"][0]): s["metadata"] for s, _ in plan["services"] if s["type"] == "seat"
    }
    for segment in leg["segments"]:
        segment["passengers"] = [
            {
                **{name: value for name, value in passenger.items() if name not in ("fare_basis_code", "conditions")},
                "seat": seats.get((segment["id"], passenger["passenger_id"])),
            }
            for passenger in segment["passengers"]
        ]
    leg["conditions"] = {"change_before_departure": leg["conditions"].get("change_before_departure")}
    return {name: value for name, value in leg.items() if name not in NOT_IN_SLICES}


def _service(world: World, service: Doc, quantity: int) -> Doc:
    return {
        **{name: value for name, value in service.items() if name != "maximum_quantity"},
        "id": world.new_id("ser"),
        "quantity": quantity,
    }


def _documents(order: Doc) -> list[Doc]:
    code = order["owner"]["iata_code"]
    if code in TICKETLESS:
        return []
    dice = random.Random(order["id"])
    carrier = BY_CODE.get(code)
    found = []
    for number, passenger in enumerate(order["passengers"], 1):
        stock = carrier.ticket_stock if carrier else "999"
        ticket = str(number) if code == "ZZ" else f"{stock}{dice.randrange(10**9, 10**10)}"
        found.append({"type": "electronic_ticket", "unique_identifier": ticket, "passenger_ids": [passenger["id"]]})
    for service in order["services"]:
        found.append(
            {
                "type": "electronic_miscellaneous_document_associated",
                "passenger_ids": service["passenger_ids"],
                "unique_identifier": str(len(found) + 1) if code == "ZZ" else f"999{dice.randrange(10**9, 10**10)}",
            }
        )
    return found


def _reference() -> str:
    number = secrets.randbits(30)
    return "".join(LETTERS[(number >> (5 * place)) % 32] for place in range(6))


def _sell_seats(world: World, order: Doc) -> None:
    flights = {segment["id"]: offers.flight_key(segment) for leg in order["slices"] for segment in leg["segments"]}
    for service in order["services"]:
        if service["type"] == "seat":
            flight, designator = flights[service["segment_ids"][0]], service["metadata"]["designator"]
            world.put(
                "seat", f"{flight}/{designator}", {"designator": designator, "order_id": order["id"]}, flight=flight
            )
