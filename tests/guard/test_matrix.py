"""Who gets what at every address of the house. The addresses come from the resolver: a new one fails until it is placed.

GET changes no row, a POST without the form's token is refused, an unknown method is a 405.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from bookings import accounts
from bookings.models import Attempt, Booking
from fly2any.kernel import clock
from suppliers import registry
from tests.access.policy import lacking
from tests.pages.everything import PASSWORD, Airline, booked, found
from tests.pages.planes import party

pytestmark = pytest.mark.django_db
VISITORS = ("stranger", "guest", "other customer", "customer", "staff", "gone")
OWNERS = frozenset({"guest", "customer"})
SIGNED_IN = frozenset({"other customer", "customer"})
# --- the table: what a GET answers. Two numbers: the owner's, everybody else's -----------------------------------
OPEN = {"home", "flights", "help", "terms", "how-we-sort", "trips", "trip-find", "dev-mailbox", "healthz", "readyz",
        "schema", "docs", "account-sign-up", "account-mailed", "account-forgot", "metrics", "favicon", "api-bookings",
        "api-my-orders"}
POST_ONLY = {"checkout-start", "flight-days", "trip-mail-link", "account-sign-out", "account-resend", "account-join",
             "checkout-bundle", "trip-look", "trip-let-go", "trip-fix", "trip-mail-again", "trip-share-revoke",
             "payments-webhook", "duffel-webhook", "api-checkout", "api-customize", "api-passengers", "api-book",
             "api-cancellation", "api-cancellation-confirm", "api-create-intent", "api-confirm", "api-booking-create",
             "api-create-order"}
OF_A_DRAFT = {"checkout-extras", "checkout-seats", "checkout-passengers", "checkout-check", "checkout-review"}
OF_A_BOOKING = {"trip", "checkout-progress", "trip-pay", "trip-back", "trip-price", "trip-cancel", "trip-contact",
                "trip-request", "trip-flights", "trip-stays", "trip-calendar", "trip-share", "api-booking", "api-calendar",
                "api-payment-status"}
PRINTED = {"trip-itinerary", "api-itinerary"}  # a child process each; tests/papers asks for them
OF_AN_ACCOUNT = {"account", "account-password", "account-delete"}
OF_A_SEARCH = {"api-results"}
OF_WHOEVER_KNOWS_IT = {"api-offer", "api-seat-maps"}  # an offer's id is 122 random bits and names nobody (design.md 5)
OF_A_TOKEN = {"trip-link", "account-verify", "account-reset", "shared", "dev-letter", "dev-letter-html",
              "dev-attachment"}
OTHERS = {"account-sign-in", "api-places", "api-search", "nothing_here"}  # told in `expected`
WITHOUT_TOKEN = {"payments-webhook", "duffel-webhook"}  # signed by who sends them
KEPT_BY_CACHES = {"healthz", "readyz", "metrics", "favicon", "schema",  # nothing of anybody in them
                  "api-payment-status"}  # private, asked again each time, by its ETag
WITH_CARD_FORM = {"trip-pay", "checkout-review"}
MAY_WRITE = {"bookings_attempt",  # counters of limits
             "bookings_bundleshown"}  # what the page of extras offered


def addresses() -> Iterator[tuple[str, str]]:
    """Name (or the view's) and path of every pattern outside the console."""
    def flat(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
        for one in patterns:
            path = before + str(one.pattern)
            if hasattr(one, "url_patterns"):
                yield from () if path == "/admin/" else flat(one.url_patterns, path)
            else:
                yield one.name or one.callback.__name__, path

    return flat(get_resolver().url_patterns, "/")


def console() -> Iterator[str]:
    """Every address of the console, filled in."""
    def flat(patterns: Any, before: str) -> Iterator[str]:
        for one in patterns:
            path = before + str(one.pattern)
            yield from flat(one.url_patterns, path) if hasattr(one, "url_patterns") else [path]

    (site,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "admin/")
    for path in flat(site.url_patterns, "/admin/"):
        yield re.sub(r"\(\?P<app_label>[^)]*\)", "bookings", re.sub(r"<[\w:]+>", "1", path)).replace(
            "^", "").replace("$", "").replace("(?P<url>.*)", "x")


def expected(name: str, who: str) -> set[int]:
    """The statuses of a GET."""
    owner = who in OWNERS
    if name in OPEN | OF_WHOEVER_KNOWS_IT:
        return {200, 204}
    if name in POST_ONLY:
        return {405}
    if name in OF_A_DRAFT | OF_A_BOOKING:
        return {200, 302} if owner else {404}
    if name in OF_AN_ACCOUNT:
        return {200} if who in SIGNED_IN else {302}
    if name in OF_A_SEARCH:
        return {200} if owner else {404}
    if name in OF_A_TOKEN:
        return {404, 410}
    return {"account-sign-in": {302} if who in SIGNED_IN else {200}, "api-places": {400}, "api-search": {400, 422},
            "nothing_here": {404}}[name]


# --- who comes --------------------------------------------------------------------------------------------------


class House:
    """One booking, one draft and one search of each owner, and a browser for each visitor."""

    def __init__(self, guest: Client, principal: str) -> None:
        self.browsers = {"stranger": Client(), "guest": guest, "gone": Client()}
        users = {}
        for who in ("other customer", "customer", "leaving"):
            email = f"{who.replace(' ', '.')}@example.com"
            accounts.sign_up(email=email, password=PASSWORD, now=clock.now())
            users[who] = User.objects.get(username=email)
            self.browsers[who] = Client()
            self.browsers[who].force_login(users[who])
        self.browsers["staff"] = Client()
        self.browsers["staff"].force_login(User.objects.create_superuser("boss", "boss@example.com", PASSWORD))
        self.rows = {"guest": self.own(principal), "customer": self.own(f"user:{users['customer'].pk}"),
                     "gone": self.own(f"user:{users['leaving'].pk}")}
        self.browsers["gone"] = self.browsers.pop("leaving")
        self.browsers["gone"].post("/account/sign-out")
        for who in VISITORS:
            self.browsers[who].get("/trips")
        assert set(self.browsers) == set(VISITORS)

    @staticmethod
    def own(principal: str) -> tuple[Booking, Booking, str]:
        draft = party(principal, "adult")
        draft.offer.priced_at = clock.now() + timedelta(minutes=10)  # fresh, however slow the machine is
        draft.offer.save()
        return booked(principal, "confirmed"), draft, found(principal).rpartition("=")[2]

    def fill(self, path: str, who: str) -> str:
        booking, draft, search = self.rows.get(who, self.rows["guest"])
        values = {"reference": booking.reference, "draft_id": str(draft.public_id), "offer_id": str(draft.offer_id),
                  "search_id": search, "token": "x", "where": "MQ", "name": "1-0a"}
        return re.sub(r"<int:\w+>", "1", re.sub(r"<(?:str|uuid):(\w+)>", lambda part: values[part[1]], path)).replace(
            r"^[\s\S]*$", "anything")


@pytest.fixture
def house(guest: Client, principal: str, settings: Any) -> Iterator[House]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield House(guest, principal)


def state() -> dict[str, tuple[int, int]]:
    """Of every table: how many rows, and a number that changes when one of them is written."""
    tables = [name for name in connection.introspection.table_names() if name not in MAY_WRITE]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(sum(hashtext(t.ctid::text || t.xmin::text)::bigint), 0) FROM {name} t"
            for name in tables))
        return {name: (count, sum_) for name, count, sum_ in cursor.fetchall()}


def weak_headers(name: str, answer: Any) -> list[str]:
    """What the answer of this address lacks; the pages of the card form may load the bank's script, and nothing else."""
    bank = settings.STRIPE_JS_URL.partition("/stripe-js")[0]
    weaker = {"script_src": f"'self' {bank}", "frame_src": bank, "connect_src": f"'self' {bank}"}
    return lacking(answer, open_to_all=name in KEPT_BY_CACHES, **weaker if name in WITH_CARD_FORM else {})


# --- what holds -------------------------------------------------------------------------------------------------


def test_every_address_has_its_place_in_the_table() -> None:
    groups = (OPEN, POST_ONLY, OF_A_DRAFT, OF_A_BOOKING, PRINTED, OF_AN_ACCOUNT, OF_A_SEARCH,
              OF_WHOEVER_KNOWS_IT, OF_A_TOKEN, OTHERS)
    placed = [name for group in groups for name in group]
    assert len(placed) == len(set(placed))
    assert {name for name, _ in addresses()} == set(placed)


def test_every_visitor_gets_what_the_table_says_and_no_look_changes_anything(house: House) -> None:
    wrong = []
    for name, path in addresses():
        if name in PRINTED:
            continue
        for who in VISITORS:
            address, before = house.fill(path, who), state()
            answer = house.browsers[who].get(address)
            after = state()
            changed = sorted(table for table in after if after[table] != before[table])
            if answer.status_code not in expected(name, who) or changed:
                wrong.append((name, who, answer.status_code, changed))
            if weak := weak_headers(name, answer):
                wrong.append((name, who, answer.status_code, weak))
        Attempt.objects.all().delete()
    assert wrong == []


def test_a_form_without_its_token_is_refused_and_changes_nothing(house: House) -> None:
    wrong = []
    for who in ("guest", "customer"):
        browser = Client(enforce_csrf_checks=True)
        browser.cookies = house.browsers[who].cookies
        for name, path in addresses():
            if name in WITHOUT_TOKEN:
                continue
            address, before = house.fill(path, who), state()
            status = browser.post(address, {"email": "eve@example.com"}).status_code
            if status not in ({403} if "/api/" not in path else {403, 404, 405, 415}) or state() != before:
                wrong.append((name, who, status))
    assert wrong == []


def test_other_methods_are_refused_everywhere_and_tell_nothing(house: House) -> None:
    """API: what DELETE, PUT and PATCH do for strangers is shown by tests/pages/test_strangers.py."""
    wrong = []
    for name, path in addresses():
        for who in ("guest", "stranger"):
            address, browser, before = house.fill(path, who), house.browsers[who], state()
            methods = ("PURGE", "TRACE", "OPTIONS", *(() if "/api/" in path else ("DELETE", "PUT", "PATCH")))
            for method in methods:
                answer = browser.generic(method, address)
                told = {404} if name == "nothing_here" else {405}
                if method == "OPTIONS" and "/api/" in path:
                    told |= {200}  # which methods there are; asks for no row
                weak = lacking(answer, open_to_all=name in KEPT_BY_CACHES) if who == "stranger" else []
                if answer.status_code not in told or weak:
                    wrong.append((name, who, method, answer.status_code, weak))
            head = browser.head(address) if name not in PRINTED else None
            if head is not None and (head.status_code not in expected(name, who) | {405} or head.content):
                wrong.append((name, who, "HEAD", head.status_code))
            if state() != before:
                wrong.append((name, who, "changed"))
        Attempt.objects.all().delete()
    assert wrong == []


def test_the_console_is_shut_for_everybody_without_a_second_factor(
        house: House, settings: Any) -> None:
    settings.ADMIN_NEEDS_OTP = True
    doors = ("/admin/login/", "/admin/logout/", "/admin/second-factor/")
    found = [path for path in console() if path not in doors and path != "/admin/second-factor/set-up/"]
    assert len(found) > 60
    wrong = []
    for who in ("stranger", "customer", "staff"):
        for path in found:
            for method in ("get", "post") if who == "staff" else ("get",):
                answer = getattr(house.browsers[who], method)(path)
                shut = answer.status_code in (302, 403, 404, 405) and "/admin/" not in answer.headers.get(
                    "Location", "").replace("/admin/login/", "").partition("?")[0]
                if not shut:
                    wrong.append((who, method, path, answer.status_code, answer.headers.get("Location")))
    assert wrong == []
