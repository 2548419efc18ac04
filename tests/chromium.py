"""Which browser the tests drive."""

from __future__ import annotations

import os
import shutil

# The headless shell is the same engine without windows, and needs a third of the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path() -> str | None:
    """The program: CHROMIUM (`run.py test` finds or installs one), or the first that is here; None is Playwright's own."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
