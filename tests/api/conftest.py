"""No worker is hinted and nobody waits, unless a test says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.conftest import running_sandbox, world  # noqa: F401


@pytest.fixture(autouse=True)
def quiet(settings: Any) -> None:
    settings.BROKER_ENABLED = False
    settings.WEB_WAIT_SECONDS = 0
