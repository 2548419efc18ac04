"""Every message of the sandbox so far, brought to our doors, the latest first and each twice."""

from __future__ import annotations

import json
from typing import Any

from payments import inbox as gateway_inbox
from payments.gateways.stripe import mapping
from suppliers import inbox as supplier_inbox
from suppliers.duffel import webhook
from tests.sandbox.process import Sandbox


def messages(sandbox: Sandbox) -> list[tuple[str, dict[str, Any]]]:
    """(vendor, event) of everything that was ever told."""
    return [(vendor, raw) for vendor, kind in (("duffel", "webhook_event"), ("stripe", "stripe.event"))
            for raw in sandbox.http.get("/_state", params={"kind": kind}).json()["docs"]]


def deliver(sandbox: Sandbox, times: int = 2) -> None:
    """Bring them, out of order and more than once."""
    for vendor, raw in [*reversed(messages(sandbox))] * times:
        if vendor == "stripe":
            gateway_inbox.keep(mapping.notice(raw))
        else:
            supplier_inbox.keep(webhook.read(json.dumps(raw).encode()), provider="duffel")
