"""The core's sandbox and adapters, for the doors in front of it."""

from tests.core.conftest import running_sandbox, world  # noqa: F401
