"""The travellers' page in a real browser: both sides write a name alike, typing is kept, and axe finds nothing."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from bookings import drafts, forms
from bookings.models import Booking
from tests.pages.test_steps import PERSON, at
from tests.pages.test_travellers import ALL_KINDS, party

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [
    ("Anna", "Müller"), ("Zoë", "O’Brien"), ("Jean-Luc", "D'Angelo Ruiz"), ("Łukasz", "Żółć"), ("Åse", "Ødegård"),
    ("Strauß", "Weiß"), ("ẞ", "GROẞ"), ("Þór", "Ðuro"), ("Zoe\u0308", "Mu\u0308ller"), ("İpek", "Iğdır"), ("Ĳsbrand", "ŋ"),
    ("  Ana   María ", "de la  Peña"), ("Œuvre", "Æther"), ("Анна", "Müller"), ("Anna", ""), ("", ""), ("Anna2", "王"),
    ("ﬁona", "ǅ"), ("Đặng", "Nguyễn"), ("A\u200bnna", "Ba\u0301lint"), ("<b>Bo</b>", "😀"), ("Ŀ", "ŉ"),
]


@pytest.fixture
def booking(principal: str) -> Booking:
    return party(principal, "a", "a", "i", **ALL_KINDS)


def enter(page: Page, live_server: LiveServer, guest: Client) -> None:
    """The same visitor in the browser."""
    page.context.add_cookies([{"name": settings.GUEST_COOKIE_NAME, "url": live_server.url,
                               "value": guest.cookies[settings.GUEST_COOKIE_NAME].value}])


def serious(page: Page) -> list[str]:
    found: Any = Axe().run(page).response["violations"]
    return [f"{item['id']}: {item['nodes'][0]['html'][:120]}" for item in found if item["impact"] in ("serious",
                                                                                                    "critical")]


def test_browser_and_server_write_every_name_alike(page: Page, live_server: LiveServer, guest: Client,
                                                   booking: Booking, complaints: list[str]) -> None:
    enter(page, live_server, guest)
    page.goto(live_server.url + at(booking, "passengers"))
    out = page.locator('[data-sent-as="passengers-0"]')
    for given, family in NAMES:
        page.locator("#passengers-0-givenName").evaluate("(field, text) => { field.value = text; }", given)
        page.locator("#passengers-0-familyName").evaluate(
            "(field, text) => { field.value = text; field.dispatchEvent(new Event('input')); }", family)
        assert out.text_content() == (forms.sent_as(given, family) or "–"), (given, family)
    assert forms.sent_as("Anna", "Müller") == "MUELLER / ANNA"
    assert complaints == []


def test_what_is_typed_is_kept_at_every_field_and_slips_are_guessed(
        page: Page, live_server: LiveServer, guest: Client, booking: Booking, complaints: list[str]) -> None:
    enter(page, live_server, guest)
    page.goto(live_server.url + at(booking, "passengers"))
    page.get_by_label("Given names").first.fill("Ann")
    page.get_by_label("E-mail address").fill("anna@gmial.com")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_label("Phone number").focus()
    expect(page.get_by_text("Did you mean anna@gmail.com?")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Yes, use it").click()
        page.get_by_label("Phone number").focus()
    expect(page.get_by_label("E-mail address")).to_have_value("anna@gmail.com")
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    page.reload()
    expect(page.get_by_label("Given names").first).to_have_value("Ann")
    booking.refresh_from_db()
    assert drafts.typed_in(booking)["contact-email"] == "anna@gmail.com"
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_errors_are_read_first_and_go_when_mended(page: Page, live_server: LiveServer, guest: Client, booking: Booking,
                                                  complaints: list[str], scheme: Any) -> None:
    enter(page, live_server, guest)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(live_server.url + at(booking, "passengers"))
    assert serious(page) == []
    page.get_by_label("Given names").first.press("Enter")  # goes on, does not only save
    expect(page.locator("#errors")).to_be_focused()
    expect(page).to_have_title("Error: Travellers - Fly2Any")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    page.locator("#errors a").first.click()
    field = page.locator("#passengers-0-givenName")
    field.fill("Anna")
    field.blur()
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#passengers-0-givenName-error")).to_be_hidden()
    assert complaints == []


def test_the_last_look_is_clean(page: Page, live_server: LiveServer, guest: Client, draft: Booking,
                                complaints: list[str]) -> None:
    enter(page, live_server, guest)
    guest.post(at(draft, "passengers"), {**PERSON, "contact-email": "anna@gmial.com"})
    page.goto(live_server.url + at(draft, "check"))
    assert serious(page) == []
    page.goto(live_server.url)
    expect(page.get_by_role("heading", name="Continue your booking")).to_be_visible()
    assert serious(page) == []
    assert complaints == []
