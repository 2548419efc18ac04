"""In a real browser: the airport box by keyboard alone, and pages that complain about nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_airport_is_chosen_by_keyboard(page: Page, live_server: LiveServer, complaints: list[str]) -> None:
    page.goto(live_server.url)
    box = page.get_by_label("From", exact=True)
    box.press_sequentially("zürich")
    expect(page.get_by_role("option")).not_to_have_count(0)
    expect(box).to_have_attribute("aria-expanded", "true")
    assert box.get_attribute("aria-activedescendant") is None, "nothing is chosen for anybody"
    box.press("ArrowDown")
    chosen = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
    expect(chosen).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    expect(box).to_have_value("Zurich (ZRH)")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.fill("")
    box.press_sequentially("lon")
    expect(page.get_by_role("option").first).to_contain_text("London, all airports")
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_have_value("lon")
    assert complaints == []


def test_the_form_shows_only_what_is_needed(page: Page, live_server: LiveServer, complaints: list[str]) -> None:
    page.goto(live_server.url)
    expect(page.get_by_label("Child 1")).to_be_hidden()
    page.locator("#children").select_option("2")
    expect(page.get_by_label("Child 2")).to_be_visible()
    expect(page.get_by_label("Child 3")).to_be_hidden()
    page.get_by_label("One way").check()
    expect(page.get_by_label("Flying back on")).to_be_hidden()
    page.get_by_role("button", name="Search flights").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Enter the city or airport you start from.").click()
    expect(page.get_by_label("From", exact=True)).to_be_focused()
    assert complaints == []


@pytest.mark.parametrize("path", ["/", "/help", "/terms", "/how-we-sort", "/trips", "/trips/find", "/dev/mailbox"])
@pytest.mark.parametrize("width", [320])
def test_pages_fit_and_complain_about_nothing(page: Page, live_server: LiveServer, complaints: list[str], path: str,
                                              width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(live_server.url + path)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert complaints == []
