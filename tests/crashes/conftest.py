"""The crash campaign uses the core's outside world."""

from tests.core.conftest import running_sandbox, world

__all__ = ["running_sandbox", "world"]
