"""What costs a supplier's work, a mail or a line for ever is limited, says until when, and needs no Redis."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from bookings import access, accounts, limits
from bookings.checkout import search as search_page
from bookings.drafts import days, offers
from bookings.models import Account, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.types import Leg, SearchQuery
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "orchid lantern gravel"


@pytest.fixture(autouse=True)
def no_redis_and_quick_hashes(settings: Any) -> None:
    """Limits live in PostgreSQL: a cache that forgets everything must change nothing."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def refused(answer: Any) -> None:
    """A 429 with the time to come back and a sentence of the catalogue."""
    assert answer.status_code == 429, answer.status_code
    assert int(answer.headers["Retry-After"]) > 0
    assert b"Please wait" in answer.content


def customer(email: str = "anna@example.com") -> User:
    user = User.objects.create_user(email, email, PASSWORD)
    Account.objects.create(user=user, created_at=clock.now(), verified_at=clock.now())
    return user


@pytest.mark.parametrize("path", [
    "/flights?trip=oneway&origin=JFK&destination=LHR&departureDate=2027-05-04&adults=1",
    "/api/flights/search?origin=JFK&destination=LHR&departureDate=2027-05-04&adults=1"])
def test_searches_are_limited_by_address_whatever_cookie_comes(
        client: Client, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(limits, "SEARCHES", 2)
    asked: list[Any] = []

    def search(**words: Any) -> Any:
        asked.append(words)
        raise Problem("supplier_down", "away", status=503)

    monkeypatch.setattr(search_page.drafts, "search", search)
    answers = [Client().get(path, headers={"Prefer": "respond-async"}) for _ in range(3)]
    assert [answer.status_code for answer in answers[:2]] == [503, 503]
    refused(answers[2])
    assert len(asked) == 2


def test_an_offer_and_its_seats_are_asked_so_often_for_a_visitor(
        principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OFFERS_ASKED", 3)

    class Airline:
        def seat_maps(self, _: str, document: str = "") -> list[Any]:
            return []

    monkeypatch.setattr(offers.registry, "get", lambda _: Airline())
    offer = make(principal).offer
    for _ in range(3):
        assert offers.seat_maps_seen(offer) == []
    with pytest.raises(Problem) as told:
        offers.seat_maps_seen(offer)
    assert told.value.status == 429


def test_prices_of_other_days_are_limited_by_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "PRESSES_OF_ADDRESS", 2)
    monkeypatch.setattr(days, "_executor", lambda: type("Pool", (), {"submit": staticmethod(lambda *_: None)}))
    now = clock.now()
    query = SearchQuery((Leg("JFK", "LHR", now.date().replace(year=now.year + 1, month=5, day=4)),), adults=1)
    with pytest.raises(Problem) as told:
        for _ in range(3):
            days.ask(query=query, principal=f"guest:{uuid.uuid4()}", address="192.0.2.9", now=now)
    assert told.value.status == 429


@pytest.mark.parametrize(("path", "words", "ok"), [
    ("contact", {"email": "anna@example.com", "phone": "+1 415 555 0100"}, 302),
    ("share", {"lasts": "day"}, 302), ("mail-again", {}, 302)])
def test_presses_of_one_booking_are_limited(guest: Client, principal: str, path: str, words: dict[str, str],
                                            ok: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRESSES_AN_HOUR", 3)
    booking = make(principal, status="CONFIRMED", progress="done")
    answers = [guest.post(f"/trips/{booking.reference}/{path}", words) for _ in range(4)]
    assert [answer.status_code for answer in answers[:3]] == [ok] * 3
    refused(answers[3])


def test_asking_what_comes_back_is_limited(guest: Client, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.trail import rows

    monkeypatch.setattr(limits, "PRESSES_AN_HOUR", 2)
    booking = make(principal, status="CONFIRMED", progress="done")
    rows.order(booking, external_id="ord_1", pnr="ABC123", actions=["cancel"])
    answers = [guest.post(f"/trips/{booking.reference}/cancel") for _ in range(3)]
    assert [answer.status_code for answer in answers[:2]] == [302, 302]
    refused(answers[2])


# --- the door of accounts ---------------------------------------------------------------------------------------


def sign_in(email: str, password: str, **more: Any) -> Any:
    return Client().post("/account/sign-in", {"email": email, "password": password}, **more)


def test_one_address_cannot_try_user_after_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "TRIES_OF_ADDRESS", 6)
    answers = [sign_in(f"anna{n}@example.com", "wrong") for n in range(7)]
    assert [answer.status_code for answer in answers[:6]] == [200] * 6
    refused(answers[6])


def test_many_addresses_cannot_try_one_user_and_the_mailbox_still_opens_the_door(
        monkeypatch: pytest.MonkeyPatch) -> None:
    customer()
    monkeypatch.setattr(accounts, "TRIES_FOR_EMAIL", 4)
    answers = [sign_in("anna@example.com", "wrong", REMOTE_ADDR=f"192.0.2.{n}") for n in range(5)]
    assert [answer.status_code for answer in answers[:4]] == [200] * 4
    refused(answers[4])
    from bookings import account_links

    path = account_links.reset_link(User.objects.get()).split("/", 3)[3]
    assert Client().post(f"/{path}", {"password": "velvet engine pocket"}).status_code == 302


def test_a_made_up_forwarding_header_dodges_no_lock() -> None:
    customer()
    for n in range(5):
        sign_in("anna@example.com", "wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}")
    assert sign_in("anna@example.com", PASSWORD, HTTP_X_FORWARDED_FOR="192.0.2.99").status_code == 429


def test_another_address_of_the_same_network_dodges_no_lock() -> None:
    customer()
    for n in range(5):
        sign_in("anna@example.com", "wrong", REMOTE_ADDR=f"2001:db8::{n + 1}")
    assert sign_in("anna@example.com", PASSWORD, REMOTE_ADDR="2001:db8::99").status_code == 429
    assert sign_in("anna@example.com", PASSWORD, REMOTE_ADDR="2001:db8:1::1").status_code == 302


def test_behind_our_proxy_its_last_word_counts(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    customer()
    for n in range(5):
        sign_in("anna@example.com", "wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}, 192.0.2.7")
    assert sign_in("anna@example.com", PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.1, 192.0.2.7").status_code == 429
    assert sign_in("anna@example.com", PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.1, 192.0.2.8").status_code == 302


def test_the_password_of_staff_at_the_customers_door_counts_like_a_wrong_one() -> None:
    User.objects.create_superuser("boss@example.com", "boss@example.com", PASSWORD)
    answers = [sign_in("boss@example.com", PASSWORD).status_code for _ in range(6)]
    assert answers == [200] * 4 + [429, 429]


def test_signing_an_address_up_again_and_again_blocks_no_reset(client: Client) -> None:
    customer()
    for _ in range(accounts.A_MAILBOX + 1):
        last = client.post("/account/sign-up", {"email": "anna@example.com", "password": PASSWORD})
    assert last.status_code == 429
    assert client.post("/account/forgot", {"email": "anna@example.com"}).status_code == 302
    assert Outbox.objects.filter(kind="reset_password", to="anna@example.com").count() == 1


@pytest.mark.parametrize("path", ["/account/verify/x/", "/account/reset/MQ/x-y/", "/manage/link/x/"])
def test_links_cannot_be_tried_for_ever(client: Client, path: str) -> None:
    answers = [client.get(path) for _ in range(31)]
    assert {answer.status_code for answer in answers[:30]} <= {404, 410}
    refused(answers[30])


@pytest.mark.parametrize(("raw", "told"), [
    ("::ffff:192.0.2.1", "192.0.2.1"), ("192.0.2.1", "192.0.2.1"), ("2001:db8::5", "2001:db8::"), ("x", "unknown")])
def test_who_counts_as_one_address(raw: str, told: str) -> None:
    assert access.address_of(RequestFactory().get("/", REMOTE_ADDR=raw)) == told


@pytest.mark.parametrize("seconds, said", [(7, "7 seconds"), (90, "90 seconds"), (91, "2 minutes"), (3600, "60 minutes")])
def test_a_long_wait_is_told_in_minutes(seconds: int, said: str) -> None:
    with pytest.raises(Problem) as refused:
        limits.throttled(seconds)
    assert refused.value.message == f"Please wait {said}."
    assert refused.value.headers == {"Retry-After": str(seconds)}
