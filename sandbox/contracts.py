"""What the frame and a vendor say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sandbox.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One HTTP request to a vendor. ``path`` is what follows the vendor's prefix; header keys are lower case."""

    vendor: str
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    base_url: str

    def param(self, name: str, default: str | None = None) -> str | None:
        """Return the first query value called ``name``."""
        for key, value in self.query:
            if key == name:
                return value
        return default


@dataclass
class Answer:
    """One HTTP answer; a dict or list body is rendered as JSON, bytes are sent as they are.

    ``delay`` holds the answer back for so many seconds after the work is done.
    """

    status: int
    body: Json | list[Any] | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


class Refusal(Exception):
    """Raised by a vendor's handler to undo what the call wrote and answer ``answer``."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Vendor(Protocol):
    """A look-alike of one vendor.

    Optional extras the frame uses when they are there:
    ``secret`` (str; set from the command line before start), ``start(world)`` (once per start and after ``/_reset``,
    inside a transaction), ``routes()`` (raw Starlette routes; their handlers find the world in
    ``request.app.state.world`` and must write inside ``with world.transaction():``), ``control_routes()`` (the same,
    for paths under ``/_<name>/``), ``targets(event, world)`` -> list of (url, secret or None) instead of the one
    ``webhook_url``.
    """

    name: str
    prefix: str

    def operation(self, call: Call) -> str:
        """Return the stable name the fault menu and the ledger use, such as ``duffel.create_order``."""

    def handle(self, call: Call, world: World) -> Answer:
        """Answer the call. Runs inside one store transaction; an exception undoes every write."""

    def on_timer(self, world: World, action: str, payload: Json) -> None:
        """Do what was put off with ``world.later``. Runs inside one store transaction."""

    def sign(self, body: bytes, now: datetime) -> dict[str, str]:
        """Return the signature headers of a webhook; ``now`` is the real UTC time."""

    def webhook_url(self, site: str) -> str:
        """Return where on the site this vendor's webhooks go."""

    def odd(self, kind: str, call: Call, world: World) -> Answer | None:
        """Answer an armed fault in the vendor's own shape; the fault's fields are in ``world.fault``.

        ``kind`` is ``status`` (no work is to be done; shape an error of ``world.fault["status"]``), ``202``,
        ``200_no_order`` or any kind the frame does not know. ``None`` means: answer as if there were no fault.
        """
