"""The cheapest price of the days around a search: remembered from searches, asked only when somebody presses for it.

A search costs the supplier work and us money (duffel.md 1: 1500 searches for a booking), so looking at a page asks
nobody. Prices are remembered for a quarter of an hour in the cache, for everybody: they hold nothing personal.
docs/decisions tells why.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connections

from bookings import limits
from fly2any.kernel.errors import Outside
from suppliers import search as asking
from suppliers.types import OfferInfo, SearchQuery

log = logging.getLogger(__name__)
AROUND = (-3, -2, -1, 0, 1, 2, 3)
KEPT_SECONDS = 15 * 60
ASKING_SECONDS = 40
THREADS = 2  # of a process, behind everybody's own searches
PRESSES, PRESSES_PER = 4, timedelta(minutes=15)  # for one visitor; a press asks for six days at most
PRESSES_OF_ADDRESS = 40  # a visitor without the cookie is a new one at each press
_lock = threading.Lock()
_pool: list[ThreadPoolExecutor] = []


def shifted(query: SearchQuery, days: int) -> SearchQuery:
    """The same trip, as many days later: all its flights move together."""
    return replace(query, legs=tuple(replace(leg, date=leg.date + timedelta(days=days)) for leg in query.legs))


def possible(query: SearchQuery, today: date) -> bool:
    """Whether its dates can be searched at all."""
    return not asking.validate(query, today)


def remember(query: SearchQuery, offers: Iterable[OfferInfo], *, whole: bool) -> None:
    """Keep the lowest price (minor units, without our fee) of a search just made.

    `whole`: every supplier has answered, so that no offer means that there is none.
    """
    best = min(offers, key=lambda info: info.total.minor, default=None)
    if best is not None:
        cache.set(_key(query), {"state": "known", "minor": best.total.minor, "currency": best.total.currency},
                  KEPT_SECONDS)
    elif whole:
        cache.set(_key(query), {"state": "none"}, KEPT_SECONDS)
    else:
        cache.delete(_key(query))


def known(query: SearchQuery, today: date) -> dict[int, dict[str, Any]]:
    """By days from the searched one: {"state": known (minor, currency), none, asking, or unknown}. One look-up."""
    queries = {days: moved for days in AROUND if possible(moved := shifted(query, days), today)}
    found = cache.get_many([_key(moved) for moved in queries.values()])
    return {days: found.get(_key(moved), {"state": "unknown"}) for days, moved in queries.items()}


def ask(*, query: SearchQuery, principal: str, address: str, now: datetime) -> int:
    """Ask for the days around that nobody has asked for lately; answer how many. `now`: database time (UTC).

    Raises Problem throttled (429) after four presses of a visitor, or forty of an address, in a quarter of an hour.
    """
    around = known(query, asking.earliest_day(now))
    missing = [shifted(query, days) for days, told in around.items() if days and told["state"] == "unknown"]
    if not missing:
        return 0
    limits.count("days-address", address, per=PRESSES_PER, limit=PRESSES_OF_ADDRESS, now=now)
    limits.count("days", principal, per=PRESSES_PER, limit=PRESSES, now=now)
    mine = [moved for moved in missing if cache.add(_key(moved), {"state": "asking"}, ASKING_SECONDS)]
    for moved in mine:
        _executor().submit(_ask, moved)
    return len(mine)


def _ask(query: SearchQuery) -> None:
    """Runs in a thread of its own; the offers are looked at and forgotten."""
    try:
        answers = [answer for _, answer in asking.run(query)]
        offers = [info for answer in answers if not isinstance(answer, Outside) for info in answer]
        remember(query, offers, whole=not any(isinstance(answer, Outside) for answer in answers))
    except Exception:
        log.exception("days.broke")
        cache.delete(_key(query))
    finally:
        connections.close_all()


def _executor() -> ThreadPoolExecutor:
    with _lock:
        if not _pool:  # made at the first press in this process, after gunicorn's fork
            _pool.append(ThreadPoolExecutor(THREADS, thread_name_prefix="days"))
        return _pool[0]


def _key(query: SearchQuery) -> str:
    """The same for everybody who looks for the same."""
    plain = json.dumps(asdict(query), default=str, sort_keys=True)
    return f"days:{hashlib.sha256(plain.encode()).hexdigest()[:40]}"
