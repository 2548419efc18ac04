"""What may go wrong outside: faults drawn at random, for calls that change something and for looks."""

from __future__ import annotations

from random import Random
from typing import Any

ORDER, PAY, CANCEL = "duffel.create_order", "duffel.create_payment", "duffel.confirm_cancellation"
ACCEPT = "duffel.accept_airline_change"
WRITES = (ORDER, ORDER, ORDER, PAY, PAY, PAY, CANCEL, CANCEL, "stripe.create_payment_intent", "stripe.capture",
          "stripe.capture", "stripe.cancel", "stripe.cancel", "stripe.refund", "stripe.refund", ACCEPT)
BY_STATE = {
    "": ("duffel.get_offer", ORDER, ORDER, ORDER, "stripe.create_payment_intent"),
    "creating": ("duffel.list_orders",), "unknown": ("duffel.list_orders",), "not_created": ("duffel.list_orders",),
    "held": ("duffel.get_order", "stripe.create_payment_intent", PAY, PAY, CANCEL, "duffel.create_cancellation"),
    "paying": ("duffel.list_payments", "duffel.get_order", PAY), "cancelling": ("duffel.get_order", CANCEL),
    "ticketed": ("stripe.capture", ACCEPT, ACCEPT, "duffel.create_cancellation", CANCEL, CANCEL, "stripe.refund", "duffel.get_order"),
    "cancelled": ("stripe.refund", "stripe.list_refunds", "stripe.cancel", "stripe.retrieve_payment_intent"),
    "lapsed": ("stripe.cancel", "stripe.retrieve_payment_intent"),
    "open": ("stripe.retrieve_payment_intent", PAY, PAY, ORDER, ORDER, "stripe.capture", "stripe.capture",
             "stripe.cancel", "stripe.cancel"),
}
READS = ("duffel.get_offer", "duffel.list_orders", "duffel.get_order", "duffel.list_payments",
         "duffel.create_cancellation", "stripe.retrieve_payment_intent", "stripe.list_refunds",
         "stripe.list_payment_intents", "duffel.*", "stripe.*")
DUFFEL_CODES = ("price_changed", "offer_no_longer_available", "offer_expired", "order_not_created",
                "insufficient_balance", "duplicate_booking", "offer_request_already_booked", "schedule_changed",
                "airline_unknown", "airline_internal", "rate_limit_exceeded", "already_paid", "already_cancelled",
                "past_payment_required_by_date", "order_not_cancellable", "order_cancellation_stale",
                "invalid_passenger_name")
STATUSES = (400, 401, 404, 422, 429, 500, 502, 503, 504)
# a vendor may fail after the deed, but it does not say "no" after a yes: only answers that prove nothing
UNSURE = {"duffel": (500, 502, 504), "stripe": (500, 502, 503, 504)}
UNSURE_CODES = ("airline_unknown", "airline_internal", "duplicate_booking", "offer_request_already_booked")


def fault(dice: Random, order_state: str, payment_open: bool) -> dict[str, Any]:
    """One fault, ready for `POST /_faults`; mostly on a call that a booking in this state makes next."""
    near = BY_STATE["open"] if payment_open and dice.random() < 0.6 else BY_STATE.get(order_state, WRITES)
    operation = dice.choice(near if dice.random() < 0.75 else WRITES if dice.random() < 0.7 else READS)
    count = dice.choice((1, 1, 1, 2, 3, 6, 40))
    if operation in (ORDER, PAY) and dice.random() < 0.3:
        return {"operation": operation, "kind": dice.choice(("202", "202", "200_no_order")), "count": 1,
                "then": dice.choice(("created", "created", "failed", "nothing", "exists" if operation == ORDER else "failed")),
                "seconds": dice.choice((2, 20, 200, 4000))}
    if operation == "duffel.list_orders" and dice.random() < 0.6:
        return {"operation": operation, "kind": "listing_lag", "seconds": dice.choice((30, 600, 7200))}
    kind = dice.choice(("reset_before", "reset_after", "reset_after", "cut", "garbage", "status", "status",
                        "status_after", "late", "latency"))
    wanted: dict[str, Any] = {"operation": operation, "kind": kind, "count": count}
    after, duffel = kind == "status_after", operation.startswith("duffel")
    if kind in ("status", "status_after"):
        wanted["status"] = dice.choice(UNSURE[operation.partition(".")[0]] if after else STATUSES)
        if duffel and dice.random() < 0.5:
            wanted |= {"code": dice.choice(UNSURE_CODES if after else DUFFEL_CODES), "status": 500 if after else 422}
    if kind == "late":
        wanted["seconds"] = dice.choice((3, 40, 400, 4000, 20_000))
    if kind == "latency":
        wanted["seconds"] = 0.05
    return wanted
