"""Webhooks on their way out: kept on disk, signed at each attempt, retried, and put out of order when asked."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

from sandbox.clock import real_now
from sandbox.contracts import Vendor
from sandbox.faults import WEBHOOK
from sandbox.post import post
from sandbox.store import dumps

if TYPE_CHECKING:
    from sandbox.world import World

ATTEMPTS = 8
LONGEST_PAUSE = 60.0
AT_ONCE = 16


class Outbox:
    """The queue of deliveries. Due times are real time: moving the sandbox's clock does not hurry them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._flying: set[int] = set()
        self._shuffle = random.Random(7)
        self.news: asyncio.Event | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything is delivered at all; what is emitted meanwhile waits."""
        return (self._world.get("_settings", "webhooks") or {}).get("deliver", True)

    def switch(self, deliver: bool) -> None:
        """Switch all deliveries on or off."""
        with self._world.transaction():
            self._world.put("_settings", "webhooks", {"deliver": deliver})
        self.wake()

    def wake(self) -> None:
        """Tell the delivery loop to look again."""
        if self.news is not None:
            self.news.set()

    def schedule(self, vendor: Vendor, event: dict[str, Any], *, delay: float, attempts: int | None) -> None:
        """Queue an event for every place that wants it, as the armed webhook faults have it."""
        copies, pause = 1, delay
        fault = self._world.faults.fire(f"webhook:{event['type']}", WEBHOOK)
        if fault is not None:
            seconds = float(fault.get("seconds", 2.0))
            match fault["kind"]:
                case "webhook_drop":
                    copies = 0
                case "webhook_double":
                    copies = 2
                case "webhook_delay":
                    pause += seconds
                case _:
                    pause += self._shuffle.random() * seconds
        targets = getattr(vendor, "targets", None)
        places = targets(event, self._world) if targets else [(vendor.webhook_url(self._world.site), None)]
        body, due = dumps(event).encode(), time.time() + pause
        first = 0 if attempts is None else ATTEMPTS - attempts
        for url, secret in places:
            for _ in range(copies):
                self._world.store.write(
                    "INSERT INTO webhooks (event_id, vendor, type, url, secret, body, due, attempts)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (event["id"], vendor.name, event["type"], url, secret, body, due, first),
                )
            if not copies:
                self._world.store.write(
                    "INSERT INTO webhooks (event_id, vendor, type, url, secret, body, due, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'dropped')",
                    (event["id"], vendor.name, event["type"], url, secret, body, due),
                )
        self.wake()

    def redeliver(self, event_id: str) -> bool:
        """Put an event back in the queue; False when it was never emitted."""
        done = self._world.store.write(
            "UPDATE webhooks SET state = 'pending', attempts = 0, due = ? WHERE event_id = ?", (time.time(), event_id)
        )
        self.wake()
        return done.rowcount > 0

    def state(self, event_id: str) -> dict[str, Any]:
        """Return whether every copy of the event arrived, how many attempts were made and how many wait."""
        rows = self._world.store.rows("SELECT state, attempts FROM webhooks WHERE event_id = ?", (event_id,))
        return {
            "delivered": bool(rows) and all(state == "delivered" for state, _ in rows),
            "attempts": sum(attempts for _, attempts in rows),
            "pending": sum(state == "pending" for state, _ in rows),
        }

    def undelivered(self, vendor: str) -> list[str]:
        """Return the ids of one vendor's events of which a copy has not arrived."""
        asked = "SELECT DISTINCT event_id FROM webhooks WHERE vendor = ? AND state != 'delivered'"
        return [row[0] for row in self._world.store.rows(asked, (vendor,))]

    def attempts_of(self, vendor: str) -> list[dict[str, Any]]:
        """Return every queued delivery of one vendor, oldest first."""
        rows = self._world.store.rows(
            "SELECT id, event_id, type, url, attempts, state, last_status FROM webhooks WHERE vendor = ? ORDER BY id",
            (vendor,),
        )
        names = ("id", "event_id", "type", "url", "attempts", "state", "last_status")
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def run(self) -> None:
        """Deliver what is due until cancelled."""
        self.news = asyncio.Event()
        running: set[asyncio.Task[None]] = set()
        while True:
            self.news.clear()
            pause = self._launch(running)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), pause)

    def _launch(self, running: set[asyncio.Task[None]]) -> float:
        if not self.enabled:
            return 5.0
        rows = self._world.store.rows(
            "SELECT id, vendor, url, secret, body, due, attempts FROM webhooks"
            " WHERE state = 'pending' ORDER BY due, id LIMIT ?",
            (AT_ONCE * 2,),
        )
        now = time.time()
        for row in rows:
            if row[0] in self._flying:
                continue
            if row[5] > now:
                return min(row[5] - now, 5.0)
            if len(self._flying) >= AT_ONCE:
                return 5.0
            self._flying.add(row[0])
            task = asyncio.create_task(self._deliver(row[0], row[1], row[2], row[3], row[4], row[6]))
            running.add(task)
            task.add_done_callback(running.discard)
        return 5.0

    async def _deliver(self, id: int, vendor: str, url: str, secret: str | None, body: bytes, attempts: int) -> None:
        try:
            signer: Any = self._world.vendors[vendor]
            signed = signer.sign(body, real_now()) if secret is None else signer.sign(body, real_now(), secret)
            status = await post(url, body, signed)
        finally:
            self._flying.discard(id)
        self._note(id, attempts + 1, status)
        self.wake()

    def _note(self, id: int, attempts: int, status: int | None) -> None:
        if status is not None and 200 <= status < 300:
            state = "delivered"
        else:
            state = "given_up" if attempts >= ATTEMPTS else "pending"
        due = time.time() + min(2.0 ** (attempts - 1), LONGEST_PAUSE)
        self._world.store.write(
            "UPDATE webhooks SET attempts = ?, state = ?, due = ?, last_status = ? WHERE id = ?",
            (attempts, state, due, status, id),
        )
