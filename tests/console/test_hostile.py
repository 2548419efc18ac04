"""Addresses and forms of the console made by somebody who means harm: an answer, never a failure, never a way round."""

from __future__ import annotations

from typing import Any

import pytest
from axes.models import AccessFailureLog
from django.contrib.auth.models import User
from django.test import Client

from bookings.desk import lockout
from bookings.models import StaffAction
from fly2any.kernel import clock
from tests.console import rows

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
HOUR = "from=2026-11-01T00:00Z&to=2026-11-01T01:00Z"
LIST = "/admin/dashboard/payment-success/rows/payments-failed/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.mark.parametrize("query", [
    "day=0001-01-01", "day=0001-01-01&period=12m", "day=0002-01-01&period=12m", "day=0001-01-01&period=month",
    "day=9999-12-31&period=30d", "day=-5", "period=%00"])
def test_any_day_has_a_dashboard(boss: Client, query: str) -> None:
    assert boss.get(f"/admin/dashboard/?{query}").status_code == 200
    assert boss.get(f"/admin/dashboard/revenue/?{query}").status_code == 200


@pytest.mark.parametrize(("query", "status"), [
    ("from=0001-01-01T00:00%2B14:00&to=0001-01-02T00:00Z", 404), ("from=9999-12-31T00:00Z&to=9999-12-31T23:00Z", 404),
    ("from=9999-12-31T00:00Z&to=9999-12-31T23:00-14:00", 404), (f"{HOUR}&after=2026-11-01T00:30~5", 200),
    (f"{HOUR}&after=2026-11-01T00:30Z~{10 ** 30}", 200), (f"{HOUR}&after=0001-01-01T00:00%2B14:00~5", 200)])
def test_any_stretch_of_time_and_any_place_is_answered(boss: Client, query: str, status: int) -> None:
    assert boss.get(f"{LIST}?{query}").status_code == status


@pytest.mark.parametrize("key", ["\x00", "x" * 5000, "'"])
@pytest.mark.django_db(transaction=True)
def test_a_key_that_somebody_made_up_does_no_harm(client: Client, key: str) -> None:
    boss = User.objects.create_superuser("boss")
    client.force_login(boss)
    eve, case = User.objects.create_user("eve", is_staff=True), rows.case(rows.confirmed(), "ledgers_differ")
    bulk = {"action": "look_again", "id": [str(case.pk)], "key": key, "reason": "because"}
    for form, address in ((bulk, "/admin/bookings/case/bulk/"), ({"key": key}, "/admin/bookings/case/export/"),
                          ({"key": key, "reason": "lost\x00phone"}, f"/admin/people/{eve.pk}/reset_factor/")):
        assert client.post(address, form).status_code in (200, 302), address
    assert set(StaffAction.objects.values_list("verb", flat=True)) == {"look_again", "export", "reset_factor"}
    assert all(len(one) == 36 for one in StaffAction.objects.values_list("request_id", flat=True))


@pytest.mark.django_db(transaction=True)
def test_one_key_is_of_one_action_on_one_line(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    case = rows.case(rows.confirmed(), "ledgers_differ")
    form = {"id": [str(case.pk)], "key": "mine", "reason": "because"}
    for action in ("look_again", "look_again", "resume"):
        client.post("/admin/bookings/case/bulk/", {**form, "action": action})
    assert StaffAction.objects.filter(verb="look_again").count() == 1


def sign_in(name: str, address: str) -> Any:
    return Client().post("/admin/login/", {"username": name, "password": PASSWORD}, REMOTE_ADDR=address)


@pytest.mark.parametrize("typed", ["boss", " boss", "boss\t", "boss\x00", "\uff42oss", "\u2003boss"])
def test_a_lock_on_a_name_holds_in_every_spelling(typed: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    User.objects.create_user("boss", "", PASSWORD, is_staff=True)
    for number in range(lockout.A_NAME):
        AccessFailureLog.objects.create(username="boss", ip_address=f"203.0.113.{number}", path_info="/admin/login/",
                                        user_agent="", http_accept="")
    assert lockout.by_name("boss", clock.now()) is not None
    assert sign_in(typed, "198.51.100.7").status_code == 429


@pytest.mark.parametrize("typed", ["a" * 5000, "\x00", "\ufdfa" * 150])
def test_a_name_that_nobody_has_is_just_wrong(typed: str) -> None:
    assert sign_in(typed, "198.51.100.7").status_code == 200
