"""Which function answers which of Stripe's calls, and the name the fault menu knows it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.stripe import account, attempts, disputes, events, intents, listing, methods, refunds, schema
from sandbox.stripe.desk import Desk, Doc, public
from sandbox.stripe.errors import invalid


@dataclass(frozen=True)
class Deed:
    """One call: its name in the fault menu, who answers it, and whether a publishable key may make it."""

    name: str
    run: Callable[..., Doc]
    browser: bool = False


def _finish_challenge(desk: Desk) -> Doc:
    given = desk.params
    intent = desk.need("payment_intent", str(given.get("payment_intent")), "payment_intent")
    if not given.get("token") or given["token"] != intent.get("_challenge"):
        raise invalid("This challenge is not open.", param="token")
    attempts.finish_challenge(desk, intent, success=given.get("success") == "true")
    return {"payment_intent": intents.shown(desk, intent), "redirect_url": attempts.back_to_shop(intent)}


def _event(desk: Desk, ident: str) -> Doc:
    return events.shown(desk, desk.need("event", ident, "id"))


def _listed(kind: str, url: str) -> Callable[[Desk], Doc]:
    return lambda desk: listing.page(desk, kind, url)


def _charge(desk: Desk, ident: str) -> Doc:
    return public(desk.need("charge", ident, "charge"))


_PI = "/v1/payment_intents"
DEEDS: dict[tuple[str, str], Deed] = {
    ("POST", _PI): Deed("stripe.create_payment_intent", intents.create),
    ("GET", _PI): Deed("stripe.list_payment_intents", _listed("payment_intent", _PI)),
    ("GET", _PI + "/{intent}"): Deed("stripe.retrieve_payment_intent", intents.retrieve, browser=True),
    ("POST", _PI + "/{intent}"): Deed("stripe.update_payment_intent", intents.update),
    ("POST", _PI + "/{intent}/confirm"): Deed("stripe.confirm", intents.confirm, browser=True),
    ("POST", _PI + "/{intent}/capture"): Deed("stripe.capture", intents.capture),
    ("POST", _PI + "/{intent}/cancel"): Deed("stripe.cancel", intents.cancel),
    ("POST", "/v1/refunds"): Deed("stripe.refund", refunds.create),
    ("GET", "/v1/refunds"): Deed("stripe.list_refunds", _listed("refund", "/v1/refunds")),
    ("GET", "/v1/refunds/{refund}"): Deed("stripe.retrieve_refund", refunds.retrieve),
    ("POST", "/v1/refunds/{refund}"): Deed("stripe.update_refund", refunds.update),
    ("GET", "/v1/charges"): Deed("stripe.list_charges", _listed("charge", "/v1/charges")),
    ("GET", "/v1/charges/{charge}"): Deed("stripe.retrieve_charge", _charge),
    ("GET", "/v1/events"): Deed("stripe.list_events", listing.event_page),
    ("GET", "/v1/events/{id}"): Deed("stripe.retrieve_event", _event),
    ("GET", "/v1/disputes"): Deed("stripe.list_disputes", _listed("dispute", "/v1/disputes")),
    ("GET", "/v1/disputes/{dispute}"): Deed("stripe.retrieve_dispute", disputes.retrieve),
    ("POST", "/v1/disputes/{dispute}"): Deed("stripe.update_dispute", disputes.update),
    ("POST", "/v1/payment_methods"): Deed("stripe.create_payment_method", methods.create, browser=True),
    ("GET", "/v1/payment_methods/{payment_method}"): Deed("stripe.retrieve_payment_method", methods.retrieve),
    ("GET", "/v1/confirmation_tokens/{confirmation_token}"): Deed(
        "stripe.retrieve_confirmation_token", methods.retrieve_token
    ),
    ("POST", "/v1/test_helpers/confirmation_tokens"): Deed("stripe.create_confirmation_token", methods.create_token),
    ("POST", "/v1/customers"): Deed("stripe.create_customer", account.create_customer),
    ("GET", "/v1/customers"): Deed("stripe.list_customers", _listed("customer", "/v1/customers")),
    ("GET", "/v1/customers/{customer}"): Deed("stripe.retrieve_customer", account.retrieve_customer),
    ("POST", "/v1/customers/{customer}"): Deed("stripe.update_customer", account.update_customer),
    ("DELETE", "/v1/customers/{customer}"): Deed("stripe.delete_customer", account.delete_customer),
    ("POST", "/v1/webhook_endpoints"): Deed("stripe.create_webhook_endpoint", account.create_endpoint),
    ("GET", "/v1/webhook_endpoints"): Deed(
        "stripe.list_webhook_endpoints", _listed("webhook_endpoint", "/v1/webhook_endpoints")
    ),
    ("GET", "/v1/webhook_endpoints/{webhook_endpoint}"): Deed(
        "stripe.retrieve_webhook_endpoint", account.retrieve_endpoint
    ),
    ("POST", "/v1/webhook_endpoints/{webhook_endpoint}"): Deed(
        "stripe.update_webhook_endpoint", account.update_endpoint
    ),
    ("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}"): Deed(
        "stripe.delete_webhook_endpoint", account.delete_endpoint
    ),
}

# What only the browser script calls: Stripe does not publish these. The schema named is the nearest published one.
TOKEN_SCHEMA = ("POST", "/v1/test_helpers/confirmation_tokens")
BROWSER_DEEDS: dict[tuple[str, str], Deed] = {
    ("POST", "/v1/confirmation_tokens"): Deed("stripe.create_confirmation_token", methods.create_token, browser=True),
    ("POST", "/v1/3ds2/complete"): Deed("stripe.complete_challenge", _finish_challenge, browser=True),
}


@dataclass(frozen=True)
class Route:
    """What a call turned out to be. ``operation`` is None where Stripe publishes no schema."""

    deed: Deed
    operation: schema.Operation | None
    ids: tuple[str, ...] = ()


def route(method: str, path: str) -> Route | None:
    """Find who answers; None for a path that Stripe does not have, or has but the sandbox does not play."""
    private = BROWSER_DEEDS.get((method, path))
    if private is not None:
        published = schema.match(*TOKEN_SCHEMA) if path == "/v1/confirmation_tokens" else None
        return Route(private, published[0] if published else None)
    found = schema.match(method, path)
    if found is None:
        return None
    deed = DEEDS.get((method, found[0].template))
    return Route(deed, *found) if deed else None
