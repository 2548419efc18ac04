"""Fares that our team tickets: said before the press, no card at it, and afterwards what is certain and by when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.checkout.words import deadline
from bookings.models import Booking
from fly2any.kernel import clock
from suppliers import registry
from suppliers.stored import offer_from_json
from tests.pages.html import read
from tests.pages.test_steps import PERSON, TICKED, at, press, review
from tests.pages.travel import make, of_our_team, reserved
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)
ADDRESS = {"contact-addressLine": "1 Main Street", "contact-postalCode": "sw1a 1aa", "contact-addressCity": "London",
           "contact-addressCountry": "GB"}


@pytest.fixture(autouse=True)
def _no_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: [])


def draft_of(principal: str, **offer: Any) -> Booking:
    booking = make(principal, offer=of_our_team(**offer), wish="draft", status="DRAFT", wished_at=None,
                   accepted_minor=0, contact_email="", contact_phone="")
    booking.passengers.all().delete()
    return booking


def test_step_one_says_how_it_works_and_shows_the_airlines_rules_as_text(guest: Client, principal: str) -> None:
    booking = draft_of(principal)
    page = read(guest.get(at(booking, "extras")))
    by = deadline(booking.offer.info.ticket_by)
    for text in ("How this booking works", "reserved, without payment", f"by {by} at the latest",
                 "Cancel free of charge at any time before the tickets are issued", "Review and request",
                 "Later: reserved now, our team issues the ticket"):
        assert text in page.text, text
    assert "&lt;B&gt;BEFORE DEPARTURE&lt;/B&gt;\n  CANCELLATIONS" in page.source


def test_the_review_asks_for_no_card_and_the_press_works_without_scripts(guest: Client, principal: str) -> None:
    page = review(guest, booking := draft_of(principal))
    for text in ("Request booking - no payment now", "What happens next", "you cancel free of charge",
                 "Nothing is paid today"):
        assert text in page.text, text
    assert not any(text in page.source for text in ("card-form", "data-pay", "stripe", "Hold now", "<script src=\"http"))
    refused = read(guest.post(at(booking, "review"), press(page)))
    assert "I have been shown the list" in refused.text
    assert "aria-invalid" in refused.source, "the two ticks are asked for as always"
    there = guest.post(at(booking, "review"), {**press(page), **TICKED}).headers["Location"]
    booked = Booking.objects.get(pk=booking.pk)
    assert (booked.route, booked.wish, there) == ("manual", "book", f"/trips/{booked.reference}/progress")


def test_the_form_asks_what_this_airline_asks_and_keeps_it_sealed(guest: Client, principal: str) -> None:
    booking = draft_of(principal, requires=["address", "residence", "document_city", "email"],
                       documents_required=True, document_kinds=["passport"])
    there = at(booking, "passengers")
    page = read(guest.get(there))
    for text in ("Lives in", "Your address", "Street and house number", "Town where it was issued"):
        assert text in page.text, text
    paper = {"passengers-0-documentNumber": "P1234567", "passengers-0-documentCountry": "DE",
             "passengers-0-documentExpiresOn-day": "1", "passengers-0-documentExpiresOn-month": "1",
             "passengers-0-documentExpiresOn-year": "2031"}
    wrong = read(guest.post(there, {**PERSON, **paper, "contact-addressCity": "東京"}))
    for text in ("Choose the country where this traveller lives", "Enter the postal code of your address",
                 "Airlines take Latin letters only", "Enter the town where the passport was issued"):
        assert text in wrong.text, text
    links = {tag["href"] for tag in wrong.all("a") if tag.get("href", "").startswith("#")}
    assert {"#passengers-0-residence", "#contact-postalCode", "#contact-addressCity",
            "#passengers-0-documentCity"} <= links
    given = {**PERSON, **paper, **ADDRESS, "passengers-0-residence": "DE", "passengers-0-documentCity": "Köln"}
    assert guest.post(there, given).headers["Location"] == at(booking, "review")
    person = booking.passengers.get()
    assert "Main Street" not in person.numbers
    assert "1 Main Street" in read(guest.get(there)).source, "and nobody types it twice"
    from bookings.steps.orders import _travellers

    assert _travellers(Booking.objects.get(pk=booking.pk))[0].details == {
        "addressLine": "1 Main Street", "postalCode": "SW1A 1AA", "addressCity": "London", "addressCountry": "GB",
        "residence": "DE", "documentCity": "Köln"}


def test_other_fares_of_the_flights_are_asked_for_once(guest: Client, principal: str) -> None:
    from suppliers.models import Search

    booking = draft_of(principal)
    booking.offer.search = Search.objects.create(principal=principal, query={"legs": []}, complete=True)
    booking.offer.supplier = "amadeus"
    booking.offer.save()
    asked: list[str] = []

    class Upsells:
        def offer_siblings(self, offer_id: str, document: str = "") -> list[Any]:
            asked.append(offer_id)
            raw = {**booking.offer.searched, "external_id": "am_flex", "total": {"minor": 80000, "currency": "USD"}}
            raw["slices"] = [{**raw["slices"][0], "brand": "Flex"}]
            return [offer_from_json(raw)]

    from bookings import drafts
    from bookings.selectors import offer_view

    with registry.replaced(amadeus=Upsells()):  # type: ignore[arg-type]
        for _ in range(2):
            drafts.more_fares(booking.offer)
    assert asked == [booking.offer.external_id]
    assert [(fare["brand"], fare["total"]["minor"]) for fare in offer_view(booking.offer)["fareFamily"]] == [
        ("Flex", 80000)]


# --- afterwards -------------------------------------------------------------------------------------------------------


def trip(guest: Client, booking: Booking) -> Any:
    return read(guest.get(f"/trips/{booking.reference}"))


def test_a_reservation_says_what_is_certain_by_when_and_how_it_is_paid(guest: Client, principal: str) -> None:
    page = trip(guest, booking := reserved(principal))
    for text in ("Your seats are reserved, our team issues the tickets", "Our team writes to you how to pay",
                 f"We issue the tickets by {deadline(booking.pay_by)}", "you can cancel free of charge",
                 "You have not been charged.", "Airline reference (American Airlines)", "5Y9A7C",
                 "Reservation reference", "98DC6S", "Our team tickets it"):
        assert text in page.text, text
    assert [tag["data-copy"] for tag in page.all("button") if "data-copy" in tag] == [
        booking.reference, "5Y9A7C", "98DC6S"]
    assert not {"amadeus", "1A"} & set(page.text.lower().split())


@pytest.mark.parametrize(("money", "payment", "said"), [
    ("reserved", {"state": "authorised"}, "Your card is charged when they exist."),
    ("none", {"state": "voided"}, "Your card has been released and was not charged"),
    ("charged", {"state": "captured", "captured_minor": 59999}, "You have paid. Our team issues the tickets now"),
])
def test_the_money_of_a_reservation_in_words(guest: Client, principal: str, money: str, payment: dict[str, Any],
                                             said: str) -> None:
    booking = reserved(principal, money=money)
    more = {"order": booking.orders.get()} if money == "charged" else {}
    rows.payment(booking, authorised_at=clock.now(), **payment, **more)
    page = trip(guest, booking)
    assert said in page.text
    assert {"reserved": "The amount is reserved on your card, not charged.", "none": "You have not been charged.",
            "charged": "Your payment of USD 599.99 is safe."}[money] in page.text


def test_a_pay_link_leads_to_a_card_that_is_only_reserved(guest: Client, principal: str) -> None:
    booking = reserved(principal, status="PENDING_PAYMENT", progress="card", card_wanted=True)
    rows.payment(booking, client_secret="pi_1_secret_2")
    assert guest.get(f"/trips/{booking.reference}").headers["Location"] == f"/trips/{booking.reference}/pay"
    page = read(guest.get(f"/trips/{booking.reference}/pay"))
    for text in ("Your seats are reserved, and our team is ready to issue your tickets.", "only reserved now",
                 "within eight hours", "Your card is charged only when your tickets exist.", "Pay USD 599.99"):
        assert text in page.text, text
    assert "data-secret=\"pi_1_secret_2\"" in page.source


def test_a_dearer_reservation_is_agreed_to_before_a_card_is_asked_for(guest: Client, principal: str) -> None:
    booking = reserved(principal, order={"total_minor": 65000}, progress="consent", card_wanted=True)
    there = guest.get(f"/trips/{booking.reference}").headers["Location"]
    page = read(guest.get(there))
    for text in ("Since it reserved your seats, the airline raised the price by USD 50.01.", "Continue at USD 650.00",
                 "Your seats stay reserved until", "Cancel the reservation free of charge", "You have not been charged."):
        assert text in page.text, text
    guest.post(there, {"total": "65000"})
    assert Booking.objects.get(pk=booking.pk).accepted_minor == 65000


@pytest.mark.parametrize(("state", "title"), [
    ({"status": "EXPIRED", "closing": "reservation_lapsed"}, "Your reservation has ended"),
    ({"status": "CANCELLED", "wish": "cancel"}, "This booking is cancelled")])
def test_how_a_reservation_ends(guest: Client, principal: str, state: dict[str, Any], title: str) -> None:
    booking = reserved(principal, order={"state": "lapsed"}, progress="closed", pay_by=None, **state)
    page = trip(guest, booking)
    assert title in page.text
    assert "Similar flights" in page.text
    assert "You have not been charged." in page.text


def test_ticketed_and_paid_is_confirmed_with_its_numbers_and_no_cancelling_by_machine(
        guest: Client, principal: str) -> None:
    booking = reserved(principal, order={"state": "ticketed", "tickets": [{"kind": "ticket", "number": "075-1234567890"}]},
                       status="CONFIRMED", progress="done", money="charged", pay_by=None)
    rows.payment(booking, state="captured", captured_minor=59999, provider="desk", external_id="desk:77",
                 order=booking.orders.get())
    page = trip(guest, booking)
    for text in ("Your trip is confirmed", "075-1234567890", "Your payment of USD 599.99 is safe.", "Ask for a change",
                 "Ask us to cancel", "answers within 24 hours"):
        assert text in page.text, text
    assert "Cancel this booking" not in page.text


def test_cancelling_a_reservation_costs_nothing_and_is_one_press(guest: Client, principal: str) -> None:
    booking = reserved(principal)
    page = read(guest.get(f"/trips/{booking.reference}/cancel"))
    assert "It costs nothing. You have not paid anything" in page.text
    guest.post(f"/trips/{booking.reference}/cancel", {"verb": "confirm"})
    assert Booking.objects.get(pk=booking.pk).wish == "cancel"


def test_an_unknown_reservation_waits_for_a_person_and_says_until_when(guest: Client, principal: str) -> None:
    booking = reserved(principal, order={"state": "unknown", "external_id": "", "pnr": "", "locators": []},
                       status="PENDING", progress="checking", pay_by=None, wished_at=clock.now() - timedelta(minutes=5))
    page = read(guest.get(f"/trips/{booking.reference}/progress"))
    ends = booking.orders.get().lapses_at
    for text in ("We are checking with the airline", "A person of our team looks for your reservation",
                 f"by {deadline(ends)} at the latest"):
        assert text in page.text, text
    assert "failed" not in page.text.lower()
    assert "card is released" not in page.text


def test_the_suppliers_document_is_on_no_page_and_in_no_answer(guest: Client, principal: str) -> None:
    booking = reserved(principal)
    open_draft = draft_of(principal)
    type(booking.offer).objects.update(document="MARKED-DOCUMENT")
    guest.post(at(open_draft, "passengers"), PERSON)
    seen = [f"/trips/{booking.reference}", f"/trips/{booking.reference}/cancel", "/trips",
            f"/trips/{booking.reference}/calendar.ics", f"/api/bookings/{booking.reference}", "/api/bookings",
            f"/api/payments/status/{booking.reference}", f"/api/flights/offers/{open_draft.offer_id}",
            f"/api/flights/offers/{open_draft.offer_id}/seat-maps",
            *(at(open_draft, step) for step in ("extras", "passengers", "review"))]
    for address in seen:
        answer = guest.get(address)
        body = answer.getvalue().decode() if answer.streaming else answer.content.decode()
        assert answer.status_code == 200, (address, answer.status_code)
        assert "MARKED-DOCUMENT" not in body, address
