"""References and links cannot be guessed, found out or kept: their randomness, their cost, their end."""

from __future__ import annotations

import base64
import re
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from bookings import access, handover, services
from bookings.mail import link_to
from bookings.models import AccessLink, Attempt, Booking
from fly2any.kernel import clock, references
from tests.pages.html import alike
from tests.pages.travel import make

pytestmark = pytest.mark.django_db
EMAIL = "anna@example.com"


@pytest.fixture
def booking(principal: str) -> Booking:
    return make(principal, status="CONFIRMED", progress="done", contact_email=EMAIL)


def test_a_reference_holds_30_bits_drawn_from_the_systems_source(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [references.new_reference().removeprefix("FLY2A-") for _ in range(4000)]
    assert len(set(drawn)) >= 3990  # 4000 of 2^30: more than a few twins would mean fewer bits
    for place in range(6):
        seen = Counter(code[place] for code in drawn)
        assert set(seen) == set(references.ALPHABET)  # 125 of each are expected
        assert min(seen.values()) > 70 and max(seen.values()) < 190
    monkeypatch.setattr(secrets, "choice", lambda letters: letters[7])
    assert references.new_reference() == "FLY2A-777777"  # it is `secrets` that is asked, not a seeded generator


def test_tokens_have_128_bits_at_least_and_only_their_hash_is_kept(booking: Booking) -> None:
    now = clock.now()
    links = [link_to(booking, now).rstrip("/").rpartition("/")[2] for _ in range(50)]
    assert len(set(links)) == 50 and {len(base64.urlsafe_b64decode(link + "==")) for link in links} == {16}
    kept = str(list(AccessLink.objects.values()))
    assert not any(link in kept for link in links)
    guests = []
    for _ in range(20):
        request = RequestFactory().get("/")
        request.user = type("Nobody", (), {"is_authenticated": False})()  # type: ignore[assignment]
        principal, response = access.principal_of(request), HttpResponse()
        access.ensure_guest(request, response)
        token = signing.loads(response.cookies["guest"].value, salt=access._SALT)["id"]
        guests.append(token)
        assert len(base64.urlsafe_b64decode(token)) >= 16 and token not in principal
    assert len(set(guests)) == 20


def test_wrong_and_unknown_cost_the_same_work_and_say_the_same(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared by what is asked and hashed, over many tries, not by a watch."""
    monkeypatch.setattr(access, "LOOKUPS", 10_000)
    draft = make("guest:somebody", wish="draft", status="DRAFT", contact_email=EMAIL)
    compared: list[int] = []
    plain = secrets.compare_digest
    monkeypatch.setattr(access.secrets, "compare_digest",
                        lambda one, other: compared.append(len(one) * 1000 + len(other)) or plain(one, other))
    seen = set()
    for n in range(8):
        tries = {"wrong address": (booking.reference, f"eve{n}@example.com"), "nobody's": (f"FLY2A-ZZZ{n:03}", EMAIL),
                 "a draft's": (draft.reference, EMAIL), "no reference": (f"hello {n}", EMAIL),
                 "nearly": (booking.reference, f"{EMAIL[:-1]}"), "long": ("F" * 60, "x" * 250)}
        for reference, email in tries.values():
            compared.clear()
            with CaptureQueriesContext(connection) as asked:
                answer = Client(REMOTE_ADDR=f"198.51.100.{n}").post("/trips/find", {"reference": reference, "email": email})
            shown = re.sub(r'value="[^"]*"', "", alike(answer))  # what was typed, and the form's token
            statements = tuple(query["sql"].split(" WHERE ")[0].partition("VALUES")[0][:60] for query in asked)
            seen.add((answer.status_code, shown, statements, tuple(compared)))
    assert len(seen) == 1


def test_a_reference_is_tried_five_times_from_wherever_it_is_tried(booking: Booking) -> None:
    def told(n: int, reference: str, email: str) -> int:
        return Client(REMOTE_ADDR=f"198.51.{n}.7").post("/trips/find", {"reference": reference, "email": email}).status_code

    spelled = [booking.reference, booking.reference.lower(), booking.reference.replace("FLY2A-", ""),
               f" {booking.reference.replace('-', ' ')} ", booking.reference.replace("0", "O")]
    assert [told(n, reference, "eve@example.com") for n, reference in enumerate(spelled)] == [200] * 5
    assert told(9, booking.reference, EMAIL) == 429  # also with the right address
    Attempt.objects.update(slot=clock.now() - timedelta(hours=1))
    assert told(9, booking.reference, EMAIL) == 302


@pytest.mark.django_db(transaction=True)
def test_who_reads_the_mailbox_before_has_no_key_any_more(booking: Booking) -> None:
    old = link_to(booking, clock.now()).partition("/manage/")[2]
    services.change_contact(booking=booking, email=EMAIL, phone="+14155550111", now=clock.now())
    assert Client().get(f"/manage/{old}").status_code == 302  # the same mailbox
    services.change_contact(booking=booking, email="bert@example.com", phone="+14155550111", now=clock.now())
    assert Client().get(f"/manage/{old}").status_code == 404
    booking.refresh_from_db()
    new = link_to(booking, clock.now()).partition("/manage/")[2]
    assert Client().get(f"/manage/{new}").status_code == 302


def test_a_link_opens_one_booking_in_one_browser_for_a_day(booking: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    other, browser = make("guest:other", status="CONFIRMED", progress="done"), Client()
    browser.get(f"/manage/{link_to(booking, clock.now()).partition('/manage/')[2]}")
    assert browser.get(f"/trips/{booking.reference}").status_code == 200
    assert browser.get(f"/trips/{other.reference}").status_code == 404
    assert Client().get(f"/trips/{booking.reference}").status_code == 404
    later = clock.now() + access.GRANT_LIFE + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert browser.get(f"/trips/{booking.reference}").status_code == 404


@pytest.mark.parametrize("change", [
    lambda raw: {**raw, "id": "another"}, lambda raw: {**raw, "seen": {"1": 10 ** 12}}, lambda raw: [raw], lambda raw: 7])
def test_a_cookie_that_is_not_ours_opens_nothing(booking: Booking, guest: Client, change: Any) -> None:
    raw = signing.loads(guest.cookies["guest"].value, salt=access._SALT)
    for key, salt in (("not our key", access._SALT), (None, "another salt")):
        guest.cookies["guest"] = signing.dumps(change({**raw, "seen": {str(booking.pk): 10 ** 12}}), key=key, salt=salt)
        assert guest.get(f"/trips/{booking.reference}").status_code == 404


def test_a_share_derived_without_our_key_is_another(booking: Booking, settings: Any) -> None:
    import uuid

    key = uuid.uuid4()
    token = handover.token_of(booking, key)
    assert len(base64.urlsafe_b64decode(token + "==")) == 16
    settings.SECRET_KEY = "somebody else's"
    assert handover.token_of(booking, key) != token
