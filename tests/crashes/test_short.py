"""The short form: every scene once, a SIGKILL at each fault point where it is passed first, and some of every other fault.

The long form, with every fault at every passage, pairs and triples: `python -m tests.crashes`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fly2any.kernel import faultpoints

if TYPE_CHECKING:
    from tests.crashes.stage import Stage

SEED = 6  # changes which of the other faults are met; a failure prints the line that repeats it
JOURNEYS = """hold_first instant with_a_bag hold hold_cancelled unpaid declined order_answer_lost ticket_answer_lost
refund_answer_lost flights_accepted flights_refunded cancelled_by_the_airline dearer_and_taken dearer_after_the_card
dearer_and_refused connection_lost connection_lost_manual a_bug requested manual_given_back manual_cancelled""".split()
HOUSEWORK = """staff_refund staff_two_people staff_cancel staff_attach staff_attach_reservation staff_records staff_link
staff_bulk mails told_in_a_chat messages messages_too_early compared_lightly compared_fully mismatches forgotten new_keys
fare_changed""".split()
hit: set[str] = set()
met: Counter[str] = Counter()


def survive(stage: Stage, name: str) -> None:
    """Play the scene, then die at each point that no scene before has died at, and meet one fault of another kind."""
    from tests.crashes import housework, journeys, tally
    from tests.crashes.campaign import Play, singles

    assert housework
    play = Play(stage, name, journeys.SCENES[name])
    play.rehearse()
    items = list(singles(name, play.passed(), SEED))
    kills = {item.hits[0].point.partition("#")[0]: item for item in reversed(items) if item.hits[0].fault == "kill"}
    others = [item for item in items if item.hits[0].fault != "kill"]
    rare = min(others, key=lambda item: met[item.hits[0].fault])
    for item in [*(item for point, item in kills.items() if point not in hit), rare]:
        result = play.run(item)
        assert result.fired or item is rare, f"{item.key} was not reached"
        assert not result.problems, "\n".join([f"again: {tally.again(item.key)}", *result.problems])
        met.update(result.fired)
        hit.update(point.partition("#")[0] for point in result.points if "kill" in result.fired)


@pytest.mark.parametrize("name", JOURNEYS)
@pytest.mark.failure("K1", "K3", "K4", "K5", "K13", "K16", "W2", "A20")
def test_a_kill_at_each_point_of_a_journey_loses_nothing(stage: Stage, name: str) -> None:
    survive(stage, name)


@pytest.mark.parametrize("name", HOUSEWORK)
@pytest.mark.failure("K6", "K7", "K17", "K18", "A21")
def test_a_kill_at_each_point_of_the_houses_work_loses_nothing(stage: Stage, name: str) -> None:
    survive(stage, name)


@pytest.mark.parametrize("key", [
    "hold_first/1/call.create_order.answered#1:kill+any#2:kill/sweeper",
    "hold_first/3/call.pay_order.answered#1:kill+any#3:kill/worker",
    "hold_first/7/call.send_refund.answered#1:kill+any#2:kill+any#3:kill/webhook"])
@pytest.mark.failure("K2")
def test_a_kill_inside_the_recovery_loses_nothing(stage: Stage, key: str) -> None:
    from tests.crashes import journeys
    from tests.crashes.campaign import Item, Play

    item = Item.read(key)
    play = Play(stage, item.scene, journeys.SCENES[item.scene])
    play.rehearse()
    result = play.run(item)
    assert (result.fired, result.problems) == (["kill"] * len(item.hits), [])


def test_every_registered_point_was_hit() -> None:
    """Points hit / points registered = 1.00 (run after the others of this file)."""
    missing = set(faultpoints.registered()) - hit
    print(f"\nfault points hit / registered = {len(hit)} / {len(faultpoints.registered())}")
    assert not missing, sorted(missing)


def test_every_scene_is_in_the_short_form() -> None:
    from tests.crashes import housework, journeys

    assert housework and set(journeys.SCENES) == {*JOURNEYS, *HOUSEWORK}
