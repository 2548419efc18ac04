"""What `manage.py up` starts: which programs, on which ports, with which environment, and what is ready when."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import shutil
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import get_commands

from fly2any import env
from fly2any.stack.supervisor import Program


class CannotStart(Exception):
    """The site cannot start; the message is one line that says what to change."""


def take_lock(data_dir: Path) -> IO[str]:
    """Hold the folder for this process; raises CannotStart when another `up` runs on it. Keep the result."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = (data_dir / "up.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CannotStart(f"the site already runs on {data_dir}; stop it, or set DATA_DIR to another folder") from None
    return handle


def check_port(name: str, port: int) -> None:
    """Raise CannotStart when something else listens on this port of ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            raise CannotStart(f"port {port} cannot be used ({problem.strerror}); set {name} to a free port") from None


def own_sandbox() -> bool:
    """Whether this site talks to the sandbox on its own SANDBOX_PORT, so that it must be started here."""
    if find_spec("sandbox") is None:
        return False
    bases = (settings.DUFFEL_API_BASE, settings.STRIPE_API_BASE, settings.AMADEUS_API_BASE)
    return any(env.is_loopback(base) and urlsplit(base).port == settings.SANDBOX_PORT for base in bases)


def programs(broker_url: str) -> list[Program]:
    """The programs of this site in starting order; what is not installed or not needed is left out."""
    python = sys.executable
    shared = {"REDIS_URL": broker_url} if broker_url else {}
    found = [_sandbox(python)] if own_sandbox() else []
    found.append(_web(python, shared))
    if broker_url:
        words = "-P threads -c 4 --without-gossip --without-mingle --loglevel warning"
        command = [python, "-m", "celery", "--quiet", "-A", "fly2any", "worker", *words.split()]
        found.append(Program("worker", command, _direct(shared)))
    if "run_sweeper" in get_commands():
        found.append(Program("sweeper", [python, "manage.py", "run_sweeper"], _direct(shared)))
    return found


def ready() -> bool:
    """Whether the web server answers /readyz with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.WEB_PORT, timeout=2)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    return False


def _direct(shared: dict[str, str]) -> dict[str, str]:
    """Drivers of bookings hold an advisory lock: a direct connection, never the pool."""
    return {**shared, "DB_POOL": "0", "DB_STATEMENT_TIMEOUT_MS": "30000"}


def _sandbox(python: str) -> Program:
    words = {
        "--port": str(settings.SANDBOX_PORT),
        "--data": str(settings.DATA_DIR / "sandbox"),
        "--site": f"http://127.0.0.1:{settings.WEB_PORT}",
        "--duffel-secret": settings.DUFFEL_WEBHOOK_SECRET.split(",")[0].strip(),
        "--stripe-secret": settings.STRIPE_WEBHOOK_SECRET.split(",")[0].strip(),
    }
    return Program("sandbox", [python, "-m", "sandbox", *[part for pair in words.items() for part in pair]])


def _web(python: str, shared: dict[str, str]) -> Program:
    metrics = settings.DATA_DIR / "metrics"  # the workers' shared counters, fresh at every start
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    words = (
        f"--bind 127.0.0.1:{settings.WEB_PORT} --worker-class gthread --workers {settings.WEB_WORKERS} "
        f"--threads {settings.WEB_THREADS} --timeout 40 --graceful-timeout 40 --no-control-socket "
        "--keep-alive 5 --log-level warning"
    )
    # SIGINT is gunicorn's quick stop: the master takes its workers along
    environ = {**shared, "PROMETHEUS_MULTIPROC_DIR": str(metrics)}
    return Program("web", [python, "-m", "gunicorn", "fly2any.wsgi", *words.split()], environ, signal.SIGINT)
