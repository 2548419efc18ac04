"""Says on every page whether real tickets and real money are behind it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from fly2any.checks import live_keys


def ribbon(request: HttpRequest) -> dict[str, bool]:
    """Template context: `sandbox`, a sandbox of ours plays airline or bank; `live`, a key moves real money."""
    return {"sandbox": settings.SANDBOX, "live": bool(live_keys())}
