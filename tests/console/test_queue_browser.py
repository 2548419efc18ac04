"""The queue by keyboard and by eye: lines are walked, ticked and opened without a mouse, and axe finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from bookings.models import StaffAction
from tests.console import rows
from tests.console.test_browser import operator, picture, tab
from tests.following import follow
from tests.gallery.test_axe import serious

__all__ = ["operator"]  # the fixture
pytestmark = pytest.mark.django_db(transaction=True)


def test_lines_are_walked_ticked_and_opened_by_keys(browser: Browser, live_server: Any, operator: Client) -> None:
    made = [rows.case(rows.confirmed(), kind) for kind in ("charged_without_order", "dispute", "ledgers_differ")]
    page, complaints = tab(browser, operator, live_server.url, 1280)
    page.goto("/admin/")
    lines = page.locator("[data-line]")
    expect(lines).to_have_count(3)
    assert serious(page) == []
    for key, line in (("j", 0), ("j", 1), ("ArrowDown", 2), ("j", 2), ("k", 1), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(lines.nth(line).locator("a.line-open")).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("1 ticked", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jk?x")  # letters are letters here
    expect(page.get_by_role("searchbox")).to_have_value("jk?x")
    page.get_by_role("searchbox").fill(made[1].booking.reference)  # type: ignore[union-attr]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/case/{made[1].pk}/change/")
    page.goto("/admin/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/case/{made[0].pk}/change/")
    assert complaints == []


def looked_at(page: Page, complaints: list[str]) -> None:
    """The browser complains of nothing; axe neither, and what the browser says of axe's own styles does not count."""
    assert complaints == []
    assert serious(page) == []
    complaints.clear()


def test_many_lines_at_once_on_a_narrow_screen(browser: Browser, live_server: Any, operator: Client) -> None:
    for _ in range(2):
        rows.case(rows.confirmed(), "ledgers_differ")
    page, complaints = tab(browser, operator, live_server.url, 390)
    page.emulate_media(color_scheme="dark")
    page.goto("/admin/")
    picture(page, "queue-narrow", 390)
    looked_at(page, complaints)
    for box in page.locator("[data-line] input").all():
        box.check()
    follow(page.get_by_role("button", name="Go on…"))
    picture(page, "bulk", 390)
    looked_at(page, complaints)
    page.get_by_role("button", name="Look again: 2 lines").click()
    expect(page.get_by_role("status")).to_contain_text("2 of 2 lines done")
    picture(page, "bulk-done", 390)
    looked_at(page, complaints)
    page.goto("/admin/bookings/case/find/?q=Ångström")
    picture(page, "found", 390)
    looked_at(page, complaints)
    assert StaffAction.objects.filter(verb="look_again").count() == 2
