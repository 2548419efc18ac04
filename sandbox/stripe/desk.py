"""One call at work: the world, the time, who asks, and Stripe's documents with their indexes."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass, field
from typing import Any

from sandbox.frame import World
from sandbox.stripe.errors import invalid, missing

Doc = dict[str, Any]

VENDOR_NAME = "stripe"
KINDS = {
    "payment_intent": "stripe.intent",
    "charge": "stripe.charge",
    "refund": "stripe.refund",
    "confirmation_token": "stripe.token",
    "payment_method": "stripe.method",
    "dispute": "stripe.dispute",
    "event": "stripe.event",
    "customer": "stripe.customer",
    "webhook_endpoint": "stripe.endpoint",
}
_INDEXED = ("payment_intent", "charge", "customer")
_EXPANDABLE = {
    "latest_charge": "charge",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "customer": "customer",
}
_NULL_EXPANSIONS = frozenset({"balance_transaction", "application", "on_behalf_of", "review"})


def new_id(world: World, prefix: str) -> str:
    """A fresh id in Stripe's manner, such as ``pi_3…``: 24 letters after the underscore."""
    return world.new_id(prefix, size=24, head="3S" if prefix in ("pi", "ch", "re") else "1S")


def public(doc: Doc) -> Doc:
    """A copy of a document without what only the sandbox knows (keys that start with an underscore)."""
    return {name: value for name, value in doc.items() if name[0] != "_"}


@dataclass
class Desk:
    """What a handler needs. ``browser`` is True for a publishable key; ``now`` is unix seconds, sandbox time."""

    world: World
    now: int
    base_url: str = ""
    request_id: str | None = None
    key: str | None = None
    browser: bool = False
    secret_given: str | None = None
    params: Doc = field(default_factory=dict)
    client: Doc = field(default_factory=dict)

    @classmethod
    def unattended(cls, world: World) -> Desk:
        """A desk for what nobody asked for: a timer, or a control endpoint."""
        return cls(world=world, now=int(world.now().timestamp()), base_url=world.base_url)

    def get(self, kind: str, ident: str) -> Doc | None:
        """The stored document of one of Stripe's object types, or None."""
        return self.world.get(KINDS[kind], ident)

    def need(self, kind: str, ident: str, param: str, *, status: int = 404) -> Doc:
        """The stored document; raises Stripe's ``resource_missing`` when there is none."""
        doc = self.get(kind, ident)
        if doc is None:
            raise missing(kind, ident, param, status=status)
        return doc

    def save(self, doc: Doc) -> Doc:
        """Store a document under its type and id, with the indexes its lists are asked by."""
        index = {name: doc[name] for name in _INDEXED if isinstance(doc.get(name), str)}
        self.world.put(KINDS[doc["object"]], doc["id"], doc, **index)
        return doc

    def note(self, event: str, **fields: Any) -> None:
        """Append one row about money to the ledger."""
        self.world.ledger(VENDOR_NAME, event, **fields)

    def expand(self, body: Doc, paths: list[str]) -> Doc:
        """Replace ids by objects along Stripe's ``expand`` paths; raises StripeError for a wrong path."""
        for path in paths:
            self._expand(body, path.split("."), path)
        return body

    def _expand(self, here: Any, steps: list[str], whole: str) -> None:
        if steps[0] == "data" and isinstance(here, dict) and here.get("object") == "list":
            for row in here["data"]:
                self._expand(row, steps[1:], whole)
            return
        name = steps[0]
        if not isinstance(here, dict) or name not in here:
            raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
        value = here[name]
        if isinstance(value, str) and name in _EXPANDABLE:
            doc = self.get(_EXPANDABLE[name], value)
            value = here[name] = copy.deepcopy(public(doc)) if doc else value
        elif name not in _EXPANDABLE and name not in _NULL_EXPANSIONS:
            raise invalid(f"This property cannot be expanded ({whole}).", param="expand")
        if len(steps) > 1 and isinstance(value, dict):
            self._expand(value, steps[1:], whole)


def fingerprint(method: str, path: str, body: bytes) -> str:
    """A mark of a request's meaning, to notice one key used for two different requests."""
    parts = b"&".join(sorted(body.split(b"&")))
    return hashlib.sha256(f"{method} {path}\n".encode() + parts).hexdigest()
