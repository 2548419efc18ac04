"""What an answer, a link, a log line or an error report tells: nothing about who has an account, and no secret."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from bookings import account_links, accounts, mail
from bookings.models import Account, Outbox
from fly2any import logs
from fly2any.kernel import clock
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD, KNOWN, NOBODY = "orchid lantern gravel", "zqxmark@example.com", "nobody@example.com"


@pytest.fixture
def known(settings: Any) -> User:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = User.objects.create_user(KNOWN, KNOWN, PASSWORD)
    Account.objects.create(user=user, created_at=clock.now(), verified_at=clock.now())
    return user


def cost(monkeypatch: pytest.MonkeyPatch, path: str, words: dict[str, str]) -> tuple[int, int, list[str]]:
    """Status, password hashes and the kinds of statements of one POST; statements of the limits are all the same."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    hashed = []
    plain = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode",
                        lambda self, password, salt: hashed.append(1) or plain(self, password, salt))
    with CaptureQueriesContext(connection) as asked:
        answer = Client().post(path, words)
    monkeypatch.undo()
    kinds = [query["sql"].split()[0] for query in asked.captured_queries]
    return answer.status_code, len(hashed), [kind for kind in kinds if kind in ("SELECT", "INSERT", "UPDATE", "WITH")]


@pytest.mark.parametrize(("path", "words"), [
    ("/account/forgot", {}), ("/account/sign-in", {"password": "wrong password here"}),
    ("/account/sign-up", {"password": PASSWORD})])
def test_an_account_costs_what_none_costs(known: User, monkeypatch: pytest.MonkeyPatch, path: str,
                                          words: dict[str, str]) -> None:
    there = cost(monkeypatch, path, {"email": KNOWN, **words})
    not_there = cost(monkeypatch, path, {"email": NOBODY, **words})
    assert there[:2] == not_there[:2]
    assert len(there[2]) == len(not_there[2])


def test_links_to_bookings_cost_the_same_with_and_without_one(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make("guest:x", status="CONFIRMED", progress="done", contact_email=KNOWN)
    there, not_there = (cost(monkeypatch, "/trips/link", {"link-email": email}) for email in (KNOWN, NOBODY))
    assert there == not_there


def test_mail_for_nobody_goes_nowhere(client: Client) -> None:
    client.post("/account/forgot", {"email": NOBODY})
    client.post("/trips/link", {"link-email": NOBODY})
    assert mail.send_due(clock.now(), 10) == 0
    assert set(Outbox.objects.values_list("kind", "to", "dropped")) == {
        ("reset_password", "", "the account is closed"), ("lookup_link", "", "the account is closed")}


def test_the_link_that_confirms_an_address_does_not_hold_it(known: User) -> None:
    import base64

    token = account_links.verify_link(known).split("/")[-2]
    told = base64.urlsafe_b64decode(token.split(":")[0] + "==")
    assert b"zqxmark" not in told and b"@" not in told
    assert account_links.user_to_verify(token) == known
    User.objects.update(email="other@example.com")
    assert account_links.user_to_verify(token) is None


def broken(path: str) -> HttpRequest:
    request = RequestFactory().get(path)
    request.resolver_match = resolve(path.partition("?")[0])
    return request


@pytest.mark.parametrize(("logger", "words"), [
    ("django.request", "Internal Server Error: %s"), ("django.security.csrf", "Forbidden (CSRF cookie not set.): %s")])
def test_djangos_own_lines_name_the_route_and_no_token(logger: str, words: str) -> None:
    formatter = logs.config("INFO")["formatters"]["json"]
    made = formatter.pop("()")(**formatter)
    request = broken("/manage/link/ZQXMARK/?t=ZQXMARK")
    record = logging.LogRecord(logger, logging.ERROR, __file__, 1, words, (request.path,), None)
    record.request, record.status_code = request, 500
    line = made.format(record)
    assert "ZQXMARK" not in line
    assert "manage/link/<str:token>/" in json.loads(line)["event"]


def test_an_error_report_holds_no_address_header_or_log_line() -> None:
    event = {
        "exception": {"values": [{"type": "KeyError"}]}, "transaction": "/manage/link/{token}/",
        "request": {"method": "GET", "url": "https://x/manage/link/ZQXMARK/", "query_string": "t=ZQXMARK",
                    "headers": {"Referer": "ZQXMARK"}, "cookies": "ZQXMARK"},
        "breadcrumbs": {"values": [{"message": "ZQXMARK"}]}, "extra": {"sys.argv": "ZQXMARK"},
        "user": {"ip_address": "ZQXMARK"}, "logentry": {"message": "Internal Server Error: %s", "params": ["ZQXMARK"]}}
    kept = logs.report_without_values(event, {})
    assert "ZQXMARK" not in json.dumps(kept)
    assert (kept["exception"], kept["request"]) == ({"values": [{"type": "KeyError"}]}, {"method": "GET"})


@pytest.mark.parametrize("path", ["/manage/link/x/", "/account/reset/MQ/x-y/", "/account/verify/x/", "/shared/x/",
                                  "/trips/FLY2A-7KQ2MX/back?t=x"])
def test_pages_with_a_token_in_their_address_name_it_to_nobody(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (404, 410)
    assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert "no-store" in answer.headers["Cache-Control"]


def test_nothing_is_kept_in_a_browser_but_the_session_the_form_token_and_the_guest(known: User) -> None:
    browser = Client()
    browser.get("/trips")
    browser.get("/account/sign-in")
    browser.post("/account/sign-in", {"email": KNOWN, "password": PASSWORD})
    browser.get("/trips")
    assert set(browser.cookies) == {"sessionid", "csrftoken", "guest"}
    for cookie in browser.cookies.values():
        assert (bool(cookie["httponly"]), cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    browser.post("/account/sign-out")
    assert not browser.cookies["sessionid"].value
    assert accounts.email_of(User.objects.get()) == KNOWN


@pytest.mark.parametrize("email", ["a@example.com\r\nBcc: x@evil.example", "a@example.com\nTo: b@c.de", "a\x00@b.com",
                                   "аnna@example.com", "anna@exаmple.com", "anna@example.com,b@c.de", "ﬁ@example.com"])
@pytest.mark.parametrize("path", ["sign-up", "forgot"])
def test_an_address_with_a_second_line_or_look_alike_letters_gets_no_mail(client: Client, path: str, email: str) -> None:
    answer = client.post(f"/account/{path}", {"email": email, "password": PASSWORD})
    assert answer.status_code in (200, 422)
    assert not Outbox.objects.exists() and not User.objects.exists()
