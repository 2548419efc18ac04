"""Time that stands still until it is moved: PostgreSQL's clock as our code reads it, and this process's own.

Nothing but the walk lets time pass, so a walk that is repeated meets the same times. Two readings of the database's
clock are never equal (a microsecond apart): which came first is told by comparing, as in real life.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db import connection
from django.db.backends.signals import connection_created

_INSTALL = """
DROP SCHEMA IF EXISTS storm CASCADE;
CREATE SCHEMA storm;
CREATE UNLOGGED TABLE storm.clock (at timestamptz NOT NULL);
INSERT INTO storm.clock VALUES (pg_catalog.clock_timestamp());
CREATE SEQUENCE storm.tick;
CREATE FUNCTION storm.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$SELECT (SELECT at FROM storm.clock) + pg_catalog.nextval('storm.tick') * interval '1 microsecond'$$;
CREATE FUNCTION storm.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM storm.clock';
"""
# named before pg_catalog, so that `clock_timestamp()` means ours
_PATH = "SET search_path = storm, pg_catalog, public"
START = datetime(2031, 3, 3, 9, 0, tzinfo=UTC)  # a Monday; every walk begins here


class Clockwork:
    """`pass_by` moves both clocks; nothing that is stored changes."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.then: Callable[[], None] = lambda: None  # what happens outside as time goes on
        self._traveller = time_machine.travel(START, tick=False)

    def install(self) -> None:
        """Put our clock before PostgreSQL's own, on this connection and on every new one of this process."""
        with connection.cursor() as cursor:
            cursor.execute(_INSTALL)
            cursor.execute(_PATH)
        connection_created.connect(_set_path)
        self._process = self._traveller.start()
        self.restart()

    def remove(self) -> None:
        """Back to real time."""
        self._traveller.stop()
        connection_created.disconnect(_set_path)
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
            cursor.execute("DROP SCHEMA storm CASCADE")

    def restart(self) -> None:
        """Back to the first moment, for the next walk."""
        self.passed = timedelta()
        self._process.move_to(START, tick=False)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE storm.clock SET at = %s; SELECT setval('storm.tick', 1)", [START])

    def pass_by(self, time: timedelta) -> None:
        """Let `time` pass everywhere at once."""
        if time <= timedelta():
            return
        self.passed += time
        with connection.cursor() as cursor:
            cursor.execute("UPDATE storm.clock SET at = at + %s", [time])
        self._process.shift(time)
        self.then()


def _set_path(connection: Any, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PATH)
