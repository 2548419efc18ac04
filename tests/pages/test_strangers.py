"""Who is not the owner sees one and the same 404 at every address of a draft or a booking, found by walking the routes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from bookings import accounts
from bookings.models import Attempt, Booking
from fly2any.kernel import clock
from suppliers import registry
from tests.pages.everything import PASSWORD, Airline, booked, party
from tests.pages.html import alike

pytestmark = pytest.mark.django_db
PRIVATE = ("Anna", "Müller", "anna@", "RZPNX8", "599", "4242", "14155550100", "125-2106312810")
REFUSALS = (400, 404, 405)  # 400: a body that cannot be read is refused before anybody is looked for
OTHERS = ("/admin/", "shared/", "manage/link/", "account/", "dev/", "flights/offers/", "flights/search/")


def routes() -> Iterator[tuple[str, str]]:
    """Every address with a reference, a draft or the like in it, and the name of that part."""
    def walk(patterns: object, before: str) -> Iterator[str]:
        for one in patterns:  # type: ignore[attr-defined]
            path = before + str(one.pattern)
            yield from walk(one.url_patterns, path) if hasattr(one, "url_patterns") else [path]

    for path in walk(get_resolver().url_patterns, "/"):
        part = re.search(r"<(?:str|uuid):(reference|draft_id)>", path)
        if part and not any(word in path for word in OTHERS):
            yield path, part[1]


def fill(path: str, booking: Booking | None) -> str:
    """The address for this booking; for one that nobody has when None."""
    value = {"reference": booking.reference if booking else "FLY2A-0ZZZZZ",
             "draft_id": str(booking.public_id if booking else uuid.uuid4())}
    return re.sub(r"<int:\w+>", "1", re.sub(r"<(?:str|uuid):(\w+)>", lambda found: value[found[1]], path))


def answer(client: Client, method: str, address: str) -> tuple[int, str, int]:
    """Status, text and number of queries."""
    with CaptureQueriesContext(connection) as asked:
        response = getattr(client, method)(address, content_type="application/json")
    Attempt.objects.all().delete()
    return response.status_code, alike(response), len(asked)


def signed_in() -> Client:
    accounts.sign_up(email="eve@example.com", password=PASSWORD, now=clock.now())
    client = Client()
    client.force_login(User.objects.get(username="eve@example.com"))
    return client


def test_every_address_is_the_same_404_for_whoever_is_not_the_owner(guest: Client, principal: str) -> None:
    found, wrong = list(routes()), []
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        mine = {"reference": booked(principal, "confirmed"), "draft_id": party(principal, "adult")}
        gone = Client()
        gone.cookies = guest.cookies.copy()
        assert gone.get(fill("/trips/<str:reference>", mine["reference"])).status_code == 200
        gone.post("/account/sign-out")
        for who, client in (("stranger", Client()), ("another customer", signed_in()), ("after leaving", gone)):
            client.get("/trips")
            for path, part in found:
                for method in ("get", "post", *(("put", "patch", "delete") if path.startswith("/api/") else ())):
                    told = answer(client, method, fill(path, mine[part]))
                    nobody = answer(client, method, fill(path, None))
                    if told != nobody:
                        wrong.append(f"{who} {method} {path}: {told[0]} in {told[2]} queries, unknown {nobody[0]} in "
                                     f"{nobody[2]}")
                    if told[0] not in REFUSALS or any(secret in told[1] for secret in PRIVATE):
                        wrong.append(f"{who} {method} {path}: {told[0]} {told[1][:80]}")
    assert wrong == []
    assert len(found) > 30
