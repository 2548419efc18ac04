"""Clicks that lead to another page."""

from __future__ import annotations

from playwright.sync_api import Locator


def follow(target: Locator) -> None:
    """Click, and return when the page that follows is whole.

    `click` alone may return while the old page, or half of the new one, is still what is looked at: enough for what
    waits (`expect`, the next click), too early for what only looks (`count`, `evaluate`, axe, a picture).
    """
    with target.page.expect_navigation():
        target.click()
