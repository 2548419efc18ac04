"""Payments of orders on hold."""

from __future__ import annotations

from decimal import Decimal

from sandbox.duffel import balance, events, order_checks, orders, published
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, amount, data, moment, now_text, ok, page
from sandbox.frame import Answer, Call, World

KIND = "payment"
NAME = "duffel"


def create(call: Call, world: World) -> Answer:
    """POST /air/payments."""
    order, given = checked(data(call), world)
    request = order_checks.request_of(world, order)
    manner = published.behaviour(*request["codes"][0])
    if manner == "insufficient_balance":
        raise refuse("insufficient_balance")
    if manner in ("answers_202", "answers_202_then_fails"):
        return ok(postponed(order, given, world, orders.AFTER_202, "succeeded"), 202)
    payment = made(order, given, world, tell=manner != "answers_200")
    if manner == "answers_200":
        world.later(orders.AFTER_200, NAME, "tell_paid", {"payment_id": payment["id"]})
        return ok(payment, 200)
    return ok(payment, 201)


def checked(asked: Doc, world: World) -> tuple[Doc, Doc]:
    """Return (order, payment asked for); refuses whatever cannot be paid, or not like this."""
    order = world.get(orders.KIND, str(required(asked, "order_id", "")))
    if order is None:
        raise refuse("not_found")
    given = required(asked, "payment", "")
    if not isinstance(given, dict):
        raise refuse("validation_type", "/payment")
    state = orders.state(order)
    if state == "cancelled":
        raise refuse("already_cancelled")
    if order["type"] != "hold":
        raise refuse("order_type_not_eligible_for_payment")
    if state == "paid" or any(p["status"] == "pending" for p in world.find(KIND, order_id=order["id"])):
        raise refuse("already_paid")
    if state == "lapsed" or world.now() >= moment(order["payment_status"]["payment_required_by"]):
        raise refuse("past_payment_required_by_date")
    if any(change["action_taken"] is None for change in order["airline_initiated_changes"]):
        raise refuse("schedule_changed")
    return order, _matching(order, given, world)


def postponed(order: Doc, given: Doc, world: World, seconds: float, then: str) -> Doc:
    """Keep a pending payment; what comes of it comes later: ``succeeded``, ``failed`` or ``nothing``."""
    payment = _document(order, given, world, "pending")
    if then != "nothing":
        world.later(seconds, NAME, f"payment_{then}", {"payment_id": payment["id"]})
    return payment


def made(order: Doc, given: Doc, world: World, *, tell: bool = True) -> Doc:
    """Take the money, issue the tickets, tell the world."""
    payment = _document(order, given, world, "succeeded")
    _settle(order, payment, world, tell=tell)
    return payment


def succeed(world: World, payment_id: str) -> None:
    """Let a pending payment succeed."""
    payment = world.get(KIND, payment_id)
    if payment is None or payment["status"] != "pending":
        return
    order = orders.find(world, payment["order_id"])
    if orders.state(order) != "unpaid":
        fail(world, payment_id)
        return
    payment["status"] = "succeeded"
    world.put(KIND, payment_id, payment)
    _settle(order, payment, world)


def fail(world: World, payment_id: str) -> None:
    """Let a pending payment fail."""
    payment = world.get(KIND, payment_id)
    if payment is not None and payment["status"] == "pending":
        payment.update({"status": "failed", "failure_reason": "airline_error"})
        world.put(KIND, payment_id, payment)
        world.ledger(NAME, "payment.failed", payment_id=payment_id, order_id=payment["order_id"])


def tell_paid(world: World, payment_id: str) -> None:
    """Emit ``payment.created``; the object is as thin as the real one."""
    events.emit(world, "payment.created", payment_id, {})


def list_all(call: Call, world: World) -> Answer:
    """GET /air/payments?order_id=."""
    order_id = call.param("order_id")
    return page(call, world.find(KIND, order_id=order_id) if order_id else world.find(KIND))


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/payments/{id}."""
    payment = world.get(KIND, id)
    if payment is None:
        raise refuse("not_found")
    return ok(payment)


def _matching(order: Doc, given: Doc, world: World) -> Doc:
    """Refuse a wrong amount: an old price as ``price_changed``, any other as a mismatch."""
    orders.fresh(world, order)
    earlier = (world.get("old_prices", order["id"]) or {"amounts": []})["amounts"]
    due = Decimal(order["total_amount"])
    offered = amount(required(given, "amount", "/payment"), "/payment/amount")
    if offered != due and offered in map(Decimal, earlier):
        raise refuse("price_changed")
    payment = order_checks.matching_payment(given, due, order["total_currency"], "/payment")
    balance.check(world, due, order["total_currency"])
    return payment


def _document(order: Doc, given: Doc, world: World, status: str) -> Doc:
    payment = {
        "id": world.new_id("pay"),
        **given,
        "status": status,
        "failure_reason": None,
        "order_id": order["id"],
        "created_at": now_text(world),
        "live_mode": False,
    }
    world.put(KIND, payment["id"], payment, order_id=order["id"])
    return payment


def _settle(order: Doc, payment: Doc, world: World, *, tell: bool = True) -> None:
    balance.take(world, Decimal(payment["amount"]), payment["currency"])
    orders.ticketed(world, order)
    orders.save(world, order)
    world.ledger(
        NAME,
        "payment.created",
        payment_id=payment["id"],
        order_id=order["id"],
        amount=payment["amount"],
        currency=payment["currency"],
    )
    world.ledger(
        NAME,
        "order.paid",
        order_id=order["id"],
        amount=payment["amount"],
        currency=payment["currency"],
        by=payment["id"],
    )
    if tell:
        tell_paid(world, payment["id"])
