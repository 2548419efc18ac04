"""The page of results with 500 offers: its size, the server's time for it, and how many queries it takes."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

OFFERS, PARTY = 500, 4
SUPPLIERS = ("duffel", "amadeus")
ADDRESSES = {
    "first page": "", "ten filters": "&stops=1&leave1From=6&leave1Until=22&arrive1Until=23&leave2From=5&hours=20"
    "&carryOn=yes&airline=A1&airline=A2&airline=A3&without=A9&changeable=yes", "page 5": "&page=5",
    "with a bag, cheapest": "&pricesWith=bag&sort=cheapest"}


@dataclass
class Measured:
    """A page: bytes as sent and compressed, CPU milliseconds (half and 95 per cent are faster), queries."""

    what: str
    raw: int
    packed: int
    p50: float
    p95: float
    queries: int
    cards: int


def run(folder: Path) -> list[Measured]:
    """Measure in a process and a PostgreSQL of their own, in a fresh `folder`."""
    place = {**os.environ, "DATA_DIR": str(folder), "DATABASE_URL": "", "REDIS_URL": "", "LOG_LEVEL": "WARNING"}
    done = subprocess.run([sys.executable, "-m", "bench.results"], env=place, capture_output=True, text=True, check=True,
                          cwd=Path(__file__).resolve().parent.parent)
    return [Measured(**found) for found in json.loads(done.stdout.splitlines()[-1])]


def stock(number: int = OFFERS, party: int = PARTY) -> Any:
    """A search of a return trip with that many offers: 250 trips, each sold by two suppliers, 12 airlines, one stop each way."""
    from fly2any.kernel import clock
    from suppliers.models import Offer, Search

    first = clock.now().date() + timedelta(days=30)
    legs = [{"origin": one, "destination": two, "date": (first + timedelta(days=days)).isoformat()}
            for one, two, days in (("JFK", "LHR", 0), ("LHR", "JFK", 7))]
    search = Search.objects.create(principal=_principal(), complete=True, query={
        "legs": legs, "adults": party, "child_ages": [], "infants": 0, "cabin": "economy"},
        outcome={name: {"state": "done", "offers": number // 2, "code": ""} for name in SUPPLIERS})
    Offer.objects.bulk_create((_offer(search, at, party, first) for at in range(number)), batch_size=100)
    return search


def measure(search: Any, times: int = 12) -> list[Measured]:
    """Every address of ADDRESSES, asked `times` times within this process."""
    from django.conf import settings
    from django.core import signing
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from bookings import access
    from bookings.checkout import search_form

    client = Client(headers={"host": "127.0.0.1"})
    client.cookies[settings.GUEST_COOKIE_NAME] = signing.dumps({"id": "bench"}, salt=access._SALT)
    address = search_form.address(search_form.stored(search.query), s=str(search.pk))
    found = []
    for what, more in ADDRESSES.items():
        client.get(address + more)
        spent = []
        for _ in range(times):
            before = time.process_time()
            response = client.get(address + more)
            spent.append(1000 * (time.process_time() - before))
        with CaptureQueriesContext(connection) as queries:
            client.get(address + more)
        assert response.status_code == 200, (response.status_code, response.headers.get("Location"))
        body = response.content
        found.append(Measured(what, len(body), len(gzip.compress(body, 6)), statistics.median(spent),
                              sorted(spent)[int(0.95 * (times - 1))], len(queries), body.count(b'class="card offer"')))
    return found


def _principal() -> str:
    from bookings import access

    return access._guest_principal("bench")


def _offer(search: Any, at: int, party: int, first: Any) -> Any:
    from bookings.selectors import lines
    from fly2any.kernel import clock
    from suppliers.models import Offer

    raw = _picture(at, party, first, clock.now())
    return Offer(search=search, principal=search.principal, supplier=raw["supplier"], external_id=raw["external_id"],
                 request_id="orq", total_minor=raw["total"]["minor"], currency="USD", searched=raw,
                 brief=lines.brief(raw), expires_at=clock.now() + timedelta(minutes=30),
                 document="x" * 6000 if raw["manual"] else "")


def _picture(at: int, party: int, first: Any, now: datetime) -> dict[str, Any]:
    """Offer number `at`: each trip in one fare from two suppliers, one connection each way."""
    from tests.trail.rows import offer_json, place

    journey, source = divmod(at, 2)
    carrier = f"A{journey % 12}"
    people = [{"external_id": f"pas_{seat}", "kind": "adult", "age": None} for seat in range(party)]
    raw = offer_json(f"off_{at}_{now.timestamp()}", total_minor=party * (40000 + 137 * journey + 900 * source))
    raw |= {"owner_code": carrier, "owner_name": f"Airline number {journey % 12} of the world", "passengers": people,
            "emissions_kg": str(party * (380 + journey * 3)), "services": None,
            "supplier": SUPPLIERS[source], "manual": bool(source), "ticket_by": now.isoformat() if source else None}
    hub = place(f"H{journey % 9}A", f"Hub {journey % 9}", "Europe/London")
    out, home = raw["slices"][0]["segments"][0]["origin"], raw["slices"][0]["segments"][0]["destination"]
    raw["slices"] = [_slice(raw, journey, source, number, ends, first + timedelta(days=7 * number), people)
                     for number, ends in enumerate(((out, hub, home), (home, hub, out)))]
    return raw


def _slice(raw: Any, journey: int, source: int, number: int, ends: Any, day: Any, people: Any) -> dict[str, Any]:
    """One direction of two flights."""
    model, piece, start = raw["slices"][0]["segments"][0], deepcopy(raw["slices"][0]), 60 * (5 + journey % 17)
    flights = []
    for leg, (one, two) in enumerate(itertools.pairwise(ends)):
        leaves = datetime.combine(day, datetime.min.time()) + timedelta(minutes=start + 330 * leg + journey)
        flights.append({**model, "external_id": f"seg_{number}_{leg}", "carrier_code": raw["owner_code"],
                        "carrier_name": raw["owner_name"], "flight_number": str(1000 + journey * 4 + number * 2 + leg),
                        "origin": one, "destination": two, "departing_local": leaves.isoformat(),
                        "arriving_local": (leaves + timedelta(minutes=240)).isoformat(), "duration_minutes": 240,
                        "bags": [{"passenger": seat["external_id"], "kind": kind, "quantity": 1} for seat in people
                                 for kind in ("carry_on", "checked")[:1 + journey % 2]]})
    return {**piece, "segments": flights, "duration_minutes": 570 + journey, "origin": ends[0], "destination": ends[-1],
            "brand": ("Economy Light", "LIGHT")[source], "comparison_key": f"{journey}-{number}"}


def main() -> None:
    """What the process of `run` does: a fresh database, one search, every address; figures as JSON on one line."""
    import django

    from fly2any.stack import postgres

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fly2any.settings")
    where = Path(os.environ["DATA_DIR"]) / "pg"
    postgres.ensure(where, die_with_parent=True)
    try:
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        logging.disable(logging.CRITICAL)
        print(json.dumps([asdict(found) for found in measure(stock())]))
    finally:
        postgres.stop(where)


if __name__ == "__main__":
    main()
