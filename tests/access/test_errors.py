"""What a refusal tells and where a request can be led: a code, a sentence, a number, and never another house."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core import mail as outbound
from django.db import DataError, OperationalError
from django.test import Client

from bookings import limits, mail
from bookings.models import Account
from fly2any.kernel import clock
from tests.access.policy import lacking

pytestmark = pytest.mark.django_db
PASSWORD = "tomato window river"
SECRET = "zqx-secret-of-the-inside"
TRACES = re.compile(rf"{SECRET}|Traceback|RuntimeError|OperationalError|SELECT |site-packages|/work/|sk_test|duffel_test")
WITHIN = "bookings.selectors.bookings_of"


def broken(error: Exception) -> Callable[[], Any]:
    def ask() -> Any:
        with mock.patch(WITHIN, side_effect=error):
            return Client(raise_request_exception=False).get("/trips")

    return ask


def too_often() -> Any:
    with mock.patch.object(limits, "SEARCHES", 0):
        return Client().get("/flights?trip=oneway&origin=JFK&destination=LHR&departureDate=2027-05-04&adults=1")


def big(path: str) -> Any:
    return Client().post(path, b"a=b&" * 20_000, content_type="application/x-www-form-urlencoded")


REFUSALS: dict[str, tuple[int, str, Callable[[], Any]]] = {
    "another host": (400, "invalid_request", lambda: Client().get("/", headers={"Host": "evil.example"})),
    "too big": (400, "invalid_request", lambda: big("/trips/find")),
    "no token": (403, "form_expired", lambda: Client(enforce_csrf_checks=True).post("/trips/find", {"reference": "x"})),
    "nothing here": (404, "not_found", lambda: Client().get("/nowhere")),
    "not yours": (404, "not_found", lambda: Client().get("/trips/FLY2A-000000")),
    "a press": (405, "method_not_allowed", lambda: Client().get("/trips/link")),
    "too often": (429, "throttled", too_often),
    "a bug": (500, "internal", broken(RuntimeError(SECRET))),
    "the database": (503, "unavailable", broken(OperationalError(f"SELECT {SECRET}"))),
    "a statement": (500, "internal", broken(DataError(f"SELECT {SECRET}"))),
    "an old link": (410, "link_expired", lambda: Client().get("/account/verify/x/")),
}


@pytest.mark.parametrize("which", REFUSALS)
def test_an_error_has_a_code_a_sentence_and_its_requests_number(which: str) -> None:
    status, code, ask = REFUSALS[which]
    answer = ask()
    page = answer.content.decode()
    assert answer.status_code == status
    assert answer.headers["X-Request-Id"] in page and code in page and re.search(r"<h1>[^<]{10,}", page)
    assert not TRACES.search(page)
    assert lacking(answer) == []


def test_no_caller_chooses_the_number_of_a_request() -> None:
    for name in ("X-Request-ID", "X-Correlation-ID"):
        answer = Client().get("/nowhere", headers={name: "0000-chosen"})
        assert "chosen" not in answer.content.decode() and "chosen" not in str(answer.headers)
        assert lacking(answer) == []


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example",
                                   "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "https:evil.example",
                                   "http://testserver@evil.example/", "///evil.example", "data:text/html,x"])
def test_no_door_leads_to_another_house(where: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = User.objects.create_user("anna@example.com", "anna@example.com", PASSWORD)
    Account.objects.create(user=user, created_at=clock.now())
    User.objects.create_user("olga", "", PASSWORD, is_staff=True)
    words = {"email": "anna@example.com", "username": "olga", "password": PASSWORD, "next": where}
    names = dict.fromkeys(("next", "from", "to", "url", "after", "back", "return", "redirect_to", "continue"), where)
    guest, inside = Client(), Client()
    inside.post("/admin/login/", {**words, "next": ""})
    answers = [inside.get("/admin/login/", {"next": where}), Client().post("/account/sign-in", words), Client().post("/admin/login/", words),
               Client().post("/account/sign-in", {**words, "next": ""}, query_params={"next": where}),
               Client().post("/admin/login/", {**words, "next": ""}, query_params={"next": where}),
               *(guest.get(path, names) for path in ("/", "/flights", "/trips/find", "/account", "/account/sign-in",
                                                     "/admin/", "/admin/login/", "/manage/link/x/"))]
    for answer in answers:
        there = answer.headers.get("Location", "/")
        assert re.match(r"/(?![/\\\s])", there), there
        assert not re.search(r'(?:href|action|content)="[^"]*(?<!%2F)(?://|:|\\)[^"]*evil', answer.content.decode())
    assert {answer.status_code for answer in answers[:5]} == {302}


@pytest.mark.django_db(transaction=True)
def test_no_mail_names_a_host_that_a_caller_chose(settings: Any) -> None:
    user = User.objects.create_user("anna@example.com", "anna@example.com", PASSWORD)
    Account.objects.create(user=user, created_at=clock.now(), verified_at=clock.now())
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "other.example"]  # a second name that the site answers to
    for host in ("other.example", "localhost:1", "evil.example"):
        status = Client().post("/account/forgot", {"email": user.email}, headers={
            "Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example",
            "X-Host": "evil.example", "X-Original-URL": "https://evil.example/"}).status_code
        assert status == (400 if host == "evil.example" else 302)
    assert mail.send_due(clock.now(), 10) == 2
    for message in outbound.outbox:
        said = "\n".join([str(message.message().items()), str(message.body), str(getattr(message, "alternatives", ""))])
        assert f"{settings.SITE_URL}/account/reset/" in said
        assert "evil.example" not in said and "other.example" not in said and "localhost:1" not in said


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_the_method_is_the_one_of_the_request_line(header: str) -> None:
    for path in ("/trips/link", "/account/sign-out", "/api/checkout"):
        for query in (path, f"{path}?_method=POST"):
            assert Client().get(query, headers={header: "POST"}).status_code == 405
    assert Client().post("/api/bookings/FLY2A-000000", {"_method": "DELETE"}, headers={header: "DELETE"},
                         content_type="application/json").status_code == 405
