"""Dumps of a database and what they are restored into, by PostgreSQL's own programs. Passwords go by environment."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from fly2any.stack import postgres

Settings = Mapping[str, Any]  # one entry of Django's DATABASES
_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "channel_binding")
_LOCK_WAIT = "10s"


class DumpError(Exception):
    """A dump could not be made, read or restored; the message is one line."""


def make(database: Settings, file: Path, age: str = "") -> None:
    """Dump everything into `file` (custom format), through `age` to this recipient when one is named.

    The file appears whole or not at all. Raises DumpError.
    """
    draft = file.with_name(f"{file.name}.part")
    command = [_program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges",
               f"--lock-wait-timeout={_LOCK_WAIT}"]
    if age:  # what pg_dump is not told to write to a file goes through the pipe ("-" would be a file's name)
        _sealed(command, database, age, draft)
    else:
        draft.touch(mode=0o600)
        _run([*command, "--file", str(draft)], database)
    with draft.open("rb") as written:
        os.fsync(written.fileno())
    draft.rename(file)


def restore(file: Path, database: Settings, identity: Path | None = None, jobs: int = 2) -> None:
    """Restore a dump into an empty database, all or nothing to be used. Raises DumpError at the first error."""
    command = [_program("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error",
               "--dbname", str(database["NAME"])]
    if identity is None:
        _run([*command, f"--jobs={jobs}", str(file)], database)
        return
    opened = [_program("age"), "--decrypt", "--identity", str(identity), str(file)]
    refused: DumpError | None = None
    with subprocess.Popen(opened, stdout=subprocess.PIPE) as opening:  # noqa: S603
        try:
            _run(command, database, stdin=opening.stdout)
        except DumpError as error:
            refused = error  # perhaps because age gave it nothing
    if opening.returncode > 0:  # less: it was cut off, because pg_restore had ended
        raise DumpError("age cannot open the dump with this identity")
    if refused is not None:
        raise refused


def create(database: Settings) -> None:
    """An empty database of that name beside the others of its server. Raises psycopg errors."""
    with _server(database) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(
            sql.Identifier(str(database["NAME"]))))


def drop(database: Settings) -> None:
    """Drop it, cutting off whoever is connected."""
    with _server(database) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
            sql.Identifier(str(database["NAME"]))))


def url(database: Settings) -> str:
    """The address of this database for a program of ours, without its password (PGPASSWORD carries it)."""
    more = "".join(f"&{name}={database['OPTIONS'][name]}" for name in _OPTIONS if name in database["OPTIONS"])
    return (f"postgresql:///{database['NAME']}?host={database['HOST']}&port={database['PORT']}"
            f"&user={database['USER']}{more}")


def environ(database: Settings) -> dict[str, str]:
    """The environment in which libpq's programs find this server and database."""
    named = {"PGHOST": database["HOST"], "PGPORT": database["PORT"], "PGUSER": database["USER"],
             "PGPASSWORD": database["PASSWORD"], "PGDATABASE": database["NAME"]}
    tls = {f"PG{name.replace('_', '').upper()}": database["OPTIONS"].get(name, "") for name in _OPTIONS}
    tls["PGCHANNELBINDING"] = database["OPTIONS"].get("channel_binding", "")
    return {**os.environ, **{name: str(value) for name, value in {**named, **tls}.items() if value}}


def _server(database: Settings) -> psycopg.Connection[Any]:
    named = {"host": database["HOST"], "port": database["PORT"], "user": database["USER"],
             "password": database["PASSWORD"]}
    tls = {name: database["OPTIONS"][name] for name in _OPTIONS if name in database["OPTIONS"]}
    return psycopg.connect(dbname="postgres", autocommit=True, connect_timeout=3,
                           **{name: value for name, value in {**named, **tls}.items() if value})


def _program(name: str) -> str:
    """PostgreSQL's own from beside the server's where they lie here, else from PATH. Raises DumpError."""
    try:
        beside = postgres.programs() / name
    except postgres.PostgresError:
        beside = Path(name)
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        raise DumpError(f"{name} is not installed")
    return found


def _run(command: list[str], database: Settings, stdin: Any = subprocess.DEVNULL) -> None:
    done = subprocess.run(  # noqa: S603
        command, env=environ(database), stdin=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DumpError(f"{Path(command[0]).name}: {(done.stderr.strip() or 'failed').splitlines()[0]}")


def _sealed(command: list[str], database: Settings, age: str, draft: Path) -> None:
    sealing = [_program("age"), "--recipient", age, "--output", str(draft)]
    with subprocess.Popen(command, env=environ(database), stdout=subprocess.PIPE) as dumping:  # noqa: S603
        sealed = subprocess.run(sealing, stdin=dumping.stdout, check=False)  # noqa: S603
    if dumping.returncode or sealed.returncode:
        draft.unlink(missing_ok=True)
        raise DumpError("pg_dump or age failed; nothing was kept")
