"""Offers that our team tickets, by the API: told as such, booked without a card, and paid only after a link."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.api.search import results
from bookings.api.shapes import AgainOut, keys_of
from bookings.models import Booking
from bookings.selectors.results import Filters
from tests.api.shop import Caller, body, offer, refused
from tests.doors.test_merging import mixed
from tests.pages.travel import of_our_team
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)


def team_offer(**more: Any) -> Any:
    row = offer(**of_our_team(**more))
    row.supplier, row.document = "amadeus", "MARKED-DOCUMENT"
    row.save()
    return row


def reserved_by(me: Caller) -> Booking:
    """A booking of this caller as the worker leaves it: reserved, no payment."""
    me.book(team_offer())
    booking = Booking.objects.get()
    rows.order(booking, supplier="amadeus", state="reserved", external_id="res_1", hold=True, pnr="98DC6S",
               locators=[["ZZ", "5Y9A7C"]])
    Booking.objects.filter(pk=booking.pk).update(status="PENDING_TICKETING", progress="staff")
    return booking


def test_the_offer_says_how_it_is_ticketed_by_when_and_what_is_asked() -> None:
    row = team_offer(requires=["address", "residence"])
    answer = Caller().get(f"/api/flights/offers/{row.pk}")
    told = answer.json()["offer"]
    assert (told["ticketing"], told["ticketBy"], told["canHold"]) == ("manual", row.searched["ticket_by"], False)
    assert told["requires"] == ["address", "residence"]
    assert told["rules"][0]["title"] == "Penalties"
    assert b"MARKED-DOCUMENT" not in answer.content


def test_what_the_airline_asks_for_is_named_field_by_field() -> None:
    row = team_offer(requires=["address", "residence"])
    told = refused(Caller().book(row), 422, "validation_failed")
    assert set(told["fieldErrors"]) == {
        "passengers.0.residence", *(f"contact.address.{part}" for part in ("line", "postalCode", "city", "country"))}
    asked = body(row)
    asked["passengers"][0]["residence"] = "DE"
    asked["contact"] = {**asked["contact"], "address": {"line": "Domkloster 4", "postalCode": "50667", "city": "Köln",
                                                        "country": "DE"}}
    me = Caller()
    assert me.book(row, data=asked).status_code == 202
    told = me.get(f"/api/bookings/{Booking.objects.get().reference}").json()["booking"]
    assert told["contact"]["address"]["city"] == "Köln"
    assert told["passengers"][0]["residence"] == "DE"


def test_it_is_booked_without_a_card_and_cannot_be_held() -> None:
    me, row = Caller(), team_offer()
    refused(me.book(row, data=body(row, isHold=True)), 422, "hold_not_possible")
    told = me.book(row).json()["booking"]
    assert (told["status"], told["clientSecret"]) == ("PENDING", None)
    assert Booking.objects.get().route == "manual"


def test_the_reservation_is_the_answer_and_no_payment_is_asked_before_a_link_was_sent() -> None:
    me = Caller()
    booking = reserved_by(me)
    again = me.post("/api/bookings", body(booking.offer)).json()
    told = again["booking"]
    assert (again["duplicate"], told["status"], told["clientSecret"]) == (True, "PENDING_TICKETING", None)
    assert told["airlineReferences"][0]["reference"] == "5Y9A7C"
    assert "MARKED" not in str(again)
    said = refused(me.post("/api/payments/create-intent", {"bookingReference": booking.reference}), 409, "nothing_to_pay")
    assert "has not asked for a payment by card" in said["message"]
    Booking.objects.filter(pk=booking.pk).update(status="PENDING_PAYMENT", progress="card", card_wanted=True)
    rows.payment(booking, client_secret="pi_1_secret_2")
    paid = me.post("/api/payments/create-intent", {"bookingReference": booking.reference}).json()
    assert paid["clientSecret"] == "pi_1_secret_2"


def test_each_suppliers_state_is_told_beside_the_merged_offers() -> None:
    search = mixed()
    search.outcome["third"] = {"state": "failed", "offers": 0, "code": "provider_off", "ms": 3}
    search.save()
    told: dict[str, Any] = results(search, Filters()).data
    assert [(one["name"], one["state"], one["code"]) for one in told["suppliers"]] == [
        ("amadeus", "done", ""), ("duffel", "done", ""), ("third", "failed", "provider_off")]
    first = told["offers"][0]
    assert (first["ticketing"], [other["ticketing"] for other in first["also"]]) == ("manual", ["instant"])
    assert set(first["also"][0]) == set(keys_of(AgainOut))
    assert "MARKED" not in str(told)
