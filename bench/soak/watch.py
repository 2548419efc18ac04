"""Memory of every process and connections to the database, looked at again and again."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from dataclasses import dataclass, field

import psutil
import psycopg

from bench.stage import percentile
from fly2any.stack import broker, postgres
from tests.stack import Stack

EVERY = 5.0
WARM = 180.0  # seconds that a process fills its caches in and is not judged yet
LEAST = 480.0  # seconds of life after that before its memory says anything
MOST_GROWTH = 0.15  # last quarter over first quarter ...
MOST_MEGABYTES = 20.0  # ... and at least so much
_CONNECTIONS = """SELECT coalesce(nullif(application_name, ''), backend_type), count(*) FROM pg_stat_activity
WHERE datname = current_database() GROUP BY 1"""


@dataclass
class Life:
    """One process from its start on: (seconds since the beginning, megabytes)."""

    name: str
    pid: int
    sizes: list[tuple[float, float]] = field(default_factory=list)

    @property
    def judged(self) -> list[tuple[float, float]]:
        """What counts: the time after the warm-up; nothing of a short life."""
        if not self.sizes or self.sizes[-1][0] - self.sizes[0][0] < WARM + LEAST:
            return []
        return [one for one in self.sizes if one[0] - self.sizes[0][0] >= WARM]


@dataclass
class Watch:
    """Samples; call `tick` often."""

    stack: Stack
    began: float
    lives: dict[tuple[str, int], Life] = field(default_factory=dict)
    connections: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _next: float = 0.0

    def tick(self) -> None:
        """Look, when it is time."""
        if time.time() < self._next:
            return
        self._next = time.time() + EVERY
        at = time.time() - self.began
        for name, root in self._roots().items():
            with contextlib.suppress(psutil.Error):
                whole = [root] if name == "PostgreSQL" else [root, *root.children(recursive=True)]
                for process in whole:
                    self._size(name, process, at)
        with contextlib.suppress(psycopg.Error):
            for name, many in self.stack.rows(_CONNECTIONS):
                self.connections[name].append((at, many))

    def _size(self, name: str, process: psutil.Process, at: float) -> None:
        with contextlib.suppress(psutil.Error):
            size = process.memory_info().rss / 1048576
            if not process.children() and name.startswith("web"):
                name = f"{name}, a process"  # gunicorn's own children; the master only waits
            self.lives.setdefault((name, process.pid), Life(name, process.pid)).sizes.append((at, size))

    def _roots(self) -> dict[str, psutil.Process]:
        found = {}
        for name in self.stack.running:
            with contextlib.suppress(psutil.Error, KeyError):
                found[name] = self.stack.process(name)
        with contextlib.suppress(psutil.Error):
            found["sandbox"] = psutil.Process(self.stack.sandbox.process.pid)
        for name, server in (("PostgreSQL", postgres._server_process(self.stack.folder / "pg")),
                             ("Valkey", broker.server_process(self.stack.folder / "broker"))):
            if server is not None:
                found[name] = server
        return found


def slope(values: list[tuple[float, float]]) -> float:
    """By how much a minute they grow, on the straight line that fits best."""
    if len(values) < 2:
        return 0.0
    x, y = (sum(one[at] for one in values) / len(values) for at in (0, 1))
    over = sum((one[0] - x) ** 2 for one in values)
    return 60 * sum((one[0] - x) * (one[1] - y) for one in values) / over if over else 0.0


def quarters(values: list[tuple[float, float]]) -> tuple[float, float]:
    """The middle value of the first and of the last quarter of the time."""
    first, last = values[0][0], values[-1][0]
    part = (last - first) / 4
    return (percentile([size for at, size in values if at <= first + part], 0.5),
            percentile([size for at, size in values if at >= last - part], 0.5))


def grows(values: list[tuple[float, float]]) -> bool:
    """Whether this is a leak: clearly more in the last quarter than in the first."""
    first, last = quarters(values)
    return last - first > max(MOST_MEGABYTES, MOST_GROWTH * first)
