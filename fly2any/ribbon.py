"""Says on every page that this is the sandbox."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def ribbon(request: HttpRequest) -> dict[str, bool]:
    """Template context: `sandbox` is true when no real airline or bank is behind this site."""
    return {"sandbox": settings.SANDBOX}
