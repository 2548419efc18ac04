"""Duffel's webhooks: prove that the bytes are theirs, then say which object the message is about."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fly2any.kernel.errors import Refused
from fly2any.kernel.letters import straight
from suppliers.types import Notice

TOLERANCE_SECONDS = 300
MOST_BYTES = 256 * 1024
HEADER = "x-duffel-signature"

_KINDS = {
    "order.created": "order.created",
    "order.creation_failed": "order.failed",
    "order.updated": "order.changed",
    "order.airline_initiated_change_detected": "order.changed",
    "air.order.changed": "order.changed",
    "payment.created": "order.paid",
    "air.payment.succeeded": "order.paid",
    "air.payment.failed": "order.changed",
    "air.payment.cancelled": "order.changed",
    "air.payment.pending": "order.changed",
    "order_cancellation.created": "order.changed",
    "order_cancellation.confirmed": "order.cancelled",
    "ping.triggered": "ping",
}


def verify(body: bytes, signature: str, secrets: Iterable[str], now: float) -> None:
    """Raise Refused bad_signature unless one secret signed these bytes within 300 s of `now` (Unix time)."""
    if len(body) > MOST_BYTES:
        raise Refused("unreadable", "the message is too large")
    pairs = [pair.strip().partition("=") for pair in signature.split(",")]
    stamps = [value for key, _, value in pairs if key == "t"]
    given = [value.encode() for key, _, value in pairs if key == "v1"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdecimal()):
        raise Refused("bad_signature", "no usable time in the signature")
    message = stamps[0].encode() + b"." + body
    good = False
    for secret in filter(None, secrets):
        wanted = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest().encode()
        for value in given:
            good |= hmac.compare_digest(wanted, value)
    if not good:
        raise Refused("bad_signature", "no signature fits")
    if abs(now - int(stamps[0][:12])) > TOLERANCE_SECONDS:
        raise Refused("bad_signature", "signed too long ago, or in the future")


def read(body: bytes) -> Notice:
    """Read a verified message. Raises Refused unreadable when it has no id."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("unreadable", "the message is not JSON") from error
    event_id = straight(raw.get("id")) if isinstance(raw, dict) else ""
    if not event_id:
        raise Refused("unreadable", "the message has no id")
    raw_kind = straight(raw.get("type"))
    data = raw.get("data")
    thing = data.get("object") if isinstance(data, dict) else None
    thing = thing if isinstance(thing, dict) else {}
    return Notice(
        event_id=event_id, kind=_KINDS.get(raw_kind, "unknown"), raw_kind=raw_kind,
        order_id=_order_id(thing, raw), offer_id=straight(thing.get("offer_id")),
        live_mode=raw.get("live_mode") is True, made_at=_moment(raw.get("created_at")),
    )


def secrets_of(setting: str) -> list[str]:
    """The secrets of DUFFEL_WEBHOOK_SECRET: one, or two separated by a comma while one replaces the other."""
    return [secret.strip() for secret in setting.split(",") if secret.strip()]


def header_of(headers: Mapping[str, str]) -> str:
    """The signature header, whatever its case."""
    return next((value for key, value in headers.items() if key.lower() == HEADER), "")


def _moment(value: Any) -> datetime | None:
    """An ISO time with its zone; None when it is absent or unreadable."""
    try:
        stamp = datetime.fromisoformat(straight(value))
    except ValueError:
        return None
    return stamp if stamp.tzinfo else None


def _order_id(thing: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    given = straight(thing.get("order_id"))
    if given:
        return given
    return next((text for text in (straight(thing.get("id")), straight(raw.get("idempotency_key")))
                 if text.startswith("ord_")), "")
