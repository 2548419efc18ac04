"""Which runs a campaign is made of: every fault that fits every point of every scene, then pairs and triples at random."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from tests.crashes.campaign import Item
from tests.crashes.faults import FAULTS, Hit

MAIN = ("hold_first", "instant", "hold", "manual_given_back", "manual_cancelled", "with_a_bag", "flights_refunded",
        "dearer_and_taken", "ticket_answer_lost", "order_answer_lost")
SECOND = tuple(fault for fault in FAULTS if not FAULTS[fault].stops)  # a recovery is a process like any other
DEEP = 14  # a recovery rarely passes more points
LOT = 300
SINGLES = 3  # the number of the last lot that goes through the plan


def lots(singles: dict[str, list[Item]], *, faults: int, seed: int) -> Iterator[list[Item]]:
    """Without end, what comes first matters most: a campaign may be cut short, and ends when its numbers are met.

    Every point killed in each scene that passes it, and each fault that fits it once; pairs and triples; then each
    fault where its point is passed first in each piece, then at the other passages, both followed by a kill inside the
    recovery; pairs and triples again and again. What goes through the plan takes at most nine tenths of `faults`.
    """
    every = [item for items in singles.values() for item in items]
    combined, room = _combined(singles, Random(seed)), faults * 9 // 10
    orders: tuple[Callable[[Item], tuple[object, ...]], ...] = (
        lambda item: (_name(item), item.hits[0].fault, item.scene if item.hits[0].fault == "kill" else ""),
        lambda item: (_name(item), item.hits[0].fault, item.scene, item.piece),
        lambda item: (item.key,))
    planned = set[Item]()
    for number, order in enumerate(orders):
        if number == 1:
            yield _next(combined, min(LOT, faults // 10))
        lot = _some([item for item in _first(every, order) if item not in planned], room - len(planned), seed)
        planned |= set(lot)
        yield [_killed_again(item, seed) for item in lot] if number else lot
    while every:
        yield _next(combined, LOT)


def _killed_again(item: Item, seed: int) -> Item:
    """The same, and its recovery dies as well: a kill leads nowhere else, so it hides nothing of the first fault."""
    return replace(item, hits=(*item.hits, Hit("kill", f"any#{Random(f'{seed} {item.what}').randrange(1, 4)}")))


def only_kills(item: Item) -> Item:
    """The same with a kill in the place of every fault: when only kills are missing."""
    return replace(item, hits=tuple(replace(hit, fault="kill") for hit in item.hits))


def _some(items: list[Item], most: int, seed: int) -> list[Item]:
    return items if len(items) <= most else Random(seed).sample(items, max(0, most))


def _next(combined: Iterator[Item], number: int) -> list[Item]:
    return [next(combined) for _ in range(number)]


def _name(item: Item) -> str:
    return item.hits[0].point.partition("#")[0]


def _first(items: list[Item], order: Callable[[Item], tuple[object, ...]]) -> list[Item]:
    """The first item of each kind."""
    first: dict[tuple[object, ...], Item] = {}
    for item in items:
        first.setdefault(order(item), item)
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
