"""One run from the empty folder to the verdict."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from typing import Any

from bench.soak import report, verdict
from bench.soak.chaos import Chaos, resume_all
from bench.soak.ground import STAFF, Balancer, ground, staff_password
from bench.soak.plan import plan
from bench.soak.watch import Watch
from bench.stage import cpu_seconds
from fly2any.stack.children import dies_with_parent
from tests.stack import ROOT, Stack

STEP = 0.1  # seconds between two looks of this process
LONGEST_QUIET = 720.0  # a lost webhook is made up for within 5 minutes, what follows from it within some more
AGREED = 2  # so many looks in a row, 5 s apart, must find nothing moving and no difference


class Soak:
    """`run` returns the exit status."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.out = asked.out or ROOT / ".local" / "soak" / time.strftime(f"%Y%m%d-%H%M%S-seed{asked.seed}", time.gmtime())
        self.out.mkdir(parents=True, exist_ok=True)
        self.log = (self.out / "soak.log").open("a", encoding="utf-8")
        self.began = time.time()
        self.breaches: dict[str, list[str]] = {}
        self.cpu: dict[str, float] = {}

    def say(self, words: str) -> None:
        """One line with the time, on the terminal and in the log."""
        line = f"{time.time() - self.began:7.1f} s  {words}"
        print(line, flush=True)
        print(line, file=self.log, flush=True)

    def run(self) -> int:
        """Start, let it go on, stop, judge."""
        asked, balancer = self.asked, Balancer()
        self.say(f"seed {asked.seed}, {asked.minutes:g} minutes, {asked.rate:g} customers a second, "
                 f"{'no Redis' if asked.no_redis else 'Redis'}, a sweep every {asked.every:g} s; report in {self.out}")
        stack = ground(self.out / "site", broker=not asked.no_redis, every=asked.every, balancer=balancer)
        balancer.ports = stack.ports
        balancer.start()
        found: dict[str, Any] = {}
        try:
            with stack:
                found = self._through(stack)
        finally:
            self._pack()
        status = report.write(self.out, found, self.breaches)
        return status

    def _through(self, stack: Stack) -> dict[str, Any]:
        password, asked = staff_password(stack), self.asked
        self.began = time.time()
        load = self._traffic(stack, password)
        deeds = [] if asked.calm else plan(asked.seed, asked.minutes, broker=not asked.no_redis)
        chaos, watch = Chaos(stack, deeds, self.say, began=self.began), Watch(stack, self.began)
        self._while_it_lasts(load, chaos, watch)
        chaos.calm()
        resume_all(stack)
        lasting, self.cpu = time.time() - self.began, cpu_seconds(stack)
        load.stdin.write(b"stop\n")  # type: ignore[union-attr]
        load.stdin.flush()  # type: ignore[union-attr]
        self.say("the traffic stops, the chaos has ended")
        self._wait_for_the_last(load, chaos, watch)
        quiet = self._quiet(stack, chaos, watch)
        load.stdin.write(b"end\n")  # type: ignore[union-attr]
        load.stdin.flush()  # type: ignore[union-attr]
        load.stdin.close()  # type: ignore[union-attr]
        load.wait(60)
        told = json.loads((self.out / "load.json").read_text())
        return self._judge(stack, chaos, watch, told, lasting, quiet)

    def _traffic(self, stack: Stack, password: str) -> subprocess.Popen[bytes]:
        config = self.out / "load-config.json"
        config.write_text(json.dumps({
            "ports": stack.ports, "sandbox": stack.sandbox.port, "rate": self.asked.rate, "seed": self.asked.seed,
            "began": self.began, "folder": str(self.out), "staff": STAFF, "password": password}))
        with (self.out / "load.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", "bench.soak.load", str(config)], cwd=ROOT,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                                    preexec_fn=dies_with_parent(signal.SIGKILL))

    def _while_it_lasts(self, load: subprocess.Popen[bytes], chaos: Chaos, watch: Watch) -> None:
        """Until the minutes are over."""
        end, told = self.began + self.asked.minutes * 60, time.time()
        while time.time() < end:
            chaos.tick()
            watch.tick()
            if load.poll() is not None:
                raise RuntimeError(f"the load ended by itself; see {self.out / 'load.log'}")
            if time.time() - told > 60:
                told = time.time()
                self.say(self._how_it_goes(chaos.stack))
            time.sleep(STEP)

    def _how_it_goes(self, stack: Stack) -> str:
        try:
            due, made, late = stack.rows(
                "SELECT count(*) FILTER (WHERE due_at <= now() AND parked_at IS NULL), count(*) FILTER (WHERE wish <> 'draft'),"
                " coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE parked_at IS NULL AND due_at <= now())), 0)"
                " FROM bookings_booking")[0]
        except Exception as trouble:  # the database may be away just now
            return f"the database does not answer ({type(trouble).__name__})"
        return f"{made} bookings, {due} due, the oldest since {late:.0f} s; load {os.getloadavg()[0]:.1f}"

    def _wait_for_the_last(self, load: subprocess.Popen[bytes], chaos: Chaos, watch: Watch) -> None:
        """Those who are here may finish; meanwhile everything runs."""
        assert load.stdout
        os.set_blocking(load.stdout.fileno(), False)
        end = time.time() + 240
        while time.time() < end:
            chaos.tick()
            watch.tick()
            if b"quiet" in (load.stdout.read() or b""):
                break
            time.sleep(STEP)
        self.say("nobody is here any more")

    def _quiet(self, stack: Stack, chaos: Chaos, watch: Watch) -> dict[str, Any]:
        """Until everything that can end has ended and the ledgers agree, or it has taken too long."""
        began, right, last = time.time(), 0, list[str]()
        while time.time() - began < LONGEST_QUIET and right < AGREED:
            chaos.tick()
            watch.tick()
            still = verdict.moving(stack)
            last = verdict.disagreements(stack) if not still else last
            right = right + 1 if not still and not last else 0
            self.say(f"quiet: {still} still moving, {len(last)} differences")
            end = time.time() + 5
            while time.time() < end:
                chaos.tick()
                watch.tick()
                time.sleep(STEP)
        return {"seconds": round(time.time() - began, 1), "reached": right >= AGREED, "still moving": verdict.moving(stack)}

    def _judge(self, stack: Stack, chaos: Chaos, watch: Watch, told: dict[str, Any], lasting: float,
               quiet: dict[str, Any]) -> dict[str, Any]:
        """Every question, its figures and its breaches."""
        self.breaches["everything that can end has ended"] = [] if quiet["reached"] else [str(quiet)]
        self.breaches["the three ledgers agree to the cent, both ways"] = verdict.disagreements(stack)
        self.breaches["invariants"] = [line for line in [verdict.invariants(stack)] if line]
        waited, self.breaches["nobody waited longer than 30 s, no server error"] = verdict.waiting(told["notes"])
        self.breaches["no promise broken before a customer"] = verdict.stories(told["ends"])
        mailed, self.breaches["every mail that was due went out exactly once"] = verdict.mails(stack)
        memory, self.breaches["memory is flat"] = verdict.memory(watch)
        held, self.breaches["database connections are flat"] = verdict.connections(watch, lasting)
        self.breaches["nothing ended by itself; every deed was done"] = [
            f"{what}: {number}" for what, number in chaos.happened.items() if what.endswith(("ITSELF", "when asked to"))]
        return {
            "asked": {**vars(self.asked), "out": str(self.out)}, "commit": _commit(), "cores": os.cpu_count(),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.began)), "seconds of traffic": round(lasting, 1),
            "customers": told["came"], "generator late at most, s": round(told["late"], 3),
            "customers a second": round(told["came"] / lasting, 2), "totals": verdict.totals(stack),
            "bookings a second": round(stack.value("SELECT count(*) FROM bookings_booking WHERE wish <> 'draft'") / lasting, 2),
            "CPU seconds since each program's last start": {name: round(used, 1) for name, used in self.cpu.items()},
            "quiet": quiet, "waiting": waited, "mails": mailed, "memory": memory, "connections": held,
            "bookings by end": verdict.states(stack), "open cases": verdict.open_cases(stack),
            "happened": dict(chaos.happened.most_common()), "missed": chaos.missed,
            "faults that fired": _fired(chaos), "recovery": verdict.recoveries(stack, chaos),
            "stories": told["ends"], "desk": told["desk"], "desk troubles": told["desk_troubles"]}

    def _pack(self) -> None:
        """The logs in one file; what is large and of no use afterwards goes."""
        with tarfile.open(self.out / "logs.tar.gz", "w:gz") as packed:
            for path in [*(self.out / "site").glob("*.log"), self.out / "site" / "pg" / "server.log",
                         *self.out.glob("*.log")]:
                if path.exists():
                    packed.add(path, path.name if path.parent != self.out / "site" / "pg" else "postgres.log")
        for path in (self.out / "site").glob("*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def _fired(chaos: Chaos) -> dict[str, int]:
    """By operation and kind, those that really fired."""
    found: dict[str, int] = {}
    for name, number in chaos.fired.items():
        if number:
            found[name.partition(" #")[0]] = found.get(name.partition(" #")[0], 0) + number
    return dict(sorted(found.items()))


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True, capture_output=True, check=False)
    return done.stdout.strip()
