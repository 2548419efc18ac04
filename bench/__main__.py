"""`python -m bench [--quick]`: measure everything and print it beside the raw SQL limit of the same run."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict, is_dataclass
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")


PARTS = ["raw", "intake", "webhooks", "status", "cost", "confirmed", "places", "results", "pages", "bundles", "queue",
         "dashboard"]
Results = dict[str, Any]


def main() -> int:
    """Run the measurements that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the work: for a first look")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="these parts alone")
    parser.add_argument("--statements", action="store_true", help="list the statements of one booking")
    asked = parser.parse_args()
    import django

    django.setup()
    from bench import stage

    table, results = Table(), {"cores": stage.CORES, "load_before": os.getloadavg()[0]}
    table.line(f"bench: {stage.CORES} cores, load {os.getloadavg()[0]:.1f} before the start")
    if set(asked.only) & {"raw", "intake", "webhooks", "status"}:
        doors(asked, table, results)
    if set(asked.only) & {"cost", "confirmed"}:
        sagas(asked, table, results)
    if "results" in asked.only:
        listing(table, results)
    if "places" in asked.only:
        letters(asked, table, results)
    if "pages" in asked.only:
        from bench import pages

        pages.run(table, results, asked.quick)
    if "bundles" in asked.only:
        from bench import bundles

        bundles.run(table, results, asked.quick)
    if "dashboard" in asked.only:
        from bench import figures

        figures.run(table, results, asked.quick)
    if "queue" in asked.only:
        from bench import queue

        queue.run(table, results, asked.quick)
    results["load_after"] = os.getloadavg()[0]
    stage.FOLDER.mkdir(parents=True, exist_ok=True)
    path = stage.FOLDER / "last.json"
    path.write_text(json.dumps(results, default=lambda one: asdict(one) if is_dataclass(one) else str(one), indent=1))
    table.line(f"load {os.getloadavg()[0]:.1f} at the end; all figures in {path}")
    return 0


def listing(table: Table, results: Results) -> None:
    """The page of results with 500 offers."""
    from bench import results as page
    from bench import stage

    shutil.rmtree(stage.FOLDER / "results", ignore_errors=True)
    results["results"] = found = page.run(stage.FOLDER / "results")
    for one in found:
        table.line(f"  results of {page.OFFERS} offers, {one.what:<21} p50 {one.p50:6.1f} ms  p95 {one.p95:6.1f} ms CPU  "
                   f"{one.packed / 1024:5.1f} KB gz ({one.raw / 1024:.0f} KB)  {one.queries} queries, {one.cards} trips"
                   f"  budget 300 ms, 100 KB")


def doors(asked: argparse.Namespace, table: Table, results: Results) -> None:
    """What the doors take while nobody drives, and what PostgreSQL could."""
    from bench import booking, raw, stage, webhooks

    less = 4 if asked.quick else 1
    with stage.stage("doors", workers=2, threads=8, every=None) as stack:
        raw.prepare(stack.database_url)
        for what in ("booking", "webhook", "status") if "raw" in asked.only else ():
            found = results[f"raw_{what}"] = (raw.in_postgres(stack.database_url, stack.folder / "pg", what),
                                              raw.through_psycopg(stack.database_url, what))
            table.limits(what, *found)
        guest, reference = _one_open_booking(stack)
        stack.kill("worker")
        for clients in (1, 8, 32) if "intake" in asked.only else ():
            taken = results[f"intake_{clients}"] = booking.intake(
                stack, (1000 if clients > 1 else 300) // less, clients)
            table.rate(f"POST /api/bookings, respond-async, {_clients(clients)}", taken, "200" if clients == 8 else "")
        if "webhooks" in asked.only:
            results["webhooks"] = webhooks.measure(stack, webhooks.sleeping_bookings(stack, reference, 4000 // less))
            table.webhook(results["webhooks"])
        if "status" in asked.only:
            results["status"] = booking.status_polls(stack, guest, reference, 6000 // less, 8)
            table.rate("status poll with ETag, 8 clients", results["status"], "1000")


def sagas(asked: argparse.Namespace, table: Table, results: Results) -> None:
    """Whole bookings with everything running: what one costs, and how many a second."""
    from bench import booking, stage

    less = 4 if asked.quick else 1
    with stage.stage("sagas", workers=2, threads=8, every=10.0) as stack:
        if "cost" in asked.only:
            results["cost"] = booking.cost(stack, 80 // less)
            table.cost(results["cost"], asked.statements)
        for clients, number in ((1, 24), (8, 96), (32, 160)) if "confirmed" in asked.only else ():
            payable, whole = booking.confirmed(stack, number // less, clients)
            results[f"confirmed_{clients}"] = {"payable": payable, "whole": whole}
            table.rate(f"booked and payable, {_clients(clients)}", payable)
            table.rate(f"confirmed, {_clients(clients)}", whole)


def letters(asked: argparse.Namespace, table: Table, results: Results) -> None:
    """Airport suggestions while 8 people type."""
    from bench import places, stage

    with stage.stage("places", workers=2, threads=8, every=None) as stack:
        for what, paths in places.kinds(4000 // (4 if asked.quick else 1)).items():
            found = results[f"places_{what}"] = places.measure(stack, paths)
            table.rate(f"GET /api/places, {what}, 8 clients", found, "p95 100 ms")


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"


def _one_open_booking(stack: Any) -> tuple[Any, str]:
    """A customer whose card can be used now."""
    from tests.customer import Customer, Market

    customer = Customer(stack)
    customer.book(Market(stack).offer(customer.guest))
    customer.intent()
    stack.settled()
    return customer.guest, customer.reference


class Table:
    """Prints one line per figure, at once."""

    def line(self, text: str) -> None:
        print(text, flush=True)

    def limits(self, what: str, postgres: float | None, psycopg: float) -> None:
        """The raw SQL limits."""
        by = f"{postgres:8.0f}/s in PostgreSQL (pgbench)" if postgres else "   no pgbench"
        self.line(f"  raw SQL of a {what:<8} {by}, {psycopg:8.0f}/s through psycopg, 8 clients")

    def rate(self, what: str, found: Any, budget: str = "") -> None:
        """A rate with its latencies."""
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in found.cpu.items() if value >= 0.05)
        self.line(f"  {what:<52} {found.rate:8.1f}/s  p50 {found.p50:7.1f} ms  p95 {found.p95:7.1f} ms"
                  + (f"  CPU ms: {cpu}" if cpu else "") + (f"  budget {budget}" if budget else "")
                  + (f"  FAILED {found.failed}" if found.failed else ""))

    def webhook(self, found: Any) -> None:
        """The intake of webhooks."""
        cpu = ", ".join(f"{name} {value:.2f}" for name, value in found.cpu.items() if value >= 0.01)
        self.line(f"  {'webhook intake, 16 connections':<52} {found.rate:8.1f}/s  p50 {found.p50:7.1f} ms  "
                  f"p99 {found.p99:7.1f} ms  CPU ms: {cpu}  budget 1000, p99 < 50 ms"
                  + (f"  REFUSED {found.refused}" if found.refused else ""))

    def cost(self, found: Any, statements: bool) -> None:
        """What one booking costs."""
        ours = sum(found.cpu.get(name, 0.0) for name in ("web", "worker", "sweeper", "postgres"))
        cpu = ", ".join(f"{name} {value:.1f}" for name, value in found.cpu.items())
        self.line(f"  a confirmed booking, hold first: {found.commits:.1f} commits (budget 14), {found.statements:.1f} "
                  f"statements (budget 60), {found.checks:.1f} foreign key checks, {ours:.1f} ms CPU in web, worker, "
                  f"sweeper and PostgreSQL (budget 45): {cpu}")
        if statements:
            for calls, query in found.top:
                self.line(f"    {calls:6.2f}  {query[:170]}")


if __name__ == "__main__":
    sys.exit(main())
