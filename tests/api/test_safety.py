"""Other sites, forged addresses and guessed references get nowhere (reliability.md 13)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory

from bookings import access, limits, selectors
from bookings.mail import link_to
from bookings.models import AccessLink, Attempt, Booking, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.api.shop import Caller, body, offer, person, refused

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_other_site_may_read_answers() -> None:
    for answer in (Caller().get("/api/bookings", Origin="https://evil.example"),
                   Client().options("/api/bookings", headers={
                       "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"},
                                     {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}])
def test_no_other_site_may_act_for_a_guest(headers: dict[str, str]) -> None:
    refused(Caller().book(offer(), **headers), 403, "foreign_origin")
    assert Booking.objects.count() == 0


def test_our_name_without_tls_is_another_site(settings: Any) -> None:
    settings.SITE_URL, settings.CSRF_TRUSTED_ORIGINS = "https://fly.example", ["https://fly.example"]
    refused(Caller().book(offer(), Origin="http://fly.example"), 403, "foreign_origin")
    assert Booking.objects.count() == 0


def test_our_own_pages_may(settings: Any) -> None:
    for origin in ("http://testserver", settings.SITE_URL):
        row = offer()
        answer = Caller().book(row, data=body(row, bookAgain=True), Origin=origin, Sec_Fetch_Site="same-origin")
        assert answer.status_code == 202


def test_a_session_needs_its_csrf_token() -> None:
    me = Caller(enforce_csrf_checks=True)
    user = get_user_model().objects.create_user("ada", password="correct horse battery")
    me.client.force_login(user)
    refused(me.book(offer()), 403, "forbidden")
    me.client.get("/")  # a page with a form sets the cookie
    token = "a" * 32
    me.client.cookies["csrftoken"] = token
    assert me.book(offer(), X_CSRFToken=token).status_code == 202
    booking = Booking.objects.get()
    assert (booking.user, booking.principal) == (user, f"user:{user.pk}")


def test_who_signs_in_keeps_what_this_browser_booked() -> None:
    me = Caller()
    reference = me.book(offer()).json()["booking"]["bookingReference"]
    me.client.force_login(get_user_model().objects.create_user("ada", password="correct horse battery"))
    assert me.get(f"/api/bookings/{reference}").status_code == 200


def test_the_guest_cookie_is_signed_and_out_of_scripts_reach(settings: Any) -> None:
    me = Caller()
    me.get("/api/bookings")
    cookie = me.client.cookies[settings.GUEST_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    reference = me.book(offer()).json()["booking"]["bookingReference"]
    cookie.set(cookie.key, cookie.value[:-1] + ("a" if cookie.value[-1] != "a" else "b"), cookie.coded_value[:-1] + "a")
    refused(me.get(f"/api/bookings/{reference}"), 404, "not_found")


def test_answers_are_not_cached_and_carry_the_request_id() -> None:
    answer = Caller().get("/api/bookings")
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Request-Id"]


def test_payment_calls_are_counted_per_address_and_forged_headers_are_useless() -> None:
    for at in range(5):
        answer = Caller().post("/api/payments/confirm", {"bookingReference": "FLY2A-000000"},
                               X_Forwarded_For=f"203.0.113.{at}")
        refused(answer, 404, "not_found")
    answer = Caller().post("/api/payments/create-intent", {"bookingReference": "FLY2A-000000"},
                           X_Forwarded_For="203.0.113.99")
    refused(answer, 429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "127.0.0.1" not in str(list(Attempt.objects.values()))


@pytest.mark.parametrize(("proxies", "forwarded", "expected"), [
    (0, "203.0.113.1", "198.51.100.7"), (1, "203.0.113.1", "203.0.113.1"), (1, "6.6.6.6, 203.0.113.1", "203.0.113.1"),
    (2, "6.6.6.6, 203.0.113.1, 10.0.0.1", "203.0.113.1"), (1, "", "198.51.100.7"), (1, "nonsense", "unknown")])
def test_the_clients_address(settings: Any, proxies: int, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.7", HTTP_X_FORWARDED_FOR=forwarded)
    assert access.address_of(request) == expected


def test_a_limit_slides() -> None:
    now = clock.now().replace(second=0, microsecond=0)
    for second in (58, 58, 59, 59, 59):
        limits.count("t", "x", per=timedelta(minutes=1), limit=5, now=now + timedelta(seconds=second))
    with pytest.raises(Problem):
        limits.count("t", "x", per=timedelta(minutes=1), limit=5, now=now + timedelta(seconds=61))
    limits.count("t", "y", per=timedelta(minutes=1), limit=5, now=now + timedelta(seconds=61))
    limits.count("t", "x", per=timedelta(minutes=1), limit=5, now=now + timedelta(seconds=119))


def test_a_limit_outlives_the_cache() -> None:
    """Limits that protect money and logins are counted in PostgreSQL (reliability.md 13): a flush forgets nothing."""
    now = clock.now().replace(second=0, microsecond=0)
    for _ in range(5):
        limits.count("t", "z", per=timedelta(minutes=1), limit=5, now=now)
    cache.clear()
    with pytest.raises(Problem):
        limits.count("t", "z", per=timedelta(minutes=1), limit=5, now=now)


@pytest.mark.failure("R4")
def test_what_cannot_be_counted_is_refused() -> None:
    with mock.patch.object(connection, "cursor", side_effect=OperationalError), pytest.raises(Problem) as told:
        limits.count("t", "x", per=timedelta(minutes=1), limit=5, now=datetime(2026, 11, 21, tzinfo=UTC))
    assert told.value.status == 503


# --- later access -----------------------------------------------------------------------------------------------


def visit(me: Caller) -> Any:
    """A request as this browser sends it."""
    request = RequestFactory().get("/")
    request.COOKIES = {name: morsel.value for name, morsel in me.client.cookies.items()}
    request.user = mock.Mock(is_authenticated=False)
    return request


def test_reference_and_email_open_a_booking_for_this_browser_only(settings: Any) -> None:
    reference = Caller().book(offer()).json()["booking"]["bookingReference"]
    me, now = Caller(), clock.now()
    request = visit(me)
    access.grant(request, reference=reference.lower(), email=" ADA@example.com ", now=now)
    response = HttpResponse()
    access.ensure_guest(request, response)
    me.client.cookies[settings.GUEST_COOKIE_NAME] = response.cookies[settings.GUEST_COOKIE_NAME].value
    assert me.get(f"/api/bookings/{reference}").status_code == 200
    assert me.get(f"/api/payments/status/{reference}").status_code == 200
    refused(Caller().get(f"/api/bookings/{reference}"), 404, "not_found")


def test_wrong_and_unknown_are_told_alike_and_counted() -> None:
    reference = Caller().book(offer()).json()["booking"]["bookingReference"]
    told = set()
    for asked, email in ((reference, "eve@example.com"), ("FLY2A-000000", "ada@example.com"), ("", ""),
                         ("x" * 500, "ada@example.com"), (reference, "ada@example.co")):
        with pytest.raises(Problem) as problem:
            access.grant(visit(Caller()), reference=asked, email=email, now=clock.now())
        told.add((problem.value.status, problem.value.code, problem.value.message))
    assert len(told) == 1
    with pytest.raises(Problem) as problem:
        access.grant(visit(Caller()), reference=reference, email="ada@example.com", now=clock.now())
    assert problem.value.status == 429


def test_the_link_of_a_mail_opens_its_booking_until_it_expires() -> None:
    reference = Caller().book(offer()).json()["booking"]["bookingReference"]
    booking, now = Booking.objects.get(), clock.now()
    token = [part for part in link_to(booking, now).split("/") if part][-1]
    request = visit(Caller())
    assert access.follow(request, token=token, now=now).pk == booking.pk
    assert selectors.booking_for(principal=access.principal_of(request), reference=reference).pk == booking.pk
    AccessLink.objects.update(expires_at=now)
    with pytest.raises(Problem):
        access.follow(visit(Caller()), token=token, now=now)
    with pytest.raises(Problem):
        access.follow(visit(Caller()), token="guess", now=now)


def test_links_are_mailed_to_the_contact_and_nowhere_else() -> None:
    Caller().book(offer())
    access.mail_links(visit(Caller()), email="ADA@example.com", now=clock.now())
    access.mail_links(visit(Caller()), email="eve@example.com", now=clock.now())
    row = Outbox.objects.get(kind="lookup_link", booking__isnull=False)  # the other row reaches nobody
    assert (row.booking, row.to) == (Booking.objects.get(), "")


def test_no_document_number_leaves_the_house() -> None:
    row = offer(documents_required=True, document_kinds=["passport"])
    passport = {"kind": "passport", "number": "X1234567", "country": "GB", "expiresOn": "2040-01-01"}
    me = Caller()
    told = me.book(row, data=body(row, passengers=[person(document=passport)])).json()
    answer = me.get(f"/api/bookings/{told['booking']['bookingReference']}")
    assert "X1234567" not in json.dumps(answer.json())
    assert answer.json()["booking"]["passengers"][0]["document"]["number"].endswith("67")
    assert "X1234567" not in Booking.objects.get().passengers.get().document
