"""Webhooks as Stripe and Duffel send them, signed with the secrets of the settings."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

from django.conf import settings
from django.test import Client

STRIPE, DUFFEL = "/api/payments/webhook", "/api/suppliers/duffel/webhook"


def stripe_event(event_id: str, kind: str = "payment_intent.amount_capturable_updated", *, intent: str = "pi_1",
                 thing: dict[str, Any] | None = None, livemode: bool = False) -> dict[str, Any]:
    """An event about an intent, or about `thing`."""
    return {"id": event_id, "object": "event", "type": kind, "livemode": livemode, "created": 1_790_000_000,
            "data": {"object": thing or {"id": intent, "object": "payment_intent"}}}


def duffel_event(event_id: str, kind: str = "order.created", *, live_mode: bool = False,
                 **thing: str) -> dict[str, Any]:
    """An event about an order."""
    return {"id": event_id, "type": kind, "api_version": "v2", "live_mode": live_mode,
            "data": {"object": thing}, "created_at": "2026-11-21T10:00:00Z"}


def signature(secret: str, body: bytes, at: int) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def post(url: str, event: dict[str, Any] | bytes, *, secret: str = "", age: int = 0, header: str | None = None) -> int:
    """Send it and return the HTTP status."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    own = settings.STRIPE_WEBHOOK_SECRET if url == STRIPE else settings.DUFFEL_WEBHOOK_SECRET
    given = signature(secret or own, body, int(time.time()) - age) if header is None else header
    name = "Stripe-Signature" if url == STRIPE else "X-Duffel-Signature"
    client = Client(enforce_csrf_checks=True)
    return client.post(url, body, content_type="application/json", headers={name: given}).status_code
