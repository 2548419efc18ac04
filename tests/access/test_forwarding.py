"""Who is counted: the address that our own proxies saw, and nothing that a caller writes, whatever they write it in."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser
from hypothesis import given
from hypothesis import strategies as st

from bookings import access, accounts, limits
from bookings.flow import MAX_DECLINES
from bookings.models import Account, Attempt
from bookings.services import MAX_UNPAID_HOLDS
from fly2any.kernel import clock
from tests.access import forged

PASSWORD = "orchid lantern gravel"
HOPS = st.lists(st.one_of(
    st.ip_addresses().map(str), st.sampled_from(["unknown", '"[2001:db8::1]:4711"', "203.0.113.5:80", ""]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)), max_size=40)


def counted(proxies: int, forwarded: str | None, remote: str = "198.51.100.7") -> str:
    """The address counted for a request that our server got from `remote`."""
    before, site.TRUSTED_PROXIES = site.TRUSTED_PROXIES, proxies
    try:
        headers = {**forged.headers(9), "X-Forwarded-For": forwarded}
        return access.address_of(RequestFactory().get("/", REMOTE_ADDR=remote, headers={
            name: value for name, value in headers.items() if value is not None}))
    finally:
        site.TRUSTED_PROXIES = before


@given(HOPS)
def test_without_a_proxy_no_header_is_believed(hops: list[str]) -> None:
    assert counted(0, ", ".join(hops)) == "198.51.100.7"


@given(HOPS)
def test_each_of_our_proxies_adds_one_hop_and_what_came_before_is_nothing(hops: list[str]) -> None:
    said = ", ".join(hops)
    assert counted(1, f"{said}, 192.0.2.44") == "192.0.2.44"
    assert counted(2, f"{said}, 192.0.2.44, 10.0.0.2") == "192.0.2.44"
    assert counted(2, f"{said},2001:db8:7:8::9,10.0.0.2") == "2001:db8:7:8::"


@pytest.mark.parametrize(("proxies", "forwarded"), [(1, None), (1, ""), (1, " , ,"), (2, "10.0.0.2"), (2, ",10.0.0.2")])
def test_with_fewer_hops_than_proxies_whoever_connected_is_counted(proxies: int, forwarded: str | None) -> None:
    assert counted(proxies, forwarded) == "198.51.100.7"


@pytest.mark.parametrize(("hop", "told"), [
    ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"), ("::ffff:192.0.2.1%eth0", "192.0.2.1"),
    ("2001:db8::5%1", "2001:db8::"), ("2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8::"),
    ("2001:db8:0:1::5", "2001:db8:0:1::"), ("192.0.2.1:443", "192.0.2.1"), ("[2001:db8::5]:443", "2001:db8::"),
    ("[2001:db8::5]", "2001:db8::"), ("192.0.2.1:x", "unknown"), ("0300.0.2.1", "unknown"), ("3221225985", "unknown"), ("192.0.2.1\x00", "unknown")])
def test_one_customer_has_one_spelling(hop: str, told: str) -> None:
    assert counted(1, hop) == counted(0, None, remote=hop) == told


def through_gunicorn(*lines: str) -> dict[str, Any]:
    """What our web server hands to Django for a request with these header lines, from 198.51.100.7."""
    raw = "\r\n".join(("GET / HTTP/1.1", "Host: localhost", *lines, "", "")).encode()
    parsed = next(iter(RequestParser(Config(), iter([raw]), ("198.51.100.7", 5))))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _, environ = wsgi.create(parsed, ours, ("198.51.100.7", 5), ("127.0.0.1", 8000), Config())
    return dict(environ)


def test_two_header_lines_are_one_chain_and_look_alike_names_are_dropped(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    environ = through_gunicorn("X-Forwarded-For: 203.0.113.1", "X_Forwarded_For: 203.0.113.2",
                               "x-forwarded-for: 192.0.2.44", "X_FORWARDED-FOR: 203.0.113.3")
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.1,192.0.2.44"
    request = RequestFactory().get("/", **{**environ, "wsgi.input": io.BytesIO()})
    assert access.address_of(request) == "192.0.2.44"


def test_django_axes_and_the_api_count_the_same_address() -> None:
    assert site.AXES_CLIENT_IP_CALLABLE == "bookings.access.counted_address"
    assert site.REST_FRAMEWORK["NUM_PROXIES"] == site.TRUSTED_PROXIES


# --- at the doors, without Redis --------------------------------------------------------------------------------


@pytest.fixture
def redis_is_down(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "fly2any.cache.ForgivingRedisCache", "LOCATION": "redis://127.0.0.1:9/0"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


DOORS = {  # path: (what is sent for try n, how many tries of one address)
    "/trips/find": (lambda n: {"reference": f"FLY2A-{n:06}", "email": "anna@example.com"}, access.LOOKUPS),
    "/trips/link": (lambda n: {"link-email": f"anna{n}@example.com"}, access.LOOKUPS),
    "/account/sign-in": (lambda n: {"email": "anna@example.com", "password": f"wrong {n}"},
                         site.AXES_FAILURE_LIMIT - 1),
    "/account/sign-up": (lambda n: {"email": f"anna{n}@example.com", "password": PASSWORD}, accounts.AN_ADDRESS),
    "/account/forgot": (lambda n: {"email": f"anna{n}@example.com"}, accounts.AN_ADDRESS)}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize("path", DOORS)
@pytest.mark.usefixtures("redis_is_down")
def test_no_door_is_tried_more_often_by_being_somebody_else(path: str, proxies: int, settings: Any) -> None:
    settings.TRUSTED_PROXIES = proxies
    user = User.objects.create_user("anna@example.com", "anna@example.com", PASSWORD)
    Account.objects.create(user=user, created_at=clock.now())
    words, tries = DOORS[path]

    def one(n: int, client: str) -> int:
        """A try through our proxies, which add what they saw to whatever the caller wrote."""
        headers, seen = forged.headers(n), ["", f", {client}", f", {client}, 10.0.0.2"][proxies]
        headers["X-Forwarded-For"] += seen
        remote = client if not proxies else "10.0.0.1"
        return int(Client().post(path, words(n), headers=headers, REMOTE_ADDR=remote).status_code)

    told = [one(n, "192.0.2.44") for n in range(tries + 2)]
    assert 429 not in told[:tries], told
    assert told[tries:] == [429, 429], told
    assert one(200, "192.0.2.45") != 429  # somebody else behind the same proxies is not locked out


@pytest.fixture
def nobody_can_count() -> Iterator[None]:
    """Another connection holds the table of counters."""
    place = connection.get_connection_params()
    kept = {name: place[name] for name in ("host", "port", "user", "password", "dbname") if place.get(name)}
    with psycopg.connect(**kept) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE bookings_attempt IN ACCESS EXCLUSIVE MODE")
        cursor.execute("SET lock_timeout = '60ms'")
        yield
        other.rollback()
        cursor.execute("RESET lock_timeout")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("nobody_can_count")
@pytest.mark.failure("R4")
@pytest.mark.parametrize("path", [*DOORS, "/manage/link/x/", "/shared/x/"])
def test_a_try_that_cannot_be_counted_is_refused(path: str) -> None:
    words = DOORS[path][0](1) if path in DOORS else None
    answer = Client().post(path, words) if words else Client().get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"


def test_the_limits_are_the_ones_that_were_promised() -> None:
    assert (5, timedelta(minutes=15)) == (access.LOOKUPS, access.LOOKUP_WINDOW)
    assert (limits.HOLDS_A_DAY, limits.PAYMENT_CALLS, MAX_UNPAID_HOLDS, MAX_DECLINES) == (10, 5, 3, 5)
    assert (site.AXES_FAILURE_LIMIT, timedelta(hours=site.AXES_COOLOFF_TIME)) == (5, timedelta(minutes=15))
    assert (site.STAFF_IDLE_SECONDS, site.STAFF_SESSION_SECONDS) == (30 * 60, 12 * 3600)
    assert (site.DATA_UPLOAD_MAX_MEMORY_SIZE, site.FILE_UPLOAD_HANDLERS) == (64 * 1024, [])


@pytest.mark.django_db
def test_a_counter_names_nobody() -> None:
    limits.count("lookup-reference", "FLY2A-7KQ2MX", per=timedelta(minutes=15), limit=5, now=clock.now())
    limits.count("lookup-address", "192.0.2.44", per=timedelta(minutes=15), limit=5, now=clock.now())
    kept = str(list(Attempt.objects.values_list("scope", "subject")))
    assert "7KQ2MX" not in kept and "192.0.2" not in kept
