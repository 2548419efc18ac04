"""Every deed of the property test once, in clear weather, one after the other on one world: each finds its words."""

from __future__ import annotations

from tests.property.machine import DEEDS, walk_of
from tests.property.tally import Tally
from tests.property.universe import Universe


def test_each_deed_can_be_done_and_breaks_no_promise(world_of_one_process: Universe) -> None:
    tally = Tally()
    walk = walk_of(world_of_one_process, tally)()
    try:
        for n in range(3):
            walk.take("wish", n, 0)
        for n, name in enumerate(dict.fromkeys(DEEDS)):
            walk.take(name, n, 0)
    finally:
        walk.teardown()
    print("\n".join(walk.log))
    assert tally.rules.keys() >= set(DEEDS)
    assert tally.sagas > 5
