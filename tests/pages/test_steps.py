"""The three steps: nothing is chosen for anybody, every mistake is named, and the press needs both ticks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.money import Money
from suppliers.types import Seat, SeatMap
from tests.pages.html import Page, read
from tests.pages.travel import make

pytestmark = pytest.mark.django_db(transaction=True)

BAG = {"external_id": "ase_bag", "kind": "baggage", "passenger_ids": ["pas_1"], "segment_ids": ["seg_1"],
       "max_quantity": 2, "price": {"minor": 6000, "currency": "USD"},
       "detail": {"bag_kind": "checked", "weight_kg": 23}}
PERSON = {
    "passengers-0-title": "ms", "passengers-0-gender": "f", "passengers-0-givenName": "Anna",
    "passengers-0-familyName": "Müller", "passengers-0-bornOn-day": "27", "passengers-0-bornOn-month": "3",
    "passengers-0-bornOn-year": "1985", "contact-email": "anna@example.com", "contact-phone": "+49 30 901820",
}
TICKED = {"dangerous_goods": "yes", "names_and_terms": "yes"}


@pytest.fixture(autouse=True)
def seats(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seat on sale, asked from nobody."""
    seat = Seat("seat", "14C", services={"pas_1": ("ase_seat", Money(1800, "USD"))})
    maps = [SeatMap("seg_1", "sli_1", ({"cabin": "economy", "deck": 0, "rows": [[[seat]]]},))]
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: maps)
    on_sale = {"ase_seat": {"passenger": "pas_1", "segment": "seg_1", "designator": "14C", "minor": 1800,
                            "currency": "USD"}}
    monkeypatch.setattr("bookings.drafts.extras.seats_on_sale", lambda offer: on_sale)


@pytest.fixture
def with_bags(principal: str) -> Booking:
    booking = make(principal, offer={"services": [BAG]}, wish="draft", status="DRAFT", wished_at=None,
                   accepted_minor=0, contact_email="", contact_phone="")
    booking.passengers.all().delete()
    return booking


def at(booking: Booking, step: str) -> str:
    return f"/checkout/{booking.public_id}/{step}"


def review(guest: Client, booking: Booking) -> Page:
    assert guest.post(at(booking, "passengers"), PERSON).headers["Location"] == at(booking, "review")
    return read(guest.get(at(booking, "review")))


def press(page: Page, **more: str) -> dict[str, str]:
    """What the review form sends, with everything that is hidden in it."""
    hidden = {tag["name"]: tag["value"] for tag in page.all("input", type="hidden")}
    return {**{name: value for name, value in hidden.items() if name != "csrfmiddlewaretoken"}, **more}


# --- step 2 -----------------------------------------------------------------------------------------------------


def test_every_wrong_field_is_named_and_every_value_kept(guest: Client, draft: Booking) -> None:
    sent = {**PERSON, "passengers-0-givenName": "Анна", "passengers-0-bornOn-month": "13", "contact-email": "anna@",
            "passengers-0-title": ""}
    page = read(guest.post(at(draft, "passengers"), sent))
    assert page.source.split("<title>")[1].startswith("Error: ")
    links = [tag["href"] for tag in page.all("a") if tag.get("href", "").startswith("#") and tag["href"] != "#main"]
    ids = {tag["id"] for name in ("input", "select") for tag in page.all(name) if "id" in tag}
    assert links
    assert {link[1:] for link in links} <= ids
    for name, value in sent.items():
        if name not in ("passengers-0-title", "passengers-0-gender"):
            assert page.one("input", id=name)["value"] == value, name
    assert [tag["value"] for tag in page.all("option") if "selected" in tag] == ["f"]
    assert draft.passengers.count() == 0


def test_errors_of_the_drafts_come_back_at_their_fields(guest: Client, draft: Booking) -> None:
    sent = {**PERSON, "passengers-0-givenName": "Анна", "passengers-0-gender": "m", "contact-phone": "12345",
            "passengers-0-bornOn-year": "2020"}
    page = read(guest.post(at(draft, "passengers"), sent))
    links = [tag["href"] for tag in page.all("a") if tag.get("href", "").startswith("#") and tag["href"] != "#main"]
    assert links == ["#passengers-0-givenName", "#passengers-0-gender", "#passengers-0-bornOn-day", "#contact-phone"]
    assert "Write the given names in Latin letters" in page.text
    assert draft.passengers.count() == 0


def test_forms_know_their_autocomplete_and_show_the_watch_list_notice(guest: Client, draft: Booking) -> None:
    page = read(guest.get(at(draft, "passengers")))
    assert page.one("input", id="passengers-0-givenName")["autocomplete"].endswith("given-name")
    assert page.one("input", id="passengers-0-bornOn-year")["autocomplete"].endswith("bday-year")
    assert page.one("input", id="passengers-0-bornOn-day")["inputmode"] == "numeric"
    assert page.one("input", id="contact-phone")["inputmode"] == "tel"
    assert "Transportation Security Administration" in page.text
    assert not list(page.all("input", id="passengers-0-documentNumber")), "no passport where none is needed"


def test_a_name_is_shown_as_the_airline_writes_it(guest: Client, draft: Booking) -> None:
    review(guest, draft)
    assert "MUELLER / ANNA" in read(guest.get(at(draft, "passengers"))).text


def test_a_stored_passport_number_is_never_written_into_a_page(guest: Client, principal: str) -> None:
    booking = make(principal, offer={"documents_required": True, "document_kinds": ["passport"]}, wish="draft",
                   status="DRAFT", wished_at=None, accepted_minor=0)
    booking.passengers.all().delete()
    passport = {"passengers-0-documentNumber": "C01X00T47", "passengers-0-documentCountry": "DE",
                "passengers-0-documentExpiresOn-day": "1", "passengers-0-documentExpiresOn-month": "6",
                "passengers-0-documentExpiresOn-year": "2033"}
    missing = read(guest.post(at(booking, "passengers"), PERSON))
    assert "Enter the number on the passport's photo page" in missing.text
    assert guest.post(at(booking, "passengers"), {**PERSON, **passport}).status_code == 302
    for step in ("passengers", "review"):
        source = guest.get(at(booking, step)).content.decode()
        assert "C01X00T47" not in source
        assert "47" in source
    assert guest.post(at(booking, "passengers"), PERSON).status_code == 302, "the stored passport stays"


# --- step 3 -----------------------------------------------------------------------------------------------------


def test_review_asks_for_exactly_two_ticks_and_sets_none(guest: Client, draft: Booking) -> None:
    page = review(guest, draft)
    boxes = list(page.all("input", type="checkbox"))
    assert [box["name"] for box in boxes if "required" in box] == ["dangerous_goods", "names_and_terms"]
    assert [box["name"] for box in boxes if "required" not in box] == ["marketing"]
    assert not [box for box in boxes if "checked" in box]


def test_review_discloses_what_the_rules_want(guest: Client, draft: Booking) -> None:
    page = review(guest, draft)
    for wanted in ("AA 6143 Operated by British Airways", "Additional airline baggage fees may apply",
                   "Lithium batteries", "Explosives", "significantly changes a flight",
                   "within 7 business days", "your statement will say FLY2ANY",
                   "You can change this fare for USD 75.00, plus any difference in fare; it is not refundable.",
                   "Your card is charged only after the airline has accepted the booking.", "Pay USD 599.99",
                   "Taxes and charges USD 99.99", "Anna Müller"):
        assert wanted in page.text, wanted
    form = next(page.all("form", novalidate=""))
    assert (form["data-amount"], form["data-currency"]) == ("59999", "usd")
    assert "Card payment needs JavaScript." in page.source


@pytest.mark.parametrize("ticks", [{}, {"dangerous_goods": "yes"}, {"names_and_terms": "yes"}])
def test_a_missing_tick_books_nothing(guest: Client, draft: Booking, ticks: dict[str, str]) -> None:
    page = review(guest, draft)
    again = read(guest.post(at(draft, "review"), press(page, wish="hold", **ticks)))
    links = {tag["href"] for tag in again.all("a")}
    for name in TICKED:
        assert (f"#{name}" in links) is (name not in ticks)
    draft.refresh_from_db()
    assert (draft.wish, draft.claims.count()) == ("draft", 0)


def test_hold_without_javascript_leads_to_the_progress_page(guest: Client, draft: Booking) -> None:
    page = review(guest, draft)
    answer = guest.post(at(draft, "review"), press(page, wish="hold", **TICKED))
    draft.refresh_from_db()
    assert answer.headers["Location"] == f"/trips/{draft.reference}/progress"
    assert (draft.wish, draft.accepted_minor) == ("hold", 59999)
    assert [(tick["code"], tick["address"]) for tick in draft.acknowledgements] == [
        ("dangerous_goods", "127.0.0.1"), ("names_and_terms", "127.0.0.1")]


def test_pressing_twice_books_once(guest: Client, draft: Booking) -> None:
    sent = press(review(guest, draft), wish="hold", **TICKED)
    first, second = guest.post(at(draft, "review"), sent), guest.post(at(draft, "review"), sent)
    assert first.headers["Location"] == second.headers["Location"]
    assert Booking.objects.exclude(wish="draft").count() == 1


def test_our_script_is_told_where_to_look(guest: Client, draft: Booking) -> None:
    sent = press(review(guest, draft), **TICKED)
    answer = guest.post(at(draft, "review"), sent, headers={"Accept": "application/json"})
    assert answer.status_code == 202
    draft.refresh_from_db()
    assert answer.json() == {"reference": draft.reference, "status": f"/api/payments/status/{draft.reference}",
                             "look": f"/trips/{draft.reference}/look", "back": answer.json()["back"],
                             "progress": f"/trips/{draft.reference}/progress?paid=0"}


def test_our_script_is_told_which_tick_is_missing(guest: Client, draft: Booking) -> None:
    sent = press(review(guest, draft), dangerous_goods="yes")
    answer = guest.post(at(draft, "review"), sent, headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert list(answer.json()["fieldErrors"]) == ["acknowledgements.names_and_terms"]


@pytest.mark.parametrize("total", ["1", "", "-5", "banana", "²"])
def test_another_total_than_the_servers_books_nothing(guest: Client, draft: Booking, total: str) -> None:
    sent = press(review(guest, draft), wish="hold", **TICKED) | {"acceptedMinor": total}
    page = read(guest.post(at(draft, "review"), sent))
    assert "The total is USD 599.99" in page.text
    draft.refresh_from_db()
    assert draft.wish == "draft"


def test_the_same_trip_again_is_asked_about_first(guest: Client, draft: Booking, principal: str) -> None:
    sent = press(review(guest, draft), wish="hold", **TICKED)
    guest.post(at(draft, "review"), sent)
    twin = make(principal, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
    twin.passengers.all().delete()
    assert guest.post(at(twin, "passengers"), PERSON).headers["Location"] == at(twin, "check")
    asked = read(guest.get(at(twin, "check")))
    assert draft.reference in asked.text
    assert [tag["value"] for tag in asked.all("input", name="again")] == ["yes"]
    page = read(guest.get(at(twin, "review")))
    asked = read(guest.post(at(twin, "review"), press(page, wish="hold", **TICKED)))
    assert "already booked on a flight at the same time" in asked.text
    twin.refresh_from_db()
    assert twin.wish == "draft"
    assert guest.post(at(twin, "review"), press(asked, wish="hold", **TICKED)).status_code == 302
    twin.refresh_from_db()
    assert twin.wish == "hold"
    assert twin.again_for == twin.trip_digest != ""


def test_book_again_is_said_once_and_for_these_travellers_only(guest: Client, draft: Booking, principal: str) -> None:
    guest.post(at(draft, "review"), press(review(guest, draft), wish="hold", **TICKED))
    twin = make(principal, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
    guest.post(at(twin, "passengers"), PERSON)
    assert guest.post(at(twin, "check"), {"then": "go", "again": "yes"}).headers["Location"] == at(twin, "review")
    assert guest.post(at(twin, "passengers"), PERSON).headers["Location"] == at(twin, "review"), "asked once"
    other = {**PERSON, "passengers-0-familyName": "Mueller-Berg"}
    assert guest.post(at(twin, "passengers"), other).headers["Location"] == at(twin, "review"), "nobody flies twice"
    twin.refresh_from_db()
    assert twin.again_for != twin.trip_digest, "the answer was about somebody else"
    assert guest.post(at(twin, "passengers"), PERSON).headers["Location"] == at(twin, "review")
    assert guest.post(at(twin, "review"), press(read(guest.get(at(twin, "review"))), wish="hold", **TICKED)
                      ).status_code == 302


def test_a_fare_that_cannot_be_held_says_why(guest: Client, principal: str) -> None:
    booking = make(principal, offer={"instant_only": True}, wish="draft", status="DRAFT", wished_at=None,
                   accepted_minor=0)
    booking.passengers.all().delete()
    page = review(guest, booking)
    assert "only with payment at once" in page.text
    assert not list(page.all("button", value="hold"))


def test_an_unfinished_draft_goes_back_to_its_travellers(guest: Client, draft: Booking) -> None:
    assert guest.get(at(draft, "review")).headers["Location"] == at(draft, "passengers")


def test_a_near_deadline_is_shown_and_a_far_one_is_not(guest: Client, draft: Booking) -> None:
    assert "hidden" in next(tag for tag in review(guest, draft).all("p") if "data-deadline" in tag)
    soon = clock.now() + timedelta(minutes=15)
    Booking.objects.filter(pk=draft.pk).update(offer_expires_at=soon)
    draft.offer.expires_at = soon
    draft.offer.save()
    page = read(guest.get(at(draft, "review")))
    assert "Please book before" in page.text
    assert "hidden" not in next(tag for tag in page.all("p") if "data-deadline" in tag)
    assert page.one("time", datetime=(soon - timedelta(seconds=60)).isoformat())


def test_with_several_travellers_each_error_says_whose_it_is(guest: Client, principal: str) -> None:
    people = [{"external_id": f"pas_{number}", "kind": kind, "age": None}
              for number, kind in ((1, "adult"), (2, "adult"), (3, "infant"))]
    booking = make(principal, offer={"passengers": people}, wish="draft", status="DRAFT", wished_at=None,
                   accepted_minor=0)
    booking.passengers.all().delete()
    second = {name.replace("-0-", "-1-"): value for name, value in PERSON.items()} | {"passengers-1-givenName": "Ida"}
    baby = {name.replace("-0-", "-2-"): value for name, value in PERSON.items()} | {
        "passengers-2-givenName": "Max", "passengers-2-bornOn-year": "2026", "passengers-2-infantOn": "1"}
    page = read(guest.post(at(booking, "passengers"), {**PERSON, **second, **baby, "passengers-1-familyName": ""}))
    assert "Traveller 2: Enter the family name" in page.text
    assert "Traveller 1: Enter" not in page.text
    assert guest.post(at(booking, "passengers"), {**PERSON, **second, **baby}).status_code == 302
    laps = list(booking.passengers.order_by("position").values_list("infant_position", flat=True))
    assert laps == [None, 2, None]
