"""The rules for travellers and contact, without a database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bookings import forms
from fly2any.kernel.errors import Problem

LAST, TODAY = date(2027, 1, 10), date(2026, 11, 21)
CONTACT = {"email": "ada@example.com", "phone": "+44 20 8016 0508"}
ADULT, CHILD, INFANT = forms.Seat("adult"), forms.Seat("child", 8), forms.Seat("infant")
PASSPORT = {"kind": "passport", "number": "x 1234-567", "country": "gb", "expiresOn": "2031-05-20"}


def who(name: str = "Ada", born: str = "1990-12-10", **more: Any) -> dict[str, Any]:
    return {"title": "Ms.", "gender": "F", "givenName": name, "familyName": "Lovelace", "bornOn": born, **more}


def check(people: list[dict[str, Any]], *seats: forms.Seat, **trip: Any) -> forms.Party:
    return forms.check(people, CONTACT, forms.Trip(seats or (ADULT,), LAST, **trip), TODAY)


def wrong(people: list[dict[str, Any]], *seats: forms.Seat, **trip: Any) -> set[str]:
    with pytest.raises(Problem) as told:
        check(people, *seats, **trip)
    assert (told.value.code, told.value.status) == ("validation_failed", 422)
    return set(told.value.field_errors)


@pytest.mark.parametrize(("typed", "sent"), [
    ("  Ada   Maria ", "Ada Maria"), ("O’Brien", "O'Brien"), ("Jean‑Luc", "Jean-Luc"), ("Zoë", "Zoë"),
    ("Zoe\u0308", "Zoë"), ("Łukasz", "Łukasz"), ("A" * 20, "A" * 20), ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt")])
def test_names_are_taken_as_airlines_take_them(typed: str, sent: str) -> None:
    assert check([who(typed)]).people[0].given_name == sent


def test_contact_is_stored_as_e164() -> None:
    party = check([who()])
    assert (party.email, party.phone) == ("ada@example.com", "+442080160508")


@pytest.mark.parametrize(("seat", "born", "fits"), [
    (ADULT, "2009-01-10", True), (ADULT, "2009-01-11", False),  # 18 on the day of the last flight
    (CHILD, "2018-01-11", True), (CHILD, "2019-01-10", True), (CHILD, "2018-01-10", False), (CHILD, "2019-01-11", False),
    (INFANT, "2025-01-11", True), (INFANT, "2025-01-10", False),
    (forms.Seat("child"), "2010-06-01", True), (forms.Seat("child"), "2025-06-01", False)])
def test_the_age_on_the_last_flight_must_be_the_one_searched_for(seat: forms.Seat, born: str, fits: bool) -> None:
    people, seats = [who(), who("Bea", born)], (ADULT, seat)
    if fits:
        assert check(people, *seats).people[1].kind == seat.kind
    else:
        assert wrong(people, *seats) == {"passengers.1.bornOn"}


def test_the_number_of_travellers_is_the_offers() -> None:
    assert wrong([who()], ADULT, ADULT) == {"passengers"}
    assert wrong([who(), who("Bea")], ADULT) == {"passengers"}
    assert wrong([]) == {"passengers"}


def test_travellers_may_come_in_any_order_but_each_once() -> None:
    party = check([who("Bea", "2018-06-01", position=1), who(position=0)], ADULT, CHILD)
    assert [person.given_name for person in party.people] == ["Ada", "Bea"]
    assert wrong([who(position=0), who("Bea", position=0)], ADULT, ADULT) == {"passengers.1.position"}
    assert wrong([who(position=5)], ADULT) == {"passengers.0.position"}


def test_infants_sit_on_laps_of_adults() -> None:
    babies = [who("Bea", "2026-01-01"), who("Cy", "2026-01-01")]
    people = check([who(), who("Dan"), *babies], ADULT, ADULT, INFANT, INFANT).people
    assert [person.infant_position for person in people] == [2, 3, None, None]
    people = check([who(infantPosition=3), who("Dan"), *babies], ADULT, ADULT, INFANT, INFANT).people
    assert [person.infant_position for person in people] == [3, 2, None, None]
    assert wrong([who(), *babies], ADULT, INFANT, INFANT) == {"passengers"}
    assert wrong([who(infantPosition=1), who("Dan")], ADULT, ADULT) == {"passengers.0.infantPosition"}
    assert wrong([who(infantPosition=2), who("Dan", infantPosition=2), babies[0]], ADULT, ADULT, INFANT) == {
        "passengers.1.infantPosition"}


def test_two_travellers_of_one_name_are_refused() -> None:
    assert wrong([who(), who("ADA", "1960-01-01")], ADULT, ADULT) == {"passengers.1.givenName"}


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(Problem) as told:
        forms.check([{}], {}, forms.Trip((ADULT,), LAST), TODAY)
    assert set(told.value.field_errors) == {
        "passengers.0.title", "passengers.0.gender", "passengers.0.givenName", "passengers.0.familyName",
        "passengers.0.bornOn", "contact.email", "contact.phone"}


@pytest.mark.failure("T4")
def test_a_passport_where_the_offer_asks_for_one() -> None:
    needed = {"documents_required": True, "document_kinds": ("passport",)}
    assert check([who(document=PASSPORT)], **needed).people[0].document == {
        "kind": "passport", "number": "X1234567", "country": "GB", "expires_on": "2031-05-20"}
    assert wrong([who()], **needed) == {
        "passengers.0.document.number", "passengers.0.document.country", "passengers.0.document.expiresOn"}
    for field, value in (("number", "<b>"), ("number", "123"), ("country", "XX"), ("expiresOn", "2027-01-10"),
                         ("expiresOn", "2027-02-30"), ("kind", "library card")):
        assert wrong([who(document={**PASSPORT, field: value})], **needed) == {f"passengers.0.document.{field}"}


def test_a_stored_passport_need_not_be_typed_again() -> None:
    kept = {"kind": "passport", "number": "OLD12345", "country": "GB", "expires_on": "2031-05-20"}
    for typed, changed in ((None, {}), ({"number": "", "country": "US", "expiresOn": None}, {"country": "US"}),
                           ({"expiresOn": "2032-01-01"}, {"expires_on": "2032-01-01"})):
        party = check([who(document=typed)], documents_required=True, kept={0: forms.Kept(kept)})
        assert party.people[0].document == {**kept, **changed}


def test_documents_and_programmes_that_the_airline_does_not_take() -> None:
    assert wrong([who(document=PASSPORT)]) == {"passengers.0.document.kind"}
    assert wrong([who(loyalty=[{"carrier": "BA", "number": "12345"}])], loyalty_carriers=("AA",)) == {
        "passengers.0.loyalty.0.carrier"}
    party = check([who(loyalty=[{"carrier": "aa", "number": "12 345"}])], loyalty_carriers=("AA",))
    assert party.people[0].loyalty == [["AA", "12345"]]
