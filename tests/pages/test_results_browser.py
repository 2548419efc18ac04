"""In a real browser: late offers join the list without moving what is read; filters work at once and by back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.checkout import search_form
from fly2any.kernel import clock
from fly2any.kernel.money import Money
from suppliers import breaker, registry
from suppliers.stored import offer_from_json
from suppliers.types import Leg, SearchQuery
from tests.doors.test_listing import picture

pytestmark = pytest.mark.django_db(transaction=True)


class Fake:
    """A supplier that says what it is told to say, when it is told to."""

    def __init__(self, name: str, answer: Callable[[], list[Any]]) -> None:
        self.name, self.answer = name, answer

    def search(self, query: SearchQuery) -> list[Any]:
        return self.answer()


def sold(name: str, numbers: range, **more: Any) -> list[Any]:
    found = []
    for number in numbers:
        raw = picture(number, total=30000 + 100 * number, **more)
        raw |= {"supplier": name, "external_id": f"{name}_{number}",
                "expires_at": (clock.now() + timedelta(minutes=20)).isoformat()}
        found.append(offer_from_json(raw))
    return found


def address(live_server: LiveServer) -> str:
    leg = Leg("JFK", "LHR", clock.now().date() + timedelta(days=30))
    return live_server.url + search_form.address(SearchQuery((leg,)))


@pytest.fixture
def late() -> Iterator[threading.Event]:
    """One supplier answers at once with ten flights, the other with twelve when the event is set."""
    go = threading.Event()

    def slow() -> list[Any]:
        go.wait(15)
        return sold("slow", range(1, 24, 2), airline="BA")

    cache.clear()
    breaker.reset()
    with registry.replaced(quick=Fake("quick", lambda: sold("quick", range(2, 22, 2))),  # type: ignore[arg-type]
                           slow=Fake("slow", slow)):  # type: ignore[arg-type]
        yield go
        go.set()


def test_late_offers_join_without_moving_scroll_focus_or_an_open_filter(
        page: Page, live_server: LiveServer, late: threading.Event, complaints: list[str], settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address(live_server))
    cards = page.locator("#list > li")
    expect(cards).to_have_count(10)
    expect(page.locator("#status")).to_contain_text("Still asking 1 airline")
    page.locator("#d-without summary").click()
    button = cards.nth(6).get_by_role("button", name="Choose")
    button.focus()
    cards.nth(6).scroll_into_view_if_needed()
    key, top = cards.nth(6).get_attribute("data-key"), button.bounding_box()
    late.set()
    expect(cards).to_have_count(22)
    expect(page.locator("#count")).to_have_text("12 more flights found")
    expect(page.locator("#status")).not_to_contain_text("Still asking")
    after = page.locator(f'li[data-key="{key}"]').get_by_role("button", name="Choose")
    expect(after).to_be_focused()
    assert top is not None
    moved = after.bounding_box()
    assert moved is not None
    assert abs(moved["y"] - top["y"]) <= 2
    assert page.locator("#d-without").get_attribute("open") is not None
    expect(page.locator("#o-airline li")).to_have_count(2)
    prices = [float(text.replace("USD", "").replace(",", "")) for text in page.locator(".offer .price").all_inner_texts()]
    assert prices == sorted(prices), "and they stand where they belong"
    assert complaints == []


def test_the_same_fare_from_a_second_source_joins_its_card_and_not_under_the_pointer(
        page: Page, live_server: LiveServer, complaints: list[str], settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = settings.AMADEUS_CLIENT_ID = ""
    go = threading.Event()

    def slow() -> list[Any]:
        go.wait(15)
        cheaper = [replace(one, total=Money(one.total.minor - 50, "USD")) for one in sold("slow", range(3), brand="LIGHT")]
        return [replace(one, manual=True, ticket_by=one.expires_at) for one in cheaper]

    cache.clear()
    breaker.reset()
    quick = Fake("quick", lambda: sold("quick", range(3), brand="Economy Light"))
    with registry.replaced(quick=quick, slow=Fake("slow", slow)):  # type: ignore[arg-type]
        page.goto(address(live_server))
        cards = page.locator("#list > li")
        expect(cards).to_have_count(3)
        price = cards.nth(1).locator(".price")
        cards.nth(1).hover()
        go.set()
        expect(cards.nth(0).locator(".also")).to_contain_text("The same fare, ticketed at once")
        expect(cards.nth(0).locator(".price")).to_contain_text("299.50")
        expect(cards.nth(0).locator(".also button")).to_have_text("Also USD 300.00")
        expect(price).to_contain_text("301.00")  # what is pointed at is not changed under the hand
        expect(cards).to_have_count(3)
        cards.nth(2).hover()
        expect(price).to_contain_text("300.50")
    assert complaints == []


def test_the_page_is_there_at_once_and_fills_when_the_first_answer_comes(
        page: Page, live_server: LiveServer, complaints: list[str], settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    breaker.reset()
    go = threading.Event()

    def slow() -> list[Any]:
        go.wait(15)
        return sold("slow", range(3))

    with registry.replaced(slow=Fake("slow", slow)):  # type: ignore[arg-type]
        page.goto(address(live_server))
        expect(page.locator("#status")).to_contain_text("Still asking 1 airline")
        expect(page.locator(".ghost")).to_have_count(7)
        go.set()
        expect(page.locator("#list > li")).to_have_count(3)
    expect(page.locator(".ghost")).to_have_count(0)
    expect(page.locator("#filters")).to_be_visible()
    expect(page.locator("#count")).to_have_text("3 more flights found")
    assert complaints == []


def test_filters_work_at_once_on_a_wide_screen_and_back_undoes_them(
        page: Page, live_server: LiveServer, late: threading.Event, complaints: list[str], settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    late.set()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address(live_server))
    expect(page.locator("#list > li")).to_have_count(22)
    box = page.locator("#o-airline").get_by_label("Airline BA")
    box.check()
    expect(page.locator("#list > li")).to_have_count(12)
    expect(page.locator("#count")).to_have_text("12 of 22 flights found")
    expect(box).to_be_focused()
    assert "airline=BA" in page.url
    page.get_by_role("link", name="Remove filter: Only Airline BA").click()
    expect(page.locator("#list > li")).to_have_count(22)
    page.go_back()
    expect(page.locator("#list > li")).to_have_count(12)
    expect(page.locator("#o-airline").get_by_label("Airline BA")).to_be_checked()
    assert complaints == []


def test_on_a_phone_the_filters_open_without_asking_the_server_and_apply_together(
        page: Page, live_server: LiveServer, late: threading.Event, complaints: list[str], settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    late.set()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address(live_server))
    expect(page.locator("#list > li")).to_have_count(22)
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Filters").click()
    page.locator("#o-airline").get_by_label("Airline BA").check()
    page.get_by_role("link", name="Close").click()
    expect(page.locator("#filters")).to_be_hidden()
    assert page.evaluate("window.same") is True
    page.get_by_role("link", name="Filters").click()
    expect(page.locator("#o-airline").get_by_label("Airline BA")).to_be_checked()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#list > li")).to_have_count(12)
    assert complaints == []


def test_without_scripts_on_a_phone_the_filters_fold_and_the_operator_is_as_large_as_the_number(
        browser: Browser, live_server: LiveServer, late: threading.Event, settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    late.set()
    page = browser.new_page(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page.goto(address(live_server))
    for _ in range(20):
        if page.locator("#list > li").count() == 22:
            break
        page.wait_for_timeout(200)
        page.reload()
    expect(page.locator("#filters")).to_be_hidden()
    page.get_by_role("link", name="Filters").click()
    expect(page.locator("#filters")).to_be_visible()
    page.locator("#o-airline").get_by_label("Airline BA").check()
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#list > li")).to_have_count(12)
    expect(page.get_by_role("link", name="Filters (1)")).to_be_visible()
    page.close()


def test_the_operating_airline_is_text_of_the_same_size(page: Page, live_server: LiveServer, settings: Any) -> None:
    settings.DUFFEL_ACCESS_TOKEN = ""
    breaker.reset()
    raw = picture(7)
    raw["slices"][0]["segments"][0]["operating_name"] = "British Airways Plc"
    raw |= {"expires_at": (clock.now() + timedelta(minutes=20)).isoformat()}
    with registry.replaced(one=Fake("one", lambda: [offer_from_json(raw)])):  # type: ignore[arg-type]
        page.goto(address(live_server))
        flight = page.locator(".offer .segments > li").first
        expect(flight).to_have_text("AA 7 Operated by British Airways Plc")
        sizes = flight.locator("span").evaluate_all("all => all.map(one => getComputedStyle(one).fontSize)")
    assert sizes[0] == sizes[1]
    total = page.locator(".offer .price").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
    others = page.locator(".offer .small").evaluate_all("all => all.map(one => parseFloat(getComputedStyle(one).fontSize))")
    assert total > max(others)
