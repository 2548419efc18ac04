"""Starting child processes that cannot outlive us, even when we are killed with SIGKILL (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dies_with_parent(number: int) -> Callable[[], None] | None:
    """A `preexec_fn`: the child gets signal `number` when the thread that starts it ends. None where impossible.

    A child that leads a session keeps our niceness, too: Linux first shares the processor out between sessions
    (sched_autogroup), so that what `nice` gave us would mean nothing for it.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: the child must not allocate much

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getsid(0) == os.getpid():  # else the session is the caller's own, or the terminal's
            as_nice_as_we("self")

    return ask


def as_nice_as_we(process: int | str) -> None:
    """Give the session that this process leads our niceness, where the system shares out by sessions and lets us."""
    with contextlib.suppress(OSError):
        session = os.open(f"/proc/{process}/autogroup", os.O_WRONLY)
        try:
            os.write(session, b"%d" % os.getpriority(os.PRIO_PROCESS, 0))
        finally:
            os.close(session)
