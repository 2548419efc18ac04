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


def plan(singles: dict[str, list[Item]], *, faults: int, kills: int, seed: int) -> list[Item]:
    """Every point killed once comes first, then the other single faults, then pairs and triples, until both are met."""
    dice = Random(seed)
    chosen = _each_point_killed([item for items in singles.values() for item in items])
    others = [item for items in singles.values() for item in items if item not in set(chosen)]
    dice.shuffle(others)
    rest = iter(others[:max(0, (faults * 7) // 10 - len(chosen))])
    more = _combined(singles, dice)
    fired, killed = 0, 0
    planned: list[Item] = []
    for item in [*chosen, *rest]:
        planned.append(item)
        fired, killed = fired + 1, killed + (item.hits[0].fault == "kill")
    while fired < faults or killed < kills:
        item = next(more)
        if fired >= faults:  # only kills are missing
            item = replace(item, hits=tuple(replace(hit, fault="kill") for hit in item.hits))
        planned.append(item)
        fired, killed = fired + len(item.hits), killed + sum(hit.fault == "kill" for hit in item.hits)
    return list(dict.fromkeys(planned))


def _each_point_killed(items: list[Item]) -> list[Item]:
    """The first passage of each point, in whatever scene."""
    first: dict[str, Item] = {}
    for item in items:
        if item.hits[0].fault == "kill":
            first.setdefault(item.hits[0].point.partition("#")[0], item)
    return list(first.values())


def _combined(singles: dict[str, list[Item]], dice: Random) -> Iterator[Item]:
    """Without end: a fault on a main route and a second one inside its recovery; now and then a third, on any route."""
    main = [item for name in MAIN for item in singles.get(name, [])]
    every = [item for items in singles.values() for item in items]
    while True:
        deep = dice.random() < 0.25
        base = dice.choice(every if deep or not main else main)
        first = base.hits[0] if dice.random() < 0.6 else Hit("kill", base.hits[0].point)
        later = tuple(Hit(dice.choice((*SECOND, "kill", "kill", "kill")), f"any#{dice.randrange(1, DEEP)}")
                      for _ in range(2 if deep else 1))
        yield replace(base, hits=(first, *later))
