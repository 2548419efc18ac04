"""A clock that runs at real speed and can be moved."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Real UTC time plus a movable offset in seconds."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> datetime:
        """Return the sandbox's own time, aware, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def timestamp(self) -> float:
        """Return the sandbox's own time as unix seconds."""
        return time.time() + self.offset


def real_now() -> datetime:
    """Return the real UTC time, which signatures are made with."""
    return datetime.now(UTC)
