"""Stripe as a `payments.port.Gateway`: cards only, authorised first, captured later (stripe.md 2)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import stripe
from django.conf import settings

from fly2any.kernel.errors import Refused
from fly2any.kernel.http import guard
from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page, everything
from payments.gateways.stripe import client as transport
from payments.gateways.stripe import errors, mapping
from payments.gateways.stripe.amounts import to_stripe
from payments.types import ChargeInfo, DisputeInfo, Intent, Notice, PaymentState, RefundInfo

TOLERANCE_SECONDS = 300
MOST_BYTES = 256 * 1024
EVENTS_KEPT = timedelta(days=30)
WARNING = "radar.early_fraud_warning.created"
EVENT_TYPES = (
    "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.requires_action",
    "payment_intent.processing", "payment_intent.canceled", "payment_intent.amount_capturable_updated",
    "charge.captured", "charge.expired", "charge.refunded", "refund.created", "refund.updated", "refund.failed",
    "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
    WARNING,
)
_EXPAND = ["latest_charge"]
# when two intents carry one payment's id, the one that matters more
_WEIGHT = {PaymentState.CAPTURED: 3, PaymentState.AUTHORISED: 2, PaymentState.OPEN: 1, PaymentState.VOIDED: 0}
T = TypeVar("T")


class StripeGateway:
    """Stripe behind the port. Safe to share between threads."""

    name = "stripe"

    def __init__(self, client: stripe.StripeClient, *, base: str, webhook_secret: str = "",
                 clock: Callable[[], float] = time.time) -> None:  # noqa: TID251 (age of a signature)
        self._v1 = client.v1
        self._base = base
        self._secrets = [secret.strip() for secret in webhook_secret.split(",") if secret.strip()]
        self._clock = clock

    def create(self, *, amount: Money, key: str, payment_id: str, booking_id: str, description: str) -> Intent:
        """Open an intent to pay; nothing is reserved until the customer confirms it in the browser."""
        params: Any = {
            "amount": to_stripe(amount), "currency": amount.currency.lower(), "capture_method": "manual",
            "allowed_payment_method_types": ["card"], "description": description,
            "metadata": {"payment_id": payment_id, "booking": booking_id}, "expand": _EXPAND,
        }
        return self._write("create", mapping.intent,
                           lambda: self._v1.payment_intents.create(params=params, options=_keyed(key)))

    def get(self, intent_id: str) -> Intent:
        """The intent now."""
        _need(intent_id)
        return self._read(mapping.intent,
                          lambda: self._v1.payment_intents.retrieve(intent_id, params={"expand": _EXPAND}))

    def find(self, *, payment_id: str, since: datetime) -> Intent | None:
        """The intent made for our payment row, by metadata, among those created since then."""
        listed = everything(lambda mark: _whole(self.list_intents(since, mark)))
        ours = [intent for intent in listed if intent.payment_id == payment_id]
        return max(ours, key=lambda intent: _WEIGHT[intent.state], default=None)

    def capture(self, intent_id: str, *, amount: Money, key: str) -> Intent:
        """Take the money; less than authorised releases the rest."""
        _need(intent_id)
        params: Any = {"amount_to_capture": to_stripe(amount), "expand": _EXPAND}
        return self._write("capture", mapping.intent,
                           lambda: self._v1.payment_intents.capture(intent_id, params=params, options=_keyed(key)))

    def void(self, intent_id: str, *, key: str) -> Intent:
        """Release the reservation, or close an unconfirmed intent."""
        _need(intent_id)
        params: Any = {"expand": _EXPAND}
        return self._write("void", mapping.intent,
                           lambda: self._v1.payment_intents.cancel(intent_id, params=params, options=_keyed(key)))

    def refund(self, intent_id: str, *, amount: Money, key: str, refund_id: str) -> RefundInfo:
        """Give money back."""
        _need(intent_id)
        params: Any = {"payment_intent": intent_id, "amount": to_stripe(amount), "metadata": {"refund_id": refund_id}}
        return self._write("refund", mapping.refund,
                           lambda: self._v1.refunds.create(params=params, options=_keyed(key)))

    def refunds(self, intent_id: str) -> list[RefundInfo]:
        """Every refund of the intent."""
        _need(intent_id)
        return list(everything(lambda mark: _whole(self._page(
            self._v1.refunds, mapping.refund, {"payment_intent": intent_id}, mark))))

    def get_refund(self, refund_id: str) -> RefundInfo:
        """One refund by Stripe's id. Refused not_found when there is none."""
        _need(refund_id)
        return self._read(mapping.refund, lambda: self._v1.refunds.retrieve(refund_id))

    def get_charge(self, charge_id: str) -> ChargeInfo:
        """One charge. Refused not_found when there is none."""
        _need(charge_id)
        return self._read(mapping.charge, lambda: self._v1.charges.retrieve(charge_id))

    def get_dispute(self, dispute_id: str) -> DisputeInfo:
        """One dispute. Refused not_found when there is none."""
        _need(dispute_id)
        return self._read(mapping.dispute, lambda: self._v1.disputes.retrieve(dispute_id))

    def list_intents(self, since: datetime, after: str = "") -> Page[Intent]:
        """Every intent created since then."""
        return self._page(self._v1.payment_intents, mapping.intent,
                          {"created": {"gte": _unix(since)}, "expand": ["data.latest_charge"]}, after)

    def list_charges(self, since: datetime, after: str = "") -> Page[ChargeInfo]:
        """Every charge created since then, failed attempts among them."""
        return self._page(self._v1.charges, mapping.charge, {"created": {"gte": _unix(since)}}, after)

    def list_refunds(self, since: datetime, after: str = "") -> Page[RefundInfo]:
        """Every refund created since then, by whomever."""
        return self._page(self._v1.refunds, mapping.refund, {"created": {"gte": _unix(since)}}, after)

    def list_disputes(self, since: datetime, after: str = "") -> Page[DisputeInfo]:
        """Every dispute created since then."""
        return self._page(self._v1.disputes, mapping.dispute, {"created": {"gte": _unix(since)}}, after)

    def list_undelivered(self, since: datetime, after: str = "") -> Page[Notice]:
        """Events whose delivery failed, newest 30 days at most."""
        return self._page(self._v1.events, mapping.notice,
                          {"types": list(EVENT_TYPES), "delivery_success": False, **self._kept(since)}, after)

    def list_warnings(self, since: datetime, after: str = "") -> Page[Notice]:
        """Early fraud warnings, by their events: newest 30 days at most."""
        return self._page(self._v1.events, mapping.notice, {"types": [WARNING], **self._kept(since)}, after)

    def _kept(self, since: datetime) -> dict[str, Any]:
        """Events are kept for 30 days; a time before that is an error."""
        oldest = datetime.fromtimestamp(self._clock(), UTC) - EVENTS_KEPT
        return {"created": {"gte": _unix(max(since, oldest))}}

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify a webhook on its raw bytes. Raises Refused bad_signature or unreadable."""
        if len(body) > MOST_BYTES:
            raise Refused("unreadable", "the message is too large")
        header = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        if not any(_signed(body, header, secret) for secret in self._secrets):
            raise Refused("bad_signature", "no signature fits, or signed too long ago")
        if _signed_at(header) > self._clock() + TOLERANCE_SECONDS:
            raise Refused("bad_signature", "signed in the future")
        try:
            raw = json.loads(body)
            if not isinstance(raw, dict) or raw.get("object") != "event":
                raise mapping.Unreadable("not an event")
            return mapping.notice(raw)
        except (ValueError, RecursionError) as error:
            raise Refused("unreadable", "the message is not an event") from error

    def _write(self, deed: str, read: Callable[[Mapping[str, Any]], T], call: Callable[[], Any]) -> T:
        return self._call(deed, read, call, changes=True)

    def _read(self, read: Callable[[Mapping[str, Any]], T], call: Callable[[], Any]) -> T:
        return self._call("read", read, call, changes=False)

    def _call(self, deed: str, read: Callable[[Mapping[str, Any]], T], call: Callable[[], Any], *,
              changes: bool) -> T:
        """Make one call; every way it can end is a value or one of the three families."""
        guard(self._base)
        transport.forget_attempts()
        try:
            return read(call().to_dict(for_json=True))
        except stripe.StripeError as error:
            raise errors.translate(error, changes=changes, deed=deed, sent=transport.maybe_sent()) from error
        except (mapping.Unreadable, AttributeError, KeyError, TypeError) as error:
            raise errors.unreadable(changes=changes) from error

    def _page(self, service: Any, read: Callable[[Mapping[str, Any]], T], params: dict[str, Any],
              after: str) -> Page[T]:
        """One page of a list, a guarded call of its own. The mark is the last object's id (`starting_after`)."""
        asked = {**params, "limit": 100} | ({"starting_after": after} if after else {})
        page = self._read(mapping.mapping, partial(service.list, params=asked))
        rows = page.get("data")
        if not isinstance(rows, list):
            raise errors.unreadable(changes=False)
        items, unread = [], []
        for row in rows:
            try:
                items.append(read(mapping.mapping(row)))
            except mapping.Unreadable:
                unread.append(mapping.id_of(row))
        last = mapping.id_of(rows[-1]) if rows else ""
        more = page.get("has_more") is True and last != after
        return Page(tuple(items), last if more else "", tuple(unread))


def _whole(page: Page[T]) -> Page[T]:
    """The page, if all of it can be read: nothing may be decided from the rest."""
    if page.unread:
        raise errors.unreadable(changes=False)
    return page


def _need(external_id: str) -> None:
    """The library does not refuse an empty id: it would call the listing instead."""
    if not external_id:
        raise ValueError("an empty id")


def _keyed(key: str) -> Any:
    if not key:
        raise ValueError("every call that changes something carries our own key")
    return {"idempotency_key": key}


def _unix(since: datetime) -> int:
    return int(since.timestamp())


def _signed(body: bytes, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        return False


def _signed_at(header: str) -> int:
    """The signature's own time; the library has read it before, and takes the first."""
    return int(next(pair.split("=", 2)[1] for pair in header.split(",") if pair.split("=", 2)[0] == "t"))


def from_settings() -> StripeGateway:
    """The gateway as the settings describe it. Called once per process by the registry."""
    client = transport.build(key=settings.STRIPE_SECRET_KEY, base=settings.STRIPE_API_BASE)
    return StripeGateway(client, base=settings.STRIPE_API_BASE, webhook_secret=settings.STRIPE_WEBHOOK_SECRET)
