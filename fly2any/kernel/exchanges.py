"""What went over the wire while somebody listens: method, path, key, answer, both bodies without anything personal.

Vendor clients tell every request here. Without a listener (searches, listings) nothing is kept and nothing is read.
Bodies pass an allow-list of the vendor's own field names: a field that is not on it is left out, with all it holds.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)
MOST_BYTES = 8 * 1024  # of each body, as kept
MOST_ITEMS = 20  # of each list
LONGEST = 120  # letters of one value: ids, codes, dates and amounts are shorter
CUT = "…"


@dataclass(frozen=True)
class Exchange:
    """One request and what came back. `status` None: no answer; `after_ms` since the listener began."""

    vendor: str
    method: str
    path: str
    after_ms: int
    milliseconds: int
    key: str = ""
    status: int | None = None
    request_id: str = ""
    sent: Any = None
    got: Any = None


@dataclass
class _Ear:
    began: float
    heard: list[Exchange] = field(default_factory=list)


_ear: ContextVar[_Ear | None] = ContextVar("exchanges", default=None)


@contextmanager
def listening() -> Iterator[list[Exchange]]:
    """Every exchange of this thread until the block ends, in order; the list grows while it runs."""
    ear = _Ear(time.monotonic())
    token = _ear.set(ear)
    try:
        yield ear.heard
    finally:
        _ear.reset(token)


def told(make: Callable[[], dict[str, Any]], *, started: float) -> None:
    """Keep one exchange if anybody listens. `make` gives the fields of Exchange but the times, and is called only then.

    `started`: monotonic seconds before the request. Never raises: a record that fails must not change what the
    caller makes of the answer.
    """
    ear = _ear.get()
    if ear is None:
        return
    try:
        ended = time.monotonic()
        ear.heard.append(Exchange(after_ms=int((started - ear.began) * 1000),
                                  milliseconds=int((ended - started) * 1000), **make()))
    except Exception:
        logger.exception("exchange.unrecorded")


def kept(body: Any, allowed: frozenset[str]) -> Any:
    """The part of a JSON body that may be kept: allowed fields with short plain values, bounded to MOST_BYTES."""
    room = [MOST_BYTES - 512]  # for the signs of what is cut
    found = _kept(body, allowed, room)
    return found if len(json.dumps(found, ensure_ascii=False).encode()) <= MOST_BYTES else {CUT: "too long to keep"}


def _kept(value: Any, allowed: frozenset[str], room: list[int]) -> Any:
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, inner in value.items():
            if name not in allowed:
                continue
            room[0] -= len(name) + 6
            if room[0] < 0:
                return {**found, CUT: "cut"}
            found[name] = _kept(inner, allowed, room)
        return found
    if isinstance(value, list | tuple):
        items: list[Any] = []
        room[0] -= 24
        for inner in value[:MOST_ITEMS]:
            if room[0] < 0:
                break
            items.append(_kept(inner, allowed, room))
        return items if len(items) == len(value) else [*items, f"{CUT} {len(value)} in all"]
    plain = value if isinstance(value, int | bool | type(None)) or (
        isinstance(value, float) and math.isfinite(value)) else str(value).replace("\0", CUT)  # jsonb takes no others
    if isinstance(plain, str) and len(plain) > LONGEST:
        plain = plain[:LONGEST] + CUT
    room[0] -= len(str(plain)) + 4
    return plain
