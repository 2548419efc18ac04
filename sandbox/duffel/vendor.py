"""Duffel as the frame sees it: who is asking, which operation, which handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from starlette.routing import Route

from sandbox.duffel import (
    airline_changes,
    cancellations,
    changes,
    controls,
    events,
    lists,
    offers,
    order_list,
    order_services,
    orders,
    payments,
    search,
)
from sandbox.duffel.errors import BY_STATUS, KINDS, error, refuse
from sandbox.duffel.requests import Doc, data, ok
from sandbox.frame import Answer, Call, Refusal, World
from sandbox.ids import random_text

Handler = Callable[..., Answer]
VERSIONS = ("v2",)
OLD_VERSIONS = ("v1", "beta")
RATE = 60


class Operation:
    """One endpoint: method, path, stable name, handler. ``{id}`` in the path is handed to the handler."""

    def __init__(self, method: str, path: str, name: str, handler: Handler) -> None:
        self.method, self.name, self.handler = method, f"duffel.{name}", handler
        self.path = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


OPERATIONS = [
    Operation(*row)
    for row in (
        ("GET", "/places/suggestions", "suggest_places", lists.suggest),
        ("POST", "/air/offer_requests", "create_offer_request", search.create),
        ("GET", "/air/offer_requests", "list_offer_requests", search.list_all),
        ("GET", "/air/offer_requests/{id}", "get_offer_request", search.get),
        ("POST", "/air/batch_offer_requests", "create_batch_offer_request", search.create_batch),
        ("GET", "/air/batch_offer_requests/{id}", "get_batch_offer_request", search.get_batch),
        ("GET", "/air/offers", "list_offers", offers.list_of_request),
        ("GET", "/air/offers/{id}", "get_offer", offers.get),
        ("PATCH", "/air/offers/{id}/passengers/{passenger_id}", "update_offer_passenger", offers.patch_passenger),
        ("POST", "/air/offers/{id}/actions/price", "price_offer", offers.price),
        ("POST", "/air/offers/{id}/upsell", "upsell_offer", offers.upsell),
        ("GET", "/air/seat_maps", "get_seat_maps", offers.seat_maps),
        ("POST", "/air/orders", "create_order", orders.create),
        ("GET", "/air/orders", "list_orders", order_list.list_all),
        ("GET", "/air/orders/{id}", "get_order", orders.get),
        ("PATCH", "/air/orders/{id}", "update_order", orders.patch),
        ("GET", "/air/orders/{id}/available_services", "get_order_services", order_services.available),
        ("POST", "/air/orders/{id}/services", "add_order_services", order_services.add),
        ("POST", "/air/payments", "create_payment", payments.create),
        ("GET", "/air/payments", "list_payments", payments.list_all),
        ("GET", "/air/payments/{id}", "get_payment", payments.get),
        ("POST", "/air/order_cancellations", "create_cancellation", cancellations.create),
        ("GET", "/air/order_cancellations", "list_cancellations", cancellations.list_all),
        ("GET", "/air/order_cancellations/{id}", "get_cancellation", cancellations.get),
        ("POST", "/air/order_cancellations/{id}/actions/confirm", "confirm_cancellation", cancellations.confirm),
        ("POST", "/air/order_change_requests", "create_change_request", changes.create_request),
        ("GET", "/air/order_change_requests/{id}", "get_change_request", changes.get_request),
        ("GET", "/air/order_change_offers", "list_change_offers", changes.list_offers),
        ("GET", "/air/order_change_offers/{id}", "get_change_offer", changes.get_offer),
        ("POST", "/air/order_changes", "create_change", changes.create),
        ("GET", "/air/order_changes/{id}", "get_change", changes.get),
        ("POST", "/air/order_changes/{id}/actions/confirm", "confirm_change", changes.confirm),
        ("GET", "/air/airline_initiated_changes", "list_airline_changes", airline_changes.list_all),
        ("PATCH", "/air/airline_initiated_changes/{id}", "update_airline_change", airline_changes.patch),
        ("POST", "/air/airline_initiated_changes/{id}/actions/accept", "accept_airline_change", airline_changes.accept),
        ("POST", "/air/webhooks", "create_webhook", events.create),
        ("GET", "/air/webhooks", "list_webhooks", events.list_all),
        ("GET", "/air/webhooks/events", "list_webhook_events", events.list_events),
        ("GET", "/air/webhooks/deliveries", "list_webhook_deliveries", events.list_deliveries),
        ("GET", "/air/webhooks/events/{id}", "get_webhook_event", events.get_event),
        ("POST", "/air/webhooks/events/{id}/actions/redeliver", "redeliver_webhook_event", events.redeliver),
        ("GET", "/air/webhooks/{id}", "get_webhook", events.get),
        ("PATCH", "/air/webhooks/{id}", "update_webhook", events.patch),
        ("DELETE", "/air/webhooks/{id}", "delete_webhook", events.delete),
        ("POST", "/air/webhooks/{id}/actions/ping", "ping_webhook", events.ping),
        ("GET", "/air/airlines", "list_airlines", lists.airlines),
        ("GET", "/air/airlines/{id}", "get_airline", lists.airline),
        ("GET", "/air/airports", "list_airports", lists.airports),
        ("GET", "/air/airports/{id}", "get_airport", lists.airport),
        ("GET", "/air/aircraft", "list_aircraft", lists.aircraft),
        ("GET", "/air/aircraft/{id}", "get_aircraft", lists.one_aircraft),
    )
]


class Duffel:
    """The vendor ``duffel``."""

    name = "duffel"
    prefix = "/duffel"
    secret = "whsec_sandbox_duffel"

    def operation(self, call: Call) -> str:
        """Return the operation's stable name; ``duffel.unknown`` when there is none."""
        found = _find(call)
        return found[0].name if found else "duffel.unknown"

    def handle(self, call: Call, world: World) -> Answer:
        """Check token and version, then do what is asked."""
        try:
            answer = self._handled(call, world)
        except Refusal as refusal:
            _headed(refusal.answer, world)
            raise
        return _headed(answer, world)

    def on_timer(self, world: World, action: str, payload: Doc) -> None:
        """Do what was put off."""
        match action:
            case "lapse":
                orders.lapse(world, payload["order_id"])
            case "order_created":
                self._late_order(world, payload)
            case "order_failed":
                orders.failed(payload, world)
            case "tell_created":
                orders.tell_created(world, payload["order_id"])
            case "tell_paid":
                payments.tell_paid(world, payload["payment_id"])
            case "payment_succeeded":
                payments.succeed(world, payload["payment_id"])
            case "payment_failed":
                payments.fail(world, payload["payment_id"])
            case "schedule_change":
                airline_changes.detect(world, payload["order_id"])
            case _:
                raise ValueError(f"unknown timer {action}")

    def sign(self, body: bytes, now: datetime, secret: str | None = None) -> dict[str, str]:
        """Return the signature header; ``secret`` is a registered endpoint's own."""
        return {"X-Duffel-Signature": events.signature(body, now, secret or self.secret)}

    def webhook_url(self, site: str) -> str:
        """Return the site's endpoint for Duffel's webhooks."""
        return f"{site}{events.ENDPOINT_PATH}"

    def targets(self, event: Doc, world: World) -> list[tuple[str, str | None]]:
        """Return every (url, secret) the event goes to."""
        return events.targets(event, world, world.site)

    def odd(self, kind: str, call: Call, world: World) -> Answer | None:
        """Answer an armed fault: an error of a status, or 200/202 without the thing that was asked for."""
        if kind == "status":
            code = world.fault.get("code") or BY_STATUS.get(
                int(world.fault.get("status", 500)), "internal_server_error"
            )
            answer = error(code, status=world.fault.get("status")) if code in KINDS else None
            return _headed(answer, world) if answer else None
        status = 202 if kind == "202" else 200
        name = self.operation(call)
        if name == "duffel.create_order":
            return _headed(_order_without_order(call, world, status), world)
        if name == "duffel.create_payment":
            order, given = payments.checked(data(call), world)
            then = {"created": "succeeded"}.get(
                world.fault.get("then", "created"), world.fault.get("then", "succeeded")
            )
            pending = payments.postponed(order, given, world, float(world.fault.get("seconds", 2.0)), then)
            return _headed(ok(pending, status), world)
        return None

    def control_routes(self) -> list[Route]:
        """Return the control routes under ``/_duffel``."""
        return controls.routes()

    def _handled(self, call: Call, world: World) -> Answer:
        _admit(call)
        found = _find(call)
        if found is None:
            raise refuse("not_found")
        operation, named = found
        return operation.handler(call, world, **named)

    def _late_order(self, world: World, plan: Doc) -> None:
        try:
            orders.made(plan, world)
        except Refusal:
            orders.failed(plan, world)


VENDOR = Duffel()


def _find(call: Call) -> tuple[Operation, dict[str, Any]] | None:
    for operation in OPERATIONS:
        if operation.method == call.method and (found := operation.path.fullmatch(call.path)):
            return operation, found.groupdict()
    return None


def _admit(call: Call) -> None:
    """Refuse a call without a test token or without version v2, as Duffel does."""
    authorization = call.headers.get("authorization", "")
    if not authorization:
        raise refuse("missing_authorization_header")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.startswith("duffel_test_"):
        raise refuse("access_token_not_found")
    version = call.headers.get("duffel-version")
    if not version:
        raise refuse("missing_version_header")
    if version in OLD_VERSIONS:
        raise refuse("unsupported_version")
    if version not in VERSIONS:
        raise refuse("invalid_version_header")


def _headed(answer: Answer, world: World) -> Answer:
    """Add the headers every answer of Duffel carries."""
    body = answer.body
    request_id = body["meta"]["request_id"] if isinstance(body, dict) and "errors" in body else random_text(20)
    reset = datetime.now(UTC) + timedelta(seconds=60 if answer.status != 429 else float(world.fault.get("seconds", 2)))
    answer.headers.update(
        {
            "x-request-id": request_id,
            "ratelimit-limit": str(RATE),
            "ratelimit-remaining": "0" if answer.status == 429 else str(RATE - 1),
            "ratelimit-reset": format_datetime(reset, usegmt=True),
        }
    )
    return answer


def _order_without_order(call: Call, world: World, status: int) -> Answer:
    """Answer 200 or 202 and no order.

    By the fault's ``then`` the order comes ``seconds`` later (``created``, the default), fails later (``failed``),
    never comes (``nothing``), or is there at once and only its webhook comes later (``exists``).
    """
    _admit(call)
    plan = orders.prepared(data(call), world)
    seconds, then = float(world.fault.get("seconds", 2.0)), world.fault.get("then", "created")
    if then == "exists":
        order = orders.made(plan, world, tell=False)
        world.later(seconds, "duffel", "tell_created", {"order_id": order["id"]})
        return ok({}, status)
    return orders.postponed(plan, world, status, seconds, then)
