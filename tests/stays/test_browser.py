"""The page of a trip in a real browser: nobody is asked before the reader comes near, then rows, or nothing at all."""

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
from tests.stays.town import DOWN, Hand, Known

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("switched_on")]


def test_hotels_come_when_the_reader_comes_near_and_go_away_when_there_are_none(
        page: Page, live_server: LiveServer, guest: Client, trip: Booking, hand: Hand, knows: Known,
        complaints: list[str]) -> None:
    page.context.add_cookies([{"name": settings.GUEST_COOKIE_NAME, "url": live_server.url,
                               "value": guest.cookies[settings.GUEST_COOKIE_NAME].value}])
    page.set_viewport_size({"width": 390, "height": 500})
    page.goto(f"{live_server.url}/trips/{trip.reference}", wait_until="networkidle")
    assert hand.waiting == []
    with page.expect_response("**/stays"):
        page.locator("#stays").scroll_into_view_if_needed()
    hand.work()
    expect(page.locator("#stays h3")).to_have_text(["Hotel O'Hara & Söhne", "Walking tour"])
    found: Any = Axe().run(page, "#stays").response["violations"]
    assert [one["id"] for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    cache.clear()
    knows.answers = {"hotels": DOWN, "activities": DOWN}
    page.reload()
    with page.expect_response("**/stays"):
        page.locator("#stays").scroll_into_view_if_needed()
    hand.work()
    expect(page.locator("#stays")).to_have_count(0)
    assert complaints == []
