"""Real processes that do one piece of work and meet a fault at a named point; what became of each."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from fly2any.kernel import faultpoints
from fly2any.stack.children import dies_with_parent
from tests.crashes.faults import FAULTS, Hit, Scene, Watcher
from tests.sandbox.process import Sandbox

Work = Callable[[], object]
_die_with_us = dies_with_parent(signal.SIGKILL)


class Died(AssertionError):
    """A child process ended in another way than it should."""


@dataclass
class Victim:
    """How a process ended: the points it passed (`name#n`), whether its fault fired and at which, and how it ended."""

    points: list[str]
    fired: bool
    killed: bool
    said: str  # what it raised, if it raised
    where: str = ""


def send(work: Work, sandbox: Sandbox, hit: Hit | None = None, meanwhile: Work | None = None) -> Victim:
    """Do `work` in a forked process which meets `hit`; `meanwhile` is done while it stands still.

    A process that is `frozen` loses its database connection first, as one does whose machine is gone; then it is woken
    and may do whatever it still wants. Died when it ends in a way that no fault explains.
    """
    folder = Path(tempfile.mkdtemp(prefix="crash"))
    scene = Scene(folder, sandbox.url, _dsn())
    try:
        pid = os.fork()
        if pid == 0:
            _child(work, Watcher(scene, hit))
        _, how = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(how):
            how = _stopped(pid, hit, scene, meanwhile)
        return _told(how, hit, folder, sandbox)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _dsn() -> dict[str, object]:
    wanted = connection.get_connection_params()
    return {name: wanted[name] for name in ("dbname", "user", "password", "host", "port") if wanted.get(name)}


def _stopped(pid: int, hit: Hit | None, scene: Scene, meanwhile: Work | None) -> int:
    """Others go on while it stands; then it wakes. Returns how it ended."""
    try:
        backend = (scene.folder / "fired").read_text()
        if hit is not None and hit.fault == "frozen" and backend.isdecimal():
            scene.aside("SELECT pg_terminate_backend(%s, 2000)", int(backend))
        if meanwhile is not None:
            meanwhile()
    finally:
        os.kill(pid, signal.SIGCONT)
    _, how = os.waitpid(pid, 0)
    return how


def _told(how: int, hit: Hit | None, folder: Path, sandbox: Sandbox) -> Victim:
    points = _left(folder, "points").split()
    said, word = _left(folder, "said"), _left(folder, "fired") or "hinted"
    fired = hit is not None and word != "hinted"
    if fired and hit is not None and FAULTS[hit.fault].menu:
        armed = sandbox.http.get("/_faults").json()["faults"]
        fired = any(fault["fired"] for fault in armed if str(fault["id"]) == word)
        sandbox.http.delete("/_faults", params={"id": word})
    killed = os.WIFSIGNALED(how) and os.WTERMSIG(how) == signal.SIGKILL
    if killed != (fired and hit is not None and hit.fault == "kill"):
        raise Died(f"the child was {'killed' if killed else 'not killed'} at {hit}")
    if not killed and (not os.WIFEXITED(how) or os.WEXITSTATUS(how) != 0) and not fired:
        raise Died(f"the child ended with {how} at {hit}: {said}")
    return Victim(points, fired, killed, said, _left(folder, "where"))


def _left(folder: Path, name: str) -> str:
    """What the victim wrote there before it ended, or nothing."""
    file = folder / name
    return file.read_text() if file.exists() else ""


def _child(work: Work, watcher: Watcher) -> None:
    """Never returns: no test machinery of the parent may run in the child."""
    code = 1
    gc.disable()  # or every object that we share would be touched, and its page copied
    try:
        if _die_with_us is not None:
            _die_with_us()  # one that stands still would be left behind by a campaign that is killed
        connection.connection = None  # the parent's own: it goes on using it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        faultpoints.watch(watcher)
        work()
        if watcher.hit is not None and watcher.hit.fault == "no_broker" and watcher.struck:
            _wait_for(watcher.scene.folder / "fired")
        code = 0
    except BaseException as error:
        (watcher.scene.folder / "said").write_text(f"{type(error).__name__}: {error}")
        code = 3
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait_for(file: Path) -> None:
    """The hint leaves through a thread of its own; a commit that woke nobody sends none."""
    end = time.monotonic() + 2.0
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)
