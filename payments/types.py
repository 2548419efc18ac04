"""What every card gateway means, in our own words; no Django, no vendor. Amounts are minor units."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fly2any.kernel.money import Money


class PaymentState(StrEnum):
    """The payment's machine (reliability.md 3). NEW: our row exists, the gateway was perhaps asked."""

    NEW = "new"
    OPEN = "open"
    AUTHORISED = "authorised"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    VOIDING = "voiding"
    VOIDED = "voided"


class RefundState(StrEnum):
    """One refund's machine. SUCCEEDED means sent by the gateway; it may still turn FAILED."""

    REQUESTED = "requested"
    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


DESK = "desk"  # the provider of money that staff took, or saw taken, elsewhere: no gateway knows it
BY_HAND = "desk:"  # begins the external id of what was done by hand; its receipt follows
METHODS = {"bank_transfer": "bank transfer", "cash": "cash", "terminal": "card terminal",
           "consolidator": "the consolidator"}


@dataclass(frozen=True)
class Intent:
    """A payment as the gateway holds it now. `state` is OPEN, AUTHORISED, CAPTURED or VOIDED."""

    external_id: str
    state: PaymentState
    amount: Money
    captured_minor: int
    refunded_minor: int
    client_secret: str = field(repr=False, default="")
    payment_id: str = ""  # our payment's id, from metadata
    booking_id: str = ""  # our booking's public id, from metadata
    needs_customer: bool = False  # 3-D Secure is waiting
    secured: bool = False  # 3-D Secure was asked for by the last attempt, with a question to the customer or without
    decline_code: str = ""  # why the last attempt failed, in the gateway's word
    # ours: card_declined, insufficient_funds, expired_card, incorrect_cvc, auth_failed, processing_error
    decline_kind: str = ""
    attempt_id: str = ""  # identifies the last attempt, so that each decline is counted once
    card_brand: str = ""
    card_last4: str = ""
    capture_before: datetime | None = None
    disputed: bool = False
    created_at: datetime | None = None
    live_mode: bool = False


@dataclass(frozen=True)
class RefundInfo:
    """A refund as the gateway holds it now."""

    external_id: str
    state: RefundState
    amount: Money
    refund_id: str = ""  # ours, from metadata
    failure: str = ""
    intent_id: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class ChargeInfo:
    """One attempt to take money as the gateway holds it now. `good`: it was not declined."""

    external_id: str
    intent_id: str
    amount: Money
    good: bool
    captured_minor: int = 0
    refunded_minor: int = 0
    disputed: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True)
class DisputeInfo:
    """A dispute as the gateway holds it now."""

    external_id: str
    intent_id: str
    amount: Money
    status: str
    reason: str = ""
    answer_by: datetime | None = None  # the last day for evidence
    over: bool = False  # won, lost, closed or prevented: nothing is left to answer


@dataclass(frozen=True)
class Notice:
    """A verified message from the gateway. Never believed, only heard."""

    event_id: str
    kind: str  # payment.changed, payment.captured, refund.changed, dispute.changed, unknown
    raw_kind: str
    intent_id: str = ""
    object_id: str = ""
    live_mode: bool = False
    made_at: datetime | None = None  # when the gateway made it, by its own clock
