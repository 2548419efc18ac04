"""The short form: a few walks from a number that is printed (`python -m tests.property` is the long form)."""

from __future__ import annotations

import os

import pytest

from tests.property.lot import walked
from tests.property.tally import Tally
from tests.property.universe import Universe

SEED = int(os.environ.get("PROPERTY_SEED", "1"))
WALKS = int(os.environ.get("PROPERTY_WALKS", "8"))
STEPS = int(os.environ.get("PROPERTY_STEPS", "60"))


@pytest.mark.slow
def test_whatever_happens_in_any_weather_no_promise_breaks(world_of_one_process: Universe) -> None:
    print(f"PROPERTY_SEED={SEED} PROPERTY_WALKS={WALKS} PROPERTY_STEPS={STEPS}")
    tally = Tally()
    walked(world_of_one_process, tally, seed=SEED, walks=WALKS, steps=STEPS)
    print(tally.report())
    assert tally.sagas >= 3 * WALKS, "the control: there were bookings"
    assert tally.stormy > tally.steps / 5, "the control: there was weather"
