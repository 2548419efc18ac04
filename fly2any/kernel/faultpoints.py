"""Named places where a crash test may kill this process; silent unless CRASH_FILE is set.

CRASH_FILE names a small file holding one point, or `point#n` for the n-th passage of this process. Whoever
passes that point first takes the file away (so that exactly one process dies once) and is killed with SIGKILL.
"""

import os
import signal
from collections import Counter
from pathlib import Path

CALL_STAGES = ("before", "answered", "after")
COMMIT_STAGES = ("before", "after")
_registry: dict[str, str] = {}
_passed: Counter[str] = Counter()
_file = Path(os.environ["CRASH_FILE"]) if os.environ.get("CRASH_FILE") else None
_log: Path | None = None


def arm(file: Path | None) -> None:
    """Take another CRASH_FILE in this process (crash tests fork their victims)."""
    global _file
    _file = file
    _passed.clear()


def record(log: Path | None) -> None:
    """Write every point that this process passes into `log`, one a line."""
    global _log
    _log = log


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


def passing(point: str) -> None:
    """Die here, at once and without cleaning up, when CRASH_FILE asks for this point."""
    if _log is not None:
        with _log.open("a") as lines:
            lines.write(f"{point}\n")
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
