"""Accounts: what a stranger learns (nothing), what proves an address, what ends a session, and what closing leaves."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core import mail as outbound
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings import account_links, accounts, mail
from bookings.models import Account, Booking, Outbox
from fly2any.kernel import clock
from tests.pages.html import read
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL, PASSWORD, OTHER = "anna@example.com", "tomato window river", "velvet engine pocket"


@pytest.fixture(autouse=True)
def quick_hashes(settings: Any) -> None:
    """Argon2 is slow on purpose; `tests/house/test_staff.py` shows that it is what passwords are kept with."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def post(client: Client, path: str, **words: str) -> Any:
    return client.post(f"/account/{path}", words)


def made(email: str = EMAIL, *, verified: bool = False) -> User:
    accounts.sign_up(email=email, password=PASSWORD, now=clock.now())
    user = User.objects.get(username=email)
    if verified:
        accounts.verify(user, clock.now())
    return user


def linked(kind: str) -> str:
    """The path in the newest mail of this kind."""
    mail.send_due(clock.now() + timedelta(seconds=1), 50)
    row = Outbox.objects.filter(kind=kind, sent_at__isnull=False).latest("pk")
    (message,) = [m for m in outbound.outbox if m.extra_headers["Message-ID"].startswith(f"<outbox-{row.pk}@")]
    found = re.search(r"https?://[^/\s]+(/account/\S+/)", message.body)
    assert found, message.body
    return found[1]


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


# --- what a stranger learns -------------------------------------------------------------------------------------


def test_signing_up_twice_looks_the_same_and_only_the_mailbox_knows(client: Client) -> None:
    first = post(client, "sign-up", email=EMAIL, password=PASSWORD)
    second = post(client, "sign-up", email=EMAIL.upper(), password=OTHER)
    assert first.headers["Location"] == second.headers["Location"] == "/account/mailed?what=sign-up"
    assert not signed_in(client)
    assert list(Outbox.objects.order_by("pk").values_list("kind", "to")) == [
        ("verify_address", EMAIL), ("account_exists", EMAIL)]
    assert User.objects.get().check_password(PASSWORD)  # the second password changed nothing


def test_a_reset_is_answered_the_same_whether_there_is_an_account_or_not(client: Client) -> None:
    made()
    Outbox.objects.all().delete()
    User.objects.create_superuser("boss@example.com", "boss@example.com", PASSWORD)
    replies = {post(client, "forgot", email=email).headers["Location"]
               for email in (EMAIL, "nobody@example.com", "boss@example.com")}
    assert replies == {"/account/mailed?what=reset"}
    assert list(Outbox.objects.exclude(to="").values_list("kind", "to")) == [("reset_password", EMAIL)]


def test_a_wrong_password_an_unknown_address_and_staff_get_one_reply(client: Client) -> None:
    made()
    User.objects.create_superuser("boss@example.com", "boss@example.com", PASSWORD)
    seen = set()
    for email, password in ((EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("boss@example.com", PASSWORD)):
        answer = post(client, "sign-in", email=email, password=password)
        page = read(answer)
        assert "We know no account with this e-mail address and password." in page.text
        assert PASSWORD not in answer.content.decode()
        seen.add((answer.status_code, re.sub(r"csrfmiddlewaretoken\W+value\W+\w+|value=\"[^\"]*\"", "", page.source)))
        assert not signed_in(client)
    assert len(seen) == 1


def test_five_wrong_passwords_lock_this_user_at_this_address(client: Client) -> None:
    made()
    for _ in range(5):
        last = post(client, "sign-in", email=EMAIL, password="wrong")
    assert last.status_code == 429
    locked = post(client, "sign-in", email=EMAIL, password=PASSWORD)
    assert locked.status_code == 429 and "Too many tries" in read(locked).text
    elsewhere = client.post("/account/sign-in", {"email": EMAIL, "password": PASSWORD}, REMOTE_ADDR="203.0.113.7")
    assert elsewhere.status_code == 302


def test_making_accounts_and_asking_for_links_is_limited(client: Client) -> None:
    answers = [post(client, "forgot", email=EMAIL).status_code for _ in range(accounts.A_MAILBOX + 1)]
    assert answers == [302] * accounts.A_MAILBOX + [429]
    many = [post(client, "sign-up", email=f"a{n}@example.com", password=PASSWORD).status_code for n in range(8)]
    assert many[-1] == 429


def test_a_customer_never_reaches_the_console(client: Client) -> None:
    made(verified=True)
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    assert signed_in(client)
    assert client.get("/admin/").status_code == 302
    assert client.post("/admin/login/", {"username": EMAIL, "password": PASSWORD}).status_code == 200
    user = User.objects.get()
    assert not (user.is_staff or user.is_superuser)


# --- what proves an address -------------------------------------------------------------------------------------


def test_nothing_goes_by_the_address_before_its_link_was_followed(client: Client) -> None:
    booking = make("guest:elsewhere", status="CONFIRMED", progress="done")
    user = made()
    path = linked("verify_address")
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    assert accounts.to_join(user, f"user:{user.pk}") == []
    assert post(client, "join").status_code == 302
    assert booking.reference not in read(client.get("/trips")).text
    assert "Not confirmed yet" in read(client.get("/account")).text
    assert client.post(path).headers["Location"] == "/account?done=verified"
    page = read(client.get("/trips"))
    assert "1 booking made without the account" in page.text
    assert booking.reference not in page.text  # not before the customer's own press
    assert post(client, "join").headers["Location"] == "/trips?done=joined"
    assert booking.reference in read(client.get("/trips")).text
    booking.refresh_from_db()
    assert (booking.user, booking.principal) == (user, f"user:{user.pk}")


def test_the_link_alone_does_not_open_an_account_somebody_else_made(client: Client) -> None:
    made()
    path = linked("verify_address")
    assert read(client.get(path)).one("input", id="password")
    assert not Account.objects.get().verified_at  # reading it is not pressing it
    assert "not the password" in read(client.post(path, {"password": OTHER})).text
    assert not signed_in(client) and not Account.objects.get().verified_at
    assert client.post(path, {"password": PASSWORD}).status_code == 302
    assert signed_in(client) and Account.objects.get().verified_at


@pytest.mark.parametrize("token", ["x", "a:b:c", "WzEsImEiXQ:1abc:def"])
def test_a_wrong_link_is_a_plain_page(client: Client, token: str) -> None:
    for path in (f"/account/verify/{token}/", f"/account/reset/MQ/{token}/", "/account/reset/zzzz/x-y/"):
        answer = client.get(path)
        assert answer.status_code == 410 and "This link is not valid any more." in read(answer).text


def test_links_end(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    user = made()
    link = account_links.verify_link(user).split("/")[-2]
    assert account_links.user_to_verify(link) == user
    monkeypatch.setattr(account_links, "VERIFY_LIFE", timedelta(seconds=-1))
    assert account_links.user_to_verify(link) is None


def test_a_new_password_by_mail_works_once_and_proves_the_mailbox(client: Client) -> None:
    user = made()
    elsewhere = Client()
    post(elsewhere, "sign-in", email=EMAIL, password=PASSWORD)
    post(client, "forgot", email=EMAIL)
    path = linked("reset_password")
    assert "at least 12" in read(client.post(path, {"password": "short"})).text
    assert client.post(path, {"password": OTHER}).headers["Location"] == "/account?done=password"
    assert signed_in(client)
    assert elsewhere.get("/account").headers["Location"] == "/account/sign-in?next=/account"  # signed out
    assert client.get(path).status_code == 410
    assert Account.objects.get().verified_at
    assert Outbox.objects.filter(kind="password_changed", to=EMAIL).count() == 1
    user.refresh_from_db()
    assert user.check_password(OTHER)


# --- sessions ---------------------------------------------------------------------------------------------------


def test_a_sign_in_makes_a_new_session_with_a_safe_cookie(client: Client) -> None:
    made()
    session = client.session
    session["planted"] = "1"
    session.save()
    client.cookies["sessionid"] = before = session.session_key
    answer = post(client, "sign-in", email=EMAIL, password=PASSWORD)
    cookie = answer.cookies[site.SESSION_COOKIE_NAME]
    assert client.session.session_key != before
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_changing_the_password_signs_out_everywhere_else(client: Client) -> None:
    made()
    elsewhere = Client()
    for one in (client, elsewhere):
        post(one, "sign-in", email=EMAIL, password=PASSWORD)
    assert "not your present password" in read(post(client, "password", old="wrong", password=OTHER)).text
    assert "too common" in read(post(client, "password", old=PASSWORD, password="password1234")).text
    assert post(client, "password", old=PASSWORD, password=OTHER).status_code == 302
    assert client.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_signing_out_leaves_nothing_in_this_browser(guest: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    made()
    post(guest, "sign-in", email=EMAIL, password=PASSWORD)
    assert booking.reference in read(guest.get("/trips")).text
    assert guest.get("/account/sign-out").status_code == 405
    assert post(guest, "sign-out").headers["Location"] == "/"
    assert booking.reference not in read(guest.get("/trips")).text
    assert guest.get(f"/trips/{booking.reference}").status_code == 404


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
                                    "http:///evil.example", "\t//evil.example"])
def test_signing_in_never_leads_elsewhere(client: Client, wanted: str) -> None:
    made()
    answer = client.post("/account/sign-in", {"email": EMAIL, "password": PASSWORD, "next": wanted})
    assert answer.headers["Location"] == "/trips"


def test_signing_in_leads_back_to_a_page_of_ours(client: Client) -> None:
    made()
    assert client.get("/account/password").headers["Location"] == "/account/sign-in?next=/account/password"
    page = read(client.get("/account/sign-in?next=/account/password"))
    assert page.one("input", name="next")["value"] == "/account/password"
    answer = post(client, "sign-in", email=EMAIL, password=PASSWORD, next="/account/password")
    assert answer.headers["Location"] == "/account/password"


@pytest.mark.parametrize("path", ["", "/password", "/delete"])
def test_pages_of_an_account_need_one(client: Client, path: str) -> None:
    assert client.get(f"/account{path}").headers["Location"].startswith("/account/sign-in?next=")


@pytest.mark.parametrize("path", ["resend", "join", "sign-out"])
def test_deeds_are_posts(client: Client, path: str) -> None:
    assert client.get(f"/account/{path}").status_code == 405


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("email", "password", "field", "says"), [
    ("", PASSWORD, "email", "such as anna@example.com"), ("anna", PASSWORD, "email", "such as"),
    ("anna@exämple.com", PASSWORD, "email", "such as"), ("a" * 160 + "@example.com", PASSWORD, "email", "such as|150"),
    ("<script>@x.com", PASSWORD, "email", "such as"), ("anna@example.com\x00", PASSWORD, "email", "such as"),
    (EMAIL, "", "password", "at least 12"), (EMAIL, "short", "password", "at least 12"),
    (EMAIL, "qwerty123456", "password", "too common"), (EMAIL, "anna@example.com", "password", "too similar"),
    (EMAIL, "x" * 1001, "password", "at most 1000"), (EMAIL, "tomato\x00window river", "password", "at most 1000"),
])
def test_wrong_details_name_their_field_and_make_nothing(client: Client, email: str, password: str, field: str,
                                                         says: str) -> None:
    answer = post(client, "sign-up", email=email, password=password)
    page = read(answer)
    assert page.one("input", id=field)["aria-invalid"] == "true"
    assert re.search(says, page.text)
    assert page.one("input", id="password")["value"] == ""
    assert "Error: Make an account" in answer.content.decode()
    assert not User.objects.exists() and not Outbox.objects.exists()


# --- bookings of an account -------------------------------------------------------------------------------------


def test_my_bookings_are_paged_and_cost_the_same_queries(client: Client) -> None:
    user = made()
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    mine = [make(f"user:{user.pk}", status="CONFIRMED", progress="done", user=user).reference for _ in range(2)]
    with CaptureQueriesContext(connection) as two:
        client.get("/trips")
    mine += [make(f"user:{user.pk}", status="CONFIRMED", progress="done", user=user).reference for _ in range(20)]
    with CaptureQueriesContext(connection) as many:
        first = client.get("/trips")
    assert len(many) == len(two)
    newest = [reference for reference in reversed(mine) if reference in first.content.decode()]
    assert newest == mine[:1:-1]
    (more,) = re.findall(r'href="(/trips\?after=[^"]+)"', first.content.decode())
    rest = client.get(more).content.decode()
    assert [reference for reference in mine if reference in rest] == mine[:2]
    assert "after=" not in rest


def test_the_api_shows_a_signed_in_customer_the_same(client: Client) -> None:
    user = made()
    booking = make(f"user:{user.pk}", status="CONFIRMED", progress="done", user=user)
    assert client.get(f"/api/bookings/{booking.reference}").status_code == 404
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    assert client.get(f"/api/bookings/{booking.reference}").status_code == 200
    assert [b["reference"] for b in client.get("/api/bookings").json()["bookings"]] == [booking.reference]


def test_closing_an_account_keeps_its_bookings_without_it(client: Client) -> None:
    user = made(verified=True)
    booking = make(f"user:{user.pk}", status="CONFIRMED", progress="done", user=user)
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    assert "Your 1 booking stays" in read(client.get("/account/delete")).text
    assert "not your password" in read(post(client, "delete", password="wrong")).text
    assert post(client, "delete", password=PASSWORD).headers["Location"] == "/account/sign-in?done=closed"
    assert not User.objects.exists() and not signed_in(client)
    booking.refresh_from_db()
    assert booking.user is None and booking.principal.startswith("closed:")
    assert client.get(f"/trips/{booking.reference}").status_code == 404
    found = client.post("/trips/find", {"reference": booking.reference, "email": "anna@example.com"})
    assert found.headers["Location"] == f"/trips/{booking.reference}"
    assert Booking.objects.count() == 1
    assert mail.send_due(clock.now() + timedelta(seconds=1), 10) == 0  # its link would open nothing


def test_the_masthead_says_who_is_signed_in(client: Client) -> None:
    made()
    assert "Sign in" in read(client.get("/help")).text
    post(client, "sign-in", email=EMAIL, password=PASSWORD)
    page = read(client.get("/help"))
    assert "Sign in" not in page.text
    assert page.one("a", href="/account")["title"] == EMAIL
