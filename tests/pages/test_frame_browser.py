"""The frame of every page in a real browser: the menu of a phone, and deadlines in the reader's own time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings.checkout import results
from bookings.models import Booking
from suppliers.types import Leg, SearchQuery
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_phone_has_one_row_and_a_menu_that_opens_by_keyboard(page: Page, live_server: LiveServer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/help")
    link = page.locator(".masthead").get_by_role("link", name="Find a booking")
    expect(link).to_be_hidden()
    assert page.locator(".masthead").evaluate("one => one.offsetHeight") <= 64
    page.locator(".menu summary").press("Enter")
    expect(link).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 844})
    page.reload()
    expect(link).to_be_visible()
    expect(page.locator(".menu summary")).to_be_hidden()


@pytest.mark.parametrize(("zone", "said"), [
    ("America/Los_Angeles", "Wed 2 Dec 2026, 03:05 UTC (Tue 1 Dec, 19:05 your time)"),
    ("Europe/Berlin", "Wed 2 Dec 2026, 03:05 UTC (04:05 your time)"),
    ("UTC", "Wed 2 Dec 2026, 03:05 UTC"),
])
def test_a_deadline_is_also_said_in_the_readers_own_time(
        browser: Browser, live_server: LiveServer, guest: Client, principal: str, zone: str, said: str) -> None:
    booking = make(principal, status="HOLD", progress="held", wish="hold",
                   pay_by=datetime(2026, 12, 2, 3, 5, tzinfo=UTC))
    context = browser.new_context(timezone_id=zone)
    context.add_cookies([{"name": settings.GUEST_COOKIE_NAME, "url": live_server.url,
                          "value": guest.cookies[settings.GUEST_COOKIE_NAME].value}])
    page = context.new_page()
    page.goto(f"{live_server.url}/trips/{booking.reference}")
    expect(page.locator(".outcome time")).to_have_text(said)
    clocks = page.locator(".slice time").all_inner_texts()
    assert clocks == ["19:00", "07:05"], "airport times stay the airport's"
    context.close()


def test_a_city_that_one_leaves_from_again_is_said_once() -> None:
    day = datetime(2026, 12, 2, tzinfo=UTC).date()

    def said(*ways: tuple[str, str]) -> str:
        return results._heading(SearchQuery(tuple(Leg(start, end, day) for start, end in ways)))

    assert said(("LHR", "FCO"), ("ROM", "JFK")) == "London to Rome to New York"
    assert said(("JFK", "LHR"), ("LHR", "JFK")) == "New York to London"
    assert said(("JFK", "LHR"), ("CDG", "JFK")) == "New York to London to Paris to New York"


def test_a_booking_that_moves_is_looked_at_again_without_a_timed_refresh(
        page: Page, live_server: LiveServer, guest: Client, principal: str) -> None:
    booking = make(principal, status="CANCELLING", progress="undoing", wish="cancel")
    page.context.add_cookies([{"name": settings.GUEST_COOKIE_NAME, "url": live_server.url,
                               "value": guest.cookies[settings.GUEST_COOKIE_NAME].value}])
    page.goto(f"{live_server.url}/trips/{booking.reference}")
    expect(page.get_by_role("heading", name="Your booking is being cancelled")).to_be_visible()
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    Booking.objects.filter(pk=booking.pk).update(status="CANCELLED", progress="closed")
    expect(page.get_by_role("heading", name="This booking is cancelled")).to_be_visible(timeout=20_000)
