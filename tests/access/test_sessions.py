"""Sessions: a copied cookie dies with what ended it, nothing planted survives a door, and TLS shuts every cookie in."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from axes.models import AccessAttempt, AccessFailureLog
from django.conf import settings as site
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings import account_links, accounts
from bookings.desk import second_factor
from bookings.desk.staff import make as make_staff
from bookings.models import Account
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD, OTHER = "anna@example.com", "tomato window river", "velvet engine pocket"
STEP = 30  # seconds that a code lasts


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anna() -> User:
    user = User.objects.create_user(EMAIL, EMAIL, PASSWORD)
    Account.objects.create(user=user, created_at=clock.now(), verified_at=clock.now())
    return user


def signed_in(**more: Any) -> Client:
    client = Client(**more)
    assert client.post("/account/sign-in", {"email": EMAIL, "password": PASSWORD}).status_code == 302
    return client


def copy_of(client: Client) -> Client:
    """Somebody who has copied this browser's cookies."""
    thief = Client()
    for name, cookie in client.cookies.items():
        thief.cookies[name] = cookie.value
    return thief


def inside(client: Client) -> bool:
    return bool(client.get("/account").status_code == 200)


def reset(mine: Client, user: User) -> None:
    user.refresh_from_db()
    path = account_links.reset_link(user).partition("/account")[2]
    assert Client().post(f"/account{path}", {"password": OTHER}).status_code == 302


ENDS = {
    "sign-out": lambda mine, _: mine.post("/account/sign-out"),
    "new password": lambda mine, _: mine.post("/account/password", {"old": PASSWORD, "password": OTHER}),
    "reset by mail": reset,
    "account closed": lambda mine, _: mine.post("/account/delete", {"password": PASSWORD}),
    "switched off": lambda _, user: User.objects.filter(pk=user.pk).update(is_active=False),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_copied_cookie_ends_with_what_ended_it(end: str, anna: User) -> None:
    mine, elsewhere = signed_in(), signed_in()
    thief = copy_of(mine)
    assert inside(thief) and inside(elsewhere)
    ENDS[end](mine, anna)  # type: ignore[no-untyped-call]
    assert not inside(thief)
    assert inside(elsewhere) == (end == "sign-out")  # only that one was left; everything else ends them all
    assert thief.post("/account/password", {"old": PASSWORD, "password": "a third long one"}).status_code == 302
    assert not User.objects.filter(pk=anna.pk).exists() or not User.objects.get(pk=anna.pk).check_password(
        "a third long one")


def test_a_number_that_is_used_again_opens_no_closed_account(anna: User) -> None:
    mine, elsewhere, number = signed_in(), signed_in(), anna.pk
    thief = copy_of(elsewhere)
    mine.post("/account/delete", {"password": PASSWORD})
    eve = User.objects.create_user("eve@example.com", "eve@example.com", OTHER, pk=number)
    Account.objects.create(user=eve, created_at=clock.now(), verified_at=clock.now())
    assert not inside(thief)


def test_the_token_of_forms_is_another_after_every_door(anna: User) -> None:
    client, tokens = Client(), []
    for path, words in (("", None), ("/account/sign-in", {"email": EMAIL, "password": PASSWORD})):
        if words:
            client.post(path, words)
        client.get("/account/sign-in")
        client.get("/account/password")
        tokens.append(client.cookies["csrftoken"].value)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["csrftoken"], strict.cookies["sessionid"] = tokens[1], client.cookies["sessionid"].value
    assert tokens[0] != tokens[1]
    planted = strict.post("/account/sign-out", {"csrfmiddlewaretoken": tokens[0]})
    assert planted.status_code == 403 and inside(client)  # a token planted before the sign-in moves nothing after it


@pytest.mark.parametrize("path", ["/account/sign-in", "/admin/login/", "/account/sign-up", "/account/forgot"])
def test_nobody_is_signed_in_or_up_by_another_site(path: str, anna: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.get(path)
    words = {"email": EMAIL, "username": EMAIL, "password": PASSWORD}
    assert strict.post(path, words).status_code == 403
    token = {**words, "csrfmiddlewaretoken": strict.cookies["csrftoken"].value}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://testserver.evil.example"}):
        assert strict.post(path, token, headers=headers).status_code == 403
    for headers in ({}, {"Referer": "https://evil.example/x"}, {"Referer": "http://testserver/"}):
        assert strict.post(path, token, headers=headers, secure=True).status_code == 403  # TLS needs where it comes from
    assert "sessionid" not in strict.cookies and Session.objects.count() == 0
    assert strict.post(path, token, headers={"Origin": "http://testserver"}).status_code in (200, 302)


# --- as in production -------------------------------------------------------------------------------------------


@pytest.fixture
def tls(settings: Any) -> None:
    """What settings.py makes of an https SITE_URL; tests/house/test_settings.py starts it for real."""
    settings.HTTPS, settings.SITE_URL, settings.ALLOWED_HOSTS = True, "https://fly.example", ["fly.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://fly.example"]
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    settings.GUEST_COOKIE_NAME = "__Host-guest"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 365 * 24 * 3600, True


@pytest.mark.usefixtures("tls")
def test_over_tls_every_cookie_is_this_hosts_alone_and_the_rest_is_sent_to_tls(anna: User) -> None:
    client, found = Client(SERVER_NAME="fly.example"), {}
    for path, words in (("/trips", None), ("/account/sign-in", None),
                        ("/account/sign-in", {"email": EMAIL, "password": PASSWORD})):
        answer = client.post(path, words, secure=True) if words else client.get(path, secure=True)
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
        found |= dict(answer.cookies)
    assert set(found) == {"__Host-sessionid", "__Host-csrftoken", "__Host-guest"}
    for cookie in found.values():
        told = (bool(cookie["secure"]), bool(cookie["httponly"]), cookie["samesite"], cookie["path"], cookie["domain"])
        assert told == (True, True, "Lax", "/", "")
    plain = client.get("/trips?x=1", secure=False)
    assert (plain.status_code, plain.headers["Location"]) == (301, "https://fly.example/trips?x=1")
    assert not plain.cookies


# --- staff ------------------------------------------------------------------------------------------------------


@pytest.fixture
def olga(settings: Any) -> TOTPDevice:
    settings.ADMIN_NEEDS_OTP = True
    user = User.objects.create_user("olga", "", PASSWORD, is_staff=True)
    return TOTPDevice.objects.create(user=user, name="phone", confirmed=True)


def code(device: TOTPDevice, steps: int = 0) -> str:
    return f"{totp(device.bin_key, drift=steps):06d}"


def at_console(device: TOTPDevice) -> Client:
    client = Client()
    assert client.post("/admin/login/", {"username": "olga", "password": PASSWORD}).status_code == 302
    assert client.post("/admin/second-factor/", {"code": code(device)}).status_code == 302
    return client


def test_each_door_of_the_console_gives_a_new_session_and_a_copy_ends_at_sign_out(olga: TOTPDevice) -> None:
    client, keys = Client(), []
    planted = client.session
    planted["planted"] = "1"
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    for path, words in (("login/", {"username": "olga", "password": PASSWORD}), ("second-factor/", {"code": code(olga)}),
                        ("password_change/", {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER})):
        assert client.post(f"/admin/{path}", words).status_code == 302, path
        keys.append(client.session.session_key)
    assert len({planted.session_key, *keys}) == 4
    assert Session.objects.filter(pk__in=[planted.session_key, *keys[:2]]).count() == 0  # not even their rows are left
    thief = copy_of(client)
    assert thief.get("/admin/password_change/").status_code == 200
    client.post("/admin/logout/")
    assert thief.get("/admin/password_change/").status_code == 302


def test_staffs_new_password_ends_their_other_sessions(olga: TOTPDevice) -> None:
    client = at_console(olga)
    TOTPDevice.objects.update(last_t=-1)  # as half a minute later
    other = at_console(TOTPDevice.objects.get())
    words = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    assert client.post("/admin/password_change/", words).status_code == 302
    assert client.get("/admin/password_change/").status_code == 200
    assert other.get("/admin/password_change/")["Location"].startswith("/admin/login/?ended=changed")


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_wrong_and_no_more(olga: TOTPDevice, steps: int, fits: bool,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.time() // STEP * STEP + 15  # in the middle of a step, whatever the time is now
    monkeypatch.setattr("django_otp.oath.time", lambda: moment)
    monkeypatch.setattr("django_otp.plugins.otp_totp.models.time", mock.Mock(time=lambda: moment))
    assert (second_factor.show_code(olga.user, code(olga, steps)) is not None) == fits
    assert (olga.step, olga.tolerance, olga.digits) == (STEP, 1, 6)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_two_with_one_code_at_the_same_moment_are_one(olga: TOTPDevice, kind: str) -> None:
    codes = second_factor.renew_codes(olga.user)
    shown = code(olga) if kind == "app" else codes[0]
    show = second_factor.show_code if kind == "app" else second_factor.show_recovery
    start = threading.Barrier(4)

    def press(_: int) -> bool:
        try:
            start.wait(30)
            return show(User.objects.get(username="olga"), shown) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(press, range(4))) == [False, False, False, True]
    assert StaticToken.objects.count() == (10 if kind == "app" else 9)


def test_half_signed_in_is_not_signed_in(olga: TOTPDevice) -> None:
    """Neither a recovery page, a new device nor another door gives the console to a password alone."""
    client = Client()
    client.post("/admin/login/", {"username": "olga", "password": PASSWORD})
    for path, words in (("second-factor/set-up/", {"secret": second_factor.new_secret(olga.user), "code": "123456"}),
                        ("second-factor/mine/", {"code": "123456"}), ("second-factor/?recovery=1", {"code": ""}),
                        ("password_change/", {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}),
                        ("second-factor/", {"code": "١٢٣٤٥٦"}), ("second-factor/", {"code": "-1"})):
        client.post(f"/admin/{path}", words)
        assert client.get("/admin/password_change/")["Location"].startswith("/admin/login/"), path
    assert TOTPDevice.objects.get().key == olga.key and olga.user.check_password(PASSWORD)
    assert not User.objects.get().check_password(OTHER)


def test_a_customers_door_and_reset_are_no_way_into_the_console(olga: TOTPDevice) -> None:
    user = olga.user
    User.objects.filter(pk=user.pk).update(username="olga@example.com", email="olga@example.com")
    user.refresh_from_db()
    assert accounts.customer("olga@example.com") is None
    path = account_links.reset_link(user).partition("/account")[2]
    assert Client().post(f"/account{path}", {"password": OTHER}).status_code == 410
    answer = Client().post("/account/sign-in", {"email": "olga@example.com", "password": PASSWORD})
    assert answer.status_code == 200 and Session.objects.count() == 0


@pytest.mark.parametrize("door", ["/account/sign-in", "/admin/login/"])
def test_five_wrong_passwords_wait_for_a_quarter_of_an_hour(door: str, anna: User) -> None:
    User.objects.create_user("olga", "", PASSWORD, is_staff=True)
    name = "olga" if "admin" in door else EMAIL

    def told(password: str) -> int:
        return int(Client().post(door, {"email": name, "username": name, "password": password}).status_code)

    def ago(**past: int) -> None:
        for table in (AccessAttempt, AccessFailureLog):
            table.objects.update(attempt_time=clock.now() - timedelta(**past))

    assert [told("wrong") for _ in range(site.AXES_FAILURE_LIMIT)] == [200] * 4 + [429]
    ago(minutes=14, seconds=55)
    assert told(PASSWORD) == 429
    ago(minutes=15, seconds=1)
    assert told(PASSWORD) == 302


BAD = ("elevenchars", "password1234", "aaaaaaaaaaaa", "123456789012", "qwertyuiop12", "passwordpassword", "Dragon2026!!!",
       "987654321098", "asdfghjklzxc", "abcabcabcabc", "1qaz2wsx3edc", "fly2anyfly2any", "Fly2AnyPassword", "20112026!!!!")
GOOD = ("tomato window river", "correct horse battery", "kF9!vq2ZpL0s", "dragon eats warm bread", "größe über alles 7")


def test_short_common_and_breached_passwords_are_refused_and_no_others() -> None:
    for bad in BAD:
        with pytest.raises(ValidationError):
            validate_password(bad)
    for good in GOOD:
        validate_password(good)


@pytest.mark.parametrize("bad", ["passwordpassword", "123456789012"])
def test_each_door_refuses_them(bad: str, anna: User) -> None:
    client = signed_in()
    anna.refresh_from_db()
    path = account_links.reset_link(anna).partition("/account")[2]
    for where, words in (("/sign-up", {"email": "eve@example.com"}), (path, {}), ("/password", {"old": PASSWORD})):
        answer = client.post(f"/account{where}", {**words, "password": bad})
        assert answer.status_code == 200 and "too easy to guess" in answer.content.decode(), where
    assert User.objects.get().check_password(PASSWORD)
    with pytest.raises(Problem):
        make_staff("sam", role="viewer", password=bad)
