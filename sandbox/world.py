"""The world a vendor lives in: time, memory, the ledger, webhooks and timers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.contracts import Vendor
from sandbox.faults import Faults
from sandbox.ids import base62, random_text
from sandbox.store import Doc, Store, dumps
from sandbox.webhooks import Outbox


class World:
    """What vendors may use. All writes belong inside a transaction; handlers and timers already run in one."""

    def __init__(self, folder: Path, *, site: str, base_url: str, fast: bool) -> None:
        self.store = Store(folder)
        self.vendors: dict[str, Vendor] = {}
        self.site = site.rstrip("/")
        self.base_url = base_url
        self.fast = fast
        self.fault: dict[str, Any] = {}
        self.faults = Faults(self.store)
        self.outbox = Outbox(self)
        saved = self.store.get("_settings", "clock") or {}
        self.clock = Clock(saved.get("offset", 0.0))
        self.timers_changed = False
        self.age = 0  # another world was brought back so often; what began in the one before is cut off

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen or not happen."""
        with self.store.transaction():
            yield

    def now(self) -> datetime:
        """Return the sandbox's own time, aware, UTC: real time plus the offset set at ``/_clock``."""
        return self.clock.now()

    def set_offset(self, seconds: float) -> None:
        """Move the clock to real time plus ``seconds``."""
        with self.transaction():
            self.clock.offset = seconds
            self.store.put("_settings", "clock", {"offset": seconds})
        self.timers_changed = True

    def get(self, kind: str, id: str) -> Doc | None:
        """Return the document or None. If you change it you must ``put`` it back in the same call."""
        return self.store.get(kind, id)

    def put(self, kind: str, id: str, doc: Doc, **index: str | None) -> None:
        """Write a document; ``index`` values are what ``find`` looks it up by."""
        self.store.put(kind, id, doc, **index)

    def drop(self, kind: str, id: str) -> None:
        """Delete a document."""
        self.store.drop(kind, id)

    def find(self, kind: str, **index: str) -> list[Doc]:
        """Return the documents with all these index values, in insertion order; all of the kind without any."""
        return self.store.find(kind, **index)

    def new_id(self, prefix: str, size: int = 22, head: str = "0000") -> str:
        """Return ``<prefix>_<head><time><random>`` with ``size`` characters after the underscore."""
        stem = prefix if prefix.endswith("_") else f"{prefix}_"
        moment = base62(int(self.clock.timestamp() * 1000), 8)[1:] if size - len(head) >= 15 else ""
        return f"{stem}{head}{moment}{random_text(size - len(head) - len(moment))}"

    def ledger(self, vendor: str, event: str, **fields: Any) -> None:
        """Append one row to the ledger, in the same transaction as the work it tells of."""
        self.store.write(
            "INSERT INTO ledger (at, vendor, event, body) VALUES (?, ?, ?, ?)",
            (self.now().isoformat(), vendor, event, dumps(fields)),
        )

    def read_ledger(
        self, *, vendor: str | None = None, event: str | None = None, since: int = 0
    ) -> list[dict[str, Any]]:
        """Return the ledger's rows after number ``since``, oldest first."""
        sql, values = "SELECT seq, at, vendor, event, body FROM ledger WHERE seq > ?", [str(since)]
        for name, value in (("vendor", vendor), ("event", event)):
            if value:
                sql += f" AND {name} = ?"
                values.append(value)
        return [
            {"seq": seq, "at": at, "vendor": who, "event": what, **json.loads(body)}
            for seq, at, who, what, body in self.store.rows(sql + " ORDER BY seq", tuple(values))
        ]

    def emit(self, vendor: str, event: dict[str, Any], delay: float = 0.0, attempts: int | None = None) -> None:
        """Schedule the delivery of a webhook (``event`` needs ``id`` and ``type``); retried until a 2xx answer."""
        self.outbox.schedule(self.vendors[vendor], event, delay=delay, attempts=attempts)

    def deliveries(self, event_id: str) -> dict[str, Any]:
        """Return ``{"delivered": bool, "attempts": n, "pending": n}`` for one event."""
        return self.outbox.state(event_id)

    def later(self, seconds: float, vendor: str, action: str, payload: dict[str, Any]) -> None:
        """Call ``vendor.on_timer`` when the sandbox's own time is ``seconds`` further; survives a restart."""
        self.store.write(
            "INSERT INTO timers (due, vendor, action, payload) VALUES (?, ?, ?, ?)",
            (self.clock.timestamp() + seconds, vendor, action, dumps(payload)),
        )
        self.timers_changed = True

    def lasting_fault(self, operation: str, kind: str) -> dict[str, Any] | None:
        """Return an armed fault that is a setting (such as ``listing_lag``) without using it up."""
        return self.faults.standing(operation, kind)

    def use_fault(self, operation: str, kind: str) -> dict[str, Any] | None:
        """Return an armed fault of a vendor's own kind and count it as fired."""
        return self.faults.fire(operation, frozenset({kind}))
