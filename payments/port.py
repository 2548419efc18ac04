"""The door every card gateway is reached through.

Each method raises one of the three families of `fly2any.kernel.errors`. Every call that changes something takes
its idempotency `key` from the caller: a library's own random key protects nothing after a crash.
Codes: card_declined, already_captured, already_voided, authorisation_expired, amount_too_small, amount_too_large,
refund_exceeds, disputed, key_reused, twin_running, not_found, gateway_busy, gateway_down, gateway_timeout,
misconfigured, unreadable_answer, amount_not_chargeable (a card cannot take this amount exactly), wrong_state (the
intent is in no state for this), gateway_refused (any other definite no), bad_signature, unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page
from payments.types import ChargeInfo, DisputeInfo, Intent, Notice, RefundInfo


class Gateway(Protocol):
    """One card gateway with separate authorisation and capture."""

    name: str

    def create(self, *, amount: Money, key: str, payment_id: str, booking_id: str, description: str) -> Intent:
        """Open an intent to pay; nothing is reserved until the customer confirms it in the browser."""

    def get(self, intent_id: str) -> Intent:
        """The intent now."""

    def find(self, *, payment_id: str, since: datetime) -> Intent | None:
        """The intent made for our payment row, by metadata, among those created since then."""

    def capture(self, intent_id: str, *, amount: Money, key: str) -> Intent:
        """Take the money; less than authorised releases the rest."""

    def void(self, intent_id: str, *, key: str) -> Intent:
        """Release the reservation, or close an unconfirmed intent."""

    def refund(self, intent_id: str, *, amount: Money, key: str, refund_id: str) -> RefundInfo:
        """Give money back."""

    def refunds(self, intent_id: str) -> list[RefundInfo]:
        """Every refund of the intent."""

    def get_refund(self, refund_id: str) -> RefundInfo:
        """One refund by the gateway's id. Refused not_found when there is none."""

    def get_charge(self, charge_id: str) -> ChargeInfo:
        """One charge. Refused not_found when there is none."""

    def get_dispute(self, dispute_id: str) -> DisputeInfo:
        """One dispute. Refused not_found when there is none."""

    # Lists, the newest first, one page a call: `after` is the mark of the page before, "" for the first.

    def list_intents(self, since: datetime, after: str = "") -> Page[Intent]:
        """Every intent created since then."""

    def list_charges(self, since: datetime, after: str = "") -> Page[ChargeInfo]:
        """Every charge created since then, failed attempts among them."""

    def list_refunds(self, since: datetime, after: str = "") -> Page[RefundInfo]:
        """Every refund created since then, by whomever."""

    def list_disputes(self, since: datetime, after: str = "") -> Page[DisputeInfo]:
        """Every dispute created since then."""

    def list_undelivered(self, since: datetime, after: str = "") -> Page[Notice]:
        """Events whose delivery failed, newest 30 days at most."""

    def list_warnings(self, since: datetime, after: str = "") -> Page[Notice]:
        """Early fraud warnings, newest 30 days at most: the object is the warning, the intent what it is about."""

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify a webhook on its raw bytes. Raises Refused bad_signature or unreadable."""
