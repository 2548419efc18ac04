"""Liveness, readiness, metrics, the docs page and the security headers."""

from __future__ import annotations

from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client


@pytest.mark.django_db
def test_ready_when_the_database_answers(client: Client) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"ok": True, "database": True})


@pytest.mark.django_db
@pytest.mark.failure("P2")
def test_not_ready_when_the_database_is_away(client: Client) -> None:
    with mock.patch("django.db.connection.cursor", side_effect=OperationalError("gone")):
        response = client.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"ok": False, "database": False})


@pytest.mark.parametrize("address", ["/trips/FLY2A-AAAAAA", "/admin/login/"])
@pytest.mark.failure("P2")
def test_a_page_without_a_database_says_later_and_not_broken(address: str) -> None:
    """A browser, a balancer and a search engine go by the status; what is not the database's is still ours: 500."""
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection",
                    side_effect=OperationalError("gone")):
        page, told = client.get(address), client.get(address, headers={"Accept": "application/json"})
    assert (page.status_code, page.headers["Retry-After"], b"cannot answer right now" in page.content) == (503, "5", True)
    assert (told.status_code, told.json()["code"]) == (503, "unavailable")
    with mock.patch("django.db.backends.base.base.BaseDatabaseWrapper.ensure_connection", side_effect=KeyError("ours")):
        assert client.get(address).status_code == 500


def test_alive_without_a_database(client: Client) -> None:
    assert client.get("/healthz").json() == {"ok": True}


@pytest.mark.django_db
def test_metrics_are_for_this_machine_or_the_token(client: Client, settings: object) -> None:
    assert b"django_http_requests" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    settings.METRICS_TOKEN = "t0ken"  # type: ignore[attr-defined]
    answer = client.get("/metrics", REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer t0ken"})
    assert answer.status_code == 200


def test_every_page_carries_the_strict_policy(client: Client) -> None:
    policy = client.get("/healthz").headers["Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["script-src"] == "'self'"
    assert parts["object-src"] == parts["base-uri"] == parts["frame-ancestors"] == "'none'"
    assert parts["form-action"] == "'self'"
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_the_console_asks_for_a_login(client: Client) -> None:
    response = client.get("/admin/")
    assert (response.status_code, response.headers["Location"]) == (302, "/admin/login/?next=/admin/")
