"""Seeded walks through the whole core; `python -m tests.storm --walks N --seed S` takes longer ones."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.storm.clockwork import Clockwork
from tests.storm.tally import Tally
from tests.storm.walk import Walk
from tests.world import World

WALKS = int(os.environ.get("STORM_WALKS", "0"))  # 0: one in the usual run, five more with the slow tests
SEED = int(os.environ.get("STORM_SEED", "1"))
STEPS = int(os.environ.get("STORM_STEPS", "40"))


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """What all walks of this run saw, said at the end."""
    counted = Tally()
    yield counted
    print(f"\n{counted.report()}")


@pytest.mark.parametrize("seed", range(SEED, SEED + WALKS) if WALKS else [
    SEED, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(SEED + 1, SEED + 6))])
def test_no_promise_breaks_on_a_walk(world: World, clockwork: Clockwork, tally: Tally, seed: int) -> None:
    Walk(world, clockwork, seed, tally).run(STEPS)
