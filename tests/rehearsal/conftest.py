"""The sandbox of the core's tests."""

from tests.core.conftest import reservations, running_sandbox, world

__all__ = ["reservations", "running_sandbox", "world"]
