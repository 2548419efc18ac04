"""The traffic, as a process of its own: customers come at the rate asked, whether the site keeps up or not.

    python -m bench.soak.load CONFIG     reads "stop" (nobody comes any more) and "end" from its standard input
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.soak.browser import Front
from bench.soak.desk import Robot
from bench.soak.stories import Customer, live

AFTERWARDS = 150.0  # seconds in which those who are here when the traffic stops may finish


class Load:
    """Everybody before the site, and what became of them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked, self.dice = asked, random.Random(asked["seed"])
        self.front = Front(asked["ports"], began=asked["began"])
        self.robot = Robot(Front(asked["ports"], began=asked["began"], notes=self.front.notes), asked)
        self.here: set[asyncio.Task[None]] = set()
        self.ends: Counter[tuple[str, str]] = Counter()
        self.log = (Path(asked["folder"]) / "stories.log").open("a", encoding="utf-8")
        self.came, self.late = 0, 0.0
        self.stopped, self.ended = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Until "end"; what was noted is then in `load.json`."""
        asyncio.create_task(self._listen())  # noqa: RUF006
        robot = asyncio.create_task(self.robot.work())
        await self._come()
        if self.here:
            await asyncio.wait(self.here, timeout=AFTERWARDS)
        for task in self.here:
            task.cancel()
        print("quiet", flush=True)
        await self.ended.wait()
        robot.cancel()
        self._write()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while (await loop.run_in_executor(None, sys.stdin.readline)).strip() == "stop":
            self.stopped.set()
        self.stopped.set()
        self.ended.set()

    async def _come(self) -> None:
        """Open loop: the gaps are random around the rate and do not wait for anybody."""
        at = time.time()
        while not self.stopped.is_set():
            at += self.dice.expovariate(self.asked["rate"])
            try:
                await asyncio.wait_for(self.stopped.wait(), max(0.0, at - time.time()))
                return
            except TimeoutError:
                self.late = max(self.late, time.time() - at)
            self.came += 1
            customer = Customer(self.front, self.asked["sandbox"], self.came + 1, random.Random(self.dice.random()))
            customer.browser.meant = at
            task = asyncio.create_task(self._live(customer))
            self.here.add(task)
            task.add_done_callback(self.here.discard)

    async def _live(self, customer: Customer) -> None:
        began = time.time()
        story, end = await live(customer)
        self.ends[story, end] += 1
        self.log.write(f"{began - self.front.began:8.1f} {time.time() - began:6.1f} s {story} {customer.reference or '-'} "
                       f"{end}\n")
        self.log.flush()

    def _write(self) -> None:
        (Path(self.asked["folder"]) / "load.json").write_text(json.dumps({
            "came": self.came, "late": self.late, "unfinished": len(self.here),
            "ends": [[story, end, number] for (story, end), number in self.ends.most_common()],
            "desk": dict(self.robot.did), "desk_troubles": self.robot.troubles,
            "notes": [list(asdict(note).values()) for note in self.front.notes]}))


if __name__ == "__main__":
    asyncio.run(Load(json.loads(Path(sys.argv[1]).read_text())).run())
