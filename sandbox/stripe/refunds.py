"""Refunds: money back of a captured charge, never more than was taken."""

from __future__ import annotations

from sandbox.stripe import cards, events, intents, shapes
from sandbox.stripe.desk import VENDOR_NAME, Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError, invalid

SETTLES_AFTER_SECONDS = 5.0  # sandbox clock: late refunds succeed, failing refunds fail
_NOT_PLAYED = ("currency", "customer", "instructions_email", "origin", "refund_application_fee", "reverse_transfer")


def create(desk: Desk) -> Doc:
    """POST /v1/refunds, whole or in part, by ``payment_intent`` or ``charge``."""
    given = desk.params
    for name in _NOT_PLAYED:
        if name in given:
            raise invalid(f"The sandbox does not play `{name}`.", param=name)
    charge = _charge(desk)
    amount = _amount(desk, charge)
    metadata = {k: v for k, v in (given.get("metadata") or {}).items() if v != ""}
    refund = shapes.refund(new_id(desk.world, "re"), desk.now, charge, amount, given.get("reason"), metadata)
    does = cards.behaviour(charge["_card"])
    if does.refund == "late":
        refund.update(status="pending", pending_reason="processing")
        refund["destination_details"]["card"]["type"] = "pending"
    else:
        refund["balance_transaction"] = new_id(desk.world, "txn")
    if does.refund:
        desk.world.later(SETTLES_AFTER_SECONDS, VENDOR_NAME, "refund", {"refund": refund["id"], "how": does.refund})
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    desk.save(refund)
    desk.save(charge)
    _note(desk, "created", refund)
    if refund["status"] == "succeeded":
        _note(desk, "succeeded", refund)
    events.emit(desk, "refund.created", refund)
    events.emit(desk, "charge.refunded", charge)
    return public(refund)


def _note(desk: Desk, what: str, refund: Doc) -> None:
    desk.note(
        f"refund.{what}",
        refund=refund["id"],
        payment_intent=refund["payment_intent"],
        charge=refund["charge"],
        amount=refund["amount"],
        currency=refund["currency"],
        metadata=refund["metadata"],
    )


def _charge(desk: Desk) -> Doc:
    given = desk.params
    if "payment_intent" in given:
        intent = desk.need("payment_intent", given["payment_intent"], "payment_intent", status=400)
        if intent["status"] != "succeeded":
            raise StripeError(
                400,
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        return desk.need("charge", intent["latest_charge"], "charge")
    if "charge" not in given:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    charge = desk.need("charge", given["charge"], "charge", status=400)
    if not charge["captured"]:
        raise StripeError(
            400, f"Charge {charge['id']} has not been captured: cancel its PaymentIntent instead.", param="charge"
        )
    return charge


def _amount(desk: Desk, charge: Doc) -> int:
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and not charge.get("_refundable"):
        raise StripeError(
            400,
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="refund_disputed_payment",
        )
    if left == 0:
        raise StripeError(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount: int = desk.params.get("amount", left)
    if amount < 1:
        raise invalid("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        raise StripeError(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
        )
    return amount


def settle(desk: Desk, ident: str, how: str) -> None:
    """What was put off: a late refund arrives, a failing one comes back."""
    refund = desk.need("refund", ident, "refund")
    if how == "late" and refund["status"] == "pending":
        before = {
            "status": "pending",
            "pending_reason": refund.pop("pending_reason", None),
            "balance_transaction": None,
        }
        refund.update(status="succeeded", balance_transaction=new_id(desk.world, "txn"))
        refund["destination_details"]["card"]["type"] = "refund"
        desk.save(refund)
        _note(desk, "succeeded", refund)
        events.emit(desk, "refund.updated", refund, before)
    elif how == "fails" and refund["status"] == "succeeded":
        fail(desk, refund, "expired_or_canceled_card")


def fail(desk: Desk, refund: Doc, reason: str) -> None:
    """The buyer's bank sends a refund back: the money is with the shop again."""
    before = {"status": refund["status"]}
    refund.update(status="failed", failure_reason=reason, failure_balance_transaction=new_id(desk.world, "txn"))
    refund.pop("pending_reason", None)
    charge = desk.need("charge", refund["charge"], "charge")
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    desk.save(charge)
    desk.save(refund)
    _note(desk, "failed", refund)
    events.emit(desk, "refund.updated", refund, before)
    events.emit(desk, "refund.failed", refund, before)


def retrieve(desk: Desk, ident: str) -> Doc:
    """GET /v1/refunds/{id}."""
    return public(desk.need("refund", ident, "refund"))


def update(desk: Desk, ident: str) -> Doc:
    """POST /v1/refunds/{id}: metadata only."""
    refund = desk.need("refund", ident, "refund")
    intents.apply_metadata(refund, desk.params.get("metadata"))
    desk.save(refund)
    events.emit(desk, "refund.updated", refund)
    return public(refund)
