"""Stops asking a supplier for *new* bookings while it is failing; never looks, captures, voids, refunds, cancels.

Each process counts the failures it sees (5 in a row, or half of at least 10 calls within 30 s) and publishes that
the breaker is open in `BreakerState`, which every process reads through a cache of one second. After 30 s exactly
one caller is let through: whoever moves `open_until` first. 4xx answers and 429 do not count: the supplier works.

A supplier that has closed our account (provider_off: keys revoked, no right, quota used up) is asked nothing new for an
hour, whatever the kind of call; then one caller tries. `reopen` lets everybody through at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

import pybreaker
from django.db.models.functions import Now

from fly2any.kernel.errors import OutcomeUnknown, Outside, Unavailable
from suppliers.models import BreakerState

IN_A_ROW = 5
WINDOW_SECONDS = 30.0
WINDOW_CALLS = 10
PAUSE = timedelta(seconds=30)
CACHE_SECONDS = 1.0
ACCOUNT = "account"  # stands in the place of a kind: every call of the supplier
OFF_PAUSE = timedelta(hours=1)
_SICK = frozenset({"supplier_down", "supplier_timeout", "unreadable_answer"})

Key = tuple[str, str]


@dataclass
class _Counter:
    """What this process has seen of one kind of call: pybreaker counts in a row, `recent` the last 30 s."""

    in_a_row: pybreaker.CircuitBreaker = field(default_factory=lambda: pybreaker.CircuitBreaker(
        fail_max=IN_A_ROW, reset_timeout=0, throw_new_error_on_trip=False))
    recent: deque[tuple[float, bool]] = field(default_factory=deque)

    def add(self, failed: bool, now: float) -> bool:
        """Count one call; True when this one opens the breaker."""
        self.recent.append((now, failed))
        while self.recent and self.recent[0][0] < now - WINDOW_SECONDS:
            self.recent.popleft()
        tripped = self._row(failed)
        failures = sum(1 for _, bad in self.recent if bad)
        return tripped or (failed and len(self.recent) >= WINDOW_CALLS and failures * 2 >= len(self.recent))

    def _row(self, failed: bool) -> bool:
        try:
            self.in_a_row.call(_fail if failed else _succeed)
        except _Failure:
            return self.in_a_row.current_state == pybreaker.STATE_OPEN
        return False


class _Failure(Exception):
    """Told to pybreaker in place of the supplier's failure."""


def _fail() -> NoReturn:
    raise _Failure


def _succeed() -> None:
    return None


@dataclass
class _Picture:
    """The published states as read at `read_at` (monotonic): per key, open until when, and seconds left then."""

    read_at: float = float("-inf")
    rows: dict[Key, tuple[datetime, float]] = field(default_factory=dict)


_lock = threading.Lock()
_counters: dict[Key, _Counter] = {}
_picture = _Picture()


def counts(error: Outside | None) -> bool:
    """Whether this answer says that the supplier is unwell. Every plain no, a 429 and a 4xx say it is not."""
    return isinstance(error, Unavailable | OutcomeUnknown) and error.code in _SICK


def observe(supplier: str, kind: str, error: Outside | None) -> None:
    """Tell the breaker how a call ended (`kind`: search, offer, create, ...). Writes only when its state changes.

    Call it outside a transaction, or the news may be rolled back with it.
    """
    if error is not None and error.code == "provider_off":
        _open((supplier, ACCOUNT), f"{error.code} {error.vendor_code}".strip()[:200], OFF_PAUSE)
        return
    failed, key = counts(error), (supplier, kind)
    with _lock:
        opens = _counters.setdefault(key, _Counter()).add(failed, time.monotonic())
    if opens:
        _open(key, error.code if error else "")
    elif not failed and _fresh():
        for known in (key, (supplier, ACCOUNT)):
            if known in _fresh():
                _close(known)


def is_open(supplier: str, kind: str) -> datetime | None:
    """Until when new calls of this kind must wait (UTC); None: go ahead.

    When the pause is over, one caller gets None and all others a new pause: the first call decides. Ask once for
    each new booking or search, where it starts.
    """
    return _waiting((supplier, ACCOUNT)) or _waiting((supplier, kind))


def is_off(supplier: str) -> bool:
    """Whether our account there was closed or used up when it was last asked. Lets nobody through."""
    return (supplier, ACCOUNT) in _fresh()


def reopen(supplier: str) -> None:
    """Ask the supplier again from now on, whatever was wrong: staff have mended it."""
    BreakerState.objects.filter(supplier=supplier).update(open_until=None, reason="")
    with _lock:
        for key in [key for key in _counters if key[0] == supplier]:
            del _counters[key]
    _forget()


def _waiting(key: Key) -> datetime | None:
    """`is_open` for one row."""
    supplier, kind = key
    known = _fresh().get(key)
    if known is None:
        return None
    until, left = known
    if left > time.monotonic() - _picture.read_at:
        return until
    mine = BreakerState.objects.filter(supplier=supplier, kind=kind, open_until=until,
                                       open_until__lte=Now()).update(open_until=Now() + PAUSE)
    _forget()
    if mine:
        return None
    renewed = _fresh().get(key)
    return renewed[0] if renewed else None


def seen_open(supplier: str, kind: str) -> bool:
    """Whether a pause is running; unlike `is_open` it may be asked by any page, for it uses up nobody's trial."""
    known = _fresh().get((supplier, kind))
    return known is not None and known[1] > time.monotonic() - _picture.read_at


def reset() -> None:
    """Forget what this process has counted and read. For tests."""
    with _lock:
        _counters.clear()
    _forget()


def _open(key: Key, reason: str, pause: timedelta = PAUSE) -> None:
    supplier, kind = key
    BreakerState.objects.update_or_create(supplier=supplier, kind=kind,
                                          defaults={"open_until": Now() + pause, "reason": reason})
    _forget()


def _close(key: Key) -> None:
    """The trial call went well."""
    supplier, kind = key
    BreakerState.objects.filter(supplier=supplier, kind=kind).update(open_until=None, reason="")
    with _lock:
        _counters.pop(key, None)
    _forget()


def _fresh() -> dict[Key, tuple[datetime, float]]:
    """The published states, at most a second old, with the seconds each had left by the database's clock."""
    global _picture
    picture = _picture
    if time.monotonic() - picture.read_at > CACHE_SECONDS:
        rows = BreakerState.objects.filter(open_until__isnull=False).annotate(now=Now()).values_list(
            "supplier", "kind", "open_until", "now")
        picture = _Picture(time.monotonic(), {
            (supplier, kind): (until, (until - now).total_seconds()) for supplier, kind, until, now in rows if until})
        _picture = picture
    return picture.rows


def _forget() -> None:
    global _picture
    _picture = _Picture()
