"""What a traveller finds around a place: asked beside everything else, remembered for an hour, and easily done without.

Nobody waits for it: a question goes to two threads of its own, and the answer is looked for in the cache. A breaker of
its own kind stops the asking, so that trouble here never stops flights; every failure reads as "nothing there".
"""

from __future__ import annotations

import hashlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connections

from fly2any.kernel.errors import Outside, Refused
from suppliers import breaker
from suppliers.stays import Activity, HotelOffer, Stays

log = logging.getLogger(__name__)
SUPPLIER = "amadeus-stays"  # to the breaker: what goes wrong here, even an account closed, says nothing of flights
HOTELS, ACTIVITIES = KINDS = ("hotels", "activities")
KEPT_SECONDS = 3600
ASKING_SECONDS = 20  # longer than a question can take
QUIET_SECONDS = 60  # nobody is asked again so soon after a failure
OFF_SECONDS = 600  # nor where asking again cannot help
THREADS, MOST_WAITING = 2, 12  # of a process
_VERSION = "1"  # raise it when the kept objects change their shape
_ROOM = 2  # decimals of a degree, about a kilometre: neighbours share an answer
_lock = threading.Lock()
_built: list[Stays] = []
_pool: list[ThreadPoolExecutor] = []
_places = threading.BoundedSemaphore(MOST_WAITING)


@dataclass(frozen=True)
class Question:
    """Where, from which day to which (as they are there), and for how many adults. No nights: activities alone."""

    latitude: float
    longitude: float
    nights: tuple[date, date] | None = None
    adults: int = 1


@dataclass(frozen=True)
class Found:
    """What is known now; `missing`: kinds that nobody has asked for lately; `asking`: an answer is on its way."""

    hotels: tuple[HotelOffer, ...] = ()
    activities: tuple[Activity, ...] = ()
    missing: tuple[str, ...] = ()
    asking: bool = False


def on() -> bool:
    """Whether there can be anything: switched on, Amadeus set up and open to us, one of the two kinds answering."""
    if not (settings.STAYS and settings.AMADEUS_CLIENT_ID) or breaker.is_off("amadeus"):
        return False
    return not breaker.seen_open(SUPPLIER, breaker.ACCOUNT) and not all(
        breaker.seen_open(SUPPLIER, kind) for kind in KINDS)


def known(question: Question) -> Found:
    """What the cache holds for this question; one look-up, nobody is asked."""
    keys = {kind: _key(kind, question) for kind in _kinds(question)}
    told = cache.get_many(list(keys.values()))
    states = {kind: told.get(key, {"state": "unknown"}) for kind, key in keys.items()}
    return Found(
        hotels=states.get(HOTELS, {}).get("rows", ()), activities=states[ACTIVITIES].get("rows", ()),
        missing=tuple(kind for kind, told in states.items() if told["state"] == "unknown"),
        asking=any(told["state"] == "asking" for told in states.values()))


def ask(question: Question, kinds: tuple[str, ...]) -> None:
    """Have these kinds asked for, unless somebody does so already; returns at once."""
    for kind in kinds:
        key = _key(kind, question)
        if not cache.add(key, {"state": "asking"}, ASKING_SECONDS):
            continue
        if not _places.acquire(blocking=False):
            _keep_nothing(key, QUIET_SECONDS)
            continue
        _executor().submit(_in_thread, kind, question)


def _kinds(question: Question) -> tuple[str, ...]:
    return KINDS if question.nights else (ACTIVITIES,)


def _in_thread(kind: str, question: Question) -> None:
    try:
        _answer(kind, question)
    finally:
        _places.release()
        connections.close_all()


def _answer(kind: str, question: Question) -> None:
    """Ask and keep what came, or that nothing did. Never raises."""
    key = _key(kind, question)
    try:
        if breaker.is_open(SUPPLIER, kind):
            _keep_nothing(key, QUIET_SECONDS)
        else:
            cache.set(key, {"state": "known", "rows": tuple(_asked(kind, question))}, KEPT_SECONDS)
    except Outside as error:
        log.warning("stays.unanswered", extra={"kind": kind, "code": error.code, "vendor_code": error.vendor_code})
        off = isinstance(error, Refused) or error.code in ("misconfigured", "provider_off")
        _keep_nothing(key, OFF_SECONDS if off else QUIET_SECONDS)
    except Exception:
        log.exception("stays.broke")
        _keep_nothing(key, QUIET_SECONDS)


def _asked(kind: str, question: Question) -> list[Any]:
    """Ask, and tell the breaker how it went."""
    stays, here, found = _stays(), (question.latitude, question.longitude), []
    try:
        if kind == ACTIVITIES:
            found = list[Any](stays.activities_near(*here))
        elif question.nights:
            found = list[Any](stays.hotels_near(*here, *question.nights, question.adults))
    except Outside as error:
        breaker.observe(SUPPLIER, kind, error)
        raise
    breaker.observe(SUPPLIER, kind, None)
    return found


def _keep_nothing(key: str, seconds: int) -> None:
    cache.set(key, {"state": "none"}, seconds)


def _stays() -> Stays:
    with _lock:
        if not _built:
            _built.append(import_module("suppliers.amadeus.stays").from_settings())
        return _built[0]


def _executor() -> ThreadPoolExecutor:
    with _lock:
        if not _pool:  # made at the first question in this process, after gunicorn's fork
            _pool.append(ThreadPoolExecutor(THREADS, thread_name_prefix="stays"))
        return _pool[0]


def _key(kind: str, question: Question) -> str:
    """The same for everybody who asks the same; dates and adults make no difference to activities."""
    point = f"{question.latitude:.{_ROOM}f} {question.longitude:.{_ROOM}f}"
    plain = f"{point} {question.nights} {question.adults}" if kind == HOTELS else point
    return f"stays{_VERSION}:{kind}:{hashlib.sha256(plain.encode()).hexdigest()[:40]}"
