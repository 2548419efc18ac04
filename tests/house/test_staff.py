"""The console's door: idle and absolute limits, lock-out, second factor, passwords."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from fly2any import staff

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", "", PASSWORD)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time the console sees; tests move it."""
    time = [NOW]
    monkeypatch.setattr(staff.clock, "now", lambda: time[0])
    return time


def test_half_an_hour_without_a_click_ends_the_session(client: Client, boss: User, at: list[datetime]) -> None:
    client.force_login(boss)
    assert client.get("/admin/").status_code == 200
    at[0] += timedelta(minutes=29)
    assert client.get("/admin/").status_code == 200
    at[0] += timedelta(minutes=29)
    assert client.get("/admin/").status_code == 200
    at[0] += timedelta(minutes=31)
    assert client.get("/admin/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_twelve_hours_end_a_session_however_busy(client: Client, boss: User, at: list[datetime]) -> None:
    client.force_login(boss)
    for _ in range(12 * 3):
        assert client.get("/admin/").status_code == 200
        at[0] += timedelta(minutes=20)
    at[0] += timedelta(minutes=1)
    assert client.get("/admin/").status_code == 302


def test_other_pages_do_not_touch_the_limits(client: Client, boss: User, at: list[datetime]) -> None:
    client.force_login(boss)
    client.get("/admin/")
    at[0] += timedelta(minutes=29)
    client.get("/healthz")
    at[0] += timedelta(minutes=2)
    assert client.get("/admin/").status_code == 302


def login(client: Client, password: str, **more: str) -> int:
    words = {"username": "boss", "password": password, **more}
    return client.post("/admin/login/", words, REMOTE_ADDR="203.0.113.5").status_code


def test_five_wrong_passwords_lock_this_user_at_this_address_only(client: Client, boss: User) -> None:
    assert [login(client, "wrong") for _ in range(5)][:4] == [200] * 4
    assert login(client, PASSWORD) == 429
    elsewhere = client.post("/admin/login/", {"username": "boss", "password": PASSWORD}, REMOTE_ADDR="203.0.113.6")
    assert elsewhere.status_code == 302


def test_a_forged_forwarded_address_does_not_dodge_the_lock(client: Client, boss: User) -> None:
    for number in range(5):
        forged = {"X-Forwarded-For": f"198.51.100.{number}"}
        client.post("/admin/login/", {"username": "boss", "password": "x"}, REMOTE_ADDR="203.0.113.5", headers=forged)
    assert login(client, PASSWORD) == 429


def test_a_login_makes_a_new_session(client: Client, boss: User) -> None:
    client.get("/admin/login/")
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    assert login(client, PASSWORD) == 302
    assert client.session.session_key != before


def test_a_code_works_once(boss: User) -> None:
    device = TOTPDevice.objects.create(user=boss, confirmed=True)
    code = f"{totp(device.bin_key):06d}"
    assert device.verify_token(code) is True
    assert TOTPDevice.objects.get().verify_token(code) is False


def test_the_sandbox_console_needs_no_second_factor(client: Client, boss: User) -> None:
    client.force_login(boss)
    assert client.get("/admin/").status_code == 200


def test_passwords_are_long_uncommon_and_kept_as_argon2(boss: User) -> None:
    assert boss.password.startswith("argon2$argon2id$")
    for bad in ("short-one", "1q2w3e4r5t6y", "qwerty123456"):
        with pytest.raises(ValidationError):
            validate_password(bad, boss)
    validate_password("tomato window river", boss)
