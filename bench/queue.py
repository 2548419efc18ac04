"""The console's queue and its search at 100,000 cases and 1,000,000 bookings: the server's time for each page.

Rows are made by PostgreSQL itself; pages are asked for within one process, so a figure is Django, the database and the
drawing together, without the wire. Budget of issue 4: 50 ms.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BOOKINGS, CASES, OPEN = 1_000_000, 100_000, 5_000
ROUNDS, BUDGET_MS = 20, 50.0


@dataclass
class Timed:
    """A page: milliseconds of wall time (half and 95 per cent are faster), CPU of Django and of PostgreSQL, bytes.

    The wall time counts on a quiet machine only; CPU is what the page costs on any.
    """

    what: str
    django: float
    postgres: float
    p50: float
    p95: float
    queries: int
    size: int


def run(table: Any, results: dict[str, Any], quick: bool) -> None:
    """Measure in a process and a PostgreSQL of their own, in a fresh folder, and print."""
    from bench import stage

    folder = stage.FOLDER / "queue"
    shutil.rmtree(folder, ignore_errors=True)
    less = 10 if quick else 1
    place = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "ERROR",
             "BENCH_LESS": str(less)}
    done = subprocess.run([sys.executable, "-m", "bench.queue"], env=place, stdout=subprocess.PIPE, text=True, check=True,
                          cwd=Path(__file__).resolve().parent.parent)
    results["queue"] = found = [Timed(**one) for one in json.loads(done.stdout.splitlines()[-1])]
    for one in found:
        table.line(f"  {one.what:<46} p50 {one.p50:6.1f} ms  p95 {one.p95:6.1f} ms  CPU {one.django:5.1f} + "
                   f"{one.postgres:4.1f} ms in PostgreSQL  {one.queries:2d} queries  {one.size / 1024:6.1f} kB"
                   + ("" if one.p95 < BUDGET_MS or "export" in one.what else "  OVER 50 ms"))


def timed(what: str, ask: Callable[[], Any]) -> Timed:
    """One page, asked for ROUNDS times (a file: 3) after a first time that is not counted."""
    import psutil
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def whole() -> bytes:
        answer = ask()
        assert answer.status_code in (200, 302), (what, answer.status_code)
        return b"".join(answer.streaming_content) if answer.streaming else answer.content

    whole()
    spent, rounds = [], 3 if "export" in what else ROUNDS
    server = psutil.Process(connection.connection.info.backend_pid)
    own, theirs = time.process_time(), server.cpu_times()
    for _ in range(rounds):
        before = time.perf_counter()
        body = whole()
        spent.append(1000 * (time.perf_counter() - before))
    now = server.cpu_times()
    cpu = (1000 * (time.process_time() - own) / rounds,
           1000 * (now.user + now.system - theirs.user - theirs.system) / rounds)
    with CaptureQueriesContext(connection) as queries:
        whole()
    return Timed(what, *cpu, statistics.median(spent), sorted(spent)[int(0.95 * (rounds - 1))], len(queries), len(body))


def measure(state: str, client: Any, user: Any) -> list[Timed]:
    """Home, every tab, a page from the middle, choices and files."""
    from bookings.admin.queue import export, reading
    from bookings.admin.queue.asked import SHOWN, Asked, order_of
    from bookings.models import Case
    from fly2any.kernel import clock

    queue, home = "/admin/bookings/case/", "/admin/"
    found = [timed(f"{state}: home", lambda: client.get(home))]
    found += [timed(f"{state}: tab {name}", lambda name=name: client.get(queue, {"tab": name})) for name in SHOWN]
    asked = Asked(tab="open")
    keys = reading.keys(asked, user, clock.now(), CASES)
    place = reading.place_of(Case.objects.get(pk=keys[len(keys) * 9 // 10]), order_of(asked.shows))
    for way in ("after", "before"):
        found.append(timed(f"{state}: a deep page, {way}", lambda way=way: client.get(queue, {"tab": "open", way: place})))
    for choice in ({"owner": "me"}, {"severity": "4", "older": "24"}, {"supplier": "duffel"}):
        found.append(timed(f"{state}: {choice}", lambda choice=choice: client.get(queue, {"tab": "open", **choice})))
    for many in (1_000, 10_000):
        export.MOST = many
        found.append(timed(f"{state}: export of {min(many, len(keys)):,} (csv)", lambda: client.post(
            f"{queue}export/?tab=open", {"format": "csv", "key": "bench"})))
    return found


def main() -> None:
    """What the process of `run` does: a fresh database, rows, pages; figures as JSON on one line."""
    import django

    from fly2any.stack import postgres

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
    less = int(os.environ.get("BENCH_LESS", "1"))
    where = Path(os.environ["DATA_DIR"]) / "pg"
    postgres.ensure(where, die_with_parent=True, settings={"max_wal_size": "4GB", "shared_buffers": "256MB"})
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        logging.disable(logging.CRITICAL)
        print(json.dumps([asdict(one) for one in everything(BOOKINGS // less, CASES // less, OPEN // less)]))
    finally:
        postgres.stop(where)


def everything(bookings: int, cases: int, opened: int) -> list[Timed]:
    """Both states of the queue, and the search."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    from bookings.models import Case
    from tests.guard import test_queue_scale as rows

    user = User.objects.create_superuser("bench", password="x")
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    begun = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")  # for the filling
    rows.bookings(bookings)
    print(f"{bookings} bookings in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    found = []
    for state, many in ((f"{opened:,} of {cases:,} open", opened), (f"all {cases:,} open", cases)):
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM bookings_case")
            rows.cases(f"CASE WHEN n % 3 = 0 THEN {user.pk} END", opened=many, closed=cases - many)
            cursor.execute("UPDATE bookings_case c SET booking_id = b.id FROM bookings_booking b, "
                           "(SELECT min(id) AS first FROM bookings_booking) f, (SELECT min(id) AS first FROM bookings_case) k "
                           "WHERE c.id % 2 = 0 AND b.id = f.first + c.id - k.first + 1")
            cursor.execute("VACUUM ANALYZE bookings_case")
        assert Case.objects.filter(closed_at=None).count() == many
        found += measure(state, client, user)
    for name, word in rows.WORDS.items():
        found.append(timed(f"search by {name}: {word}", lambda word=word: client.get(
            "/admin/bookings/case/find/", {"q": word})))
    return found


if __name__ == "__main__":
    main()
