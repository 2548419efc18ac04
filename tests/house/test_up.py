"""`manage.py up` for real: ready, restarts what dies, leaves nothing behind, says in one line why it cannot start."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from fly2any.stack import broker, postgres

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds until a test gives up; nothing is measured


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """One `manage.py up` in a folder and on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATA_DIR": str(folder),
            "WEB_PORT": str(free_port()),
            "SANDBOX_PORT": str(free_port()),
            "WEB_WORKERS": "1",
        }
        self.started: list[subprocess.Popen[str]] = []
        self.lines: list[str] = []

    def up(self, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env={**self.environ, **more}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(process)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(process, self._lines), daemon=True).start()
        return process

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        for line in process.stdout or ():
            lines.put(line)

    def line(self, pattern: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.lines.append(self._lines.get(timeout=0.2))
            except queue.Empty:
                continue
            if re.search(pattern, self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"no line like {pattern!r} in:\n{''.join(self.lines)}")

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.environ["WEB_PORT"]), timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def processes(self) -> list[psutil.Process]:
        """Everything alive that was started for this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE:
                    continue
                ours = process.environ().get("DATA_DIR") == str(self.folder)
                if ours or any(str(self.folder) in word for word in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def child(self, word: str) -> psutil.Process:
        """The oldest process with this word in its command line."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # a short-lived one that has just ended
                if word in process.cmdline():
                    found.append((process.create_time(), process))
        return min(found, key=lambda one: one[0])[1]


def eventually(what: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def ended(site: Site) -> None:
    for process in site.started:
        process.kill()
        process.wait()
    for left in site.processes():
        left.kill()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One folder for all tests that start everything: a first start makes a database, which takes long."""
    site = Site(tmp_path_factory.mktemp("up") / "data")
    yield site
    ended(site)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A folder in which nothing was started yet."""
    site = Site(tmp_path / "data")
    yield site
    ended(site)


@pytest.fixture
def running(kept: Site) -> Site:
    """The site, ready; the tests that use it follow each other in one start."""
    if not kept.started or kept.started[-1].poll() is not None:
        kept.up()
        kept.line("READY")
    return kept


def test_the_site_starts_stops_and_keeps_its_data(kept: Site) -> None:
    site = kept
    first = site.up()
    password = site.line("console ").split("password")[1].strip()
    assert len(password) >= 16
    assert site.get("/readyz") == 200
    first.send_signal(signal.SIGINT)
    assert first.wait(PATIENCE) == 0
    assert site.processes() == []
    second = site.up()
    assert site.line("console ").split("password")[1].strip() == password
    code = (
        "import django; django.setup(); from django.contrib.auth.models import User; "
        f"print(User.objects.get(username='staff').check_password({password!r}))"
    )
    environ = {**site.environ, "DJANGO_SETTINGS_MODULE": "fly2any.settings"}
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "True"
    second.send_signal(signal.SIGTERM)
    assert second.wait(PATIENCE) == 0
    assert site.processes() == []


@pytest.mark.failure("O2")
def test_a_second_start_on_the_same_folder_is_refused_and_harms_nothing(running: Site) -> None:
    site = running
    line = refused(site, WEB_PORT=str(free_port()), SANDBOX_PORT=str(free_port()))
    assert line.startswith(f"CommandError: the site already runs on {site.folder}")
    assert site.get("/readyz") == 200


@pytest.mark.failure("K15")
def test_what_dies_comes_back_and_killing_the_supervisor_leaves_nothing(running: Site) -> None:
    site, up = running, running.started[-1]
    site.child("fly2any.wsgi").kill()
    site.line(r"web ENDED \(SIGKILL\); starting it again")
    eventually(lambda: _answers(site), "the web server did not come back")
    database = postgres._server_process(site.folder / "pg")
    queue_server = broker.server_process(site.folder / "broker")
    assert database is not None
    assert queue_server is not None
    database.kill()
    queue_server.kill()
    site.line("PostgreSQL ENDED")
    site.line("the broker had ENDED")
    eventually(lambda: _answers(site), "the site did not find its database again")
    up.kill()
    up.wait()
    eventually(lambda: site.processes() == [], "processes were left behind")


def _answers(site: Site) -> bool:
    try:
        return site.get("/readyz") == 200
    except OSError:
        return False


def refused(site: Site, **more: str) -> str:
    process = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=ROOT, env={**site.environ, **more}, capture_output=True, text=True,
        check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1, process.stderr
    return process.stderr.strip()


def test_a_port_in_use_is_one_line(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refused(site, WEB_PORT=port)
    assert line == f"CommandError: port {port} cannot be used (Address already in use); set WEB_PORT to a free port"
    assert site.processes() == []


@pytest.mark.failure("O1")
def test_live_keys_with_the_sandbox_are_one_line(site: Site) -> None:
    assert "(fly2any.E001) DUFFEL_ACCESS_TOKEN is a live key" in refused(site, DUFFEL_ACCESS_TOKEN="duffel_live_x")


def test_a_database_that_is_away_is_one_line(site: Site) -> None:
    assert "connection" in refused(site, DATABASE_URL=f"postgresql://me@127.0.0.1:{free_port()}/site")
    assert site.processes() == []


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this system does not share out by sessions")
def test_a_program_is_as_nice_as_whoever_started_it() -> None:
    """Each program leads a session; without its word a niceness would count within it alone."""
    start = ("import os, subprocess, sys; from fly2any.stack.children import dies_with_parent; os.nice(7);"
             "subprocess.run(['cat', '/proc/self/autogroup'], start_new_session='own' in sys.argv,"
             " preexec_fn=dies_with_parent(9))")
    told = {how: subprocess.run([sys.executable, "-c", start, how], cwd=ROOT, text=True, capture_output=True, check=True,
                                start_new_session=True).stdout.split()[-1] for how in ("own", "ours")}
    assert told == {"own": str(min(os.getpriority(os.PRIO_PROCESS, 0) + 7, 19)), "ours": "0"}, "ours stays as it was"
