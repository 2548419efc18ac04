"""Webhooks: what happened, told to whoever registered; signed, kept, listed."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from sandbox.clock import real_now
from sandbox.duffel.errors import refuse, required
from sandbox.duffel.requests import Doc, data, now_text, ok, page
from sandbox.frame import Answer, Call, World
from sandbox.ids import random_text
from sandbox.store import dumps

ENDPOINT, EVENT = "webhook_endpoint", "webhook_event"
ORGANISATION = "org_0000SandboxFly2AnyOrgan"
TYPES = (
    "order.created",
    "order.creation_failed",
    "payment.created",
    "order.airline_initiated_change_detected",
    "stays.booking.created",
    "stays.booking_creation_failed",
    "ping.triggered",
    "order.updated",
    "order_cancellation.created",
    "order_cancellation.confirmed",
    "air.payment.succeeded",
    "air.payment.failed",
    "air.payment.cancelled",
    "air.payment.pending",
    "air.order.changed",
)
ENDPOINT_PATH = "/api/suppliers/duffel/webhook"


def emit(world: World, type: str, key: str, what: Doc, delay: float = 0.0) -> Doc:
    """Keep an event and schedule its delivery; ``key`` is the id of the thing it is about."""
    event: Doc = {
        "id": world.new_id("wev"),
        "api_version": "v2",
        "type": type,
        "data": {"object": what},
        "live_mode": False,
        "idempotency_key": key,
        "created_at": now_text(world),
        "identity_organisation_id": ORGANISATION,
    }
    world.put(EVENT, event["id"], event, type=type)
    world.emit("duffel", event, delay)
    return event


def signature(body: bytes, now: datetime, secret: str) -> str:
    """Return the value of ``X-Duffel-Signature``."""
    stamp = str(int(now.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def targets(event: Doc, world: World, site: str) -> list[tuple[str, str | None]]:
    """Return where an event goes: the site's own endpoint, and every endpoint registered through the API."""
    places: list[tuple[str, str | None]] = [(f"{site}{ENDPOINT_PATH}", None)]
    for endpoint in world.find(ENDPOINT):
        if not endpoint["active"] or (event["type"] not in endpoint["events"] and event["type"] != "ping.triggered"):
            continue
        if endpoint["url"] == places[0][0]:
            places[0] = (endpoint["url"], endpoint["secret"])
        else:
            places.append((endpoint["url"], endpoint["secret"]))
    return places


def create(call: Call, world: World) -> Answer:
    """POST /air/webhooks: the secret is shown this once."""
    asked = data(call)
    now = now_text(world)
    endpoint: Doc = {
        "id": world.new_id("end"),
        "url": _url(required(asked, "url", "")),
        "events": _events(required(asked, "events", "")),
        "active": True,
        "live_mode": False,
        "created_at": now,
        "updated_at": now,
        "secret": f"{random_text(22)}==",
    }
    world.put(ENDPOINT, endpoint["id"], endpoint)
    return ok(endpoint, 201)


def list_all(call: Call, world: World) -> Answer:
    """GET /air/webhooks."""
    return page(call, [_shown(endpoint) for endpoint in world.find(ENDPOINT)])


def get(call: Call, world: World, id: str) -> Answer:
    """GET /air/webhooks/{id}."""
    return ok(_shown(_find(world, id)))


def patch(call: Call, world: World, id: str) -> Answer:
    """PATCH /air/webhooks/{id}."""
    endpoint, asked = _find(world, id), data(call)
    if "url" in asked:
        endpoint["url"] = _url(asked["url"])
    if "events" in asked:
        endpoint["events"] = _events(asked["events"])
    if "active" in asked:
        endpoint["active"] = bool(asked["active"])
    endpoint["updated_at"] = now_text(world)
    world.put(ENDPOINT, id, endpoint)
    return ok(_shown(endpoint))


def delete(call: Call, world: World, id: str) -> Answer:
    """DELETE /air/webhooks/{id}."""
    _find(world, id)
    world.drop(ENDPOINT, id)
    return Answer(204)


def ping(call: Call, world: World, id: str) -> Answer:
    """POST /air/webhooks/{id}/actions/ping: delivered at once, and refused when the receiver refuses."""
    endpoint = _find(world, id)
    event: Doc = {
        "id": world.new_id("wev"),
        "api_version": "v2",
        "type": "ping.triggered",
        "data": {"object": {}},
        "live_mode": False,
        "idempotency_key": f"ping_{random_text(8)}",
        "created_at": now_text(world),
        "identity_organisation_id": ORGANISATION,
    }
    body = dumps(event).encode()
    headers = {
        "content-type": "application/json",
        "x-duffel-signature": signature(body, real_now(), endpoint["secret"]),
    }
    try:
        taken = httpx.post(endpoint["url"], content=body, headers=headers, timeout=3.0, trust_env=False).is_success
    except (httpx.HTTPError, OSError):
        taken = False
    if not taken:
        raise refuse("webhook_client_error")
    return Answer(204)


def list_events(call: Call, world: World) -> Answer:
    """GET /air/webhooks/events, the newest first."""
    found = list(reversed(world.find(EVENT)))
    wanted = [value for name, value in call.query if name in ("type", "type[]")]
    if wanted:
        found = [event for event in found if event["type"] in wanted]
    for name, value in call.query:
        if name == "created_at[after]":
            found = [event for event in found if event["created_at"] > value]
        elif name == "created_at[before]":
            found = [event for event in found if event["created_at"] < value]
        elif name == "delivery_success":
            found = [event for event in found if world.deliveries(event["id"])["delivered"] == (value == "true")]
    return page(call, found)


def get_event(call: Call, world: World, id: str) -> Answer:
    """GET /air/webhooks/events/{id}."""
    event = world.get(EVENT, id)
    if event is None:
        raise refuse("not_found")
    return ok(event)


def redeliver(call: Call, world: World, id: str) -> Answer:
    """POST /air/webhooks/events/{id}/actions/redeliver."""
    get_event(call, world, id)
    world.outbox.redeliver(id)
    return Answer(204)


def list_deliveries(call: Call, world: World) -> Answer:
    """GET /air/webhooks/deliveries, the newest first."""
    endpoints = {endpoint["url"]: endpoint["id"] for endpoint in world.find(ENDPOINT)}
    found = [
        {
            "id": f"del_0000{row['id']:018d}",
            "event_id": row["event_id"],
            "type": row["type"],
            "url": row["url"],
            "endpoint_id": endpoints.get(row["url"]),
            "response_status_code": row["last_status"],
            "response_body": "",
            "live_mode": False,
            "created_at": (world.get(EVENT, row["event_id"]) or {}).get("created_at"),
        }
        for row in world.outbox.attempts_of("duffel")
        if row["last_status"] is not None
    ]
    return page(call, found[::-1])


def _find(world: World, id: str) -> Doc:
    endpoint = world.get(ENDPOINT, id)
    if endpoint is None:
        raise refuse("not_found")
    return endpoint


def _shown(endpoint: Doc) -> Doc:
    return {name: value for name, value in endpoint.items() if name != "secret"}


def _url(value: Any) -> str:
    if not isinstance(value, str) or urlsplit(value).scheme not in ("https", "http") or not urlsplit(value).netloc:
        raise refuse("validation_format", "/url")
    return value


def _events(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or any(each not in TYPES for each in value):
        raise refuse("validation_inclusion", "/events")
    return list(value)
