"""Cancellations: a quote first, then the deed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from sandbox.duffel import balance, events, order_checks, orders, published
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.inventory import at
from sandbox.duffel.requests import Doc, data, moment, now_text, ok, page
from sandbox.frame import Answer, Call, World

KIND = "order_cancellation"
NAME = "duffel"
QUOTE_LIVES = timedelta(minutes=20)


def create(call: Call, world: World) -> Answer:
    """POST /air/order_cancellations: what would come back."""
    order = world.get(orders.KIND, str(required(data(call), "order_id", "")))
    if order is None:
        raise refuse("not_found")
    state = orders.state(order)
    if state == "cancelled":
        raise refuse("already_cancelled")
    if "cancel" not in order["available_actions"] or state == "lapsed" or world.now() >= orders.departure(order):
        raise refuse("order_not_cancellable")
    now = world.now()
    amount, to = _refund(order, world)
    quote = {
        "id": world.new_id("ore"),
        "order_id": order["id"],
        "live_mode": False,
        "created_at": at(now),
        "confirmed_at": None,
        "expires_at": at(now + QUOTE_LIVES),
        "refund_amount": amount,
        "refund_to": to,
        "refund_currency": order["total_currency"] if amount is not None else None,
        "airline_credits": _credits(order, amount, world) if to == "airline_credits" else [],
    }
    world.put(KIND, quote["id"], quote, order_id=order["id"])
    events.emit(world, "order_cancellation.created", quote["id"], {"id": quote["id"], "order_id": order["id"]})
    return ok(quote, 201)


def confirm(call: Call, world: World, id: str) -> Answer:
    """POST /air/order_cancellations/{id}/actions/confirm."""
    quote = _find(world, id)
    order = orders.find(world, quote["order_id"])
    if order["cancelled_at"]:
        raise refuse("already_cancelled")
    newest = world.find(KIND, order_id=order["id"])[-1]
    if newest["id"] != id or (quote["expires_at"] and world.now() >= moment(quote["expires_at"])):
        raise refuse("order_cancellation_stale")
    state = orders.state(order)
    if "cancel" not in order["available_actions"] or state == "lapsed":
        raise refuse("order_not_cancellable")
    if (quote["refund_to"] == "awaiting_payment") != (state == "unpaid"):
        raise refuse("order_cancellation_stale")
    cancel(order, quote, world)
    return ok(quote)


def cancel(order: Doc, quote: Doc, world: World) -> None:
    """Carry the cancellation out: close the order, give the money back, tell the world."""
    quote["confirmed_at"] = now_text(world)
    world.put(KIND, quote["id"], quote, order_id=order["id"])
    order.update({"cancelled_at": quote["confirmed_at"], "cancellation": quote, "available_actions": []})
    order["payment_status"]["awaiting_payment"] = False
    orders.save(world, order)
    if quote["refund_to"] == "balance" and quote["refund_amount"]:
        balance.take(world, -Decimal(quote["refund_amount"]), order["total_currency"])
    world.ledger(
        NAME,
        "order.cancelled",
        order_id=order["id"],
        refund_amount=quote["refund_amount"],
        refund_to=quote["refund_to"],
        currency=quote["refund_currency"],
    )
    events.emit(world, "order_cancellation.confirmed", quote["id"], {"id": quote["id"], "order_id": order["id"]})


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/order_cancellations/{id}."""
    return ok(_find(world, id))


def list_all(call: Call, world: World) -> Answer:
    """GET /air/order_cancellations?order_id=, the newest first."""
    order_id = call.param("order_id")
    found = world.find(KIND, order_id=order_id) if order_id else world.find(KIND)
    return page(call, found[::-1])


def _find(world: World, id: str) -> Doc:
    quote = world.get(KIND, id)
    if quote is None:
        raise refuse("not_found")
    return quote


def _refund(order: Doc, world: World) -> tuple[str | None, str | None]:
    """Return (amount, where to): null when nobody knows what the airline will give."""
    if orders.state(order) == "unpaid":
        return "0.00", "awaiting_payment"
    manner = published.behaviour(*order_checks.request_of(world, order)["codes"][0])
    if manner == "airline_credits":
        return str(order["total_amount"]), "airline_credits"
    window = order["void_window_ends_at"]
    if window and world.now() < moment(window):
        return str(order["total_amount"]), "balance"
    terms = order["conditions"]["refund_before_departure"]
    if terms is None or (terms["allowed"] and terms["penalty_amount"] is None):
        return None, None
    if not terms["allowed"]:
        return "0.00", "balance"
    left = Decimal(order["total_amount"]) - Decimal(terms["penalty_amount"])
    return str(max(left, Decimal("0.00")).quantize(Decimal("0.01"))), "balance"


def _credits(order: Doc, amount: str | None, world: World) -> list[Doc]:
    each = (Decimal(amount or "0") / len(order["passengers"])).quantize(Decimal("0.01"))
    return [
        {
            "id": world.new_id("acd"),
            "credit_amount": str(each),
            "credit_currency": order["total_currency"],
            "credit_name": f"{order['owner']['name']} credit",
            "credit_code": None,
            "passenger_id": passenger["id"],
            "issued_on": world.now().date().isoformat(),
        }
        for passenger in order["passengers"]
    ]
