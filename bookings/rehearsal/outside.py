"""The other side of the practice stage: the sandbox's controls, the bank's and the airline's staff. Loopback only."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from fly2any import env
from fly2any.kernel.http import guard

SECONDS = 20
STRIPE_VERSION = "2026-10-28.endive"


class OutsideRefused(RuntimeError):
    """The sandbox did not do what the rehearsal asked; the words are its own."""


def control(path: str, wanted: Mapping[str, Any] | None = None, *, method: str = "POST") -> Any:
    """Pull a lever of the sandbox (sandbox/README.md), such as "/_faults"."""
    base = settings.DUFFEL_API_BASE.removesuffix("/duffel")
    return _ask(f"{base}{path}", method, json.dumps(wanted or {}).encode(), {"Content-Type": "application/json"})


def stripe(path: str, wanted: Mapping[str, Any] | None = None) -> Any:
    """What somebody does by hand in Stripe's dashboard: "/v1/refunds" with its parameters."""
    secret = base64.b64encode(f"{settings.STRIPE_SECRET_KEY}:".encode()).decode()
    headers = {"Authorization": f"Basic {secret}", "Stripe-Version": STRIPE_VERSION,
               "Content-Type": "application/x-www-form-urlencoded"}
    return _ask(f"{settings.STRIPE_API_BASE}{path}", "POST", urllib.parse.urlencode(wanted or {}).encode(), headers)


def duffel(path: str, wanted: Mapping[str, Any]) -> Any:
    """What somebody else does with the same Duffel account: "/air/orders" with its data."""
    headers = {"Authorization": f"Bearer {settings.DUFFEL_ACCESS_TOKEN}", "Duffel-Version": "v2",
               "Content-Type": "application/json", "Accept": "application/json"}
    return _ask(f"{settings.DUFFEL_API_BASE}{path}", "POST", json.dumps({"data": wanted}).encode(), headers)["data"]


@contextmanager
def fault(operation: str, kind: str, **more: Any) -> Iterator[None]:
    """A fault of the sandbox's menu that is armed inside the block and gone after it."""
    armed = control("/_faults", {"operation": operation, "kind": kind, **more})
    try:
        yield
    finally:
        control(f"/_faults?id={armed['id']}", method="DELETE")


@contextmanager
def without_webhooks() -> Iterator[None]:
    """Messages sent inside the block never arrive: the stage would be tidied while it is set."""
    with fault("webhook:*", "webhook_drop", probability=1.0, seed=1):
        yield


def _ask(address: str, method: str, body: bytes, headers: Mapping[str, str]) -> Any:
    if not env.is_loopback(address):
        raise OutsideRefused(f"{address} is not the sandbox")
    guard(address)
    request = urllib.request.Request(address, data=body, headers=dict(headers), method=method)  # noqa: S310  loopback
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise OutsideRefused(f"{method} {address}: {error.code} {error.read()[:300].decode()}") from None
    return json.loads(text) if text else None
