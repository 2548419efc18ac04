"""What PostgreSQL itself can do here and now: the minimal SQL of a booking, of a webhook and of a status poll."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psycopg

from fly2any.stack import plain_user, postgres

SECONDS = 3
CLIENTS = 8
TABLES = """
CREATE TABLE IF NOT EXISTS raw_booking (id bigserial PRIMARY KEY, reference text UNIQUE, principal text, status text,
    total bigint, due_at timestamptz, detail jsonb);
CREATE TABLE IF NOT EXISTS raw_claim (id bigserial PRIMARY KEY, offer_key text UNIQUE, booking bigint);
CREATE TABLE IF NOT EXISTS raw_passenger (id bigserial PRIMARY KEY, booking bigint, position int, name text,
    UNIQUE (booking, position));
CREATE TABLE IF NOT EXISTS raw_segment (id bigserial PRIMARY KEY, booking bigint, position int, flight text,
    UNIQUE (booking, position));
CREATE TABLE IF NOT EXISTS raw_diary (id bigserial PRIMARY KEY, booking bigint, at timestamptz, event text);
CREATE TABLE IF NOT EXISTS raw_event (id bigserial PRIMARY KEY, provider text, event_id text, kind text,
    received_at timestamptz, UNIQUE (provider, event_id));
"""
BOOKING = [
    ("INSERT INTO raw_booking (reference, principal, status, total, due_at, detail) VALUES"
     " (gen_random_uuid()::text, 'guest:raw', 'PENDING', 59999, now(), '{}') RETURNING id"),
    "INSERT INTO raw_claim (offer_key, booking) VALUES (gen_random_uuid()::text, %(id)s), "
    "(gen_random_uuid()::text, %(id)s)",
    "INSERT INTO raw_passenger (booking, position, name) VALUES (%(id)s, 0, 'Ada Lovelace')",
    "INSERT INTO raw_segment (booking, position, flight) VALUES (%(id)s, 0, 'ZZ1'), (%(id)s, 1, 'ZZ2')",
    "INSERT INTO raw_diary (booking, at, event) VALUES (%(id)s, now(), 'wish.written')",
]
WEBHOOK = ("INSERT INTO raw_event (provider, event_id, kind, received_at) VALUES"
           " ('stripe', gen_random_uuid()::text, 'payment.changed', now()) ON CONFLICT DO NOTHING")
STATUS = "SELECT status, total FROM raw_booking WHERE reference = '{}' AND principal = 'guest:raw'"


def prepare(url: str) -> None:
    """Make the tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)


def in_postgres(url: str, data_dir: Path, what: str) -> float | None:
    """Transactions a second with 8 clients of pgbench, which cost next to nothing; None without pgbench."""
    reference = _a_reference(url)
    script = {
        "booking": "\n".join(["BEGIN;", f"{BOOKING[0]} \\gset", *(
            line.replace("%(id)s", ":id") + ";" for line in BOOKING[1:]), "COMMIT;"]),
        "webhook": f"{WEBHOOK};", "status": f"{STATUS.format(reference)};"}[what]
    user = plain_user.settle(data_dir)
    program = postgres.programs() / "pgbench"
    if not program.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        path.chmod(0o644)
        Path(folder).chmod(0o755)
        done = subprocess.run(
            [*user.prefix, str(program), "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(SECONDS), "-f", str(path), url],
            capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    return float(found.group(1)) if found else None


def through_psycopg(url: str, what: str) -> float:
    """Transactions a second with 8 clients in two processes of psycopg: what Python can do without Django."""
    reference = _a_reference(url)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        return sum(pool.map(_python_clients, [url] * 2, [what] * 2, [reference] * 2))


def _a_reference(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT reference FROM raw_booking LIMIT 1").fetchone()
        if row is None:
            connection.execute(BOOKING[0])
            row = connection.execute("SELECT reference FROM raw_booking LIMIT 1").fetchone()
    assert row is not None
    return str(row[0])


def _python_clients(url: str, what: str, reference: str) -> float:
    """Four threads of one process; returns transactions a second."""
    from threading import Thread

    done = [0] * 4
    end = time.monotonic() + SECONDS

    def client(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection, contextlib.ExitStack():
            while time.monotonic() < end:
                if what == "booking":
                    with connection.transaction():
                        row = connection.execute(BOOKING[0]).fetchone()
                        assert row is not None
                        for line in BOOKING[1:]:
                            connection.execute(line, {"id": row[0]})
                else:
                    connection.execute(WEBHOOK if what == "webhook" else STATUS.format(reference))
                done[number] += 1

    threads = [Thread(target=client, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS
