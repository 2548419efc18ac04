"""Time that can be moved: PostgreSQL's clock, as our code reads it, and the sandbox's clock go on together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

from tests.sandbox.process import Sandbox

_INSTALL = """
CREATE SCHEMA IF NOT EXISTS storm;
CREATE TABLE IF NOT EXISTS storm.shift (by interval NOT NULL);
TRUNCATE storm.shift;
INSERT INTO storm.shift VALUES (interval '0');
CREATE OR REPLACE FUNCTION storm.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + (SELECT by FROM storm.shift)';
CREATE OR REPLACE FUNCTION storm.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.statement_timestamp() + (SELECT by FROM storm.shift)';
"""
# named before pg_catalog, so that `clock_timestamp()` means ours
_PATH = "SET search_path = storm, pg_catalog, public"


class Clockwork:
    """`pass_by` moves both clocks; nothing that is stored changes."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.passed = sandbox, timedelta()

    def install(self) -> None:
        """Put our clock before PostgreSQL's own, on this connection and on every new one of this process."""
        with connection.cursor() as cursor:
            cursor.execute(_INSTALL)
            cursor.execute(_PATH)
        connection_created.connect(_set_path)

    def remove(self) -> None:
        """Back to real time."""
        connection_created.disconnect(_set_path)
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
            cursor.execute("DROP SCHEMA storm CASCADE")
        self.sandbox.http.post("/_clock", json={"reset": True})

    def pass_by(self, time: timedelta) -> None:
        """Let `time` pass everywhere at once."""
        if time <= timedelta():
            return
        self.passed += time
        self.sandbox.advance(time.total_seconds())
        with connection.cursor() as cursor:
            cursor.execute("UPDATE storm.shift SET by = by + %s", [time])


def _set_path(connection: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PATH)
