"""OAuth2 client credentials: bearer tokens that expire and can be revoked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from sandbox.amadeus import schema
from sandbox.amadeus.errors import Deviation, refuse, token_error
from sandbox.frame import Answer, Call, World
from sandbox.ids import random_text

KIND = "amadeus_token"
SETTINGS = "amadeus_settings"
CLIENT = "amadeus_sandbox"
PASSWORD = "amadeus_sandbox_secret"
LIFE_SECONDS = 1799
FORM = "application/x-www-form-urlencoded"
MORE_FIELDS = ("guest_office_id",)  # Enterprise


def issue(call: Call, world: World, asked: dict[str, Any]) -> Answer:
    """POST /v1/security/oauth2/token."""
    if asked.get("grant_type") != "client_credentials":
        return token_error(38187, "Unsupported grant type", status=400)
    if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, PASSWORD):
        return token_error(38187)
    token, life = random_text(28), lifetime(world)
    until = world.now() + timedelta(seconds=life)
    office = asked.get("guest_office_id")
    world.put(KIND, token, {"until": until.isoformat(), "revoked": False, "office": office})
    world.ledger("amadeus", "token.issued", guest_office_id=office, client_ref=call.headers.get("ama-client-ref"))
    body = {
        "type": "amadeusOAuth2Token",
        "username": "sandbox@example.com",
        "application_name": "sandbox",
        "client_id": CLIENT,
        "token_type": "Bearer",
        "access_token": token,
        "expires_in": life,
        "state": "approved",
        "scope": "",
    }
    return Answer(200, body, {"content-type": "application/json"})


def read_form(call: Call, contract: schema.Contract) -> dict[str, Any]:
    """Return the fields of the token call; raises Deviation when it is no form or lacks one."""
    if call.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise Deviation(token_error(38187, f"Content-Type must be {FORM}", status=400))
    fields: dict[str, Any] = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
    documented = {name: value for name, value in fields.items() if name not in MORE_FIELDS}
    if problem := contract.body_problem(documented):
        raise Deviation(token_error(38187, f"{problem[0]}: {problem[1]}", status=400))
    return fields


def admit(call: Call, world: World) -> None:
    """Refuse a call without a token that is good now."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refuse(38191)
    known = world.get(KIND, token)
    if known is None:
        raise refuse(38190)
    if known["revoked"]:
        raise refuse(38193)
    if world.now() >= datetime.fromisoformat(known["until"]):
        raise refuse(38192)


def revoke_all(world: World) -> int:
    """Revoke every token; return how many were good."""
    good = [(token, doc) for token, doc in _all(world) if not doc["revoked"]]
    for token, doc in good:
        world.put(KIND, token, {**doc, "revoked": True})
    return len(good)


def lifetime(world: World) -> int:
    """Return how many seconds a new token lives."""
    return int((world.get(SETTINGS, "tokens") or {}).get("expires_in", LIFE_SECONDS))


def set_lifetime(world: World, seconds: int) -> None:
    """Let tokens issued from now on live so long."""
    world.put(SETTINGS, "tokens", {"expires_in": seconds})


def _all(world: World) -> list[tuple[str, dict[str, Any]]]:
    tokens = [id for (id,) in world.store.rows("SELECT id FROM docs WHERE kind = ?", (KIND,))]
    return [(token, doc) for token in tokens if (doc := world.get(KIND, token)) is not None]
