"""The sandbox of the core's tests."""

from tests.core.conftest import running_sandbox, world

__all__ = ["running_sandbox", "world"]
