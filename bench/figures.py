"""The dashboard with a year of figures at 10,000 bookings a day: how fast it opens, and what collecting a day costs."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from bench import stage
from bookings.figures.buckets import bucket
from bookings.figures.collecting import DAY, HOUR, HOURS_KEPT, hour_of

PER_DAY = 10_000
DAYS = 760  # two years and a month: a year, and the year before to compare with
# how busy each hour of a UTC day is, of 24
_HOURS = [.45, .35, .3, .3, .35, .45, .6, .8, 1.0, 1.2, 1.3, 1.3, 1.35, 1.45, 1.5, 1.5, 1.45, 1.4, 1.35, 1.3, 1.2, 1.0, .8, .6]
_WEEK = [1.15, 1.1, 1.05, 1.0, .95, .8, .95]
CURRENCIES = {"USD": (.62, 64_200), "EUR": (.24, 51_800), "GBP": (.11, 43_900), "JPY": (.03, 88_000)}
CAUSES = {"sold_out": .3, "offer_expired": .25, "price_changed": .2, "supplier_timeout": .12, "passenger_rejected": .08,
          "supplier_down": .05}


@dataclass
class Cell:
    n: int = 0
    total: int = 0
    high: int = 0
    hist: Counter[int] | None = None


Cells = dict[tuple[str, str], Cell]


def hour_cells(rng: random.Random, bookings: float, trouble: float) -> Cells:
    """What one hour (or day) with about this many bookings looks like. `trouble`: 1 on an ordinary day."""
    found: Cells = defaultdict(Cell)
    done = max(0, round(rng.gauss(bookings, math.sqrt(bookings) + 0.01)))

    def put(metric: str, n: float, dim: str = "", total: float = 0) -> int:
        whole = max(0, round(n))
        if whole:
            found[metric, dim].n, found[metric, dim].total = whole, round(total)
        return whole

    def spread(metric: str, n: int, middle: float, wide: float, dim: str = "") -> None:
        if n <= 0:
            return
        drawn = min(n, 40)  # as many are drawn; each stands for its share
        times = [rng.lognormvariate(math.log(middle), wide) for _ in range(drawn)]
        hist: Counter[int] = Counter()
        for place, value in enumerate(times):
            hist[bucket(value)] += n // drawn + (place < n % drawn)
        found[metric, dim] = Cell(n, round(sum(times) / drawn * n), 0, hist)

    reached = round(done / rng.gauss(.62, .015))
    started = put("booking.started", reached * 1.45)
    put("booking.reached", reached)
    put("booking.completed", done)
    searches = put("search.made", done / rng.gauss(.036, .001))
    put("search.seen", searches * .91)
    put("search.asked", searches, "duffel")
    failed = put("search.failed", searches * .008 * trouble, "duffel:supplier_timeout")
    put("search.failed", searches * .002 * trouble, "duffel:supplier_down")
    spread("search.time", searches - failed, 2300 * (1 + .15 * (trouble - 1)), .45, "duffel")
    declines, authorised = done * .037 * trouble, done * 1.01
    tried = put("payment.tried", authorised + declines * .6)
    put("payment.authorised", min(authorised, tried))
    put("payment.declines", declines)
    put("payment.attempts", authorised + declines)
    put("payment.secured", tried * rng.gauss(.142, .01))
    spread("payment.time", round(authorised * .82), 1250, .38)
    for currency, (share, mean) in CURRENCIES.items():
        n = put("money.captured", done * share, currency)
        if n:
            found["money.captured", currency].total = round(n * rng.gauss(mean, mean * .2 / math.sqrt(n)))
        back = put("money.refunded", done * share * .06, currency)
        if back:
            found["money.refunded", currency].total = round(back * mean * .8)
    put("order.asked", done * 1.03, "duffel")
    for code, share in CAUSES.items():
        put("order.failed", done * .022 * share * trouble + rng.random() * .6 - .3, f"duffel:{code}")
    for vendor, calls, middle in (("duffel", 3.4, 900), ("stripe", 3.1, 310)):
        n = put("call.made", done * calls, vendor)
        spread("call.time", n, middle, .6, vendor)
    put("call.failed", done * .004 * trouble, "duffel:create_order")
    for sender, each in (("stripe", 4), ("duffel", 2)):
        came = put("webhook.came", done * each, sender)
        put("webhook.late", came * .003 * trouble, sender)
        spread("webhook.time", came, 1400, .7, sender)
    put("webhook.refused", rng.random() * .55, "stripe:bad_signature")
    opened = {str(one): put("case.opened", done * .003 * share * trouble, str(one)) for one, share in
              ((1, .1), (2, .35), (3, .4), (4, .15))}
    closed = put("case.closed", sum(opened.values()))
    healed = put("case.healed", closed * .64)
    spread("case.time", closed - healed, 41_000 * 12, .8)
    put("web.5xx", rng.random() * .4 * bookings / 417 * trouble ** 2, "500")
    put("web.5xx", rng.random() * .2 * bookings / 417 * trouble, "503")
    put("db.error", rng.random() * .05 * bookings / 417 * trouble, "OperationalError")
    return dict(found) if started else {}


def level_cells(rng: random.Random, busy: float) -> Cells:
    """How things stood in an hour."""
    cases = {str(one): max(0, round(rng.gauss(mean * busy, 1))) for one, mean in ((1, .8), (2, 6), (3, 9), (4, 4))}
    lag, due = max(0, round(rng.expovariate(1 / 4))), round(rng.gauss(30, 4))
    found = {("level.cases", ""): Cell(sum(cases.values()), 0, sum(cases.values()) + 3),
             ("level.oldest", ""): Cell(round(rng.gauss(170_000, 30_000)), 0, 200_000),
             ("level.queue", ""): Cell(lag, 0, lag + rng.randint(0, 15)),
             ("level.refunds", ""): Cell(due, 0, due + 5), ("level.balance", "duffel:USD"): Cell(
                 1, round(rng.gauss(24_000_000, 3_000_000)), 1),
             ("level.refunds", "USD"): Cell(round(due * .7), round(due * .7) * 51_000, due),
             ("level.refunds", "EUR"): Cell(due - round(due * .7), (due - round(due * .7)) * 39_000, due)}
    return {**found, **{("level.cases", one): Cell(n, 0, n) for one, n in cases.items()}}


def _add(into: Cells, cells: Cells) -> None:
    for (metric, dim), cell in cells.items():
        there = into.setdefault((metric, dim), Cell(hist=Counter() if cell.hist else None))
        there.high = max(there.high, cell.high)
        if not metric.startswith("level."):
            there.n, there.total = there.n + cell.n, there.total + cell.total
        if cell.hist:
            assert there.hist is not None
            there.hist.update(cell.hist)


def story(now: datetime, *, days: int = DAYS, per_day: int = PER_DAY, seed: int = 7) -> Iterator[
        tuple[str, datetime, str, str, int, int, int, str | None]]:
    """Rows of the table of figures: hours as long as they are kept, days and months beyond; the present hour is last."""
    rng = random.Random(seed)
    here = hour_of(now)
    months: dict[datetime, Cells] = defaultdict(dict)
    for back in range(days - 1, -1, -1):
        day = here.replace(hour=0) - DAY * back
        growth = 1 - .35 * back / DAYS
        bookings = per_day * growth * _WEEK[day.weekday()] * (1 + .12 * math.sin(day.timetuple().tm_yday / 58)) / 1.0
        trouble = 3.2 if rng.random() < .02 else rng.gauss(1, .08)
        whole: Cells = {}
        if day > here - HOURS_KEPT:
            for hour in range(24 if back else here.hour + 1):
                at = day + HOUR * hour
                cells = {**hour_cells(rng, bookings * _HOURS[hour] / 24, trouble), **level_cells(rng, growth)}
                yield from _rows("h", at, cells)
                _add(whole, cells)
        else:
            _add(whole, {**hour_cells(rng, bookings, trouble), **level_cells(rng, growth)})
        yield from _rows("d", day, whole)
        _add(months[day.replace(day=1)], whole)
    for month, cells in months.items():
        yield from _rows("m", month, cells)


def _rows(grain: str, at: datetime, cells: Cells) -> Iterator[tuple[str, datetime, str, str, int, int, int, str | None]]:
    for (metric, dim), cell in cells.items():
        hist = "{" + ",".join(f'"{place}": {n}' for place, n in cell.hist.items()) + "}" if cell.hist else None
        yield grain, at, metric, dim, cell.n, cell.total, cell.high, hist


def fill(now: datetime, **how: Any) -> int:
    """Replace every figure by a made-up story that ends now, in one commit: a site may be counting. Returns how many."""
    connection.ensure_connection()
    many = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE bookings_figure")
        with cursor.connection.cursor() as raw, raw.copy("COPY bookings_figure (grain, at, metric, dim, n, total, high, "
                                                         "hist) FROM STDIN") as copy:
            for row in story(now, **how):
                copy.write_row(row)
                many += 1
        cursor.execute("ANALYZE bookings_figure")
        cursor.execute("INSERT INTO bookings_heartbeat (name, beat_at, note) VALUES ('figures.until', %s, %s) "
                       "ON CONFLICT (name) DO UPDATE SET beat_at = EXCLUDED.beat_at, note = EXCLUDED.note",
                       [hour_of(now), f'{{"counted": "{now.astimezone(UTC).isoformat()}", "caught_up": true}}'])
    return many


def timed(what: Any, times: int) -> list[float]:
    """Milliseconds of each of some calls, after one that does not count."""
    what()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        what()
        found.append((time.perf_counter() - started) * 1000)
    return found




# --- the measurements -------------------------------------------------------------------------------------------------

PERIODS = ("today", "7d", "30d", "12m")
_COPIES = """INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object({what}))).*
FROM {table} one, generate_series(1, %(many)s) AS n WHERE one.id = %(pattern)s"""
_SPREAD = "%(day)s::timestamptz + (n::float8 / %(many)s) * interval '1 day'"


def copies(table: str, pattern: Any, many: int, day: datetime, **what: str) -> None:
    """Put `many` copies of the row `pattern` into a table, spread over a day, with these columns as SQL of n."""
    pairs = ", ".join(f"'{column}', {sql}" for column, sql in what.items())
    with connection.cursor() as cursor:
        cursor.execute(_COPIES.format(table=table, what=pairs), {"many": many, "pattern": pattern, "day": day})


def busy_day(day: datetime, first: int, per_day: int = PER_DAY) -> None:
    """The rows of one day with that many bookings paid: searches, drafts, payments, calls and messages. Ids from `first`."""
    from bookings.models import CallRecord
    from tests.console import rows
    from tests.figures import history

    made = rows.booking(created_at=day, wished_at=day)
    order, paid = rows.order(made, asked_at=day), None
    paid = rows.payment(made, asked_at=day, captured_at=day)
    call = made.calls.get(kind="create_order")
    record = CallRecord.objects.create(booking=made, step="create_order", subject="order:1", at=day, vendor="duffel",
                                       method="POST", path="/air/orders", status=201, milliseconds=700, outcome="ok")
    search = history.search(day, duffel={"state": "done", "offers": 90, "code": "", "ms": 2100})
    ours, theirs = history.gateway_event(day, day, booking=made), history.supplier_event(day, day, booking=made)
    started, searches = round(per_day * 2.3), per_day * 28
    key = f"{first} + n"
    copies("suppliers_search", search.pk, searches, day, id="gen_random_uuid()", created_at=_SPREAD)
    copies("suppliers_offer", made.offer_id, started, day, id="gen_random_uuid()", external_id=f"'off_b' || {key}",
           search_id="null", searched="'{}'::jsonb")
    copies("bookings_booking", made.pk, started, day, id=key, public_id="gen_random_uuid()", reference=f"'B' || {key}",
           created_at=_SPREAD, offer_external_id=f"'off_b' || {key}")
    copies("suppliers_supplierorder", order.pk, per_day, day, id=key, booking_id=key, external_id=f"'ord_b' || {key}",
           offer_external_id=f"'off_b' || {key}", asked_at=_SPREAD)
    copies("payments_payment", paid.pk, per_day, day, id=key, booking_id=key, order_id=key,
           external_id=f"'pi_b' || {key}", asked_at=_SPREAD, authorised_at=f"{_SPREAD} + (n %% 40) * interval '100 ms'",
           captured_at=f"{_SPREAD} + interval '5 s'", secured="n %% 7 = 0")
    copies("bookings_externalcall", call.pk, per_day, day, id=key, booking_id=key, subject=f"'order:b' || {key}",
           asked_at=_SPREAD)
    copies("bookings_callrecord", record.pk, per_day * 7, day, id=f"{first} * 10 + n", at=_SPREAD,
           milliseconds="100 + n %% 3000")
    for table, event, each in (("payments_gatewayevent", ours, 4), ("suppliers_supplierevent", theirs, 2)):
        copies(table, event.pk, per_day * each, day, id=f"{first} * 10 + n", event_id=f"'evt_b{first}_' || n",
               received_at=_SPREAD, made_at=f"{_SPREAD} - interval '1 second'")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO bookings_seen (subject, step, at) SELECT id, 'results', created_at FROM "
                       "suppliers_search WHERE created_at >= %s AND created_at < %s ON CONFLICT DO NOTHING", [day, day + DAY])
        cursor.execute("INSERT INTO bookings_seen (subject, step, at) SELECT public_id, 'payment', created_at FROM "
                       "bookings_booking WHERE created_at >= %s AND created_at < %s AND id %% 3 > 0 "
                       "ON CONFLICT DO NOTHING", [day, day + DAY])


def opening(times: int) -> dict[str, dict[str, float]]:
    """How long the server takes for the dashboard of each period: wall and CPU milliseconds, queries, kB compressed."""
    import gzip

    from django.contrib.auth.models import User
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from bench.stage import percentile

    client, found = Client(headers={"host": "127.0.0.1"}), {}
    client.force_login(User.objects.create_superuser("bench", "bench@example.com", "bench"))
    for period in PERIODS:
        address = f"/admin/dashboard/?period={period}"
        with CaptureQueriesContext(connection) as queries:
            body = client.get(address).content
        asked = len(queries)  # the next request empties the log
        before = time.process_time()
        wall = timed(lambda address=address: client.get(address), times)  # type: ignore[misc]
        cpu = 1000 * (time.process_time() - before) / (times + 1)
        found[period] = {"p50": percentile(wall, .5), "p95": percentile(wall, .95), "cpu": cpu, "queries": asked,
                         "kb": len(gzip.compress(body, 6)) / 1024}
    return found


def collecting(day: datetime) -> dict[str, float]:
    """Seconds that counting a busy day takes, hour by hour, and the slowest minute's round."""
    from bookings.figures.collecting import collect, count_hour

    started = time.perf_counter()
    hours = []
    for hour in range(24):
        before = time.perf_counter()
        count_hour(day + HOUR * hour)
        hours.append(time.perf_counter() - before)
    whole = time.perf_counter() - started
    before = time.perf_counter()
    collect(day + DAY - HOUR / 60)
    return {"day": whole, "slowest_hour": max(hours), "round": time.perf_counter() - before}


def measure(quick: bool) -> dict[str, Any]:
    """Both measurements, in this process and its own database."""
    from fly2any.kernel import clock

    now = clock.now()
    rows = fill(now)
    found: dict[str, Any] = {"rows": rows, "opening": opening(5 if quick else 40)}
    day = hour_of(now).replace(hour=0)
    for number in (3, 2, 1):
        busy_day(day - DAY * number, 1_000_000 * number, PER_DAY // (4 if quick else 1))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {**found, "collecting": collecting(day - DAY * 2), "bookings": PER_DAY // (4 if quick else 1)}


def run(table: Any, results: dict[str, Any], quick: bool) -> None:
    """Measure in a process and a PostgreSQL of their own, and print."""
    folder = stage.FOLDER / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    place = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "ERROR",
             "DJANGO_SETTINGS_MODULE": "fly2any.settings"}
    start = "import django; django.setup(); from bench import figures; figures.main()"
    done = subprocess.run([sys.executable, "-c", start, *(["quick"] if quick else [])], env=place, text=True,
                          stdout=subprocess.PIPE, check=True, cwd=Path(__file__).resolve().parent.parent)
    found = results["dashboard"] = json.loads(done.stdout.splitlines()[-1])
    for period, one in found["opening"].items():
        table.line(f"  dashboard, {period:<5} of {found['rows']:,} figures: p50 {one['p50']:6.1f} ms  p95 {one['p95']:6.1f} ms  "
                   f"CPU {one['cpu']:5.1f} ms  {one['queries']} queries  {one['kb']:.0f} KB gz  budget 300 ms")
    one = found["collecting"]
    table.line(f"  counting a day of {found['bookings']:,} bookings: {one['day']:.1f} s, slowest hour "
               f"{1000 * one['slowest_hour']:.0f} ms, the round of each minute {1000 * one['round']:.0f} ms")


def main() -> None:
    """What the process of `run` does: a fresh database, the figures, the rows; the last line is the findings as JSON."""
    from django.core.management import call_command

    from fly2any.stack import postgres

    folder = Path(os.environ["DATA_DIR"]) / "pg"
    postgres.ensure(folder, die_with_parent=True)
    try:
        call_command("migrate", verbosity=0)
        print(json.dumps(measure("quick" in sys.argv)))
    finally:
        postgres.stop(folder)
