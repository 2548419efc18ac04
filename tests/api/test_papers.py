"""Papers and phones through the API: the same rules as the pages, errors by path, numbers masked afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bookings import drafts
from bookings.models import Booking
from fly2any.kernel.errors import Problem
from tests.api.shop import CONTACT, Caller, body, offer, person

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = ["passport", "known_traveler_number", "passenger_redress_number"]
PASSPORT = {"number": "C01X00T47", "country": "DE", "expiresOn": "2033-06-01"}


def put(me: Caller, draft: str, *people: dict[str, Any], **contact: str) -> Any:
    return me.send("put", f"/api/checkout/{draft}/passengers", {"passengers": list(people), "contact": {
        **CONTACT, **contact}})


def begun(me: Caller, **more: Any) -> str:
    answer = me.post("/api/checkout", {"offerId": str(offer(**more).pk)})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["draft"]["id"])


def test_security_numbers_come_masked_stay_and_go() -> None:
    me = Caller()
    draft = begun(me, document_kinds=KINDS)

    def told(**more: Any) -> dict[str, Any]:
        answer = put(me, draft, person(**more))
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()["draft"]["passengers"][0]
        return found

    assert told(redressNumber="1234567")["redressNumber"] == "•••••67"
    assert told()["redressNumber"] == "•••••67"
    assert told(redressNumber="")["redressNumber"] == "•••••67"
    gone = told(redressNumber=None, knownTravellerNumber="TT1234567")
    assert (gone["redressNumber"], gone["knownTravellerNumber"]) == (None, "•••••••67")
    kept = told(knownTravellerNumber=None, document=PASSPORT)
    assert (kept["knownTravellerNumber"], kept["document"]["number"]) == (None, "•••••••47")
    assert told(document={"remove": True})["document"] is None


@pytest.mark.parametrize(("kinds", "more", "wrong"), [
    (KINDS, {"knownTravellerNumber": "12"}, "knownTravellerNumber"),
    (KINDS, {"redressNumber": "x" * 14}, "redressNumber"),
    ([], {"knownTravellerNumber": "TT1234567"}, "knownTravellerNumber"),
    (KINDS, {"knownTravellerNumber": "TT1234567", "redressNumber": "1234567"}, "redressNumber"),
    (KINDS, {"knownTravellerNumber": "TT1234567", "document": PASSPORT}, "knownTravellerNumber"),
    (KINDS, {"document": {**PASSPORT, "expiresOn": "2026-12-01"}}, "document.expiresOn"),
    (["known_traveler_number"], {"document": PASSPORT}, "document.kind"),
])
def test_both_doors_name_the_same_field(kinds: list[str], more: dict[str, Any], wrong: str) -> None:
    me = Caller()
    answer = put(me, begun(me, document_kinds=kinds), person(**more))
    assert answer.status_code == 422
    assert set(answer.json()["fieldErrors"]) == {f"passengers.0.{wrong}"}
    row = offer(document_kinds=kinds)
    at_once = me.book(row, data=body(row, passengers=[person(**more)]))
    assert at_once.status_code == 422
    assert at_once.json()["fieldErrors"] == answer.json()["fieldErrors"]


def test_a_phone_as_at_home_with_its_country() -> None:
    me = Caller()
    answer = put(me, begun(me), person(), phone="030 901820", phoneCountry="DE")
    assert answer.json()["draft"]["contact"]["phone"] == "+4930901820"
    row = offer()
    made = me.book(row, data=body(row, contact={**CONTACT, "phone": "030 901820", "phoneCountry": "DE"}))
    assert made.status_code == 202
    assert Booking.objects.get(offer=row).contact_phone == "+4930901820"


def test_other_ages_say_which_party_to_search_for() -> None:
    me = Caller()
    answer = put(me, begun(me, kinds="ac"), person(), person(givenName="Bea", bornOn="1992-01-01"))
    assert answer.status_code == 422
    assert answer.json()["searchFor"] == {"adults": 2, "infants": 0, "childAges": []}


def test_what_the_api_stores_is_what_the_page_shows() -> None:
    """A form that was typed before does not hide it."""
    me = Caller()
    draft = begun(me)
    booking = Booking.objects.get(public_id=draft)
    drafts.save_typed(booking=booking, typed={"passengers-0-givenName": "Ida"}, now=datetime.now(UTC))
    assert put(me, draft, person(givenName="Grace")).status_code == 200
    booking.refresh_from_db()
    assert booking.typed == ""
    with pytest.raises(Problem):
        drafts.check_passengers(booking=booking, passengers=[], contact={}, now=datetime.now(UTC))
