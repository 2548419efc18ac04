"""Review, payment and the way back: prices agreed to, fares that are gone, banks that send people elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking, Diary, Selection
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import Offer, Search
from tests.pages.html import Page, alike, read
from tests.pages.test_steps import PERSON, TICKED, at, press, review
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)
QUERY = {"legs": [{"origin": "JFK", "destination": "LHR", "date": "2026-12-20"}], "adults": 1}
SAME_SEARCH = "/flights?trip=oneway&origin=JFK&destination=LHR&departureDate=2026-12-20"


@pytest.fixture
def searched(draft: Booking, principal: str) -> Booking:
    """The draft with the search that its fare was found by."""
    search = Search.objects.create(principal=principal, query=QUERY, outcome={}, complete=True)
    Offer.objects.filter(pk=draft.offer_id).update(search=search)
    draft.refresh_from_db()
    return draft


def airline_asks(monkeypatch: pytest.MonkeyPatch, minor: int) -> None:
    """The next look at the airline shows another fare."""

    def priced(offer: Offer, now: Any) -> Offer:
        raw = {**(offer.priced or offer.searched), "total": {"minor": minor, "currency": "USD"}}
        Offer.objects.filter(pk=offer.pk).update(priced=raw, total_minor=minor, priced_at=now)
        offer.refresh_from_db()
        return offer

    monkeypatch.setattr("bookings.drafts.booking.priced", priced)


def gone(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def refuse(offer: Offer, now: Any) -> Offer:
        raise Problem(code, "gone", status=410)

    monkeypatch.setattr("bookings.drafts.booking.priced", refuse)


# --- the price ---------------------------------------------------------------------------------------------------


def test_a_dearer_fare_is_asked_about_and_the_yes_is_written_down(
        guest: Client, searched: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    review(guest, searched)
    airline_asks(monkeypatch, 65000)
    asked = guest.get(at(searched, "review"))
    assert asked.status_code == 302, "an address of its own: a reload asks again"
    page = read(guest.get(asked.headers["Location"]))
    for wanted in ("The airline raised the fare by USD 50.01.", "You saw USD 599.99", "+ USD 50.01", "650.00",
                   "Continue at USD 650.00", "You have not been charged."):
        assert wanted in page.text, wanted
    assert not list(page.all("button", **{"data-pay-button": ""}))
    assert SAME_SEARCH in {tag["href"].split("&adults")[0] for tag in page.all("a")}
    hidden = {tag["name"]: tag["value"] for tag in page.all("input", type="hidden")}
    assert guest.post(at(searched, "review"), hidden).headers["Location"] == at(searched, "review")
    line = Diary.objects.get(booking=searched, event="price.accepted")
    assert (line.before, line.after) == ("59999", "65000")
    assert "Pay USD 650.00" in read(guest.get(at(searched, "review"))).text


def test_a_yes_to_a_price_that_moved_again_is_no_yes(guest: Client, searched: Booking) -> None:
    review(guest, searched)
    answer = guest.post(at(searched, "review"), {"agree": "58000", "was": "57000"})
    assert answer.headers["Location"] == f"{at(searched, 'review')}?was=57000"
    assert not Diary.objects.filter(booking=searched, event="price.accepted").exists()


def test_a_cheaper_fare_is_applied_and_said(guest: Client, searched: Booking, monkeypatch: pytest.MonkeyPatch) -> None:
    review(guest, searched)
    airline_asks(monkeypatch, 55000)
    page = read(guest.get(at(searched, "review")))
    assert "lowered the fare from USD 599.99 to USD 550.00" in page.text
    assert "Pay USD 550.00" in page.text


def test_the_dearer_extra_is_named(guest: Client, searched: Booking) -> None:
    review(guest, searched)
    Selection.objects.create(booking=searched, kind="seat", detail="14C", unit_minor=2500, passenger_position=0,
                             service_external_id="ase_seat")
    Booking.objects.filter(pk=searched.pk).update(services_minor=2500)
    from bookings.checkout import prices
    from bookings.selectors import booking_view

    searched.refresh_from_db()
    view = booking_view(searched)
    cheaper = {"price": {**view["price"], "total": {"minor": 61799}, "services": [
        {"label": "Seat 14C", "amount": {"minor": 1800}}]}}
    from django.http import QueryDict

    told = prices.since(QueryDict(prices.rise(cheaper, view)).dict(), view)
    assert told is not None
    assert told["cause"] == "The airline raised Seat 14C by USD 7.00."


def test_an_odd_address_harms_nothing(guest: Client, searched: Booking) -> None:
    review(guest, searched)
    for query in ("was=", "was=banana", "was=-1", "was=59999", "was=%C2%B2", "was=9&up=x,,7&fare=²"):
        assert guest.get(f"{at(searched, 'review')}?{query}").status_code == 200, query


@pytest.mark.parametrize("code", ["offer_expired", "sold_out"])
def test_a_fare_that_is_gone_leads_to_the_same_search(guest: Client, searched: Booking, code: str,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    review(guest, searched)
    gone(monkeypatch, code)
    answer = guest.get(at(searched, "review"))
    assert answer.status_code == 410
    page = read(answer)
    assert "Nothing was booked. You have not been charged." in page.text
    assert SAME_SEARCH in {tag["href"].split("&adults")[0] for tag in page.all("a")}, "the same query, asked anew"
    assert searched.passengers.count() == 1, "everything typed is kept"


@pytest.mark.parametrize("script", [True, False])
def test_an_offer_that_expired_at_the_button_charges_nothing(guest: Client, searched: Booking, script: bool) -> None:
    sent = press(review(guest, searched), **TICKED)
    Booking.objects.filter(pk=searched.pk).update(offer_expires_at=clock.now() + timedelta(seconds=30))
    answer = guest.post(at(searched, "review"), sent, headers={"Accept": "application/json"} if script else None)
    if script:
        answer = guest.get(answer.json()["location"])
    assert "This fare is no longer available." in read(answer).text
    searched.refresh_from_db()
    assert (searched.wish, searched.claims.count(), searched.payments.count()) == ("draft", 0, 0)


@pytest.mark.parametrize(("currency", "minor", "shown"), [("JPY", 59999, "JPY 59,999"), ("BHD", 599990, "BHD 599.990")])
def test_amounts_keep_their_currencys_decimals(guest: Client, principal: str, currency: str, minor: int,
                                               shown: str) -> None:
    booking = make(principal, offer=rows.offer_json("off_x", total_minor=minor, currency=currency), currency=currency,
                   fare_minor=minor, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
    booking.offer.currency = currency
    booking.offer.total_minor = minor
    booking.offer.save()
    page = review(guest, booking)
    assert f"Pay {shown}" in page.text
    form = next(page.all("form", novalidate=""))
    assert (form["data-amount"], form["data-currency"]) == (str(minor), currency.lower())


# --- disclosures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "refund", "said"), [
    (30, {"allowed": False, "fee": None}, "If you book now and cancel before"),
    (3, {"allowed": True, "fee": {"minor": 20000, "currency": "USD"}},
     "This fare cannot be cancelled free of charge; the airline's fee is USD 200.00."),
    (3, {"allowed": False, "fee": None}, "the airline gives nothing back"),
    (3, {"allowed": True, "fee": {"minor": 0, "currency": "USD"}}, "Free cancellation until"),
    (3, {"allowed": None, "fee": None}, "The airline does not state what a cancellation costs."),
])
def test_the_24_hour_sentence_is_the_policys(guest: Client, principal: str, days: int, refund: Any, said: str) -> None:
    booking = make(principal, offer={"refund": refund}, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0,
                   departs_at=clock.now() + timedelta(days=days))
    page = review(guest, booking)
    assert said in page.text
    assert "by law" not in page.text
    if "before" in said or "until" in said:
        assert "(New York time)" in page.text


def test_code_share_stands_as_text_beside_its_flight(guest: Client, draft: Booking) -> None:
    source = review(guest, draft).source
    flight = source[source.index("AA 6143"):]
    assert flight.index("Operated by British Airways") < flight.index("</li>")


def test_the_insecticide_notice_is_for_listed_countries_only(guest: Client, principal: str) -> None:
    there = {**rows.place("AKL", "Auckland", "Pacific/Auckland"), "country": "NZ"}
    for place, wanted in ((there, True), (rows.place("LHR", "London", "Europe/London"), False)):
        raw = rows.offer_json("off_i")
        raw["slices"][0]["destination"] = raw["slices"][0]["segments"][0]["destination"] = place
        booking = make(principal, offer={"slices": raw["slices"]}, wish="draft", status="DRAFT", wished_at=None,
                       accepted_minor=0)
        assert ("insecticide" in review(guest, booking).text) is wanted


def test_ticks_are_kept_with_text_time_and_address_and_the_console_shows_them(guest: Client, draft: Booking) -> None:
    from bookings.admin.story import story_of
    from bookings.facts import load

    sent = press(review(guest, draft), wish="hold", marketing="yes", **TICKED)
    guest.post(at(draft, "review"), sent)
    draft.refresh_from_db()
    assert [tick["code"] for tick in draft.acknowledgements] == ["dangerous_goods", "names_and_terms", "marketing"]
    for tick in draft.acknowledgements:
        assert set(tick) == {"code", "version", "at", "address"}
    shown = str(story_of(draft, load(draft)))
    for wanted in ("dangerous_goods (text of 2026-11-21", "marketing", "from 127.0.0.1"):
        assert wanted in shown, wanted


# --- coming back -------------------------------------------------------------------------------------------------


def test_who_changes_extras_at_the_review_returns_to_it(guest: Client, draft: Booking) -> None:
    assert guest.post(at(draft, "extras"), {"then": "go"}).headers["Location"] == at(draft, "passengers")
    page = review(guest, draft)
    links = {tag["href"] for tag in page.all("a")}
    assert {at(draft, "extras"), at(draft, "passengers"), at(draft, "extras") + "#extras"} <= links
    assert guest.post(at(draft, "extras"), {"then": "go"}).headers["Location"] == at(draft, "review")
    assert guest.post(at(draft, "passengers"), PERSON).headers["Location"] == at(draft, "review")


def back_of(guest: Client, booking: Booking) -> str:
    """The address that our script gives the bank."""
    answer = guest.post(f"/trips/{booking.reference}/pay", headers={"Accept": "application/json"})
    return str(answer.json()["back"])


def test_the_bank_sends_the_owner_back_to_the_truth(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(booking, declines=1, decline_kind="auth_failed")
    address = back_of(guest, booking)
    assert guest.get(f"{address}&payment_intent=pi_1&redirect_status=failed").headers["Location"] == (
        f"/trips/{booking.reference}/progress?paid=1")


@pytest.mark.parametrize(("status", "progress", "money", "said"), [
    ("CONFIRMED", "done", "charged", "confirmed"), ("PENDING_PAYMENT", "ticket", "reserved", "waiting for payment"),
    ("FAILED", "closed", "none", "not booked"),
])
def test_on_another_device_the_outcome_is_told_and_nothing_private(
        guest: Client, principal: str, status: str, progress: str, money: str, said: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(booking)
    address = back_of(guest, booking)
    Booking.objects.filter(pk=booking.pk).update(status=status, progress=progress, money=money)
    page = read(Client().get(address))
    assert f"{booking.reference} : {said}" in page.text
    for private in ("Müller", "anna@", "599.99", "London", "JFK", "AA 6143"):
        assert private not in page.source, private
    assert page.one("input", name="reference")["value"] == booking.reference


def test_without_the_token_another_device_learns_nothing(principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done")
    unknown = alike(Client().get("/trips/FLY2A-7KQ2MX/back"))
    for token in ("", "t=nonsense", "t=FLY2A-XXXXXX:1:2"):
        answer = Client().get(f"/trips/{booking.reference}/back?{token}")
        assert answer.status_code == 404
        assert alike(answer) == unknown


def test_a_token_opens_its_own_booking_only(guest: Client, principal: str) -> None:
    mine = make(principal, status="PENDING_PAYMENT", progress="card")
    rows.payment(mine)
    other = make("guest:b", status="CONFIRMED", progress="done")
    address = back_of(guest, mine).replace(mine.reference, other.reference, 1)
    assert Client().get(address).status_code == 404


# --- paying ------------------------------------------------------------------------------------------------------


def paying(principal: str, kind: str, **more: Any) -> Booking:
    booking = make(principal, status="PENDING_PAYMENT", progress="card", **more)
    rows.payment(booking, declines=1, decline_kind=kind)
    return booking


def pay_page(guest: Client, booking: Booking) -> Page:
    return read(guest.get(f"/trips/{booking.reference}/pay"))


def test_too_little_on_the_card_gets_something_cheaper(guest: Client, principal: str) -> None:
    booking = paying(principal, "insufficient_funds", accepted_minor=62499, services_minor=2500)
    Selection.objects.create(booking=booking, kind="seat", detail="14C", unit_minor=2500, passenger_position=0,
                             service_external_id="ase_seat")
    search = Search.objects.create(principal=principal, query=QUERY, outcome={}, complete=True)
    own = booking.offer
    Offer.objects.filter(pk=own.pk).update(search=search)
    light = {**own.searched, "total": {"minor": 41000, "currency": "USD"}}
    light["slices"] = [{**light["slices"][0], "brand": "Basic Economy"}]
    Offer.objects.create(principal=principal, supplier="duffel", external_id="off_light", request_id=own.request_id,
                         total_minor=41000, currency="USD", expires_at=own.expires_at, searched=light, search=search)
    page = pay_page(guest, booking)
    assert "Basic Economy for USD 410.00 (USD 214.99 less)" in page.text
    assert "Without Seat 14C: USD 599.99 (USD 25.00 less)" in page.text
    assert page.text.index("Basic Economy for") < page.text.index("Without Seat")
    answer = guest.post(f"/trips/{booking.reference}/let-go")
    assert answer.headers["Location"].startswith(SAME_SEARCH)
    booking.refresh_from_db()
    assert booking.wish == "cancel"


def test_a_paid_booking_is_never_let_go_by_that_button(guest: Client, principal: str) -> None:
    booking = make(principal, status="CONFIRMED", progress="done", money="charged")
    assert guest.post(f"/trips/{booking.reference}/let-go").headers["Location"] == f"/trips/{booking.reference}"
    booking.refresh_from_db()
    assert booking.wish == "book"


def test_each_decline_says_its_cause_and_the_money(guest: Client, principal: str) -> None:
    booking = paying(principal, "card_declined")
    for kind, said in (
            ("card_declined", "Your bank declined the card and doesn't tell us why."),
            ("expired_card", "this card has expired"), ("incorrect_cvc", "The security code does not match"),
            ("auth_failed", "Your bank couldn't confirm it's you."), ("card_address", "The billing address"),
            ("card_limit", "limit is reached"), ("processing_error", "Your bank could not be reached.")):
        booking.payments.update(decline_kind=kind)
        page = pay_page(guest, booking)
        assert said in page.text
        assert page.text.count("You have not been charged.") == 1, kind
        assert "4 attempts left" in page.text
        assert "for less" not in page.text


def test_the_deadline_is_quiet_until_it_is_near(guest: Client, principal: str) -> None:
    for minutes, hidden in ((25, True), (15, False)):
        booking = paying(principal, "card_declined", window_ends_at=clock.now() + timedelta(minutes=minutes))
        note = next(tag for tag in pay_page(guest, booking).all("p") if "data-deadline" in tag)
        assert ("hidden" in note) is hidden


def test_taking_long_says_what_is_certain_what_is_next_and_by_when(guest: Client, principal: str) -> None:
    now = clock.now()
    booking = make(principal, status="PENDING", progress="checking", route="hold_first",
                   wished_at=now - timedelta(seconds=90))
    text = read(guest.get(f"/trips/{booking.reference}/progress")).text
    for wanted in ("Taking longer than usual", "whether it has booked you is not known yet", "We keep looking",
                   "at the latest", "Do not book or pay again", "You have not been charged."):
        assert wanted in text, wanted


# --- a detail that the airline refuses ----------------------------------------------------------------------------


def refused(principal: str, **detail: str) -> Booking:
    return make(principal, status="FAILED", progress="closed", closing="passenger_rejected", closing_detail=detail)


def test_a_refused_detail_is_named_and_leads_to_its_field_with_nothing_lost(guest: Client, principal: str) -> None:
    booking = refused(principal, field="family_name", position="0", reason="it is too long")
    text = read(guest.get(f"/trips/{booking.reference}")).text
    assert "The airline did not accept the family name for Anna Müller: it is too long." in text
    answer = guest.post(f"/trips/{booking.reference}/fix")
    draft = Booking.objects.get(wish="draft")
    assert answer.headers["Location"] == f"{at(draft, 'passengers')}#passengers-0-familyName"
    page = read(guest.get(at(draft, "passengers")))
    assert page.one("input", id="passengers-0-familyName")["value"] == "Müller"
    assert page.one("input", id="contact-email")["value"] == "anna@example.com"
    assert guest.post(f"/trips/{booking.reference}/fix").status_code == 302, "twice is once"
    assert Booking.objects.filter(wish="draft").count() == 1


def test_each_refused_field_has_its_input() -> None:
    from bookings.checkout.fixing import place

    for detail, field in (
            ({"field": "email", "position": "0"}, "contact-email"), ({"field": "phone_number"}, "contact-phone"),
            ({"field": "born_on", "position": "2"}, "passengers-2-bornOn-day"), ({}, "passengers-0-givenName"),
            ({"field": "brand_new", "position": "x"}, "passengers-0-givenName")):
        assert place(detail) == field


@pytest.mark.parametrize(("status", "closing"), [("CONFIRMED", ""), ("FAILED", "sold_out")])
def test_only_a_refused_detail_can_be_fixed(guest: Client, principal: str, status: str, closing: str) -> None:
    booking = make(principal, status=status, progress="closed", closing=closing)
    assert guest.post(f"/trips/{booking.reference}/fix").status_code == 409
    assert not Booking.objects.filter(wish="draft").exists()


def test_an_airline_that_turned_out_cheaper_is_paid_less_and_it_is_said(guest: Client, principal: str) -> None:
    booking = make(principal, status="PENDING_PAYMENT", progress="card")
    order = rows.order(booking, external_id="ord_low", state="held", hold=True, total_minor=58000)
    rows.payment(booking, amount_minor=58000, order=order)
    page = pay_page(guest, booking)
    assert "The airline lowered the price: you pay USD 580.00 instead of USD 599.99." in page.text
    form = next(page.all("form", novalidate=""))
    assert form["data-amount"] == "58000", "what the bank is asked for"
    for wanted in ("Pay USD 580.00", "The airline lowered the price USD -19.99"):
        assert wanted in page.text
