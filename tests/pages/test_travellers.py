"""Step 2 at its edges: whatever is typed comes back with a sentence, nothing is lost, and a closed browser is no loss."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.http import QueryDict
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings import drafts, forms
from bookings.checkout import traveller_form
from bookings.models import Booking
from fly2any.kernel.errors import Problem
from tests.pages.html import Page, read
from tests.pages.test_steps import PERSON, at
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)

DRAFT: dict[str, Any] = {"wish": "draft", "status": "DRAFT", "wished_at": None, "accepted_minor": 0,
                         "contact_email": "", "contact_phone": ""}
PASSPORT = {"passengers-0-documentNumber": "C01X00T47", "passengers-0-documentCountry": "DE",
            "passengers-0-documentExpiresOn-day": "1", "passengers-0-documentExpiresOn-month": "6",
            "passengers-0-documentExpiresOn-year": "2033"}
ALL_KINDS = {"document_kinds": ["passport", "known_traveler_number", "passenger_redress_number"],
             "loyalty_carriers": ["AA", "ZQ"]}
RTL, EMOJI, SCRIPT = "Anna\u202egnp.exe", "Anna😀", "<script>alert(1)</script>"
STRANGE = ["Анна", "王", "علي", EMOJI, SCRIPT, RTL, "A" * 21, "x" * 5000, "Anna2", "-", "\x00Anna"]


def party(principal: str, *kinds: str, **offer: Any) -> Booking:
    """A draft for a(dult), c8 (child of 8), i(nfant) …"""
    names = {"a": ("adult", None), "i": ("infant", None)}
    people = [{"external_id": f"pas_{at}", "kind": names.get(kind, ("child", 0))[0],
               "age": int(kind[1:]) if kind.startswith("c") else None} for at, kind in enumerate(kinds)]
    booking = make(principal, offer={"passengers": people, **offer}, **DRAFT)
    booking.passengers.all().delete()
    return booking


def person(number: int, name: str, year: str, **more: str) -> dict[str, str]:
    kept = {field: value for field, value in PERSON.items() if field.startswith("passengers")} | {
        "passengers-0-givenName": name, "passengers-0-bornOn-year": year}
    return {field.replace("-0-", f"-{number}-"): value for field, value in kept.items()} | {
        f"passengers-{number}-{field}": value for field, value in more.items()}


def summary(page: Page) -> list[str]:
    return [tag["href"][1:] for tag in page.all("a") if tag.get("href", "").startswith("#") and tag["href"] != "#main"]


BAD: list[tuple[str, list[str]]] = [
    ("passengers-0-givenName", ["", "   ", *STRANGE]),
    ("passengers-0-familyName", ["", "\t", *STRANGE]),
    ("passengers-0-title", ["", "lord", SCRIPT]),
    ("passengers-0-gender", ["", "x", "m"]),
    ("passengers-0-bornOn-year", ["0", "0000", "85", "99999", "1850", "2990", "2020", "²", "9" * 90, "-1", "19 85"]),
    ("passengers-0-bornOn-day", ["0", "32", "31x", "１", "soon", ""]),
    ("passengers-0-bornOn-month", ["0", "13", "2.5", "Smarch", "٣"]),
    ("passengers-0-documentNumber", ["", "123", SCRIPT, "王" * 9, "A" * 21, RTL]),
    ("passengers-0-documentCountry", ["", "XX", "Germany", EMOJI]),
    ("passengers-0-documentExpiresOn-year", ["", "2026", "1", "99", "x"]),
    ("passengers-0-knownTravellerNumber", ["12", SCRIPT, "A" * 26, "王" * 9]),
    ("passengers-0-redressNumber", ["12", SCRIPT, "A" * 14]),
    ("passengers-0-loyaltyNumber", ["!", "1", "A" * 26, EMOJI]),
    ("contact-email", ["", "  ", "anna", "anna@", "@x.org", "a b@x.org", "anna@x.org\nbcc:eve@x.org", "ännä@x.org",
                       "a" * 250 + "@x.org", SCRIPT, EMOJI, "a@x.org,b@x.org"]),
    ("contact-phone", ["", " ", "12", "+1", "+" + "4" * 40, "0301 901820 phone", "😀", SCRIPT, "+49 30 90182 0000 0000",
                       "0" * 40]),
    ("contact-phoneCountry", ["XX", "Germany", SCRIPT]),
]


@pytest.mark.parametrize(("field", "values"), BAD, ids=[field for field, _ in BAD])
def test_whatever_is_typed_wrong_is_named_and_nothing_is_lost(guest: Client, principal: str, field: str,
                                                              values: list[str]) -> None:
    booking = party(principal, "a", **ALL_KINDS)
    good = {**PERSON, "passengers-0-loyaltyCarrier": "AA", "passengers-0-loyaltyNumber": "12345"} | (
        PASSPORT if "document" in field else {})
    if field == "contact-phoneCountry":
        good["contact-phone"] = "030 901820"
    for value in values:
        answer = guest.post(at(booking, "passengers"), {**good, field: value})
        assert answer.status_code == 200, (field, value)
        page = read(answer)
        assert page.source.split("<title>")[1].startswith("Error: ")
        wrong = field.rsplit("-", 1)[0] + "-day" if field.endswith(("-year", "-month")) else field
        named = summary(page)
        assert wrong in named or (field, value) == ("contact-phoneCountry", ""), (value, named)
        assert len(named) == 1, (value, named)
        ids = {tag["id"] for name in ("input", "select") for tag in page.all(name) if "id" in tag}
        assert set(named) <= ids
        for name, kept in {**good, field: value}.items():
            if "title" not in name and "gender" not in name and "Country" not in name and "Carrier" not in name:
                stands = page.one("input", id=name)["value"]
                assert stands == ("" if forms.is_secret(name) and name != field else kept.replace("\x00", "")[:100]
                                  ) or "\x00" in kept or "\n" in kept, name
        assert "<script>alert" not in page.source
    assert booking.passengers.count() == 0


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([field for field, _ in BAD] + [
    "passengers-0-bornOn-month", "passengers-0-loyaltyCarrier", "passengers-1-infantOn"]), st.text(max_size=50)))
def test_no_text_at_all_breaks_the_rules(typed: dict[str, str]) -> None:
    data = QueryDict(mutable=True)
    data.update({**PERSON, **typed})
    view = {"passengers": [{"position": 0, "kind": "adult"}, {"position": 1, "kind": "infant"}]}
    people, contact, wrong = traveller_form.read(traveller_form.typed(data, {}), view)
    today = datetime.now(UTC).date()
    trip = forms.Trip((forms.Seat("adult"), forms.Seat("infant")), today, document_kinds=("passport",))
    with pytest.raises(Problem) as told:  # the infant is missing
        forms.check(people, contact, trip, today)
    assert all(text and text[0].isupper() and text.endswith(".") for text in [
        *wrong.values(), *told.value.field_errors.values()])


@pytest.mark.parametrize(("typed", "told"), [
    ("Аnna", "The letter “А” is Cyrillic"), ("王", "is Chinese"), ("علي", "is Arabic"), ("김", "is Korean"),
    ("Đặng", "Airlines cannot print “ặ”."), ("Anna2", "Leave out “2”"), (RTL, "an invisible character"),
    (EMOJI, "Leave out “😀”"), ("A" * 21, "these given names have 21")])
def test_a_name_that_cannot_be_printed_is_told_why(typed: str, told: str) -> None:
    wrong: dict[str, str] = {}
    forms.name(typed, "here", "given names", wrong)
    assert told in wrong["here"]


def test_a_field_sent_twice_counts_once(guest: Client, draft: Booking) -> None:
    body = "&".join(f"{name}={value}" for name, value in [*PERSON.items(), ("passengers-0-givenName", "Ida")])
    answer = guest.post(at(draft, "passengers"), body.replace("+", "%2B").replace(" ", "+"),
                        content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 302
    assert draft.passengers.get().given_name == "Ida"


def test_a_long_name_is_told_what_to_enter(guest: Client, draft: Booking) -> None:
    sent = {**PERSON, "passengers-0-givenName": "Anna Maria Theresia Walburga"}
    text = read(guest.post(at(draft, "passengers"), sent)).text
    assert "these given names have 28. Enter “Anna Maria Theresia”" in text


@pytest.mark.parametrize(("typed", "country", "stored"), [
    ("030 901820", "DE", "+4930901820"), ("(212) 555-0123", "US", "+12125550123"), ("0049 30 901820", "", "+4930901820"),
    ("+44 20 8016 0508", "DE", "+442080160508"), ("06 12 34 56 78", "FR", "+33612345678")])
def test_a_phone_number_is_stored_as_e164(guest: Client, draft: Booking, typed: str, country: str, stored: str) -> None:
    sent = {**PERSON, "contact-phone": typed, "contact-phoneCountry": country}
    assert guest.post(at(draft, "passengers"), sent).status_code == 302
    draft.refresh_from_db()
    assert draft.contact_phone == stored


# --- who travels ------------------------------------------------------------------------------------------------


def test_other_ages_lead_back_to_the_search_for_them(guest: Client, principal: str) -> None:
    from suppliers.models import Search

    booking = party(principal, "a", "a", "c8")
    booking.offer.search = Search.objects.create(principal=principal, query={
        "legs": [{"origin": "NYC", "destination": "LON", "date": "2026-12-20"}], "adults": 2, "child_ages": [8],
        "infants": 0, "cabin": "economy", "max_connections": None})
    booking.offer.save()
    sent = {**PERSON, **person(0, "Anna", "1985"), **person(1, "Bo", "1984"), **person(2, "Cy", "2020")}
    page = read(guest.post(at(booking, "passengers"), sent))
    assert summary(page) == ["passengers-2-bornOn-day"]
    assert "6 years old on the day of the last flight (20 Dec 2026)" in page.text
    assert "you are 2 adults, 1 child (6 years)" in page.text
    link = next(tag["href"] for tag in page.all("a") if "childAges=6" in tag.get("href", ""))
    assert link.startswith("/flights?")
    for part in ("origin=NYC", "destination=LON", "adults=2", "children=1", "departureDate=2026-12-20"):
        assert part in link
    alone = {**PERSON, **person(0, "Anna", "2012"), **person(1, "Bo", "2013"), **person(2, "Cy", "2018")}
    page = read(guest.post(at(booking, "passengers"), alone))
    assert "cannot be booked without an adult" in page.text
    assert not [tag for tag in page.all("a") if "adults=0" in tag.get("href", "")]


def test_children_alone_are_stopped_with_what_to_do(guest: Client, principal: str) -> None:
    booking = party(principal, "c12")
    page = read(guest.get(at(booking, "passengers")))
    assert "call American Airlines" in page.text
    answer = guest.post(at(booking, "passengers"), {**PERSON, **person(0, "Anna", "2014")})
    assert summary(read(answer)) == ["passengers"]
    assert booking.passengers.count() == 0


def test_a_lap_is_asked_for_only_where_there_is_a_choice(guest: Client, principal: str) -> None:
    one = read(guest.get(at(party(principal, "a", "i"), "passengers")))
    assert not list(one.all("select", id="passengers-1-infantOn"))
    booking = party(principal, "a", "a", "i")
    page = read(guest.get(at(booking, "passengers")))
    page.one("select", id="passengers-2-infantOn")
    sent = {**PERSON, **person(0, "Anna", "1985"), **person(1, "Bo", "1984"), **person(2, "Cy", "2026", infantOn="1")}
    assert guest.post(at(booking, "passengers"), sent).status_code == 302
    assert list(booking.passengers.values_list("infant_position", flat=True)) == [None, 2, None]


# --- papers -----------------------------------------------------------------------------------------------------


def test_only_the_papers_that_the_offer_takes_are_asked_for(guest: Client, principal: str) -> None:
    def asked(**offer: Any) -> set[str]:
        page = read(guest.get(at(party(principal, "a", **offer), "passengers")))
        names = ("documentNumber", "knownTravellerNumber", "redressNumber", "loyaltyNumber")
        return {name for name in names if list(page.all("input", id=f"passengers-0-{name}"))}

    assert asked() == set()
    assert asked(document_kinds=["passport"]) == {"documentNumber"}
    assert asked(document_kinds=["known_traveler_number"]) == {"knownTravellerNumber"}
    assert asked(**ALL_KINDS) == {"documentNumber", "knownTravellerNumber", "redressNumber", "loyaltyNumber"}
    assert asked(**ALL_KINDS, documents_required=True) == {"documentNumber", "loyaltyNumber"}, "one paper each"


def test_programmes_are_named(guest: Client, principal: str) -> None:
    page = read(guest.get(at(party(principal, "a", **ALL_KINDS), "passengers")))
    assert "American Airlines AAdvantage" in page.text
    assert "ZQ frequent flyer programme" in page.text


def test_a_known_traveller_number_is_sealed_masked_kept_and_removed(guest: Client, principal: str) -> None:
    booking = party(principal, "a", **ALL_KINDS)
    assert guest.post(at(booking, "passengers"), {
        **PERSON, "passengers-0-knownTravellerNumber": "TT 1234-5678"}).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SELECT numbers || (SELECT typed FROM bookings_booking b WHERE b.id = booking_id) "
                       "FROM bookings_passenger WHERE booking_id = %s", [booking.pk])
        assert "12345678" not in cursor.fetchone()[0]
    for step in ("passengers", "review"):
        assert "12345678" not in guest.get(at(booking, step)).content.decode()
    assert "••••••••78" in read(guest.get(at(booking, "passengers"))).text
    assert guest.post(at(booking, "passengers"), {**PERSON, "passengers-0-knownTravellerNumber": ""}).status_code == 302
    assert drafts.travellers.stored(booking)[0].numbers == {"knownTravellerNumber": "TT12345678"}
    both = read(guest.post(at(booking, "passengers"), {**PERSON, **PASSPORT}))
    assert summary(both) == ["passengers-0-knownTravellerNumber"]
    assert "only one of these" in both.text
    removed = {**PERSON, "passengers-0-knownTravellerNumberRemove": "yes"}
    blank = dict.fromkeys(PASSPORT, "")
    assert guest.post(at(booking, "passengers"), {**removed, **blank, "passengers-0-documentRemove": "yes"}
                      ).status_code == 302
    assert booking.passengers.get().numbers == ""
    assert "1234" not in json.dumps(drafts.typed_in(Booking.objects.get(pk=booking.pk)))


def test_a_passport_that_ends_soon_is_pointed_out_and_blocks_nothing(guest: Client, principal: str) -> None:
    booking = party(principal, "a", document_kinds=["passport"])
    soon = {**PERSON, **PASSPORT, "passengers-0-documentExpiresOn-year": "2027"}
    assert guest.post(at(booking, "passengers"), soon).headers["Location"] == at(booking, "check")
    page = read(guest.get(at(booking, "check")))
    assert "expires on Tue 1 Jun 2027, less than six months" in page.text
    assert guest.post(at(booking, "check"), {"then": "go"}).headers["Location"] == at(booking, "review")
    before = {**soon, "passengers-0-documentExpiresOn-year": "2026", "passengers-0-documentExpiresOn-month": "12",
              "passengers-0-documentExpiresOn-day": "21"}
    assert summary(read(guest.post(at(booking, "passengers"), before))) == ["passengers-0-documentExpiresOn-day"]


# --- the e-mail address -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "meant"), [
    ("anna@gmial.com", "anna@gmail.com"), ("anna@gmail.con", "anna@gmail.com"), ("anna@hotmial.com", "anna@hotmail.com"),
    ("anna@yaho.com", "anna@yahoo.com"), ("anna@GMAIL.COM", ""), ("anna@gmail.com", ""), ("anna@example.com", ""),
    ("anna@mail.com", ""), ("anna", ""), ("", ""), ("a@b@gmal.com", "a@b@gmail.com"), ("x@email.com", "")])
def test_slips_in_the_address_are_guessed(typed: str, meant: str) -> None:
    assert forms.suggestion(typed) == meant


def test_a_likely_slip_is_asked_about_and_mended_with_one_press(guest: Client, draft: Booking) -> None:
    sent = {**PERSON, "contact-email": "anna@gmial.com"}
    assert guest.post(at(draft, "passengers"), sent).headers["Location"] == at(draft, "check")
    assert "Did you mean anna@gmail.com" in read(guest.get(at(draft, "check"))).text
    assert guest.get(at(draft, "review")).status_code == 200, "it never blocks"
    assert guest.post(at(draft, "check"), {"then": "email"}).headers["Location"] == at(draft, "check")
    assert guest.get(at(draft, "check")).headers["Location"] == at(draft, "review")
    draft.refresh_from_db()
    assert draft.contact_email == "anna@gmail.com"
    assert read(guest.get(at(draft, "passengers"))).one("input", id="contact-email")["value"] == "anna@gmail.com"


# --- drafts survive ---------------------------------------------------------------------------------------------


def test_half_a_form_survives_a_closed_browser(guest: Client, principal: str) -> None:
    booking = party(principal, "a", **ALL_KINDS)
    half = {"passengers-0-givenName": "Ann", "passengers-0-documentNumber": "C01X00T47", "contact-email": "anna@",
            "nonsense": "x", "passengers-0-bornOn-year": "19"}
    saved = guest.post(at(booking, "passengers"), {**half, "then": "save"}, headers={"Accept": "application/json"})
    assert saved.json() == {"saved": True, "meant": ""}
    again = Client()
    again.cookies = guest.cookies
    page = read(again.get(at(booking, "passengers")))
    assert page.one("input", id="passengers-0-givenName")["value"] == "Ann"
    assert page.one("input", id="passengers-0-bornOn-year")["value"] == "19"
    assert page.one("input", id="contact-email")["value"] == "anna@"
    assert "•••••••47" in page.text
    assert "C01X00T47" not in page.source
    booking.refresh_from_db()
    assert "Ann" not in booking.typed
    assert "nonsense" not in drafts.typed_in(booking)
    home, trips = read(again.get("/")), read(again.get("/trips"))
    for page in (home, trips):
        assert "Continue your booking" in page.text
        assert list(page.all("a", href=at(booking, "passengers")))
    assert "Continue your booking" not in read(Client().get("/")).text
    done = {**PERSON, **PASSPORT, "passengers-0-documentNumber": ""}  # the number was typed before
    assert guest.post(at(booking, "passengers"), done).status_code == 302
    stored = drafts.travellers.stored(booking)[0].document
    assert stored is not None
    assert stored["number"] == "C01X00T47"
    assert list(read(again.get("/")).all("a", href=at(booking, "review")))


def test_save_and_continue_later_works_without_javascript(guest: Client, draft: Booking) -> None:
    answer = guest.post(at(draft, "passengers"), {"passengers-0-givenName": "Ann", "then": "later"})
    assert answer.headers["Location"] == at(draft, "passengers") + "?saved=yes"
    assert "You may close this page" in read(guest.get(answer.headers["Location"])).text
    assert draft.passengers.count() == 0


def test_a_refused_form_is_kept_too_and_an_expired_draft_is_not_offered(guest: Client, draft: Booking) -> None:
    guest.post(at(draft, "passengers"), {**PERSON, "passengers-0-title": ""})
    assert read(guest.get(at(draft, "passengers"))).one("input", id="passengers-0-familyName")["value"] == "Müller"
    assert "Continue your booking" in read(guest.get("/")).text
    Booking.objects.filter(pk=draft.pk).update(offer_expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert "Continue your booking" not in read(guest.get("/")).text


def test_another_fare_need_not_ask_again(guest: Client, principal: str) -> None:
    first = party(principal, "a", "c8", **ALL_KINDS)
    Booking.objects.filter(pk=first.pk).update(created_at=datetime.now(UTC))
    guest.post(at(first, "passengers"), {**PERSON, **person(1, "Cy", "2018"), **PASSPORT, "then": "later"})
    other = party(principal, "a", "a", **ALL_KINDS)
    Booking.objects.filter(pk=other.pk).delete()
    made = drafts.start(offer_id=other.offer_id, principal=principal, user=None, now=datetime.now(UTC))
    page = read(guest.get(at(made, "passengers")))
    assert page.one("input", id="passengers-0-givenName")["value"] == "Anna"
    assert page.one("input", id="contact-email")["value"] == "anna@example.com"
    assert page.one("input", id="passengers-1-givenName")["value"] == "", "a child is no adult"
    assert drafts.start(offer_id=other.offer_id, principal="guest:else", user=None, now=datetime.now(UTC)).typed == ""


def test_booking_forgets_the_form(guest: Client, draft: Booking) -> None:
    from tests.pages.test_steps import TICKED, press, review

    page = review(guest, draft)
    guest.post(at(draft, "passengers"), {**PERSON, "then": "later"})
    assert guest.post(at(draft, "review"), press(page, wish="hold", **TICKED)).status_code == 302
    draft.refresh_from_db()
    assert (draft.wish, draft.typed) == ("hold", "")


def test_a_signed_in_customer_is_filled_in(client: Client) -> None:
    user = get_user_model().objects.create_user("anna", email="anna@example.com", first_name="Anna",
                                                last_name="Müller")
    rows.booking(user=user, principal=f"user:{user.pk}", contact_phone="+4930901820")
    client.force_login(user)
    page = read(client.get(at(party(f"user:{user.pk}", "a"), "passengers")))
    stands = {name: page.one("input", id=name)["value"] for name in (
        "passengers-0-givenName", "passengers-0-familyName", "passengers-0-bornOn-year", "contact-email",
        "contact-phone")}
    assert stands == {"passengers-0-givenName": "Anna", "passengers-0-familyName": "Müller",
                      "passengers-0-bornOn-year": "1990", "contact-email": "anna@example.com",
                      "contact-phone": "+4930901820"}
    assert "filled in from your account" in page.text
