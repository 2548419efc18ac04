"""The sweep: find what is due and drive it, with Postgres alone. Correct without Redis, workers or webhooks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from queue import SimpleQueue

from django.db import close_old_connections, connection, transaction

from bookings import alerts, cases, chat, copies, detectors, figures, mail, outages, reconcile, retention, telling
from bookings.advance import advance
from bookings.bundles import history
from bookings.models import Booking, Heartbeat
from fly2any.kernel import clock

logger = logging.getLogger(__name__)
BATCH = 50
DRIVERS = 8
TELLING = ("mail", "chat", "alerts", "detectors")  # these wait neither for drivers nor for a vendor's long list
CHORES = 4
LIGHT_EVERY = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
DETECT_EVERY = timedelta(seconds=60)
DAILY = timedelta(days=1)
DRAFTS_EVERY = timedelta(minutes=5)
FIGURES_EVERY = timedelta(minutes=1)  # the dashboard
BUNDLES_EVERY = timedelta(minutes=5)  # what was chosen, for the ranking to learn from
SILENT = timedelta(minutes=3)
WATCH_EVERY_SECONDS = 60


class Chores:
    """Threads for long lists. They end with the process wherever they are; a comparison goes on where it was."""

    def __init__(self, many: int) -> None:
        self._many, self._waiting = many, SimpleQueue[Callable[[], None] | None]()
        for number in range(many):
            threading.Thread(target=self._work, name=f"chore_{number}", daemon=True).start()

    def submit(self, work: Callable[[], None]) -> None:
        """Done by the next thread that is free."""
        self._waiting.put(work)

    def shutdown(self) -> None:
        """Begin nothing more; waits for nothing."""
        for _ in range(self._many):
            self._waiting.put(None)

    def _work(self) -> None:
        while work := self._waiting.get():
            work()


class Sweeper:
    """One round after another until it is told to stop; long calls of one booking never hold up the others."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every
        self.stopping = threading.Event()
        self._pool = ThreadPoolExecutor(DRIVERS, thread_name_prefix="drive")
        self._tellers = ThreadPoolExecutor(len(TELLING), thread_name_prefix="tell")
        self._chores = Chores(CHORES)
        self._busy: set[int] = set()
        self._jobs: set[str] = set()
        self._guard = threading.Lock()

    def run(self) -> None:
        """Sweep until `stopping` is set. Raises RestoredCopy when the database is a copy: a copy must not act."""
        while not self.stopping.is_set():
            try:
                copies.check()
                self.round()
            except copies.RestoredCopy:
                raise
            except Exception:
                logger.exception("sweep.failed")
                connection.close()
            self.stopping.wait(self.every)
        self._chores.shutdown()
        for pool in (self._pool, self._tellers):
            pool.shutdown(wait=True, cancel_futures=True)

    def round(self) -> int:
        """One sweep: beat, drive what is due, mail, and the jobs whose time has come. Returns how many were due."""
        now = clock.now()
        beat("sweeper", now)
        due = due_bookings(now, BATCH)
        for booking_id in due:
            self._drive(booking_id)
        self._job("mail", lambda: mail.send_due(clock.now(), 100, enough=self.stopping.is_set))
        self._job("chat", lambda: _tell_chat(clock.now()))
        self._job("alerts", lambda: alerts.tell(clock.now()))
        self._job("rematch", lambda: reconcile.rematch(clock.now()))
        for turn, (job, every, work) in TURNS.items():
            if claim_turn(turn, now, every):
                self._job(job, work)
        return len(due)

    def _drive(self, booking_id: int) -> None:
        with self._guard:
            if booking_id in self._busy:
                return
            self._busy.add(booking_id)
        self._pool.submit(self._one, booking_id)

    def _one(self, booking_id: int) -> None:
        try:
            close_old_connections()
            advance(booking_id, actor="sweeper")
        except Exception:
            logger.exception("drive.failed", extra={"booking_id": booking_id})
            connection.close()
        finally:
            with self._guard:
                self._busy.discard(booking_id)

    def _job(self, name: str, work: Callable[[], object]) -> None:
        with self._guard:
            if name in self._jobs:
                return
            self._jobs.add(name)

        def run() -> None:
            try:
                close_old_connections()  # each thread has its own, and the database may have been away since
                work()
            except Exception:
                logger.exception("job.failed", extra={"job": name})
                connection.close()
            finally:
                with self._guard:
                    self._jobs.discard(name)

        (self._tellers if name in TELLING else self._chores).submit(run)


def _nightly() -> None:
    """Go on with the night's comparison, or begin it; nothing once it is done."""
    now = clock.now()
    if reconcile.full_is_due(now):
        reconcile.full(now)


# what comes round at its own pace, in whichever sweeper asks first: the turn's name, its job, how often
TURNS: dict[str, tuple[str, timedelta, Callable[[], object]]] = {
    "detectors": ("detectors", DETECT_EVERY, lambda: detectors.run(clock.now())),
    "outages": ("outages", MINUTE, lambda: outages.bring_forward(clock.now())),
    "reconcile.light": ("light", LIGHT_EVERY, lambda: reconcile.light(clock.now())),
    "reconcile.full": ("full", MINUTE, _nightly),
    "reconcile.enlist": ("enlist", DAILY, lambda: reconcile.enlist(clock.now(), reconcile.AHEAD)),
    "balance": ("balance", MINUTE, lambda: reconcile.watch_balances(clock.now())),
    "retention": ("retention", DAILY, lambda: retention.run(clock.now())),
    "drafts": ("drafts", DRAFTS_EVERY, lambda: retention.forget_drafts(clock.now())),
    "bundles": ("bundles", BUNDLES_EVERY, lambda: history.collect(clock.now())),
    "figures": ("figures", FIGURES_EVERY, lambda: figures.collect(clock.now())),
    "figures.late": ("figures.late", DAILY, lambda: figures.recount(clock.now())),
    "invariants": ("invariants", DAILY, lambda: alerts.promises(clock.now())),
}


def due_bookings(now: datetime, limit: int) -> list[int]:
    """Ids of bookings whose time has come, oldest first (an index scan of exactly those rows)."""
    rows = Booking.objects.filter(due_at__lte=now, parked_at=None).order_by("due_at", "pk")
    return list(rows.values_list("pk", flat=True)[:limit])


def beat(name: str, now: datetime) -> None:
    """Say that `name` is alive at `now` (UTC)."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": now})
    if name == "sweeper":
        cases.heal(kind="recovery_stopped", subject="sweeper", now=now)


def claim_turn(name: str, now: datetime, every: timedelta) -> bool:
    """True when the job is due and this process is the one that takes the turn."""
    with transaction.atomic():
        row, made = Heartbeat.objects.select_for_update().get_or_create(name=name, defaults={"beat_at": now})
        if not made and now - row.beat_at < every:
            return False
        row.beat_at = now
        row.save(update_fields=["beat_at"])
    return True


def _tell_chat(now: datetime) -> None:
    """Alerts into the chat, and that critical cases have closed by themselves."""
    telling.healed(now)
    chat.send_due(now, 50)


_watched_at = 0.0


def watch_sweeper(now: Callable[[], datetime]) -> None:
    """Called by the worker, once a minute at most: no heartbeat for 3 minutes is a critical case."""
    global _watched_at
    if time.monotonic() - _watched_at < WATCH_EVERY_SECONDS - 1:
        return
    _watched_at = time.monotonic()
    row, present = Heartbeat.objects.filter(name="sweeper").first(), now()
    if row is not None and present - row.beat_at > SILENT:
        detectors.run(present, ["M19"])
        alerts.repeat(present)  # nobody else does it now, and perhaps nobody else sends it
        mail.send_due(present, 20)
        chat.send_due(present, 20)
