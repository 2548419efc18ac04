"""What may go wrong, and where each of it fits: one table, read by the campaign and by its report.

A fault is done by the victim itself when it passes the point: it dies, freezes, loses its connection, raises, or has
the sandbox, the clock or the broker misbehave for what comes next.
"""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from django.conf import settings
from django.db import connection

from bookings import mail, wake
from fly2any.celery import app

NOT_AT_THE_SANDBOX = ("send_mail", "send_chat")
WAKING = ("wish", "desk", "decision", "news", "gateway_message", "supplier_message", "gateway_rematch",
          "supplier_rematch", "dispute")
NOBODY = "redis://127.0.0.1:9/0"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the sandbox speaks none: authorities read for nothing are a tenth of a run


class Struck(RuntimeError):
    """A bug at this very line: what a fault point raises when it is told to."""


@dataclass
class Scene:
    """What a victim needs to know for its own fault: where it says so, and whom it may ask to misbehave."""

    folder: Path
    sandbox: str  # its address
    dsn: dict[str, Any]  # how to reach the database on another connection

    def say(self, word: str) -> None:
        """Leave `word` for the parent: the fault has fired (or which of its database backend, or of the sandbox's fault, it is)."""
        (self.folder / "fired").write_text(word)

    def where(self, passage: str) -> None:
        """Leave the passage at which it is about to strike."""
        (self.folder / "where").write_text(passage)

    def aside(self, statement: str, *values: Any) -> None:
        """Run one statement over a connection of its own."""
        with psycopg.connect(**self.dsn, autocommit=True) as other:
            other.execute(statement, values)


@dataclass(frozen=True)
class Fault:
    """One kind of misfortune. `fits` says at which points it makes sense, `strike` does it inside the victim.

    `stops`: the victim stands still instead of going on. `menu`: the sandbox counts whether it really fired.
    `elsewhere`: afterwards the journey may rightly stand somewhere else (another time, a refusal).
    """

    name: str
    fits: Callable[[str], bool]
    strike: Callable[[Scene, str], None]
    stops: bool = False
    menu: bool = False
    elsewhere: bool = False


def everywhere(_: str) -> bool:
    """Any point."""
    return True


def outside_a_commit(point: str) -> bool:
    """Where no transaction is open, so that nobody waits for a lock of the frozen process."""
    return not (point.startswith("commit.") and point.endswith(".before"))


def before_a_call(point: str) -> bool:
    """Right before something of the sandbox is asked."""
    kind, name, stage = point.split(".")
    return (kind, stage) == ("call", "before") and name not in NOT_AT_THE_SANDBOX


def before_mail(point: str) -> bool:
    """Right before a mail leaves."""
    return point == "call.send_mail.before"


def waking(point: str) -> bool:
    """Where a commit hints the workers."""
    kind, name, stage = point.split(".")
    return (kind, stage) == ("commit", "before") and name in WAKING


# --- what each does ---------------------------------------------------------------------------------------------------


def _kill(scene: Scene, _: str) -> None:
    scene.say("killed")
    os.kill(os.getpid(), signal.SIGKILL)


def _raise(scene: Scene, point: str) -> None:
    scene.say("raised")
    raise Struck(point)


def _stand_still(scene: Scene, _: str) -> None:
    held = connection.connection
    scene.say(str(held.info.backend_pid) if held is not None and not held.closed else "frozen")
    os.kill(os.getpid(), signal.SIGSTOP)


def _cut(scene: Scene, _: str) -> None:
    held = connection.connection
    if held is None or held.closed:
        return
    scene.say("cut")
    scene.aside("SELECT pg_terminate_backend(%s, 2000)", held.info.backend_pid)


def _jump(by: timedelta) -> Callable[[Scene, str], None]:
    def strike(scene: Scene, _: str) -> None:
        scene.say("jumped")
        scene.aside("UPDATE storm.shift SET by = by + %s", by)
        httpx.post(f"{scene.sandbox}/_clock", json={"advance_seconds": by.total_seconds()}, trust_env=False, verify=NO_TLS)
    return strike


def _arm(**fault: Any) -> Callable[[Scene, str], None]:
    def strike(scene: Scene, _: str) -> None:
        armed = httpx.post(f"{scene.sandbox}/_faults", json={"operation": "*", **fault}, trust_env=False, verify=NO_TLS)
        scene.say(str(armed.raise_for_status().json()["id"]))
    return strike


def _no_broker(scene: Scene, _: str) -> None:
    """The broker is there, says the setting, and nobody listens; that is noticed by whoever sends the hint."""
    send = wake._send

    def refused(hints: Any) -> bool:
        went = send(hints)
        scene.say("hinted" if went else "refused")
        return went

    settings.BROKER_ENABLED = True
    app.conf.update(broker_url=NOBODY, broker_write_url=NOBODY)
    wake._send = refused


def _no_mail_server(scene: Scene, _: str) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        scene.say("refused")
        raise ConnectionRefusedError("no mail server")

    mail.get_connection = refused  # type: ignore[assignment]


def _menu(name: str, *, elsewhere: bool = True, **fault: Any) -> Fault:
    return Fault(name, before_a_call, _arm(**fault), menu=True, elsewhere=elsewhere)


FAULTS: dict[str, Fault] = {fault.name: fault for fault in (
    Fault("kill", everywhere, _kill),
    Fault("raise", everywhere, _raise),
    Fault("frozen", everywhere, _stand_still, stops=True),  # its connection is taken for dead, another takes over
    Fault("paused", outside_a_commit, _stand_still, stops=True),  # it keeps its connection and its lock
    Fault("cut", everywhere, _cut),
    Fault("jump_minutes", everywhere, _jump(timedelta(minutes=11)), elsewhere=True),
    Fault("jump_hours", everywhere, _jump(timedelta(hours=7)), elsewhere=True),
    Fault("no_broker", waking, _no_broker),
    Fault("no_mail_server", before_mail, _no_mail_server),
    _menu("late", kind="late", seconds=2),  # nobody answers, and the work is done afterwards
    _menu("reset_before", kind="reset_before"),
    _menu("reset_after", kind="reset_after"),
    _menu("answer_cut", kind="cut"),
    _menu("garbage", kind="garbage"),
    _menu("500", kind="status", status=500, count=4),
    _menu("500_done", kind="status_after", status=500),
    _menu("503", kind="status", status=503, count=4),
    _menu("429", kind="status", status=429, count=4),
    _menu("slow", kind="latency", seconds=0.15, elsewhere=False),
)}


def fitting(point: str) -> list[str]:
    """The faults that fit this point, in the order of the table."""
    return [fault.name for fault in FAULTS.values() if fault.fits(point)]


@dataclass(frozen=True)
class Hit:
    """A fault and the passage at which it is to happen: `point` is `name#n`, the n-th time that the victim comes by."""

    fault: str
    point: str


@dataclass
class Watcher:
    """Counts the points that a victim passes, and strikes once, at the one it was sent to (or the n-th of any)."""

    scene: Scene
    hit: Hit | None = None
    passed: dict[str, int] = field(default_factory=dict)
    struck: bool = False

    def __call__(self, point: str) -> None:
        """Called by the product at each of its fault points."""
        self.passed[point] = self.passed.get(point, 0) + 1
        here = f"{point}#{self.passed[point]}"
        with (self.scene.folder / "points").open("a") as lines:
            lines.write(f"{here}\n")
        if self.hit is None or self.struck or not self._meant(here, sum(self.passed.values())):
            return
        if FAULTS[self.hit.fault].fits(point):
            self.struck = True
            self.scene.where(here)
            FAULTS[self.hit.fault].strike(self.scene, point)

    def _meant(self, here: str, passages: int) -> bool:
        assert self.hit is not None
        any_of = self.hit.point.partition("any#")[2]
        return passages >= int(any_of) if any_of else here == self.hit.point
