"""Step 1 in a real browser: by keyboard alone, the total from the server, nothing lost, axe finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.models import Booking
from tests.pages.planes import COVER, party, plane, service
from tests.pages.test_extras import flex

pytestmark = pytest.mark.django_db(transaction=True)
BAG = "q-baggage.0.0.checked_23"


@pytest.fixture(autouse=True)
def planes(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: [plane()])


@pytest.fixture
def trip(principal: str) -> Booking:
    bags = (service("ase_1"), service("ase_2", who=("pas_2",), minor=6500, most=1))
    return party(principal, "adult", "child", services=(*bags, COVER))


@pytest.fixture
def site(page: Page, live_server: LiveServer, guest: Client, trip: Booking) -> str:
    """The draft's address, entered as the same visitor."""
    page.context.add_cookies([{"name": settings.GUEST_COOKIE_NAME, "url": live_server.url,
                               "value": guest.cookies[settings.GUEST_COOKIE_NAME].value}])
    return f"{live_server.url}/checkout/{trip.public_id}"


def serious(page: Page) -> list[str]:
    found: Any = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found
            if item["impact"] in ("serious", "critical")]


def fits(page: Page, width: int) -> bool:
    page.set_viewport_size({"width": width, "height": 800})
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_every_choice_brings_the_servers_total(page: Page, site: str, trip: Booking, complaints: list[str]) -> None:
    page.goto(f"{site}/extras")
    assert serious(page) == []
    page.locator(f'[id="{BAG}"]').select_option("2")
    expect(page.locator("#total")).to_contain_text("719.99")
    expect(page.locator("#price")).to_contain_text("719.99")
    expect(page.get_by_role("status").last).to_contain_text("Total USD 719.99")
    page.get_by_label("Yes, for").check()
    expect(page.locator("#total")).to_contain_text("809.99")
    page.reload()
    expect(page.locator(f'[id="{BAG}"]')).to_have_value("2")
    assert trip.selections.count() == 2
    assert all(fits(page, width) for width in (320, 390, 1280))
    assert complaints == []


def test_another_fare_in_the_browser(page: Page, site: str, trip: Booking, complaints: list[str]) -> None:
    other = flex(trip, services=[service("ase_9")])
    page.goto(f"{site}/extras")
    page.locator(f'[id="{BAG}"]').select_option("1")
    expect(page.locator("#total")).to_contain_text("659.99")
    page.get_by_label("No cover").check()
    page.get_by_role("radio", name="Main Cabin Flexible").check()
    expect(page.locator("#total")).to_contain_text("759.99")
    assert page.url == f"{site.rsplit('/', 1)[0]}/{Booking.objects.get(offer=other).public_id}/extras"
    expect(page.get_by_role("radio", name="Main Cabin Flexible")).to_be_focused()
    expect(page.locator(f'[id="{BAG}"]')).to_have_value("1")
    page.reload()
    expect(page.get_by_role("radio", name="Main Cabin Flexible")).to_be_checked()
    assert complaints == []


def test_a_seat_by_keyboard_alone(page: Page, site: str, trip: Booking, complaints: list[str]) -> None:
    page.goto(f"{site}/seats/1")
    assert serious(page) == []
    stops = page.locator('[data-grid] button[tabindex="0"]')
    expect(stops).to_have_count(1)
    stops.focus()
    for key, seat in (("ArrowRight", "14C"), ("ArrowRight", "14D"), ("ArrowRight", "14D"), ("ArrowDown", "15C"),
                      ("Home", "15A"), ("ArrowUp", "14A"), ("End", "14D"), ("ArrowLeft", "14C")):
        page.keyboard.press(key)
        expect(page.locator(f"#s{seat}")).to_be_focused()
    expect(stops).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#total")).to_contain_text("617.99")
    expect(page.locator("#s14C")).to_be_focused()
    expect(page.locator("#s14C")).to_have_accessible_name("14C, aisle, USD 18.00, your seat")
    expect(page.get_by_role("status").last).to_contain_text("Traveller 1 (adult): seat 14C. Total USD 617.99")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Seat 15A: please read first")).to_be_focused()
    assert [item.detail for item in trip.selections.all()] == ["14C"], "nothing is taken before it is agreed to"
    assert serious(page) == []
    page.get_by_label("This is true for").check()
    page.get_by_role("button", name="Take seat 15A for USD 54.00").press("Enter")
    expect(page.locator("#total")).to_contain_text("653.99")
    assert [item.detail for item in trip.selections.all()] == ["15A"]
    assert all(fits(page, width) for width in (320, 390))
    assert complaints == []


def test_the_list_without_a_script(browser: Any, site: str, trip: Booking, page: Page) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{site}/extras")
    plain.locator(f'[id="{BAG}"]').select_option("1")
    plain.get_by_role("button", name="Choose seats on AA 6143").click()
    plain.get_by_role("link", name="Traveller 2 (child, 8)").click()
    plain.get_by_role("link", name="Show as list").click()
    plain.get_by_role("radio", name="14C").check()
    plain.get_by_role("button", name="Take the marked seat").click()
    expect(plain.locator("#total")).to_contain_text("668.99")  # 599.99 + 60 + 9
    plain.get_by_role("link", name="Back to extras").click()
    expect(plain.get_by_text("seat 14C", exact=True)).to_be_visible()
    expect(plain.locator(f'[id="{BAG}"]')).to_have_value("1")
    context.close()
