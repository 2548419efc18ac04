"""The search form in a real browser: the airport box as the W3C describes it, flights, swapping, and no JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A page without JavaScript, on a phone."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def active(page: Page, box: Any) -> str:
    """The text of the option that the box points at."""
    return page.locator(f"#{box.get_attribute('aria-activedescendant')}").inner_text().split("\n")[0]


def test_the_airport_box_follows_the_combobox_pattern(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    box = page.get_by_role("combobox", name="To", exact=True)
    assert (box.get_attribute("aria-autocomplete"), box.get_attribute("aria-expanded")) == ("list", "false")
    box.press_sequentially("london")
    options = page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_contain_text("London, all airports")
    expect(page.get_by_role("status").filter(has_text="places found")).to_have_count(1)
    assert box.get_attribute("aria-activedescendant") is None, "nothing is chosen for anybody"
    assert box.get_attribute("aria-controls") == page.get_by_role("listbox").get_attribute("id")
    last = options.last.inner_text().split("\n")[0]
    for key, at in (("ArrowDown", "London, all airports"), ("ArrowDown", "London Heathrow"), ("End", last),
                    ("ArrowDown", "London, all airports"), ("ArrowUp", last), ("Home", "London, all airports")):
        box.press(key)
        assert active(page, box) == at, key
    assert page.locator("[aria-selected=true]").count() == 1
    assert min(options.nth(at).bounding_box()["height"] for at in range(options.count())) >= 44  # type: ignore[index]
    box.press("Enter")
    expect(box).to_have_value("London, all airports (LON)")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press("Escape")
    expect(box).to_have_value("")
    box.press_sequentially("qqqqqq")
    expect(page.get_by_role("status").filter(has_text="No place found")).to_have_count(1)


def test_the_list_of_places_stays_above_a_phones_keyboard(page: Page, live_server: LiveServer) -> None:
    page.set_viewport_size({"width": 390, "height": 420})  # what a keyboard leaves
    page.goto(live_server.url)
    page.get_by_role("combobox", name="To", exact=True).press_sequentially("london")
    expect(page.get_by_role("option")).not_to_have_count(0)
    frame = page.get_by_role("listbox").bounding_box()
    assert frame is not None
    assert frame["y"] >= 0
    assert frame["y"] + frame["height"] <= 420


def test_flights_are_added_swapped_and_removed_in_place(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    page.get_by_label("Multi-city").check()
    page.locator("#origin").fill("Paris (CDG)")
    page.locator("#destination").fill("Rome (FCO)")
    page.get_by_role("button", name="Swap from and to").click()
    expect(page.locator("#origin")).to_have_value("Rome (FCO)")
    page.locator("#departureDate").fill(day(30))
    page.locator("#origin2").fill("CDG")
    page.locator("#destination2").fill("MAD")
    expect(page.locator("#departureDate2")).to_have_attribute("min", day(30))
    page.get_by_role("button", name="Add a flight").click()
    expect(page.locator("#origin3")).to_have_value("MAD")
    expect(page.locator("#destination3")).to_be_focused()
    page.get_by_role("button", name="Add a flight").click()
    expect(page.get_by_role("button", name="Add a flight")).to_be_hidden()
    page.get_by_role("button", name="Remove flight 2").click()
    expect(page.locator("#origin2")).to_have_value("MAD")
    expect(page.locator("#departureDate4")).to_be_hidden()
    page.get_by_label("Return").check()
    expect(page.locator("#origin2")).to_be_hidden()
    expect(page.locator("#returnDate")).to_be_visible()
    page.get_by_role("button", name="Search flights").click()
    assert "origin2" not in page.url, "what is not needed is not sent"


def test_three_flights_are_asked_for_without_javascript(plain: Page, live_server: LiveServer) -> None:
    plain.goto(live_server.url)
    expect(plain.locator("#origin2")).to_be_hidden()
    expect(plain.locator("#age1")).to_be_hidden()
    plain.get_by_label("Multi-city").check()
    expect(plain.locator("#origin2")).to_be_visible()
    expect(plain.locator("#returnDate")).to_be_hidden()
    plain.locator("#destination").fill("FCO")
    plain.locator("#destination2").fill("MAD")
    plain.locator("#children").select_option("1")
    plain.locator("#age1").select_option("7")
    plain.get_by_role("button", name="Add a flight").click()
    expect(plain.locator("#origin3")).to_have_value("Madrid Barajas (MAD)")
    expect(plain.locator("#age1")).to_have_value("7")
    plain.get_by_role("button", name="Remove flight 2").click()
    expect(plain.locator("#origin3")).to_be_hidden()
    expect(plain.locator("#origin2")).to_have_value("Madrid Barajas (MAD)")
    plain.get_by_role("button", name="Search flights").click()
    expect(plain.get_by_role("link", name="Enter the city or airport flight 2 goes to.")).to_be_visible()
    assert plain.evaluate("document.documentElement.scrollWidth") <= 390
