"""Which runs a campaign is made of: every fault that fits every point of every scene, then pairs and triples at random."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from tests.crashes.campaign import Item
from tests.crashes.faults import FAULTS, Hit

MAIN = ("hold_first", "instant", "hold", "manual_given_back", "manual_cancelled", "with_a_bag", "flights_refunded",
        "dearer_and_taken", "ticket_answer_lost", "order_answer_lost")
SECOND = tuple(fault for fault in FAULTS if not FAULTS[fault].stops)  # a recovery is a process like any other
DEEP = 14  # a recovery rarely passes more points
LOT = 300


def lots(singles: dict[str, list[Item]], *, faults: int, seed: int) -> Iterator[list[Item]]:
    """Without end, what comes first matters most: a campaign may be cut short, and ends when its numbers are met.

    Every point killed once, and each fault where its point is passed first in each piece; pairs and triples; each
    fault at the other passages; pairs and triples again and again. Single faults are at most nine tenths of `faults`.
    """
    every = [item for items in singles.values() for item in items]
    kills = _each_point_killed(every)
    first = _first_passages(every)
    room = faults * 9 // 10
    chosen = _some([item for item in first if item not in kills], room - len(kills), seed)
    combined = _combined(singles, Random(seed))
    yield [*kills, *chosen]
    yield _next(combined, min(LOT, faults // 10))
    others = set(every) - set(first) - set(kills)
    yield _some([item for item in every if item in others], room - len(kills) - len(chosen), seed)
    while every:
        yield _next(combined, LOT)


def only_kills(item: Item) -> Item:
    """The same with a kill in the place of every fault: when only kills are missing."""
    return replace(item, hits=tuple(replace(hit, fault="kill") for hit in item.hits))


def _some(items: list[Item], most: int, seed: int) -> list[Item]:
    return items if len(items) <= most else Random(seed).sample(items, max(0, most))


def _next(combined: Iterator[Item], number: int) -> list[Item]:
    return [next(combined) for _ in range(number)]


def _each_point_killed(items: list[Item]) -> list[Item]:
    """The first passage of each point, in whatever scene."""
    first: dict[str, Item] = {}
    for item in items:
        if item.hits[0].fault == "kill":
            first.setdefault(item.hits[0].point.partition("#")[0], item)
    return list(first.values())


def _first_passages(items: list[Item]) -> list[Item]:
    """Each fault at the first passage of its point in each piece of each scene."""
    first: dict[tuple[str, int, str, str], Item] = {}
    for item in items:
        (hit,) = item.hits
        first.setdefault((item.scene, item.piece, hit.point.partition("#")[0], hit.fault), item)
    return list(first.values())


def _combined(singles: dict[str, list[Item]], dice: Random) -> Iterator[Item]:
    """Without end: a fault on a main route and a second one inside its recovery; now and then a third, on any route."""
    main = [item for name in MAIN for item in singles.get(name, [])]
    every = [item for items in singles.values() for item in items]
    while True:
        deep = dice.random() < 0.25
        base = dice.choice(every if deep or not main else main)
        first = base.hits[0] if dice.random() < 0.5 else Hit("kill", base.hits[0].point)
        later = tuple(Hit("kill" if dice.random() < 0.5 else dice.choice(SECOND), f"any#{dice.randrange(1, DEEP)}")
                      for _ in range(2 if deep else 1))
        yield replace(base, hits=(first, *later))
