"""The crash campaign uses the core's outside world."""

from tests.core.conftest import reservations, running_sandbox, world

__all__ = ["reservations", "running_sandbox", "world"]
