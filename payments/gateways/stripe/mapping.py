"""Stripe's objects in our words. Pure functions over plain dictionaries, no Django, no network.

Tolerant of missing keys, nulls and additions; strict about money, identity and the intent's status: an unknown
status raises Unreadable, because nothing may be decided from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fly2any.kernel.letters import straight
from fly2any.kernel.money import Money, MoneyError
from payments.gateways.stripe import codes
from payments.gateways.stripe.amounts import minor_from_stripe
from payments.types import ChargeInfo, DisputeInfo, Intent, Notice, PaymentState, RefundInfo, RefundState

STATES = {
    "requires_payment_method": PaymentState.OPEN,
    "requires_confirmation": PaymentState.OPEN,
    "requires_action": PaymentState.OPEN,
    "processing": PaymentState.OPEN,
    "requires_capture": PaymentState.AUTHORISED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.VOIDED,
}
REFUND_STATES = {
    "pending": RefundState.SENT, "requires_action": RefundState.SENT,
    "succeeded": RefundState.SUCCEEDED, "failed": RefundState.FAILED, "canceled": RefundState.FAILED,
}
ENDED_DISPUTES = frozenset({"won", "lost", "warning_closed", "prevented"})
_KINDS = (
    ("charge.dispute.", "dispute.changed"), ("charge.refund", "refund.changed"), ("refund.", "refund.changed"),
    ("payment_intent.succeeded", "payment.captured"), ("charge.captured", "payment.captured"),
    ("payment_intent.", "payment.changed"), ("charge.", "payment.changed"),
    ("radar.early_fraud_warning.", "payment.changed"),
)


class Unreadable(ValueError):
    """An object whose money, identity or status cannot be read."""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """The value if it is text that can be kept, else ""."""
    return straight(value)


def id_of(value: Any) -> str:
    """An id, given bare or as an expanded object."""
    return text(value) or text(mapping(value).get("id"))


def moment(value: Any) -> datetime | None:
    """A Unix time as UTC; None when it is absent or beyond any calendar."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable("an amount is not an integer")
    return value


def minor(value: Any, currency: str) -> int:
    """Our minor units of Stripe's integer; an absent amount is 0. Raises Unreadable when it is odd."""
    try:
        return 0 if value is None else minor_from_stripe(_whole(value), currency)
    except MoneyError as error:
        raise Unreadable("an amount does not fit its currency") from error


def _money(raw: Mapping[str, Any]) -> Money:
    currency = text(raw.get("currency")).upper()
    return Money(minor(_whole(raw.get("amount")), currency), currency)


def _identity(raw: Mapping[str, Any]) -> str:
    found = text(raw.get("id"))
    if not found:
        raise Unreadable("an object without an id")
    return found


def intent(raw: Mapping[str, Any]) -> Intent:
    """A payment. Raises Unreadable when its id, amount or status cannot be read."""
    amount = _money(raw)
    status = text(raw.get("status"))
    if status not in STATES:
        raise Unreadable("an unknown status")
    charge = mapping(raw.get("latest_charge"))
    card = mapping(mapping(charge.get("payment_method_details")).get("card"))
    failure = mapping(raw.get("last_payment_error"))
    code, decline = text(failure.get("code")), text(failure.get("decline_code"))
    notes = mapping(raw.get("metadata"))
    return Intent(
        external_id=_identity(raw), state=STATES[status], amount=amount,
        captured_minor=minor(raw.get("amount_received"), amount.currency),
        refunded_minor=minor(charge.get("amount_refunded"), amount.currency),
        client_secret=text(raw.get("client_secret")), payment_id=text(notes.get("payment_id")),
        booking_id=text(notes.get("booking")), needs_customer=status == "requires_action",
        secured=status == "requires_action" or bool(mapping(card.get("three_d_secure"))),
        decline_code=decline or code, decline_kind=codes.kind(decline, code),
        attempt_id=_attempt(raw, failure, code),
        card_brand=text(card.get("brand")), card_last4=text(card.get("last4")),
        capture_before=moment(card.get("capture_before")), disputed=charge.get("disputed") is True,
        created_at=moment(raw.get("created")), live_mode=raw.get("livemode") is True,
    )


def _attempt(raw: Mapping[str, Any], failure: Mapping[str, Any], code: str) -> str:
    """Something that differs between attempts: the charge, or (before any charge) the card token tried."""
    charge = id_of(failure.get("charge"))
    if charge:
        return charge
    method = id_of(failure.get("payment_method"))
    if failure and method:
        return f"{method}:{code}"
    return id_of(raw.get("latest_charge"))


def refund(raw: Mapping[str, Any]) -> RefundInfo:
    """A refund; a status we do not know counts as sent, and is looked at again."""
    return RefundInfo(
        external_id=_identity(raw), state=REFUND_STATES.get(text(raw.get("status")), RefundState.SENT),
        amount=_money(raw), refund_id=text(mapping(raw.get("metadata")).get("refund_id")),
        failure=text(raw.get("failure_reason")), intent_id=id_of(raw.get("payment_intent")),
        created_at=moment(raw.get("created")),
    )


def charge(raw: Mapping[str, Any]) -> ChargeInfo:
    """A charge. What was given back before it was captured is a released reservation, not a refund."""
    amount = _money(raw)
    captured = minor(raw.get("amount_captured"), amount.currency) if raw.get("captured") is True else 0
    return ChargeInfo(
        external_id=_identity(raw), intent_id=id_of(raw.get("payment_intent")), amount=amount,
        good=text(raw.get("status")) != "failed", captured_minor=captured,
        refunded_minor=minor(raw.get("amount_refunded"), amount.currency) if captured else 0,
        disputed=raw.get("disputed") is True, created_at=moment(raw.get("created")),
    )


def dispute(raw: Mapping[str, Any]) -> DisputeInfo:
    """A dispute."""
    status = text(raw.get("status"))
    return DisputeInfo(
        external_id=_identity(raw), intent_id=id_of(raw.get("payment_intent")), amount=_money(raw),
        status=status, reason=text(raw.get("reason")), over=status in ENDED_DISPUTES,
        answer_by=moment(mapping(raw.get("evidence_details")).get("due_by")),
    )


def notice(raw: Mapping[str, Any]) -> Notice:
    """A verified event. Raises Unreadable without an id."""
    thing = mapping(mapping(raw.get("data")).get("object"))
    raw_kind = text(raw.get("type"))
    is_intent = thing.get("object") == "payment_intent"
    return Notice(
        event_id=_identity(raw), raw_kind=raw_kind,
        kind=next((kind for prefix, kind in _KINDS if raw_kind.startswith(prefix)), "unknown"),
        intent_id=text(thing.get("id")) if is_intent else id_of(thing.get("payment_intent")),
        object_id=text(thing.get("id")), live_mode=raw.get("livemode") is True, made_at=moment(raw.get("created")),
    )
