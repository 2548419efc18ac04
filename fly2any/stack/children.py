"""Starting child processes that cannot outlive us, even when we are killed with SIGKILL (Linux)."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def dies_with_parent(number: int) -> Callable[[], None] | None:
    """A `preexec_fn`: the child gets signal `number` when the thread that starts it ends. None where impossible."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: the child must not allocate much

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, number)

    return ask
