"""One list of a vendor compared page by page: a commit after each page, so a kill costs one page and misses nothing.

Memory holds one page, whatever the length of the list. What of ours was met is written to a scratch table; when the
list has ended, our rows of the window that are not in it are asked for one by one (the other way round).
Two that run the same list at once do no harm: whoever finds that the mark has moved meanwhile stops.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from bookings import outages
from bookings.models import ReconcileRun, ReconcileSeen
from fly2any.kernel import faultpoints
from fly2any.kernel.errors import Outside, Refused, Unavailable
from fly2any.kernel.pages import Page
from payments import registry

logger = logging.getLogger(__name__)
Kind: TypeAlias = ReconcileRun.Kind
Stage: TypeAlias = ReconcileRun.Stage
FULL = timedelta(hours=72)
OVERLAP = timedelta(hours=6)  # a Duffel order may take hours to show up in a listing
STALE = timedelta(minutes=5)
BATCH = 200
MOST_RESTARTS = 3
faultpoints.register_call("list_page")
faultpoints.register_call("ask_left_out")
faultpoints.register_commit("run_moved")
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Part:
    """One list: how to ask for a page, how to compare it, and which rows of ours it should have shown.

    `compare` gets the objects and the time, and returns the keys of our rows that it met. `unread` hears of objects
    that make no sense. `ours` gives our rows of a window (from, until; UTC) that the list should show; `ask` looks
    one of them up. `reach` is how far the nightly comparison goes back, `overlap` how late an object may be listed.
    """

    name: str
    page: Callable[[datetime, str], Page[Any]]
    compare: Callable[[tuple[Any, ...], datetime], Iterable[int]]
    unread: Callable[[str, datetime], None]
    ours: Callable[[datetime, datetime], QuerySet[Any]] | None = None
    ask: Callable[[Any, datetime], None] | None = None
    reach: timedelta = FULL
    overlap: timedelta = OVERLAP

    @property
    def vendor(self) -> str:
        """Whose list it is."""
        return self.name.partition("orders.")[2] or registry.gateway().name


@dataclass
class Pace:
    """When it is now, and how long to rest between two pages (seconds): a vendor's limit is shared with customers."""

    now: Clock
    rest: float = 0.0
    sleep: Callable[[float], None] = field(default=time.sleep)


def ticking(now: datetime) -> Clock:
    """A clock that starts at `now` (database time, UTC) and goes on in whole minutes: long runs stay honest."""
    start = time.monotonic()
    return lambda: now + timedelta(minutes=int(time.monotonic() - start) // 60)


def work(part: Part, kind: Kind, pace: Pace, since: datetime | None = None) -> bool:
    """Go on with this part where it stands, or begin it (from `since`, UTC). True when it came to its end.

    A vendor that does not answer leaves it where it is; so does a bug, which is logged and must not stop the others.
    """
    run = _present(part, kind, pace.now(), since)
    try:
        return _listing(part, run, pace) and _missing(part, run, pace)
    except Outside as error:
        logger.warning("reconcile.unanswered", extra={"part": part.name, "kind": kind, "code": error.code})
        _stands(run, error.code)
        if isinstance(error, Refused) and run.stage == Stage.LISTING and run.cursor and run.restarts < MOST_RESTARTS:
            _move(run, cursor="", restarts=run.restarts + 1)  # it forgot its own mark: from the beginning
    except Exception:
        logger.exception("reconcile.failed", extra={"part": part.name, "kind": kind})
        _stands(run, "internal")
    return False


# --- where a run stands -----------------------------------------------------------------------------------------


def _present(part: Part, kind: Kind, now: datetime, wanted: datetime | None) -> ReconcileRun:
    """The run that is not finished, or a new one from where the last ended (however long we were away)."""
    rows = ReconcileRun.objects.filter(part=part.name, kind=kind)
    there = rows.filter(finished_at=None).first()
    if there is not None:
        return there
    done = rows.exclude(finished_at=None).order_by("-started_at").values_list("started_at", flat=True).first()
    if kind == Kind.FULL:
        since = min(now - part.reach, (done or now) - part.overlap)
    else:
        since = done - part.overlap if done else now - FULL
    new = ReconcileRun(part=part.name, kind=kind, since=wanted or since, started_at=now, moved_at=now)
    ReconcileRun.objects.bulk_create([new], ignore_conflicts=True)
    return rows.get(finished_at=None)


def _move(run: ReconcileRun, *, seen: Iterable[int] = (), **to: Any) -> bool:
    """Commit that this run has come further. False when somebody else has moved it meanwhile."""
    mine = ReconcileRun.objects.filter(pk=run.pk, stage=run.stage, cursor=run.cursor, pages=run.pages, asked=run.asked,
                                       finished_at=None)
    with transaction.atomic(durable=True):
        if not mine.update(**to):
            return False
        ReconcileSeen.objects.bulk_create([ReconcileSeen(run=run, row_id=row) for row in set(seen)],
                                          ignore_conflicts=True)
        faultpoints.committing("run_moved")
    for name, value in to.items():
        setattr(run, name, value)
    return True


def _stands(run: ReconcileRun, code: str) -> None:
    ReconcileRun.objects.filter(pk=run.pk).update(trouble=code[:60])


# --- their list -------------------------------------------------------------------------------------------------


def _listing(part: Part, run: ReconcileRun, pace: Pace) -> bool:
    """Page after page until their list ends. True when it has."""
    while run.stage == Stage.LISTING:
        with faultpoints.asking("list_page"):
            page = part.page(run.since, run.cursor)
        now = pace.now()
        outages.note(part.vendor, "", now)
        seen = part.compare(page.items, now)
        for external_id in page.unread:
            part.unread(external_id, now)
        last = not page.after or page.after == run.cursor
        if not _move(run, seen=seen if part.ours else (), moved_at=now, pages=run.pages + 1, trouble="",
                     compared=run.compared + len(page.items), cursor="" if last else page.after,
                     stage=Stage.MISSING if last else Stage.LISTING):
            return False
        faultpoints.passing("call.list_page.after")
        if not last and pace.rest:
            pace.sleep(pace.rest)
    return True


# --- rows of ours that it left out ------------------------------------------------------------------------------


def _missing(part: Part, run: ReconcileRun, pace: Pace) -> bool:
    """Ask for each row that their list left out although it had hours to show it. True at the end."""
    while rows := _left_out(part, run):
        for row in rows:
            with faultpoints.asking("ask_left_out"):
                _ask(part, row, pace.now())
            faultpoints.passing("call.ask_left_out.after")
            if pace.rest:
                pace.sleep(pace.rest)
        if not _move(run, cursor=str(rows[-1].pk), moved_at=pace.now(), asked=run.asked + len(rows), trouble=""):
            return False
    ReconcileSeen.objects.filter(run=run).delete()
    now = pace.now()
    return _move(run, stage=Stage.DONE, cursor="", moved_at=now, finished_at=now, trouble="")


def _left_out(part: Part, run: ReconcileRun) -> list[Any]:
    if part.ours is None or part.ask is None:
        return []
    window = part.ours(run.since + STALE, run.started_at - part.overlap)
    met = ReconcileSeen.objects.filter(run=run, row_id=OuterRef("pk"))
    left = window.filter(~Exists(met), pk__gt=int(run.cursor or 0))
    return list(left.order_by(F("pk") + 0)[:BATCH])  # + 0: found by the index of the window, not along all keys


def _ask(part: Part, row: Any, now: datetime) -> None:
    if part.ask is None:
        return
    try:
        part.ask(row, now)
    except Unavailable as error:
        if error.code != "unreadable_answer":
            raise
        part.unread(row.external_id, now)


def forget(now: datetime, older: timedelta = timedelta(days=14)) -> int:
    """Delete finished runs that nobody asks for any more; the last of each part stays. Returns how many."""
    newer = ReconcileRun.objects.filter(part=OuterRef("part"), kind=OuterRef("kind"), finished_at__isnull=False,
                                        started_at__gt=OuterRef("started_at"))
    number, _ = ReconcileRun.objects.filter(Exists(newer), finished_at__lt=now - older).delete()
    return number


__all__ = ["BATCH", "FULL", "OVERLAP", "STALE", "Kind", "Pace", "Part", "forget", "ticking", "work"]
