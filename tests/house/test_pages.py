"""The API page and the console login in a real browser: our policy blocks nothing, nothing comes from outside."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/api/docs", "/admin/login/"])
def test_nothing_is_blocked_and_nothing_comes_from_outside(page: Page, live_server: LiveServer, path: str) -> None:
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(live_server.url + path, wait_until="networkidle")
    assert complaints == []
    assert {url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))} == set()
    assert page.title() != ""
