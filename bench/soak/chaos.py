"""Does the plan to the running site, brings back what it took away, and writes down what really happened."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
import psycopg
import redis

from bench.soak.ground import migrate
from bench.soak.plan import Deed
from fly2any.stack import broker
from tests.stack import Stack

AGAIN = 1.0  # seconds until a dead program is started again, as the supervisor does
DRAINING = 60.0  # seconds that a program may take to end when it is asked to
READY = 40.0
TRIES = 20  # of a migration that finds the table busy


class Busy(Exception):
    """The program is down, frozen or being rolled: the deed waits a moment."""


@dataclass
class Fallen:
    """A program that was killed, the bookings it drove at that moment, and when it served again."""

    name: str
    at: str  # the database's clock
    drove: list[int]
    began: float
    served: float | None = None  # web servers: seconds until /readyz said yes


@dataclass
class Chaos:
    """Call `tick` often, from the main thread; `calm` ends everything that still goes on."""

    stack: Stack
    deeds: list[Deed]
    say: Callable[[str], None]
    began: float = field(default_factory=time.time)
    happened: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    fallen: list[Fallen] = field(default_factory=list)
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _number: Any = field(default_factory=itertools.count)
    _spells: set[int] = field(default_factory=set)  # marks of the faults that are meant to be armed now
    _busy: set[str] = field(default_factory=set)  # programs that are down, frozen or being rolled
    _migration: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for deed in self.deeds:
            self.later(deed.at, lambda deed=deed: self.do(deed))  # type: ignore[misc]

    def later(self, seconds: float, what: Callable[[], None], *, since: float | None = None) -> None:
        """Do `what` so many seconds after the start, or after `since`."""
        heapq.heappush(self._later, ((since or self.began) + seconds, next(self._number), what))

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """Do `what` in so many seconds."""
        self.later(seconds, what, since=time.time())

    def tick(self) -> None:
        """Do everything whose time has come; see to programs that ended by themselves."""
        while self._later and self._later[0][0] <= time.time():
            heapq.heappop(self._later)[2]()
        for name in self.stack.running:
            if name not in self._busy and self.stack.ended(name) is not None:
                self.happened[f"{name} ENDED BY ITSELF"] += 1
                self.say(f"{name} ended by itself, status {self.stack.ended(name)}")
                self._bring_back(name, kill=True)

    def calm(self, seconds: float = 150.0) -> None:
        """Nothing new; what was taken away comes back. Returns when all of it runs."""
        end = time.time() + seconds
        while (self._later or self._busy) and time.time() < end:
            self.tick()
            time.sleep(0.1)
        self._note_faults()
        self.stack.sandbox.http.delete("/_faults")
        self.stack.sandbox.http.post("/_webhooks", json={"deliver": True})

    # --- deeds ------------------------------------------------------------------------------------------------------

    def do(self, deed: Deed) -> None:
        """One deed now, or as soon as its program is up; one that cannot be done is written down as missed."""
        try:
            getattr(self, f"_{deed.what}")(deed)
        except Busy:
            self.after(1.0, lambda: self.do(deed))
        except (OSError, psutil.Error, psycopg.Error, httpx.HTTPError, redis.RedisError, AssertionError, KeyError) as why:
            self.missed.append(f"{deed}: {type(why).__name__} {why}"[:200])
            self.say(f"MISSED {self.missed[-1]}")
        else:
            self.say(str(deed))

    def _kill(self, deed: Deed) -> None:
        self._must_be_up(deed.whom)
        fallen = self._about_to_fall(deed.whom)
        self.stack.kill(deed.whom)
        self.happened[f"kill {deed.whom}"] += 1
        self.fallen.append(fallen)
        self._busy.add(deed.whom)
        self.after(AGAIN, lambda: self._bring_back(deed.whom, fallen))

    def _kill_child(self, deed: Deed) -> None:
        """One of the processes of a web server; its master starts another."""
        self._must_be_up(deed.whom)
        self.stack.process(deed.whom).children()[0].kill()
        self.happened[f"kill a process of {deed.whom}"] += 1

    def _freeze(self, deed: Deed) -> None:
        self._must_be_up(deed.whom)
        self.stack.freeze(deed.whom)
        self.happened[f"freeze {deed.whom}"] += 1
        self._busy.add(deed.whom)

        def thaw() -> None:
            self.stack.freeze(deed.whom, frozen=False)
            self._busy.discard(deed.whom)

        threading.Timer(deed.seconds, thaw).start()  # on time, whatever this thread waits for just then

    def _postgres_fast(self, _: Deed) -> None:
        self.stack.restart_postgres()
        self.happened["PostgreSQL restarted, fast"] += 1

    def _postgres_immediate(self, _: Deed) -> None:
        self.stack.restart_postgres(immediate=True)
        self.happened["PostgreSQL restarted, immediate"] += 1

    def _broker_flush(self, _: Deed) -> None:
        address = broker.cache_url(self.stack.broker_url)
        with contextlib.closing(redis.Redis.from_url(address, socket_timeout=5)) as connection:
            connection.flushall()
        self.happened["Redis flushed"] += 1

    def _broker_kill(self, deed: Deed) -> None:
        self.stack.kill_broker()
        self.happened["Redis killed"] += 1
        self._busy.add("broker")

        def back() -> None:
            self.stack.start_broker()
            self._busy.discard("broker")

        self.after(deed.seconds, back)

    def _outside_kill(self, _: Deed) -> None:
        self._note_faults()
        self.stack.sandbox.kill()
        self.happened["the outside killed"] += 1
        time.sleep(AGAIN)
        self.stack.restart_sandbox()

    def _supplier(self, deed: Deed) -> None:
        mark = {"mark": next(self._number)}  # by which it is found again, also when the answer to the arming is lost
        self._spells.add(mark["mark"])
        self.after(deed.seconds, lambda: self._disarm(mark["mark"]))
        self.stack.sandbox.http.post("/_faults", json={**deed.fault, **mark}).raise_for_status()

    _webhook = _supplier

    def _webhooks_off(self, deed: Deed) -> None:
        self.after(deed.seconds, self._webhooks_on)  # also when the answer to switching them off is lost
        self.stack.sandbox.http.post("/_webhooks", json={"deliver": False}).raise_for_status()
        self.happened["no webhook delivered for a while"] += 1

    def _webhooks_on(self) -> None:
        try:
            self.stack.sandbox.http.post("/_webhooks", json={"deliver": True}).raise_for_status()
        except httpx.HTTPError:
            self.after(1.0, self._webhooks_on)

    def _disarm(self, mark: int) -> None:
        """Disarm this spell, and any other that should be over: one that stays would be trouble that nobody planned."""
        self._spells.discard(mark)
        try:
            for fault in self._note_faults():
                if fault["mark"] not in self._spells:
                    self.stack.sandbox.http.delete("/_faults", params={"id": str(fault["id"])})
        except httpx.HTTPError:
            self.after(1.0, lambda: self._disarm(mark))

    def _note_faults(self) -> list[dict[str, Any]]:
        """Remember how often each armed fault has fired; returns them."""
        armed: list[dict[str, Any]] = self.stack.sandbox.http.get("/_faults").json()["faults"]
        for fault in armed:
            self.fired[f"{fault['operation']} {fault['kind']} #{fault['id']}"] = fault["fired"]
        return armed

    # --- the middle of the run --------------------------------------------------------------------------------------

    def _rolling_restart(self, _: Deed) -> None:
        """One program after another ends as it should and starts again, the other of its kind serving meanwhile."""
        self.happened["rolling restart begun"] += 1
        self._roll(list(self.stack.names))

    def _roll(self, names: list[str]) -> None:
        if not names:
            self.happened["rolling restart done"] += 1
            self.say("rolling restart done")
            return
        name, *others = names
        if name in self._busy:
            self.after(1.0, lambda: self._roll(names))
            return
        self._busy.add(name)
        self.stack.ask_to_end(name)
        began = time.time()

        def wait() -> None:
            over = time.time() - began > DRAINING
            if not self.stack.gone(name) and not over:
                self.after(0.2, wait)
                return
            if over:
                self.happened[f"{name} did not end when asked to"] += 1
                self.stack.kill(name)
            self.happened[f"rolled {name}"] += 1
            fallen = Fallen(f"{name}, rolled", "", [], began)
            self.fallen.append(fallen)
            self._bring_back(name, fallen, then=lambda: self._roll(others))

        self.after(0.2, wait)

    def _migrate(self, _: Deed) -> None:
        self._migrated("", TRIES, lambda: self.after(20.0, lambda: self._migrated(
            "zero", TRIES, lambda: None)))

    def _migrated(self, to: str, tries: int, then: Callable[[], None]) -> None:
        """Migrate beside the traffic, again when the table was busy."""
        process = migrate(self.stack, to)
        self._busy.add("migration")

        def wait() -> None:
            if process.poll() is None:
                self.after(0.3, wait)
                return
            self._busy.discard("migration")
            word = "migration taken back" if to else "migration made"
            if process.returncode == 0:
                self.happened[word] += 1
                self.say(word)
                then()
            elif tries:
                self.happened[f"{word}: not at the first try"] += 1
                self._busy.add("migration")
                self.after(1.0, lambda: self._migrated(to, tries - 1, then))

        wait()

    # --- falling and rising -----------------------------------------------------------------------------------------

    def _must_be_up(self, name: str) -> None:
        if name in self._busy:
            raise Busy

    def _about_to_fall(self, name: str) -> Fallen:
        """Which bookings it drives now: the advisory locks that its connections hold."""
        with contextlib.suppress(psycopg.Error):
            rows = self.stack.rows(
                "SELECT clock_timestamp()::text, coalesce(array_agg(l.objid::bigint) FILTER (WHERE l.objid IS NOT NULL), '{}')"
                " FROM (SELECT 1) one LEFT JOIN (pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND"
                " a.application_name = %s) ON l.locktype = 'advisory' AND l.objsubid = 1", name)
            return Fallen(name, rows[0][0], list(rows[0][1]), time.time())
        return Fallen(name, "", [], time.time())

    def _bring_back(self, name: str, fallen: Fallen | None = None, *, kill: bool = False,
                    then: Callable[[], None] = lambda: None) -> None:
        if kill:
            self.stack.kill(name)
        self._busy.add(name)
        self.stack.begin(name)
        began = time.time()

        def look() -> None:
            if name.startswith("web") and not self._serves(name) and time.time() - began < READY:
                self.after(0.3, look)
                return
            if fallen is not None and name.startswith("web"):
                fallen.served = time.time() - fallen.began
            self._busy.discard(name)
            then()

        self.after(0.0 if name.startswith("web") else 3.0, look)

    def _serves(self, name: str) -> bool:
        at = int(name[3:] or 1) - 1
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.stack.urls[at]}/readyz", trust_env=False, timeout=2).status_code == 200
        return False


def resume_all(stack: Stack) -> None:
    """Let everything that is frozen go on: before the end, so that nothing hangs."""
    for name in stack.running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(stack._running[name].pid, signal.SIGCONT)
