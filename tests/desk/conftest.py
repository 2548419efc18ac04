"""Staff of every kind, and the core's one sandbox for what the worker does after a press."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.core.conftest import reservations, running_sandbox, world

if TYPE_CHECKING:
    from tests.desk.pressing import Desk

__all__ = ["reservations", "running_sandbox", "world"]


@pytest.fixture
def at_desk(db: None, settings: Any) -> Desk:
    """A manager at their desk; amounts that need a second person are far away."""
    from tests.desk.pressing import Desk

    settings.SECOND_PERSON_ABOVE = {"USD": 10**9, "GBP": 10**9, "EUR": 10**9}
    return Desk()
