"""A search: written down at once, asked in a thread of its own, its offers stored as rows."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import connection, connections, transaction

from bookings.drafts import days
from bookings.selectors import lines
from fly2any.kernel.errors import Outside, Problem
from suppliers import search as asking
from suppliers.models import Offer, Search
from suppliers.registry import names
from suppliers.stored import to_json
from suppliers.types import OfferInfo, SearchQuery

logger = logging.getLogger(__name__)
THREADS = 32
_lock = threading.Lock()
_pool: list[ThreadPoolExecutor] = []
_BROKE = {"state": "failed", "offers": 0, "code": "internal"}
_running: dict[uuid.UUID, threading.Event] = {}


def search(*, query: SearchQuery, principal: str, now: datetime) -> Search:
    """Start a search and return its row at once; the offers follow. `now`: database time (UTC).

    Raises Problem validation_failed (422) with a sentence per wrong field.
    """
    wrong = asking.validate(query, asking.earliest_day(now))
    if wrong:
        raise Problem("validation_failed", "Please check your search.", status=422, action="Fix this",
                      field_errors=wrong)
    found = Search.objects.create(
        principal=str(principal), query=_plain(query), outcome=_asking())
    with _lock:
        _running[found.pk] = threading.Event()
        if not _pool:  # made at the first search of this process, after gunicorn's fork
            _pool.append(ThreadPoolExecutor(THREADS, thread_name_prefix="searching"))
    _pool[0].submit(_run, found.pk, str(principal), query)
    return found


def wait_for_search(search_id: uuid.UUID, seconds: float) -> Search:
    """The search once it is complete, or as it is after `seconds`; no database connection is held meanwhile."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        found = Search.objects.get(pk=search_id)
        left = deadline - time.monotonic()
        if found.complete or left <= 0:
            return found
        if not connection.in_atomic_block:
            connection.close()
        here = _running.get(search_id)
        if here is not None:
            here.wait(left)
        else:  # another process asks
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 0.5)


def _plain(query: SearchQuery) -> dict[str, Any]:
    raw = asdict(query)
    return {**raw, "legs": [{**leg, "date": leg["date"].isoformat()} for leg in raw["legs"]],
            "child_ages": list(raw["child_ages"])}


def _run(search_id: uuid.UUID, principal: str, query: SearchQuery) -> None:
    """Ask the suppliers and keep what each says when it says it; whatever happens, the search is complete afterwards.

    The row's `outcome` is written here only, so each answer and its offers are one commit without a lock.
    """
    outcome, started = _asking(), time.monotonic()
    offers: list[OfferInfo] = []
    try:
        for name, answer in asking.run(query):
            took = int((time.monotonic() - started) * 1000)  # for the dashboard
            outcome[name] = {**_keep(search_id, principal, name, answer, outcome), "ms": took}
            offers += [] if isinstance(answer, Outside) else answer
        days.remember(query, offers, whole=all(told["state"] == "done" for told in outcome.values()))
    except Exception:
        logger.exception("search.broke")
        for told in outcome.values():
            if told["state"] == "asking":
                told.update(_BROKE)
    finally:
        try:
            Search.objects.filter(pk=search_id).update(outcome=outcome, complete=True)
        finally:
            connections.close_all()
            with _lock:
                event = _running.pop(search_id, None)
            if event is not None:
                event.set()


def _asking() -> dict[str, Any]:
    return {name: {"state": "asking", "offers": 0, "code": ""} for name in names()}


def _keep(search_id: uuid.UUID, principal: str, name: str, answer: list[OfferInfo] | Outside,
          outcome: dict[str, Any]) -> dict[str, Any]:
    """Store one supplier's offers and what became of asking it, in one commit; answer the latter."""
    if isinstance(answer, Outside):
        told = {"state": "failed", "offers": 0, "code": answer.code}
        Search.objects.filter(pk=search_id).update(outcome={**outcome, name: told})
        return told
    told = {"state": "done", "offers": len(answer), "code": ""}
    try:
        rows = [row(search_id, principal, info) for info in answer]
        with transaction.atomic():
            Offer.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)
            Search.objects.filter(pk=search_id).update(outcome={**outcome, name: told})
    except Exception:  # one supplier's odd offer must not cost the customer the others'
        logger.exception("search.not_kept")
        return dict(_BROKE)
    return told


def row(search_id: uuid.UUID, principal: str, info: OfferInfo) -> Offer:
    """An unsaved offer of a search, as the supplier has just told it."""
    raw = to_json(info)
    return Offer(search_id=search_id, principal=principal, supplier=info.supplier, external_id=info.external_id,
                 request_id=info.request_id, total_minor=info.total.minor, currency=info.total.currency,
                 expires_at=info.expires_at, searched=raw, brief=lines.brief(raw), document=info.document)
