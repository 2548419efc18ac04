"""The core's one sandbox, on a clock that can be moved together with the database's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.core.conftest import running_sandbox, world

if TYPE_CHECKING:
    from tests.storm.clockwork import Clockwork
    from tests.world import World

__all__ = ["clockwork", "running_sandbox", "world"]


@pytest.fixture
def clockwork(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clockwork]:
    """One clock for PostgreSQL and the sandbox; vendors' libraries do not sleep between their own tries."""
    import stripe
    import tenacity

    from suppliers import breaker
    from suppliers.duffel import client
    from tests.storm.clockwork import Clockwork

    def at_once(*_: Any) -> float:
        return 0.0

    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", at_once)
    monkeypatch.setattr(client, "BACKOFF", tenacity.wait_none())
    breaker.reset()
    clock = Clockwork(world.sandbox)
    clock.install()
    yield clock
    clock.remove()
    breaker.reset()
