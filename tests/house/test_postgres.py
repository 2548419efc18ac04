"""The embedded PostgreSQL: it survives kills, stale lock files and second starts, also where root may not unshare."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from fly2any.stack import plain_user, postgres

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "pg"
    yield folder
    postgres.stop(folder)
    moved = plain_user.home(folder)
    if moved != folder:
        shutil.rmtree(moved, ignore_errors=True)


def server(folder: Path) -> psutil.Process:
    found = postgres._server_process(folder)
    assert found is not None
    return found


def rows(folder: Path) -> list[tuple[int]]:
    with psycopg.connect(postgres.url(folder)) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def write(folder: Path) -> None:
    with psycopg.connect(postgres.url(folder)) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")


def test_a_second_start_uses_the_first_ones_server(folder: Path) -> None:
    first = postgres.ensure(folder)
    pid = server(folder).pid
    second = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from pathlib import Path; from fly2any.stack import postgres; "
            f"print(postgres.ensure(Path({str(folder)!r})))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert second.stdout.strip() == first
    assert server(folder).pid == pid


@pytest.mark.failure("P10")
def test_four_first_starts_at_once_make_one_server(folder: Path) -> None:
    code = f"from pathlib import Path; from fly2any.stack import postgres; postgres.ensure(Path({str(folder)!r}))"
    starts = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) for _ in range(4)]
    assert [start.wait(60) for start in starts] == [0] * 4
    mine = [one for one in psutil.process_iter() if "-D" in _words(one) and f"{folder}/cluster" in _words(one)]
    assert len(mine) == 1


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.failure("P3")
def test_committed_rows_survive_a_kill_of_every_server_process(folder: Path) -> None:
    postgres.ensure(folder)
    write(folder)
    parent = server(folder)
    for process in [parent, *parent.children(recursive=True)]:
        process.kill()
    postgres.ensure(folder)
    assert rows(folder) == [(7,)]


def test_only_the_postmaster_killed_leaves_no_second_server_on_the_same_data(folder: Path) -> None:
    postgres.ensure(folder)
    write(folder)
    server(folder).kill()
    postgres.ensure(folder)
    assert rows(folder) == [(7,)]


def test_lock_files_whose_number_belongs_to_another_program_are_dropped(folder: Path) -> None:
    postgres.ensure(folder)
    write(folder)
    socket_lock = postgres.socket_dir(folder) / ".s.PGSQL.5432.lock"
    pid_file = folder / "cluster" / "postmaster.pid"
    kept = pid_file.read_text(), socket_lock.read_text()
    postgres.stop(folder)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        for path, text in zip((pid_file, socket_lock), kept, strict=True):
            path.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
        assert not postgres.running(folder)
        postgres.ensure(folder)
        assert rows(folder) == [(7,)]
        assert stranger.poll() is None  # and the stranger was left alone
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_does_not_touch_the_stranger_that_has_the_number(folder: Path) -> None:
    postgres.ensure(folder)
    postgres.stop(folder)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (folder / "cluster" / "postmaster.pid").write_text(f"{stranger.pid}\n")
        assert postgres.stop(folder) is False
        assert stranger.poll() is None
        (folder / "cluster" / "postmaster.pid").unlink()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_long_path_moves_the_socket_to_a_short_private_folder(tmp_path: Path) -> None:
    long = tmp_path / ("deep" * 30)
    sockets = postgres.socket_dir(long)
    assert len(str(sockets)) < 60
    postgres.ensure(long)
    try:
        assert postgres.running(long)
        assert sockets.stat().st_mode & 0o777 == 0o700
    finally:
        postgres.stop(long)
        shutil.rmtree(sockets)


def test_the_server_listens_on_no_port_and_keeps_utc(folder: Path) -> None:
    with psycopg.connect(postgres.ensure(folder)) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in ("listen_addresses", "timezone", "max_connections", "fsync", "server_encoding")
        }
    assert shown == {
        "listen_addresses": "",
        "timezone": "UTC",
        "max_connections": "200",
        "fsync": "on",
        "server_encoding": "UTF8",
    }


def test_it_dies_with_a_parent_that_was_killed(folder: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from fly2any.stack import postgres; "
        f"postgres.ensure(Path({str(folder)!r}), die_with_parent=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while postgres.running(folder):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.05)


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")
def test_root_without_namespaces_runs_it_as_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_user, "_namespaces_allowed", lambda *_: False)
    postgres.ensure(folder)
    write(folder)
    assert server(folder).username() == "nobody"
    assert postgres.stop(folder)
    monkeypatch.undo()  # the next start must find the moved data again, whatever is allowed by then
    postgres.ensure(folder)
    assert rows(folder) == [(7,)]


def test_no_binaries_is_one_clear_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(postgres.Path, "glob", lambda self, pattern: iter(()))
    monkeypatch.setattr(postgres.shutil, "which", lambda name: None)
    with pytest.raises(postgres.PostgresError, match="no PostgreSQL found: set DATABASE_URL") as caught:
        postgres.ensure(folder)
    assert "\n" not in str(caught.value)
