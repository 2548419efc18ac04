"""The menu of faults: what goes wrong, for which operation, how often; armed faults survive a restart."""

from __future__ import annotations

import json
import random
from fnmatch import fnmatchcase
from typing import Any

from sandbox.store import Store, dumps

# Kinds the frame carries out itself. Any other kind is the vendor's own: it is asked through ``odd`` or looks itself.
SLOW = frozenset({"latency"})
BROKEN = frozenset(
    {"reset_before", "reset_after", "cut", "garbage", "status", "status_after", "late", "hang", "silence", "drip"}
)
ODD = frozenset({"202", "200_no_order"})
WEBHOOK = frozenset({"webhook_double", "webhook_delay", "webhook_shuffle", "webhook_drop"})
CALL_KINDS = BROKEN | ODD


class Faults:
    """The armed faults. ``count`` is how often it may still fire (None: for ever), ``probability`` per match."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._armed: list[dict[str, Any]] = []
        self._dice: dict[int, random.Random] = {}
        for id, body in store.rows("SELECT id, body FROM faults ORDER BY id"):
            self._armed.append({**json.loads(body), "id": id})

    def arm(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Arm a fault and return it with its id. Raises ValueError when operation or kind is missing."""
        if not isinstance(wanted.get("operation"), str) or not isinstance(wanted.get("kind"), str):
            raise ValueError("a fault needs an operation and a kind")
        fault = {**wanted, "fired": 0}
        if "probability" not in fault:
            fault.setdefault("count", 1)
        fault["id"] = self._store.write("INSERT INTO faults (body) VALUES (?)", (dumps(fault),)).lastrowid
        self._armed.append(fault)
        return fault

    def listed(self) -> list[dict[str, Any]]:
        """Return every fault armed since the last clearing, with how often it fired."""
        return list(self._armed)

    def clear(self, id: str | None = None) -> None:
        """Disarm one fault, or everything."""
        gone = [fault for fault in self._armed if id is None or str(fault["id"]) == id]
        for fault in gone:
            self._store.write("DELETE FROM faults WHERE id = ?", (fault["id"],))
            self._dice.pop(fault["id"], None)
        self._armed = [fault for fault in self._armed if fault not in gone]

    def fire(self, operation: str, kinds: frozenset[str]) -> dict[str, Any] | None:
        """Return the first armed fault of these kinds that matches and count it as fired."""
        if not self._armed:
            return None
        for fault in self._armed:
            if fault["kind"] in kinds and fnmatchcase(operation, fault["operation"]) and self._strikes(fault):
                fault["fired"] += 1
                self._store.write("UPDATE faults SET body = ? WHERE id = ?", (dumps(fault), fault["id"]))
                return fault
        return None

    def standing(self, operation: str, kind: str) -> dict[str, Any] | None:
        """Return the newest armed fault of a lasting kind (a setting such as a lag) without counting it."""
        for fault in reversed(self._armed):
            if fault["kind"] == kind and fnmatchcase(operation, fault["operation"]):
                return fault
        return None

    def _strikes(self, fault: dict[str, Any]) -> bool:
        count = fault.get("count")
        if count is not None and fault["fired"] >= count:
            return False
        probability = fault.get("probability")
        if probability is None:
            return True
        # A repeatable toss, not a secret.
        dice = self._dice.setdefault(fault["id"], random.Random(fault.get("seed", fault["id"])))
        return dice.random() < probability
