"""The whole world as it is now, kept and brought back: our tables, the sandbox, and the time of both.

Faults of one piece of a journey all begin in the same world; bringing it back costs milliseconds, playing the journey
up to there seconds. Rows are copied as PostgreSQL writes them, past triggers and foreign keys.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from suppliers import breaker
from tests.sandbox.process import Sandbox

MANY = 150  # copies brought back until dead rows are cleared away
_brought_back = 0


@dataclass(frozen=True)
class Copy:
    """A world to come back to. `rows` by table, as COPY writes them."""

    rows: dict[str, bytes]
    number: int  # the sandbox's own copy
    at: float

    @classmethod
    def take(cls, sandbox: Sandbox) -> Copy:
        """Keep everything as it is."""
        with connection.cursor() as cursor:
            rows = {table: _read(cursor, table) for table in sorted(_filled(cursor))}
        return cls(rows, sandbox.http.post("/_copies").json()["number"], time.time())

    def bring_back(self, sandbox: Sandbox) -> None:
        """Be there again, at the same time of day."""
        global _brought_back
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            _delete_all(cursor)
            for table, rows in self.rows.items():
                with cursor.cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(rows)
            cursor.execute("UPDATE storm.shift SET by = by - make_interval(secs => %s)", [time.time() - self.at])
        sandbox.http.post("/_copies", json={"number": self.number}).raise_for_status()
        breaker.reset()
        _brought_back += 1
        if _brought_back % MANY == 0:
            with connection.cursor() as cursor:
                cursor.execute(f"VACUUM {', '.join(sorted(self.rows))}")


def empty() -> None:
    """No rows but those of the migrations, and real time."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        _delete_all(cursor)
        cursor.execute("INSERT INTO storm.shift VALUES (interval '0')")


def _delete_all(cursor: CursorWrapper) -> None:
    cursor.execute("SET LOCAL session_replication_role = replica")  # past foreign keys and append-only triggers
    for table in _filled(cursor) | {"storm.shift"}:
        cursor.execute(f"DELETE FROM {table}")


def _read(cursor: CursorWrapper, table: str) -> bytes:
    with cursor.cursor.copy(f"COPY {table} TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


def _filled(cursor: CursorWrapper) -> set[str]:
    cursor.execute(_statement())
    return {table for (table,) in cursor.fetchall()}


def _statement() -> str:
    """Which tables hold rows; what migrations write and nobody changes is left alone."""
    fixed = {"django_content_type", "django_migrations", "auth_permission", "auth_group", "auth_group_permissions",
             "django_site"}
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - fixed
    assert User._meta.db_table in tables
    return " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})"
                              for table in [*sorted(tables), "storm.shift"])
