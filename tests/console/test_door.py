"""The door of the console: second factor, recovery codes, locks and their lifting, sessions that end and say why."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core import mail as outbound
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from bookings import mail
from bookings.desk import granting, lockout, second_factor
from bookings.desk import staff as desk_staff
from bookings.desk.people import PEOPLE_ACTIONS
from bookings.desk.roles import ROLES
from bookings.models import StaffAction
from fly2any import ribbon, staff
from fly2any.kernel import clock

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
HOME, LOGIN = "203.0.113.5", "/admin/login/"


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.ADMIN_NEEDS_OTP = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    granting.give(apps, ROLES)


def person(name: str, role: str = "operator") -> User:
    user = User.objects.create_user(name, "", PASSWORD, is_staff=True)
    user.groups.set([Group.objects.get(name=role)])
    return user


def sign_in(client: Client, name: str = "olga", password: str = PASSWORD, address: str = HOME, to: str = "") -> Any:
    return client.post(LOGIN, {"username": name, "password": password, "next": to}, REMOTE_ADDR=address)


def code_of(device: TOTPDevice) -> str:
    return f"{totp(device.bin_key):06d}"


def enrolled(user: User) -> TOTPDevice:
    return TOTPDevice.objects.create(user=user, name="phone", confirmed=True)


def verified(user: User, client: Client | None = None) -> Client:
    client = client or Client(REMOTE_ADDR=HOME)
    device = enrolled(user)
    client.force_login(user)
    answer = client.post("/admin/second-factor/", {"code": code_of(device)})
    assert answer.status_code == 302, answer.content
    return client


# --- the second factor ------------------------------------------------------------------------------------------


def test_without_a_device_the_first_thing_is_to_set_one_up(client: Client) -> None:
    user = person("olga")
    assert sign_in(client, to="/admin/bookings/case/?severity=1")["Location"] == "/admin/bookings/case/?severity=1"
    asked = client.get("/admin/bookings/case/?severity=1", follow=True)
    assert asked.request["PATH_INFO"] == "/admin/second-factor/set-up/"
    page, before = asked.content.decode(), client.session.session_key
    signed = re.search(r'name="secret" value="([^"]+)"', page)
    assert signed is not None and "<svg" in page and " style=" not in page
    device = second_factor.open_secret(user, signed[1])
    assert device is not None and second_factor.in_text(device) in page
    assert not TOTPDevice.objects.exists()  # looking has written nothing
    wrong = f"{(int(code_of(device)) + 1) % 10**6:06d}"
    form = {"secret": signed[1], "next": "/admin/bookings/case/?severity=1"}
    assert client.post(asked.request["PATH_INFO"], {**form, "code": wrong}).status_code == 422
    made = client.post(asked.request["PATH_INFO"], {**form, "code": code_of(device)})
    codes = re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", made.content.decode())
    assert len(set(codes)) == 10 and 'download="fly2any-recovery-codes.txt"' in made.content.decode()
    assert 'href="/admin/bookings/case/?severity=1"' in made.content.decode()
    assert client.session.session_key != before
    assert client.get("/admin/bookings/case/").status_code == 200
    stored = " ".join(StaticToken.objects.values_list("token", flat=True))
    assert not any(code.replace("-", "") in stored or code in stored for code in codes)
    again = client.post(asked.request["PATH_INFO"], {**form, "code": code_of(device)})
    assert again.status_code == 302 and TOTPDevice.objects.count() == 1  # the same page sent twice


def test_another_persons_signed_secret_sets_nothing_up(client: Client) -> None:
    person("olga")
    stolen = second_factor.new_secret(person("mallory"))
    sign_in(client)
    assert client.post("/admin/second-factor/set-up/", {"secret": stolen, "code": "123456"}).status_code == 302
    assert not TOTPDevice.objects.exists()


def test_the_code_comes_after_the_password_works_once_and_changes_the_session(client: Client) -> None:
    device = enrolled(person("olga"))
    sign_in(client)
    half = client.session.session_key
    assert client.get("/admin/people/", follow=True).request["PATH_INFO"] == "/admin/second-factor/"
    assert client.get("/admin/second-factor/set-up/").status_code == 302  # no second device past the first
    code = code_of(device)
    answer = client.post("/admin/second-factor/", {"code": f"{code[:3]} {code[3:]}", "next": "/admin/bookings/case/"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/bookings/case/")
    assert client.session.session_key != half
    other = Client(REMOTE_ADDR=HOME)
    sign_in(other)
    assert other.post("/admin/second-factor/", {"code": code}).status_code == 422


def test_the_way_back_never_leads_to_another_house(client: Client) -> None:
    device = enrolled(person("olga"))
    sign_in(client)
    answer = client.post("/admin/second-factor/", {"code": code_of(device), "next": "https://evil.example/"})
    assert answer["Location"] == "/admin/"


def test_a_recovery_code_opens_once_however_it_is_typed(client: Client) -> None:
    user = person("olga")
    enrolled(user)
    first, second, *_ = second_factor.renew_codes(user)
    sign_in(client)
    answer = client.post("/admin/second-factor/?recovery=1", {"code": f" {first.upper().replace('-', ' ')}"})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/second-factor/mine/")
    assert "9 recovery codes" in client.get("/admin/second-factor/mine/").content.decode()
    other = Client(REMOTE_ADDR=HOME)
    sign_in(other)
    assert other.post("/admin/second-factor/?recovery=1", {"code": first}).status_code == 422
    colleague = person("eve")
    assert second_factor.show_recovery(colleague, second) is None


def test_codes_cannot_be_tried_for_ever_not_even_with_the_password_from_many_addresses() -> None:
    device = enrolled(person("olga"))
    wrong = f"{(int(code_of(device)) + 1) % 10**6:06d}"
    answers = []
    for n in range(lockout.CODES + 1):
        client = Client(REMOTE_ADDR=f"198.51.100.{n}")
        client.force_login(device.user)
        answers.append(client.post("/admin/second-factor/", {"code": wrong}).status_code)
    assert answers == [422] * lockout.CODES + [429]


def test_five_wrong_codes_lock_like_five_wrong_passwords(client: Client) -> None:
    enrolled(person("olga"))
    sign_in(client)
    answers = [client.post("/admin/second-factor/", {"code": "000000"}, REMOTE_ADDR=HOME) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [429]
    assert "Lift the lock" in answers[-1].content.decode()


# --- passwords --------------------------------------------------------------------------------------------------


def test_many_addresses_against_one_name_are_stopped_and_the_colleague_still_comes_in() -> None:
    person("olga")
    assert sign_in(Client()).status_code == 302  # from her own desk, once
    for n in range(lockout.A_NAME):
        assert sign_in(Client(), password="guess", address=f"198.51.100.{n}").status_code == 200
    refused = sign_in(Client(), address="198.51.100.99")
    assert refused.status_code == 429
    assert "only from where it has signed in before" in refused.content.decode()
    assert sign_in(Client()).status_code == 302
    AccessFailureLog.objects.update(attempt_time=clock.now() - lockout.NAME_WINDOW)
    assert sign_in(Client(), address="198.51.100.99").status_code == 302


def test_one_address_against_many_names_is_stopped_except_for_who_is_known_there() -> None:
    person("olga")
    assert sign_in(Client()).status_code == 302
    person("anna")
    for n in range(lockout.AN_ADDRESS):
        assert sign_in(Client(), name=f"name{n}", password="guess").status_code == 200
    assert sign_in(Client(), name="anna").status_code == 429
    assert sign_in(Client(), name="anna", address="198.51.100.1").status_code == 302
    assert sign_in(Client()).status_code == 302


def test_trying_on_does_not_make_the_lock_longer(client: Client) -> None:
    person("olga")
    for _ in range(8):
        sign_in(client, password="guess")
    AccessLog.objects.all().delete()
    assert AccessFailureLog.objects.count() == 5


# --- help from a manager ----------------------------------------------------------------------------------------


def test_a_manager_lifts_a_lock_and_it_is_written_down() -> None:
    user, boss = person("olga"), verified(person("mia", "manager"))
    for n in range(lockout.A_NAME):
        sign_in(Client(), password="guess", address=f"198.51.100.{n}")
    for _ in range(5):
        sign_in(Client(), password="guess", address="192.0.2.1")
    page = boss.get("/admin/people/").content.decode()
    assert "locked, except where known" in page and f"/admin/people/{user.pk}/lift_lock/" in page
    form = {"key": "press-1", "reason": "She called; it was her old laptop"}
    assert boss.post(f"/admin/people/{user.pk}/lift_lock/", {**form, "reason": " "}).status_code == 422
    assert boss.get(f"/admin/people/{user.pk}/lift_lock/").status_code == 200
    assert sign_in(Client(), address="198.51.100.99").status_code == 429  # looking at the page has lifted nothing
    for _ in range(2):
        assert boss.post(f"/admin/people/{user.pk}/lift_lock/", form).status_code == 302
    assert sign_in(Client(), address="198.51.100.99").status_code == 302
    row = StaffAction.objects.get()
    assert (row.verb, row.operator.username, row.subject, row.reason) == (
        "lift_lock", "mia", f"user:{user.pk}", form["reason"])


def test_a_manager_resets_a_lost_device_but_not_their_own() -> None:
    user, mia = person("olga"), person("mia", "manager")
    hers, boss = verified(user), verified(mia)
    second_factor.renew_codes(user)
    assert hers.get("/admin/").status_code == 200
    own = boss.post(f"/admin/people/{mia.pk}/reset_factor/", {"key": "a", "reason": "mine"})
    assert own.status_code == 409 and TOTPDevice.objects.filter(user=mia).exists()
    assert boss.post(f"/admin/people/{user.pk}/reset_factor/", {"key": "b", "reason": "phone lost"}).status_code == 302
    assert not TOTPDevice.objects.filter(user=user).exists() and not second_factor.codes_left(user)
    assert hers.get("/admin/")["Location"].startswith("/admin/login/?ended=changed")
    assert [row.verb for row in StaffAction.objects.all()] == ["reset_factor"]


def test_whose_device_was_reset_is_told_by_mail() -> None:
    user, boss = person("olga"), verified(person("mia", "manager"))
    User.objects.filter(pk=user.pk).update(email="olga@example.com")
    boss.post(f"/admin/people/{user.pk}/reset_factor/", {"key": "b", "reason": "phone lost"})
    boss.post(f"/admin/people/{user.pk}/reset_factor/", {"key": "b", "reason": "phone lost"})
    assert mail.send_due(clock.now(), 10) == 1
    (message,) = outbound.outbox
    assert message.to == ["olga@example.com"] and "was reset" in message.subject
    assert "/admin/login/" in str(message.body) and "mia" not in str(message.body) and "{" not in str(message.body)


def test_a_manager_lifts_the_lock_of_an_address_which_is_kept_as_a_mark_only() -> None:
    person("anna")
    boss = verified(person("mia", "manager"), Client(REMOTE_ADDR="198.51.100.7"))
    for n in range(lockout.AN_ADDRESS):
        sign_in(Client(), name=f"name{n}", password="guess")
    page, mark = boss.get("/admin/people/").content.decode(), lockout.mark_of(HOME)
    there = f"/admin/people/address/{mark}/"
    assert there in page and HOME in page
    assert boss.get(there).status_code == 200 and sign_in(Client(), name="anna").status_code == 429
    for _ in range(2):
        assert boss.post(there, {"key": "press", "reason": "The hotel of the crew"}).status_code == 302
    assert sign_in(Client(), name="anna").status_code == 302
    row = StaffAction.objects.get()
    assert (row.verb, row.subject) == ("lift_address", f"address:{mark}")
    assert HOME not in f"{row.params}{row.subject}{row.said}"
    assert there not in boss.get("/admin/people/").content.decode() and boss.get(there).status_code == 404
    assert verified(person("ben", "operator")).get(there).status_code == 403


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"manager"}))
def test_other_roles_help_nobody_at_the_door(role: str) -> None:
    user, other = person("olga"), verified(person("other", role))
    enrolled(user)
    for path in ("/admin/people/", *(f"/admin/people/{user.pk}/{verb}/" for verb in PEOPLE_ACTIONS)):
        assert other.get(path).status_code == 403
        assert other.post(path, {"key": "x", "reason": "y"}).status_code in (403, 405)
    assert TOTPDevice.objects.filter(user=user).exists() and not StaffAction.objects.exists()


# --- sessions ---------------------------------------------------------------------------------------------------


def test_who_was_idle_is_told_so_and_comes_back_to_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    client, at = verified(person("olga")), [clock.now()]
    monkeypatch.setattr(staff.clock, "now", lambda: at[0])
    assert client.get("/admin/bookings/case/?o=1").status_code == 200
    at[0] += timedelta(minutes=31)
    answer = client.get("/admin/bookings/case/?o=1", follow=True)
    assert "nothing was pressed for half an hour" in answer.content.decode()
    assert 'name="next" value="/admin/bookings/case/?o=1"' in answer.content.decode()


@pytest.mark.parametrize("change", [
    lambda user: user.groups.clear(),
    lambda user: user.user_permissions.add(Permission.objects.get(codename="do_refund")),
    lambda user: User.objects.filter(pk=user.pk).update(is_superuser=True),
    lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    lambda user: (user.set_password("another long one"), user.save()),
    lambda user: second_factor.remove(user)])
def test_a_session_ends_when_password_role_device_or_account_change(change: Any) -> None:
    user = person("olga")
    client = verified(user)
    assert client.get("/admin/").status_code == 200
    change(user)
    assert client.get("/admin/")["Location"].startswith("/admin/login/?ended=changed")


def test_nobody_edits_roles_or_devices_past_the_audit(client: Client) -> None:
    boss = User.objects.create_superuser("boss")
    page = verified(boss, client)
    person("olga")
    for path in ("auth/group/", "otp_totp/totpdevice/", "otp_static/staticdevice/", "auth/group/add/", "auth/user/",
                 "auth/user/add/", f"auth/user/{boss.pk}/change/", f"auth/user/{boss.pk}/password/"):
        assert page.get(f"/admin/{path}").status_code == 404, path
        assert page.post(f"/admin/{path}", {"username": "olga", "is_superuser": "1"}).status_code == 404, path


def test_a_manager_switches_a_colleague_off_and_only_a_command_lets_them_in_again() -> None:
    user, mia = person("olga"), person("mia", "manager")
    hers, boss = verified(user), verified(mia)
    assert boss.post(f"/admin/people/{mia.pk}/switch_off/", {"key": "a", "reason": "mine"}).status_code == 409
    assert boss.post(f"/admin/people/{user.pk}/switch_off/", {"key": "b", "reason": "has left"}).status_code == 302
    assert hers.get("/admin/")["Location"].startswith("/admin/login/?ended=changed")
    assert sign_in(Client()).status_code == 200 and not TOTPDevice.objects.filter(user=user).exists()
    assert [row.verb for row in StaffAction.objects.all()] == ["switch_off"]
    desk_staff.move(User.objects.get(pk=user.pk), role="viewer")
    assert sign_in(Client()).status_code == 302


def test_the_ribbon_says_live_with_any_live_key_and_test_without(client: Client, settings: Any) -> None:
    assert "<strong>TEST</strong>" in client.get(LOGIN).content.decode()
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    assert "<strong>LIVE</strong> Real tickets, real money" in client.get(LOGIN).content.decode()
    assert ribbon.ribbon(client.get(LOGIN).wsgi_request)["live"] is True


def test_the_time_of_a_lock_is_when_enough_failures_have_aged() -> None:
    now = clock.now()
    for minutes in range(lockout.A_NAME):
        row = AccessFailureLog.objects.create(username="olga", ip_address="192.0.2.1")
        AccessFailureLog.objects.filter(pk=row.pk).update(attempt_time=now - timedelta(minutes=minutes))
    lock = lockout.by_name("olga", now)
    assert lock is not None and lock.until == now - timedelta(minutes=lockout.A_NAME - 1) + lockout.NAME_WINDOW
    assert isinstance(lock.until, datetime)
