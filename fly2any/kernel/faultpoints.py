"""Named places where a test may break this process; silent unless CRASH_FILE is set or a test watches.

CRASH_FILE names a small file holding one point, or `point#n` for the n-th passage of this process. Whoever
passes that point first takes the file away (so that exactly one process dies once) and is killed with SIGKILL.
A crash test that forks its victims watches instead, and does there whatever fault it is about.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from django.db import transaction

CALL_STAGES = ("before", "answered", "after")
COMMIT_STAGES = ("before", "after")
_registry: dict[str, str] = {}
_passed: Counter[str] = Counter()
_file = Path(os.environ["CRASH_FILE"]) if os.environ.get("CRASH_FILE") else None
_watcher: Callable[[str], None] | None = None


def watch(watcher: Callable[[str], None] | None) -> None:
    """Call `watcher` with each point that this process passes from now on (tests; None: no longer)."""
    global _watcher
    _watcher = watcher


def register_call(kind: str) -> None:
    """Register the three points of an outside call: before it, answered but nothing stored, stored."""
    for stage in CALL_STAGES:
        _registry[f"call.{kind}.{stage}"] = "call"


def register_commit(name: str) -> None:
    """Register the two points around a commit."""
    for stage in COMMIT_STAGES:
        _registry[f"commit.{name}.{stage}"] = "commit"


def registered() -> list[str]:
    """All point names known to this process, sorted. The crash test must hit each of them."""
    return sorted(_registry)


@contextmanager
def asking(kind: str) -> Iterator[None]:
    """Pass the first two points of an outside call around it; the third is for whoever stores the answer."""
    passing(f"call.{kind}.before")
    yield
    passing(f"call.{kind}.answered")


def committing(name: str) -> None:
    """Pass the two points around the commit of the present transaction: call it as the last thing inside."""
    if _watcher is not None or _file is not None:
        passing(f"commit.{name}.before")
        transaction.on_commit(partial(passing, f"commit.{name}.after"))


def passing(point: str) -> None:
    """Die here, at once and without cleaning up, when CRASH_FILE asks for this point."""
    if _watcher is not None:
        _watcher(point)
    if _file is None:
        return
    _passed[point] += 1
    try:
        name, _, number = _file.read_text().strip().partition("#")
        if name != point or _passed[point] < int(number or 1):
            return
        _file.rename(_file.with_suffix(f".hit.{os.getpid()}"))
    except (FileNotFoundError, ValueError):
        return
    os.kill(os.getpid(), signal.SIGKILL)
