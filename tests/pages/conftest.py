"""A visitor with a guest cookie, and a draft of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Page

    from bookings.models import Booking

TOKEN = "a-guest-of-the-tests"


@pytest.fixture
def principal() -> str:
    from bookings import access

    return access._guest_principal(TOKEN)


@pytest.fixture
def guest(client: Client) -> Client:
    from django.conf import settings
    from django.core import signing

    from bookings import access

    client.cookies[settings.GUEST_COOKIE_NAME] = signing.dumps({"id": TOKEN}, salt=access._SALT)
    return client


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser's console and scripts complain about."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


@pytest.fixture
def draft(db: None, principal: str) -> Booking:
    """A draft of one traveller on a flight of American operated by British Airways."""
    from tests.pages.travel import make

    booking = make(principal, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0, contact_email="",
                   contact_phone="")
    booking.passengers.all().delete()
    return booking
