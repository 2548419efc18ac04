"""Stripe at the frame's door: key, version, idempotency, schema, then the deed."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from sandbox.frame import Answer, Call, Refusal, World
from sandbox.stripe import account, attempts, control, disputes, events, idempotency, refunds, schema
from sandbox.stripe.desk import VENDOR_NAME, Desk, Doc, fingerprint, new_id
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.table import Route, route
from sandbox.stripe_js import pages


class Stripe:
    """The look-alike; see ``sandbox.contracts.Vendor`` for what each method promises."""

    name = VENDOR_NAME
    prefix = "/stripe"
    secret: str | None = None

    def operation(self, call: Call) -> str:
        """The fault menu's name for a call, such as ``stripe.capture``."""
        found = route(call.method, call.path)
        return found.deed.name if found else "stripe.unknown"

    def handle(self, call: Call, world: World) -> Answer:
        """Answer one call; a decline keeps what it wrote, a refusal of the parameters undoes everything."""
        request = new_id(world, "req")
        headers = {"Request-Id": request, "Stripe-Version": schema.API_VERSION}
        key = call.headers.get("idempotency-key") if call.method == "POST" else None
        if key:
            headers["Idempotency-Key"] = key
        try:
            answer = _answer(call, world, request, key)
        except StripeError as error:
            raise Refusal(Answer(error.status, error.body, headers)) from None
        answer.headers = {**headers, **answer.headers}
        return answer

    def start(self, world: World) -> None:
        """Create the site's own webhook endpoint."""
        account.begin(world, self.webhook_url(world.site))

    def on_timer(self, world: World, action: str, payload: Doc) -> None:
        """What was put off: a hold lapses, a refund settles, a cardholder complains."""
        desk = Desk.unattended(world)
        if action == "expire":
            intent = desk.need("payment_intent", payload["intent"], "intent")
            if intent["latest_charge"] == payload["charge"]:
                attempts.expire(desk, intent)
        elif action == "refund":
            refunds.settle(desk, payload["refund"], payload["how"])
        elif action == "dispute":
            charge = desk.need("charge", payload["charge"], "charge")
            if not charge["disputed"]:
                disputes.open_on(desk, charge, payload["reason"], payload["inquiry"])

    def sign(self, body: bytes, now: datetime, secret: str | None = None) -> dict[str, str]:
        """The ``Stripe-Signature`` header, with the site's secret or the endpoint's own."""
        return events.signature(body, secret or self.secret or "", now)

    def webhook_url(self, site: str) -> str:
        """Where the site takes Stripe's events."""
        return site + "/api/payments/webhook"

    def targets(self, event: Doc, world: World) -> list[tuple[str, str | None]]:
        """Every endpoint that subscribed to this event's type."""
        return events.places(world, event["type"])

    def odd(self, kind: str, call: Call, world: World) -> Answer | None:
        """An armed error status in Stripe's shape; a 500 is stored under the key, as Stripe does."""
        if kind != "status":
            return None
        fault = world.fault
        status = int(fault.get("status", 500))
        body = _armed_error(fault, status)
        key = call.headers.get("idempotency-key") if call.method == "POST" else None
        if key and status == 500 and fault.get("stored", True):
            now = int(world.now().timestamp())
            mark = fingerprint(call.method, call.path, call.body)
            if fault.get("kind") == "status_after" or world.get(idempotency.KIND, key) is None:
                idempotency.keep(world, key, mark, now, new_id(world, "req"), status, body)
        return Answer(status, body, {"Request-Id": new_id(world, "req"), **fault.get("headers", {})})

    def routes(self) -> list[Any]:
        """The browser script, the frames it opens, the challenge page."""
        return pages.routes()

    def control_routes(self) -> list[Any]:
        """What tests and benches do in the buyer's, the bank's or Stripe's place."""
        return control.routes()


def _armed_error(fault: Doc, status: int) -> Doc:
    code = fault.get("code")
    if status == 429:
        code, kind = code or "rate_limit", "invalid_request_error"
    elif status >= 500:
        kind = "api_error"
    else:
        kind = "card_error" if status == 402 else "invalid_request_error"
    message = fault.get("message", f"The sandbox was told to answer {status}.")
    return StripeError(status, message, code=code, kind=kind, decline_code=fault.get("decline_code")).body


def _answer(call: Call, world: World, request: str, key: str | None) -> Answer:
    found = route(call.method, call.path)
    if found is None:
        raise StripeError(404, f"Unrecognized request URL ({call.method}: {call.path}).", began=False)
    now = int(world.now().timestamp())
    browser = _who(call, found)
    mark = fingerprint(call.method, call.path, call.body)
    if key and (kept := idempotency.earlier(world, key, mark, now)):
        return kept
    desk = Desk(world, now, call.base_url, request, key, browser)
    _read(desk, call, found)
    try:
        status, body = 200, desk.expand(found.deed.run(desk, *found.ids), desk.params.get("expand") or [])
    except StripeError as error:
        if not error.began:
            raise
        status, body = error.status, error.body
    if events.VALIDATE and not browser and (wrong := schema.problems(found.operation, status, body)):
        raise AssertionError(f"{found.deed.name} does not fit Stripe's schema: {wrong}")
    if key:
        idempotency.keep(world, key, mark, now, request, status, body)
    return Answer(status, body)


def _who(call: Call, found: Route) -> bool:
    """Whether a publishable key asks; raises StripeError for no key, a wrong one, or a wrong version."""
    given = call.headers.get("authorization", "")
    scheme, _, token = given.partition(" ")
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token).decode().partition(":")[0]
        except ValueError:
            token = ""
    version = call.headers.get("stripe-version", schema.API_VERSION)
    if version != schema.API_VERSION:
        raise StripeError(400, f"The sandbox plays {schema.API_VERSION}, not {version}.", began=False)
    if token.startswith("sk_test_") and len(token) > 8:
        return False
    if token.startswith("pk_test_") and len(token) > 8:
        if found.deed.browser:
            return True
        message = "This API call cannot be made with a publishable API key. Please use a secret API key."
        raise StripeError(403, message, code="secret_key_required", began=False)
    shown = f"{token[:8]}***" if token else "none"
    raise StripeError(401, f"Invalid API Key provided: {shown} (the sandbox takes sk_test_ keys).", began=False)


def _read(desk: Desk, call: Call, found: Route) -> None:
    pairs = schema.parse_form(call.body) if call.method == "POST" else call.query
    if desk.browser and call.method == "POST":
        mine = [pair for pair in pairs if pair[0] == "client_secret" or pair[0].startswith("client_context[")]
        pairs = [pair for pair in pairs if pair not in mine]
        given = schema.nest(mine)
        desk.client, desk.secret_given = given.get("client_context", {}), given.get("client_secret")
    desk.params = schema.read(found.operation, pairs) if found.operation else schema.nest(pairs)
    if call.method == "GET" and found.deed.name == "stripe.retrieve_payment_intent":
        desk.secret_given = desk.params.get("client_secret")
    if desk.browser and "/payment_intents/" in call.path and not desk.secret_given:
        raise invalid("Missing required param: client_secret.", code="parameter_missing", param="client_secret")


VENDOR = Stripe()
