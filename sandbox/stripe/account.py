"""What belongs to the account: customers and webhook endpoints."""

from __future__ import annotations

import secrets

from sandbox.frame import World
from sandbox.stripe import events, intents, schema, shapes
from sandbox.stripe.desk import KINDS, Desk, Doc, new_id, public
from sandbox.stripe.errors import StripeError

_CUSTOMER_FIELDS = ("description", "email", "name", "phone")


def create_customer(desk: Desk) -> Doc:
    """POST /v1/customers."""
    return public(desk.save(shapes.customer(new_id(desk.world, "cus"), desk.now, desk.params)))


def retrieve_customer(desk: Desk, ident: str) -> Doc:
    """GET /v1/customers/{id}; a deleted one says so."""
    found = desk.need("customer", ident, "customer")
    return {"id": ident, "object": "customer", "deleted": True} if found.get("_deleted") else public(found)


def update_customer(desk: Desk, ident: str) -> Doc:
    """POST /v1/customers/{id}."""
    found = desk.need("customer", ident, "customer")
    found.update({name: desk.params[name] or None for name in _CUSTOMER_FIELDS if name in desk.params})
    intents.apply_metadata(found, desk.params.get("metadata"))
    return public(desk.save(found))


def delete_customer(desk: Desk, ident: str) -> Doc:
    """DELETE /v1/customers/{id}."""
    desk.save({**desk.need("customer", ident, "customer"), "_deleted": True})
    return {"id": ident, "object": "customer", "deleted": True}


def begin(world: World, site_address: str) -> None:
    """Make sure that the site's own endpoint exists, with the address of this start."""
    found = world.get(KINDS["webhook_endpoint"], events.SITE_ENDPOINT)
    if found is None:
        now = int(world.now().timestamp())
        found = shapes.endpoint(
            events.SITE_ENDPOINT, now, site_address, list(events.SUBSCRIBED), {"api_version": schema.API_VERSION}
        )
        _know(world, events.SITE_ENDPOINT, True)
    world.put(KINDS["webhook_endpoint"], events.SITE_ENDPOINT, {**found, "url": site_address})


def _know(world: World, ident: str, present: bool) -> None:
    known = [one for one in (world.get("stripe.settings", "endpoints") or {}).get("ids", []) if one != ident]
    world.put("stripe.settings", "endpoints", {"ids": [*known, ident] if present else known})


def create_endpoint(desk: Desk) -> Doc:
    """POST /v1/webhook_endpoints: events go there as well, signed with a secret shown once."""
    given = desk.params
    version = given.get("api_version", schema.API_VERSION)
    if version != schema.API_VERSION:
        raise StripeError(400, f"The sandbox renders events as {schema.API_VERSION} only.", param="api_version")
    made = shapes.endpoint(new_id(desk.world, "we"), desk.now, given["url"], given["enabled_events"], given)
    made["_secret"] = f"whsec_{secrets.token_hex(16)}"
    _know(desk.world, made["id"], True)
    return {**public(desk.save(made)), "secret": made["_secret"]}


def retrieve_endpoint(desk: Desk, ident: str) -> Doc:
    """GET /v1/webhook_endpoints/{id}."""
    return public(_endpoint(desk, ident))


def _endpoint(desk: Desk, ident: str) -> Doc:
    found = desk.need("webhook_endpoint", ident, "webhook_endpoint")
    if found.get("_deleted"):
        raise StripeError(404, f"No such webhook endpoint: '{ident}'", code="resource_missing", began=False)
    return found


def update_endpoint(desk: Desk, ident: str) -> Doc:
    """POST /v1/webhook_endpoints/{id}: address, events, on or off."""
    found, given = _endpoint(desk, ident), desk.params
    found.update({name: given[name] for name in ("url", "enabled_events") if name in given})
    if "disabled" in given:
        found["status"] = "disabled" if given["disabled"] else "enabled"
    intents.apply_metadata(found, given.get("metadata"))
    return public(desk.save(found))


def delete_endpoint(desk: Desk, ident: str) -> Doc:
    """DELETE /v1/webhook_endpoints/{id}."""
    desk.save({**_endpoint(desk, ident), "_deleted": True})
    _know(desk.world, ident, False)
    return {"id": ident, "object": "webhook_endpoint", "deleted": True}
