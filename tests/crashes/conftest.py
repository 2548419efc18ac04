"""The stage of the crash campaign: both suppliers, a clock that can be moved, and a manager who may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.core.conftest import reservations, running_sandbox, world
from tests.storm.conftest import clockwork

if TYPE_CHECKING:
    from tests.crashes.stage import Stage
    from tests.storm.clockwork import Clockwork
    from tests.world import World

__all__ = ["clockwork", "reservations", "running_sandbox", "world"]


@pytest.fixture
def stage(reservations: World, clockwork: Clockwork, settings: Any) -> Iterator[Stage]:
    """An empty stage; amounts that need a second person are far away."""
    from tests.crashes.stage import Stage
    from tests.sandbox.process import Site

    settings.SECOND_PERSON_ABOVE = settings.ALERT_EMAIL = settings.ALERT_WEBHOOK_URL = None
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS  # scenes set them: put back afterwards
    site, patches = Site(), pytest.MonkeyPatch()
    stage = Stage(reservations, clockwork, site, patches)
    stage.clear()
    yield stage
    patches.undo()
    site.stop()
