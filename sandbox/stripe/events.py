"""Events: written for everything that happens, delivered to the endpoints that subscribed."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from datetime import datetime
from typing import Any

from sandbox.frame import World
from sandbox.stripe import schema
from sandbox.stripe.desk import KINDS, VENDOR_NAME, Desk, Doc, new_id, public

# What the site's own endpoint asked for (fact sheet, section 5).
SUBSCRIBED = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.canceled",
    "payment_intent.amount_capturable_updated",
    "charge.captured",
    "charge.expired",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "radar.early_fraud_warning.created",
)
SITE_ENDPOINT = "we_site"
VALIDATE = os.environ.get("SANDBOX_VALIDATE") == "1"


def emit(desk: Desk, kind: str, doc: Doc, previous: Doc | None = None) -> None:
    """Write an event about ``doc`` as it is now, and queue it for those who subscribed to ``kind``."""
    data: dict[str, Any] = {"object": public(doc)}
    if previous is not None:
        data["previous_attributes"] = previous
    event: Doc = {
        "id": new_id(desk.world, "evt"),
        "object": "event",
        "api_version": schema.API_VERSION,
        "created": desk.now,
        # a copy through JSON: the stored event must not change when the object does
        "data": json.loads(json.dumps(data)),
        "livemode": False,
        "pending_webhooks": len(places(desk.world, kind)),
        "request": {"id": desk.request_id, "idempotency_key": desk.key},
        "type": kind,
    }
    if VALIDATE and (found := schema.event_problems(event)):
        raise AssertionError(f"{kind} does not fit Stripe's schema: {found}")
    desk.world.put(KINDS["event"], event["id"], event, type=kind)
    if event["pending_webhooks"]:
        desk.world.emit(VENDOR_NAME, event)


def places(world: World, kind: str) -> list[tuple[str, str | None]]:
    """Where events of this kind go: (address, secret), secret None for the site's own endpoint."""
    known = (world.get("stripe.settings", "endpoints") or {}).get("ids", [])
    endpoints = [found for ident in known if (found := world.get(KINDS["webhook_endpoint"], ident))]
    return [
        (endpoint["url"], endpoint.get("_secret"))
        for endpoint in endpoints
        if endpoint["status"] == "enabled" and ("*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"])
    ]


def signature(body: bytes, secret: str, moment: datetime) -> dict[str, str]:
    """The ``Stripe-Signature`` header of one delivery attempt."""
    stamp = int(moment.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},v1={digest}"}


def shown(desk: Desk, event: Doc) -> Doc:
    """An event as the API returns it: how many endpoints still wait for it is looked up."""
    waiting = 0
    if event["pending_webhooks"]:
        state = desk.world.deliveries(event["id"])
        waiting = 0 if state["delivered"] else event["pending_webhooks"]
    return {**event, "pending_webhooks": waiting}


def delivered(desk: Desk, event: Doc) -> bool:
    """Whether every endpoint that wanted the event has it."""
    return not event["pending_webhooks"] or bool(desk.world.deliveries(event["id"])["delivered"])
