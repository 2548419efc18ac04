"""The whole site as real processes on free ports, with a database of its own: for races, journeys, outages and bench.

    with Stack(folder) as stack:            # sandbox, web, worker with broker, sweeper: as `manage.py up` starts them
        stack.http.get("/readyz")
        stack.kill("worker"); stack.restart("worker")
        stack.ledger_export(); stack.rows("SELECT …"); stack.sandbox.ledger()

Every process gets a parent-death signal, so that none is left even when pytest is killed. Start stacks in the main
thread only: Linux sends that signal when the *thread* ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
from django.test.utils import override_settings
from psycopg import sql

from fly2any import env
from fly2any.stack import broker, dumps, postgres, site
from fly2any.stack.children import dies_with_parent
from fly2any.stack.supervisor import Program
from tests.sandbox.process import Sandbox, wait_until

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds until a start counts as failed; nothing is measured
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SECRET_KEY = "the secret key of every stack, so that tests can sign cookies as the site does"
_TEMPLATE_LOCK = 0x57AC4


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """One running site. `broker=False`: no broker at all; `every`: seconds between sweeps, None: no sweeper.

    `webs` web servers of `workers` processes each; `celeries` and `sweepers`: how many of them run side by side (the
    second of a kind is called "web2", "worker2", "sweeper2"). `own_postgres` starts a PostgreSQL for this stack alone,
    which can then be restarted. `front`: the site's public address when something stands before the web servers.
    `environ` is added to every program's environment.
    """

    def __init__(self, folder: Path, *, webs: int = 1, workers: int = 1, threads: int = 8, broker: bool = True,
                 worker: bool = True, celeries: int = 1, sweepers: int = 1, every: float | None = 2.0,
                 own_postgres: bool = False, postgres_settings: dict[str, str] | None = None, fast: bool = True,
                 front: str = "", environ: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.ports = [free_port() for _ in range(webs)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self.url = self.urls[0]
        self.front = front or self.url
        self.crash_file = folder / "crash"
        self._broker, self._worker, self._every, self._fast = broker, worker, every, fast
        self._workers, self._threads, self._celeries, self._sweepers = workers, threads, celeries, sweepers
        self._own_postgres, self._postgres_settings = own_postgres, postgres_settings or QUICK
        self._more = environ or {}
        self._programs: dict[str, Program] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: subprocess.Popen[str] | None = None
        self.broker_url = ""
        self.started = False

    # --- life -------------------------------------------------------------------------------------------------------

    def start(self) -> Stack:
        """Start everything and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.started = True
        if self._own_postgres:
            postgres.ensure(self.folder / "pg", settings=self._postgres_settings, die_with_parent=True)
        self.database_url = _database(self._server(), f"stack_{os.getpid()}_{self.ports[0]}")
        if self._broker:
            self.broker_url = broker.ensure(self.folder / "broker", die_with_parent=True)
            assert self.broker_url, "no broker to be had"
        sandbox_port = free_port()
        self.sandbox = Sandbox(self.folder / "sandbox", sandbox_port, *(["--fast"] if self._fast else []),
                               site=self.front)
        self._programs = self._read_programs(sandbox_port)
        for name in self._programs:
            self._spawn(name)
        self.http = httpx.Client(base_url=self.url, timeout=60.0, trust_env=False)
        wait_until(self._ready, PATIENCE)
        return self

    def stop(self) -> None:
        """End everything; the database goes, the folder stays."""
        for name in list(self._running):
            self.kill(name)
        if self._commands is not None:
            self._commands.kill()
            self._commands.communicate()
            self._commands = None
        if hasattr(self, "sandbox"):
            with contextlib.suppress(Exception):
                self.sandbox.kill()
        if self._broker:
            broker.stop(self.folder / "broker")
        if self._own_postgres:
            postgres.stop(self.folder / "pg")
        elif self.started and hasattr(self, "database_url"):
            _drop(self._server(), self.database_url)
        self.started = False

    def __enter__(self) -> Stack:
        try:
            return self.start()
        except BaseException:
            print(self.logs())
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            print(self.logs())
        self.stop()

    # --- programs ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The programs of this stack."""
        return list(self._programs)

    @property
    def running(self) -> list[str]:
        """Those that were not killed by us."""
        return list(self._running)

    def process(self, name: str) -> psutil.Process:
        """The running program's (first) process."""
        return psutil.Process(self._running[name].pid)

    def kill(self, name: str) -> None:
        """SIGKILL the program and everything it started, and wait until it is gone."""
        process = self._running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart(self, name: str) -> None:
        """Start the program again, killing it first when it still runs; returns when it answers."""
        if name in self._running:
            self.kill(name)
        self._spawn(name)
        if name.startswith("web"):
            wait_until(self._ready, PATIENCE)

    def begin(self, name: str) -> None:
        """Start a killed program again and return at once, as a supervisor does."""
        if name not in self._running:
            self._spawn(name)

    def ask_to_end(self, name: str) -> None:
        """SIGTERM to the program alone: it finishes what it has begun. `gone` says when it has ended."""
        self._running[name].send_signal(signal.SIGTERM)

    def gone(self, name: str) -> bool:
        """Whether a program that was asked to end has done so; from then on it may be started again."""
        if self._running[name].poll() is None:
            return False
        self.kill(name)  # whatever it left of its group
        return True

    def freeze(self, name: str, frozen: bool = True) -> None:
        """Stop the program and all it started in its tracks (SIGSTOP), or let it go on (SIGCONT)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running[name].pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def ended(self, name: str) -> int | None:
        """The exit status of a program that ended by itself (negative: the signal), or None while it runs."""
        return self._running[name].poll()

    def stop_broker(self) -> None:
        """Take the broker away; programs keep its address."""
        broker.stop(self.folder / "broker")

    def kill_broker(self) -> None:
        """SIGKILL the broker."""
        process = broker.server_process(self.folder / "broker")
        assert process is not None
        process.kill()
        process.wait()

    def start_broker(self) -> None:
        """Start the broker again at the same address."""
        assert broker.ensure(self.folder / "broker", die_with_parent=True) == self.broker_url

    def restart_postgres(self, *, immediate: bool = False) -> None:
        """Stop this stack's PostgreSQL, cutting every connection, and start it again.

        `immediate`: SIGQUIT, no shutdown at all; the next start recovers from its log.
        """
        assert self._own_postgres
        server = postgres._server_process(self.folder / "pg") if immediate else None
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait()
        postgres.stop(self.folder / "pg")
        postgres.ensure(self.folder / "pg", settings=self._postgres_settings, die_with_parent=True)

    def restart_sandbox(self) -> None:
        """Start a killed sandbox again on the same port; its memory is on disk."""
        self.sandbox.start()

    def logs(self, lines: int = 25) -> str:
        """The last lines of every program, for a failed test."""
        told = []
        for path in sorted(self.folder.glob("*.log")):
            told += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        with contextlib.suppress(Exception):
            told += ["--- diary", *self.story()]
        return "\n".join(told)

    def story(self) -> list[str]:
        """The last lines of the diary and the last questions asked outside."""
        diary = self.rows("SELECT d.at, b.reference, d.actor, d.event, d.subject, d.before, d.after, d.cause"
                          " FROM bookings_diary d JOIN bookings_booking b ON b.id = d.booking_id ORDER BY d.id DESC LIMIT 25")
        calls = self.rows("SELECT c.asked_at, b.reference, c.kind, c.subject, c.state, c.outcome, c.code, c.attempts,"
                          " c.retry_at, b.due_at FROM bookings_externalcall c JOIN bookings_booking b ON"
                          " b.id = c.booking_id ORDER BY c.id DESC LIMIT 10")
        return [" ".join(str(word) for word in row) for row in [*reversed(diary), *reversed(calls)]]

    # --- what it did ------------------------------------------------------------------------------------------------

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query in this stack's database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def forbid_writing(self, forbidden: bool) -> None:
        """Connections made from now on can (not) write; start a program again to make it feel this."""
        name = sql.Identifier(urlsplit(self.database_url).path.strip("/"))
        with _owner(self._server()) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(
                name, sql.Literal("on" if forbidden else "off")))

    def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row."""
        return self.rows(statement, *values)[0][0]

    def manage(self, *words: str) -> str:
        """Run a manage.py command in this site and return what it printed."""
        if self._commands is None:
            self._commands = subprocess.Popen(
                [sys.executable, "-m", "tests.commands"], cwd=ROOT, env=self._environ("manage"), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=dies_with_parent(signal.SIGKILL))
        assert self._commands.stdin and self._commands.stdout
        output, errors = self.folder / "manage.out", self.folder / "manage.err"
        self._commands.stdin.write(json.dumps([words, str(output), str(errors)]) + "\n")
        self._commands.stdin.flush()
        status, said = self._commands.stdout.readline().strip(), output.read_text(encoding="utf-8")
        assert status == "0", said + errors.read_text(encoding="utf-8")
        return said

    def ledger_export(self) -> list[dict[str, Any]]:
        """What `manage.py ledger_export` prints now, read."""
        return [json.loads(line) for line in self.manage("ledger_export").splitlines() if line.startswith("{")]

    def mails(self) -> list[str]:
        """Every mail sent so far, as raw text, oldest first."""
        return [path.read_text(errors="replace") for path in sorted((self.folder / "mail").glob("*.eml"))]

    def settled(self, seconds: float = 30.0) -> None:
        """Wait until nothing is due, no call is under way, and no mail waits or was claimed just now and is not out yet."""
        from bookings.mail import LEASE  # needs the app registry, which a stack does not

        wait_until(lambda: self.value(
            "SELECT (SELECT count(*) FROM bookings_booking WHERE due_at <= now() AND parked_at IS NULL)"
            " + (SELECT count(*) FROM bookings_outbox WHERE sent_at IS NULL AND dropped = '' AND (due_at <= now()"
            " OR tries > 0 AND due_at - %s BETWEEN now() - interval '10 s' AND now()))"
            " + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))", LEASE) == 0, seconds)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _server(self) -> str:
        return postgres.url(self.folder / "pg") if self._own_postgres else _tests_server()

    def _read_programs(self, sandbox_port: int) -> dict[str, Program]:
        """The very commands that `manage.py up` uses, for our ports and folder; the sandbox is started apart."""
        found: dict[str, Program] = {}
        for number, port in enumerate(self.ports, start=1):
            wanted = override_settings(
                WEB_PORT=port, WEB_WORKERS=self._workers, WEB_THREADS=self._threads, SANDBOX_PORT=sandbox_port,
                DATA_DIR=self.folder)
            with wanted:
                programs = {program.name: program for program in site.programs(self.broker_url)}
            found["web" if number == 1 else f"web{number}"] = programs["web"]
            if number == 1 and self._worker and "worker" in programs:
                found |= _several(programs["worker"], self._celeries, lambda name: ["--hostname", f"{name}@%h"])
            if number == 1 and self._every is not None:
                found |= _several(programs["sweeper"], self._sweepers, lambda _: ["--every", str(self._every)])
        return found

    def _environ(self, name: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if key in os.environ}
        port = self.ports[int(name[3:] or 1) - 1] if name.startswith("web") else self.ports[0]
        return {
            **kept, "PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "fly2any.settings",
            "DATA_DIR": str(self.folder), "DATABASE_URL": self.database_url, "REDIS_URL": self.broker_url,
            "WEB_PORT": str(port), "SITE_URL": self.front, "SANDBOX_PORT": str(self.sandbox.port),
            "WEB_WORKERS": str(self._workers), "WEB_THREADS": str(self._threads), "PGAPPNAME": name,
            "SECRET_KEY": SECRET_KEY, "TRUSTED_PROXIES": "1", "LOG_LEVEL": "WARNING",
            "AMADEUS_CLIENT_ID": os.environ.get("AMADEUS_CLIENT_ID", ""),  # in tests one supplier, unless they want both
            **({"CRASH_FILE": str(self.crash_file)} if name.startswith(("worker", "sweeper")) else {}), **self._more,
        }

    def _spawn(self, name: str) -> None:
        program = self._programs[name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                program.command, cwd=ROOT, env={**self._environ(name), **program.environ}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
                preexec_fn=dies_with_parent(program.orphan_signal))

    def _ready(self) -> bool:
        for name, process in self._running.items():
            assert process.poll() is None, f"{name} ended by itself\n{self.logs()}"
        with contextlib.suppress(httpx.TransportError):
            return all(httpx.get(f"{url}/readyz", trust_env=False, timeout=5).status_code == 200 for url in self.urls)
        return False


def _several(program: Program, number: int, more: Callable[[str], list[str]]) -> dict[str, Program]:
    """So many of a program under names of their own, each with `more` words at the end of its command."""
    names = [program.name if not at else f"{program.name}{at + 1}" for at in range(number)]
    return {name: Program(name, [*program.command, *more(name)], program.environ, program.orphan_signal)
            for name in names}


# --- databases --------------------------------------------------------------------------------------------------------


def migrated() -> str:
    """The name of a database with our schema on the tests' server, made once per set of migrations, to be copied."""
    server = _tests_server()
    with _owner(server) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        return _template(server, connection)


def _tests_server() -> str:
    return os.environ.get("DATABASE_URL") or postgres.url(Path(os.environ["DATA_DIR"]) / "pg")


def _at(server: str, name: str) -> str:
    """The address of another database on the same server."""
    head, mark, query = server.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


@contextlib.contextmanager
def _owner(server: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(_at(server, "postgres"), autocommit=True, connect_timeout=5) as connection:
        yield connection


def _database(server: str, name: str) -> str:
    """A fresh database with our schema, copied from a migrated template that is made once per set of migrations."""
    with _owner(server) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_TEMPLATE_LOCK])
        template = _template(server, connection)
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)))
    return _at(server, name)


def _template(server: str, connection: psycopg.Connection[Any]) -> str:
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())  # other people's apps have migrations, too
    for path in sorted(ROOT.glob("*/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    name = f"stack_template_{digest.hexdigest()[:12]}"
    known = [row[0] for row in connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'stack\\_template\\_%'").fetchall()]
    if name in known:
        return name
    for old in known:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(old)))
    draft = f"{name}_draft"
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    _migrate(_at(server, draft), ROOT / ".local" / f"{name}.dump")
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name)))
    return name


def _migrate(address: str, kept: Path) -> None:
    """Give an empty database our schema: as another lane has kept it, or by the migrations, and then keep it."""
    database = env.database(address, pool=False, pool_size=1, statement_timeout_ms=0)
    kept.parent.mkdir(exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():
            dumps.restore(kept, database)
            return
        environ = {**os.environ, "DATABASE_URL": address, "DB_POOL": "0"}
        done = subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=environ,
                              text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for old in kept.parent.glob("stack_template_*.dump"):
            old.unlink()
        with contextlib.suppress(dumps.DumpError):  # a server of somebody else's, whose programs are not here
            dumps.make(database, kept)


def _drop(server: str, address: str) -> None:
    name = urlsplit(address).path.strip("/")
    with contextlib.suppress(psycopg.OperationalError), _owner(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
