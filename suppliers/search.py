"""Asks every supplier at once, each in a thread with a deadline, while no database connection is held."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connections

from fly2any.kernel.errors import Outside, Unavailable
from suppliers import breaker, pause, places, registry
from suppliers.types import OfferInfo, SearchQuery

log = logging.getLogger(__name__)

DAYS_AHEAD = 330
MOST_TRAVELLERS = 9
MOST_LEGS = 4
CABINS = ("economy", "premium_economy", "business", "first")
CAP_SECONDS = 20.0
THREADS = 64  # for each supplier
_pool_lock = threading.Lock()
_pools: dict[str, ThreadPoolExecutor] = {}

Outcome = tuple[str, "list[OfferInfo] | Outside"]
_Answer = Future[list[OfferInfo]]


def leg_field(name: str, number: int) -> str:
    """The parameter of a leg: origin, destination or departureDate; legs 2 to 4 are numbered (origin2)."""
    return name if number == 1 else f"{name}{number}"


def earliest_day(now: datetime) -> date:
    """The date where it is earliest on earth (UTC-12): somebody in Honolulu may still search their own today."""
    return (now - timedelta(hours=12)).date()


def validate(query: SearchQuery, today: date) -> dict[str, str]:
    """What is wrong with a search, per field: legs, origin, destination, departureDate, returnDate, adults, ...

    The second leg of a trip there and back is asked for by returnDate; legs 2 to 4 of any other trip have fields of
    their own: origin2, destination2, departureDate2, ...
    `today` is the earliest date that is today anywhere (`earliest_day`); the supplier knows the airport's own day.
    An empty dictionary means that suppliers may be asked.
    """
    wrong: dict[str, str] = {}
    if not 1 <= len(query.legs) <= MOST_LEGS:
        return {"legs": f"Choose between 1 and {MOST_LEGS} flights."}
    _check_places(query, wrong)
    _check_dates(query, today, wrong)
    _check_travellers(query, wrong)
    if query.cabin not in CABINS:
        wrong["cabin"] = "Choose economy, premium economy, business or first."
    return wrong


def run(query: SearchQuery, *, seconds: float | None = None) -> Iterator[Outcome]:
    """Ask every supplier now; yield each one's offers, or why there are none, in the order in which they answer.

    Each has a deadline of its own (`patience`, or `seconds` for all): who is silent until then is yielded as a
    time-out, so the whole takes as long as the slowest and never the sum. A supplier whose sales are paused
    (sales_paused), whose breaker is open (supplier_down) or which has closed our account (provider_off) is not asked,
    and yielded first. While it waits it holds no database connection. Raises RuntimeError inside a transaction.
    """
    if connections["default"].in_atomic_block:
        raise RuntimeError("a search inside a transaction would hold it open while suppliers think")
    started = time.monotonic()
    names = registry.names()
    stopped = {name: Unavailable("sales_paused", "its sales are paused") for name in pause.paused_names(names)}
    stopped |= {name: Unavailable("provider_off" if breaker.is_off(name) else "supplier_down", "the breaker is open")
                for name in names
                if name not in stopped and breaker.is_open(name, "search")}
    asked = [_Asked(name, started + min(CAP_SECONDS, seconds or patience(name)),
                    _executor(name).submit(_ask, name, query)) for name in names if name not in stopped]
    return _answers(stopped, asked)


def patience(name: str) -> float:
    """How many seconds this supplier has for a search (settings.SEARCH_SECONDS_OF, else SEARCH_SECONDS)."""
    return float(settings.SEARCH_SECONDS_OF.get(name) or settings.SEARCH_SECONDS)


@dataclass(frozen=True)
class _Asked:
    """A question that runs in its thread; `until` on the monotonic clock."""

    name: str
    until: float
    answer: _Answer


def _answers(stopped: Mapping[str, Outside], asked: list[_Asked]) -> Iterator[Outcome]:
    yield from stopped.items()
    waiting = sorted(asked, key=lambda one: one.name)
    while waiting:
        connections["default"].close()  # back to the pool: others need it while we wait
        soonest = min(one.until for one in waiting)
        told, _ = wait([one.answer for one in waiting], timeout=max(0.0, soonest - time.monotonic()),
                       return_when=FIRST_COMPLETED)
        now = time.monotonic()
        ended = [one for one in waiting if one.answer in told or one.until <= now]
        waiting = [one for one in waiting if one not in ended]
        for one in ended:
            yield one.name, _collect(one.name, one.answer)


def _ask(name: str, query: SearchQuery) -> list[OfferInfo]:
    """Runs in a thread of its own, which keeps no database connection."""
    try:
        return registry.get(name).search(query)
    finally:
        connections.close_all()


def _collect(name: str, answer: _Answer) -> list[OfferInfo] | Outside:
    """The supplier's answer or error; silence past the deadline is a time-out, and counts as one."""
    result: list[OfferInfo] | Outside
    if answer.cancel():
        return Unavailable("supplier_busy", "all our searching threads are busy")  # not the supplier's fault
    if not answer.done():
        result = Unavailable("supplier_timeout", "no answer in time")
    else:
        try:
            result = answer.result()
        except Outside as error:
            result = error
        except Exception:
            log.exception("search at %s broke", name)
            result = Unavailable("supplier_down", "our own adapter broke")
    breaker.observe(name, "search", result if isinstance(result, Outside) else None)
    return result


def _executor(name: str) -> ThreadPoolExecutor:
    """The threads that wait for one supplier, made at its first search in this process (after gunicorn's fork).

    Each has its own: one that hangs keeps no thread from another.
    """
    with _pool_lock:
        if name not in _pools:
            _pools[name] = ThreadPoolExecutor(THREADS, thread_name_prefix=f"search-{name}")
        return _pools[name]


def _fields(query: SearchQuery) -> list[tuple[str, str, str]]:
    """The fields a leg was asked in: origin, destination, date. A way back has only a date of its own."""
    first, legs = query.legs[0], query.legs
    names = [("origin", "destination", "departureDate")]
    if len(legs) == 2 and (legs[1].origin, legs[1].destination) == (first.destination, first.origin):
        return [*names, ("destination", "origin", "returnDate")]
    return names + [(leg_field("origin", number), leg_field("destination", number), leg_field("departureDate", number))
                    for number in range(2, len(legs) + 1)]


def _check_places(query: SearchQuery, wrong: dict[str, str]) -> None:
    for (origin, destination, _), leg in zip(_fields(query), query.legs, strict=True):
        for field, code in ((origin, leg.origin), (destination, leg.destination)):
            if not places.expand(code):
                wrong.setdefault(field, "Choose an airport or city from the list.")
        same = leg.origin == leg.destination or set(places.expand(leg.origin)) & set(places.expand(leg.destination))
        if same and not {origin, destination} & wrong.keys():
            wrong[destination] = "Choose a destination that differs from the place you start from."


def _check_dates(query: SearchQuery, today: date, wrong: dict[str, str]) -> None:
    last = today + timedelta(days=DAYS_AHEAD)
    earlier = today
    for number, ((_, _, field), leg) in enumerate(zip(_fields(query), query.legs, strict=True), start=1):
        if leg.date < today:
            wrong[field] = "This date has passed. Choose today or a later date."
        elif leg.date > last:
            wrong[field] = f"Airlines sell flights up to {DAYS_AHEAD} days ahead: choose a date up to {_said(last)}."
        elif leg.date < earlier:
            wrong[field] = ("You cannot fly back before you leave: choose the same day or a later date."
                            if field == "returnDate" else
                            f"Flight {number} cannot leave before flight {number - 1}: choose {_said(earlier)} or "
                            "a later date.")
        if field not in wrong:
            earlier = max(earlier, leg.date)


def _said(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _check_travellers(query: SearchQuery, wrong: dict[str, str]) -> None:
    travellers = query.adults + len(query.child_ages) + query.infants
    if query.adults < 1:
        wrong["adults"] = "At least one adult must travel."
    elif travellers > MOST_TRAVELLERS:
        wrong["adults"] = f"We can book up to {MOST_TRAVELLERS} travellers at once."
    if any(not 2 <= age <= 17 for age in query.child_ages):
        wrong["children"] = "A child is 2 to 17 years old on the day of the last flight."
    if query.infants < 0:
        wrong["infants"] = "The number of infants cannot be negative."
    elif query.infants > max(query.adults, 0):
        wrong["infants"] = "Each infant under 2 sits on an adult's lap: no more infants than adults."
