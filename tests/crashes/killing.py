"""Real processes that do one piece of work and may be killed by SIGKILL at a named fault point."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.db import connections

from fly2any.kernel import faultpoints


class Died(AssertionError):
    """A child process ended in another way than it should."""


def in_child(work: Callable[[], object], point: str = "") -> bool:
    """Run `work` in a forked process; True when it was killed at `point` (given as `name` or `name#n`)."""
    connections.close_all()
    folder = Path(tempfile.mkdtemp(prefix="crash"))
    order = folder / "point"
    if point:
        order.write_text(point)
    pid = os.fork()
    if pid == 0:
        _child(work, order)
    _, how = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(how) and os.WTERMSIG(how) == signal.SIGKILL
    if not killed and os.WEXITSTATUS(how) != 0:
        raise Died(f"the child ended with {how} at {point or 'no point'}")
    if killed and point and not list(folder.glob("*.hit.*")):
        raise Died(f"killed, but not at {point}")
    return killed


def _child(work: Callable[[], object], order: Path) -> None:
    """Never returns: no test machinery of the parent may run in the child."""
    code = 1
    try:
        faultpoints.arm(order)
        work()
        connections.close_all()
        code = 0
    except BaseException as error:
        sys.stderr.write(f"child: {error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def passed(work: Callable[[], object]) -> list[str]:
    """Every fault point that `work` passes, in order, as `name#n`; it runs in a child of its own."""
    folder = Path(tempfile.mkdtemp(prefix="passed"))
    log = folder / "log"

    def recorded() -> None:
        faultpoints.record(log)
        work()

    in_child(recorded)
    counts: dict[str, int] = {}
    points = []
    for name in log.read_text().split() if log.exists() else []:
        counts[name] = counts.get(name, 0) + 1
        points.append(f"{name}#{counts[name]}")
    return points
