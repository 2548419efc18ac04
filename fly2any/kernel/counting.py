"""Counts and first looks that no row of ours holds, kept in memory for some seconds and written by a thread.

Nothing here is on a visitor's way: counting is an addition to a dictionary. A killed process loses what it counted in
the last EVERY seconds, a database that is away loses nothing (the process's own running count of the hour is written,
not added, so writing it again changes nothing). Nothing personal: a name, a code, a search's or a draft's own number.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, InterfaceError, connections

EVERY = 5.0  # seconds between two writings
MOST = 20_000  # names or looks held at most while the database is away
_PUT = """INSERT INTO bookings_tally (process, at, name, dim, n)
SELECT %(process)s, one.at, one.name, one.dim, one.n
FROM unnest(%(at)s::timestamptz[], %(name)s::text[], %(dim)s::text[], %(n)s::bigint[]) AS one (at, name, dim, n)
ON CONFLICT (at, name, dim, process) DO UPDATE SET n = EXCLUDED.n"""
_LOOKED = """INSERT INTO bookings_seen (subject, step, at)
SELECT one.subject, one.step, clock_timestamp()
FROM unnest(%(subject)s::uuid[], %(step)s::text[]) AS one (subject, step)
ON CONFLICT (subject, step) DO NOTHING"""
logger = logging.getLogger(__name__)

Key = tuple[datetime, str, str]


@dataclass
class Counts:
    """What one process has counted. Safe to use from any thread."""

    process: uuid.UUID = field(default_factory=uuid.uuid4)
    _counts: dict[Key, int] = field(default_factory=dict)
    _changed: set[Key] = field(default_factory=set)
    _looks: set[tuple[uuid.UUID, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, dim: str = "") -> None:
        """One more of `name` in this hour (this machine's clock, UTC)."""
        key = (datetime.now(UTC).replace(minute=0, second=0, microsecond=0), name[:24], dim[:80])
        with self._lock:
            if key in self._counts or len(self._counts) < MOST:
                self._counts[key] = self._counts.get(key, 0) + 1
                self._changed.add(key)

    def look(self, subject: uuid.UUID, step: str) -> None:
        """A step of the funnel was reached; counted once however often this is said."""
        with self._lock:
            if len(self._looks) < MOST:
                self._looks.add((subject, step))

    def begin_anew(self) -> None:
        """Count from nothing, under another number: for a process that was forked off one that counts."""
        with self._lock:
            self.process = uuid.uuid4()
            for held in (self._counts, self._changed, self._looks):
                held.clear()

    def write(self) -> int:
        """Write what is new; returns how many rows. Raises a database error, and then keeps everything."""
        with self._lock:
            changed, looks = {key: self._counts[key] for key in self._changed}, set(self._looks)
            self._changed.clear()
            self._looks.clear()
        try:
            self._put(changed, looks)
        except BaseException:
            with self._lock:
                self._changed |= changed.keys()
                self._looks |= looks
            raise
        self._forget()
        return len(changed) + len(looks)

    def _put(self, changed: dict[Key, int], looks: Iterable[tuple[uuid.UUID, str]]) -> None:
        if changed:
            with connections["default"].cursor() as cursor:
                cursor.execute(_PUT, {
                    "process": self.process, "at": [key[0] for key in changed], "name": [key[1] for key in changed],
                    "dim": [key[2] for key in changed], "n": list(changed.values())})
        if ordered := sorted(looks):
            with connections["default"].cursor() as cursor:
                cursor.execute(_LOOKED, {"subject": [one[0] for one in ordered], "step": [one[1] for one in ordered]})

    def _forget(self) -> None:
        """Drop the counts of hours that are over and written."""
        old = datetime.now(UTC) - timedelta(hours=2)
        with self._lock:
            for key in [key for key in self._counts if key[0] < old and key not in self._changed]:
                del self._counts[key]


_here = Counts()
_writing: list[int] = []  # the process whose thread writes; programs switch it on, tests and commands do not
_starting = threading.Lock()


def add(name: str, dim: str = "") -> None:
    """One more of `name`, told apart by `dim`, in this process and hour."""
    _here.add(name, dim)


def look(subject: uuid.UUID, step: str) -> None:
    """The page of this step was shown for this search or draft."""
    _here.look(subject, step)


def start() -> None:
    """Write every EVERY seconds from now on, in a thread of this process; once per process, after any fork."""
    with _starting:
        if _writing and _writing[0] == os.getpid():
            return
        if _writing:  # a fork: the parent writes what it has counted
            _here.begin_anew()
        _writing[:] = [os.getpid()]
    stopping = threading.Event()
    threading.Thread(target=_run, args=(_here, stopping), name="counting", daemon=True).start()
    atexit.register(_last, stopping)


def _run(counts: Counts, stopping: threading.Event) -> None:
    while not stopping.wait(EVERY):
        _write(counts)


def _last(stopping: threading.Event) -> None:
    stopping.set()
    _write(_here)


def _write(counts: Counts) -> None:
    try:
        counts.write()
    except (DatabaseError, InterfaceError):
        logger.warning("counting.not_written")  # the database is away: the same counts again next time
    finally:
        connections.close_all()
