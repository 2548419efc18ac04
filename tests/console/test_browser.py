"""The console in a real browser under the strict policy: from the home page to a closed case in four clicks."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from bookings.models import Case
from fly2any.kernel import clock
from payments.models import Payment
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.following import follow

SCREENS = os.environ.get("CONSOLE_SCREENS")  # a folder to keep pictures in
pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def operator(django_user_model: Any) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("ops", password="x"))
    return client


def tab(browser: Browser, client: Client, base: str, width: int) -> tuple[Page, list[str]]:
    """A page with the operator's session, and everything it complains about."""
    context = browser.new_context(viewport={"width": width, "height": 900}, base_url=base)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": base}])
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


def picture(page: Page, name: str, width: int) -> None:
    """Keep a picture when asked to; nothing may stick out of the page sideways."""
    if SCREENS:
        page.screenshot(path=Path(SCREENS) / f"{name}-{width}.png", full_page=True)
    sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sideways <= 0, f"{name} is {sideways} px too wide at {width}"


def some_work() -> Case:
    """A console on an ordinary bad day; returns its most severe case."""
    now = clock.now()
    charged = rows.confirmed(created_at=now - timedelta(minutes=50))
    SupplierOrder.objects.filter(booking=charged).update(state="cancelled", cancelled_at=now)
    worst = rows.case(charged, "charged_without_order", opened_at=now - timedelta(minutes=42),
                      deadline=now + timedelta(hours=3), facts={"order": "cancelled", "captured": 50_000})
    waiting = rows.booking(created_at=now - timedelta(hours=5))
    rows.order(waiting, "unknown", external_id="", pnr="", looked_at=None)
    rows.case(waiting, "unknown_outcome", opened_at=now - timedelta(hours=5))
    rows.case(None, "orphaned_payment", opened_at=now - timedelta(days=3), subject="stripe:pi_3Qw9rB2eZvKYlo2C1aXb7Kd2")
    rows.case(None, "mail_undelivered", subject="outbox", opened_at=now - timedelta(minutes=20))
    refunded = rows.cancelled(given_back=20_000, agreed=30_000)
    rows.case(refunded, "refund_failed", opened_at=now - timedelta(hours=30))
    return worst


@pytest.mark.parametrize("width", [1280, 390])
def test_from_home_to_a_closed_case_in_four_clicks(browser: Browser, live_server: Any, operator: Client,
                                                   width: int) -> None:
    worst = some_work()
    page, complaints = tab(browser, operator, live_server.url, width)
    page.goto("/admin/")
    picture(page, "queue", width)
    page.get_by_role("link", name="CHARGED WITHOUT ORDER").click()
    expect(page.get_by_text("charged, and no order is live")).to_be_visible()
    picture(page, "case", width)
    follow(page.get_by_role("link", name="Mark handled…"))
    picture(page, "handled", width)
    page.get_by_label("Reason").fill("Refund 4711 went out, customer told by phone.")
    page.get_by_role("button", name="Mark handled").click()
    expect(page.get_by_text("The case is closed.", exact=True)).to_be_visible()
    assert Case.objects.get(pk=worst.pk).closed_because == "Refund 4711 went out, customer told by phone."
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_keeps_to_the_policy_and_to_the_screen(browser: Browser, live_server: Any, operator: Client,
                                                          width: int) -> None:
    worst = some_work()
    booking = worst.booking
    assert booking is not None
    page, complaints = tab(browser, operator, live_server.url, width)
    for name, address in {
        "bookings": "/admin/bookings/booking/", "story": f"/admin/bookings/booking/{booking.pk}/change/",
        "payment": f"/admin/payments/payment/{Payment.objects.get(booking=booking).pk}/change/",
        "orders": "/admin/suppliers/supplierorder/", "diary": "/admin/bookings/diary/",
        "people": "/admin/people/", "history": f"/admin/bookings/case/{worst.pk}/history/",
    }.items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        picture(page, name, width)
    assert complaints == []
    page.context.clear_cookies()
    page.goto("/admin/")
    picture(page, "login", width)
    assert complaints == []
