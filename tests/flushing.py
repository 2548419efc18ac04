"""After a test that commits: only tables that hold rows are emptied, where Django truncates every one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

MANY = 1000
_kept: dict[str, str] = {}  # what Django's own flush leaves behind (permissions, content types): table and digest
_flush: Callable[[Any], None] = TransactionTestCase._fixture_teardown


def install() -> None:
    """Let every test that commits be followed by `leave_nothing`."""
    TransactionTestCase._fixture_teardown = leave_nothing


def leave_nothing(test: Any) -> None:
    """Bring the database to the state that Django's flush leaves: no rows but those of `post_migrate`.

    Like its TRUNCATE this waits for whoever still writes. Where the role may not pass over triggers (a database of
    the developer's own), and where a test touched what must stay, it is Django's flush.
    """
    if not (_kept and _emptied()):
        _flush(test)
        with connection.cursor() as cursor:
            _kept.update({table: _digest(cursor, table) for table in _filled(cursor)})


def _emptied() -> bool:
    """Empty the tables that must be empty.

    False when the rows that must stay are not what they were, and after many rows: deleted ones leave large files
    behind, which the planner of a later test would see; TRUNCATE does not.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        if cursor.fetchone() != ("on",):
            return False
        cursor.execute(f"LOCK TABLE {', '.join(_quoted(table) for table in _tables())} IN EXCLUSIVE MODE")
        filled = _filled(cursor)
        cursor.execute("SET LOCAL session_replication_role = replica")  # past foreign keys and append-only triggers
        gone = 0
        for table in filled - _kept.keys():
            cursor.execute(f"DELETE FROM {_quoted(table)}")
            gone += cursor.rowcount
        return gone < MANY and all(_digest(cursor, table) == digest for table, digest in _kept.items())


def _tables() -> list[str]:
    return connection.introspection.django_table_names(only_existing=False, include_views=False)


def _quoted(table: str) -> str:
    return connection.ops.quote_name(table)


def _filled(cursor: CursorWrapper) -> set[str]:
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {_quoted(table)})" for table in _tables()))
    return {table for (table,) in cursor.fetchall()}


def _digest(cursor: CursorWrapper, table: str) -> str:
    cursor.execute(f"SELECT md5(string_agg(one::text, '|' ORDER BY one::text)) FROM {_quoted(table)} one")
    return str(cursor.fetchone())
