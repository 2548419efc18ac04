"""The sandbox's Amadeus from token to ticket, over HTTP: everything it takes and gives fits the specifications."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from tests.sandbox.amadeus_client import (
    OFFERS,
    ORDERS,
    PRICING,
    SEATS,
    TOKEN,
    UPSELLING,
    Amadeus,
    code,
    order_body,
)
from tests.sandbox.duffel_client import Duffel, later
from tests.sandbox.process import Sandbox
from tests.sandbox.test_amadeus_contract import CREATE, PRICE, example
from tests.sandbox.test_amadeus_contract import SEARCH as SEARCH_FILE

VENDORS = ("sandbox.duffel.vendor", "sandbox.amadeus.vendor")
DAY = 24 * 3600
Json = dict[str, Any]


@pytest.fixture
def amadeus(sandbox: Sandbox) -> Iterator[Amadeus]:
    """A caller; afterwards every answer the sandbox gave must have fitted."""
    yield Amadeus(sandbox)
    assert sandbox.ledger(event="schema.answer") == []
    assert sandbox.ledger(event="sandbox_bug") == []


def events(sandbox: Sandbox) -> list[str]:
    return [row["event"] for row in sandbox.ledger(vendor="amadeus") if row["event"].startswith("order.")]


def test_a_party_searches_prices_books_looks_and_cancels(amadeus: Amadeus, sandbox: Sandbox) -> None:
    found = amadeus.search("NYC", "PAR", back=47, adults=2, children=1, infants=1, max=60)
    assert 10 < len(found) <= 60
    assert len({each["validatingAirlineCodes"][0] for each in found}) > 2
    offer = next(each for each in found if each["validatingAirlineCodes"] == ["6X"])
    assert [each["travelerType"] for each in offer["travelerPricings"]] == ["ADULT", "ADULT", "CHILD", "HELD_INFANT"]
    assert offer["travelerPricings"][3]["associatedAdultId"] == "1"
    include = "bags,detailed-fare-rules,credit-card-fees,other-services"
    answer = amadeus.price(offer, include=include)
    assert set(answer.json()["included"]) == set(include.split(","))
    needed = answer.json()["data"]["bookingRequirements"]["travelerRequirements"]
    assert [each["travelerId"] for each in needed] == ["1", "2", "3", "4"]
    priced = answer.json()["data"]["flightOffers"][0]
    assert priced["price"]["grandTotal"] == offer["price"]["grandTotal"]
    for each in priced["travelerPricings"]:
        parts = [Decimal(each["price"]["base"]), *(Decimal(tax["amount"]) for tax in each["price"]["taxes"])]
        assert sum(parts) == Decimal(each["price"]["total"])
    order = amadeus.order(priced)
    assert "%" in order["id"]
    assert [each["originSystemCode"] for each in order["associatedRecords"]] == ["6X", "GDS"]
    assert order["remarks"]["general"][0]["text"] == "OURREF F2A-TEST01"
    again = amadeus.look(order)
    assert again.status_code == 200
    assert again.json()["data"]["contacts"] == order["contacts"]
    assert amadeus.cancel(order).status_code == 204
    assert code(amadeus.look(order)) == (404, 1797)
    assert events(sandbox) == ["order.created", "order.cancelled"]


def test_headers_name_each_call_and_return_our_reference(amadeus: Amadeus) -> None:
    amadeus.headers["ama-client-ref"] = "F2A-TEST01"
    answer = amadeus.post(OFFERS, example(SEARCH_FILE))
    assert answer.headers["ama-client-ref"] == "F2A-TEST01"
    assert answer.headers["ama-request-id"] != amadeus.post(OFFERS, example(SEARCH_FILE)).headers["ama-request-id"]
    assert answer.headers["content-type"] == "application/vnd.amadeus+json"


def test_a_journey_of_four_legs_by_body(amadeus: Amadeus) -> None:
    stops = ("JFK", "CDG", "FCO", "ATH", "JFK")
    legs = [
        {"id": str(n), "originLocationCode": start, "destinationLocationCode": end,
         "departureDateTimeRange": {"date": later(30 + 6 * n)}}
        for n, (start, end) in enumerate(zip(stops, stops[1:], strict=False), 1)
    ]  # fmt: skip
    body = {"originDestinations": legs, "travelers": [{"id": "1", "travelerType": "ADULT"}], "sources": ["GDS"],
            "currencyCode": "EUR", "searchCriteria": {"maxFlightOffers": 5}}  # fmt: skip
    answer = amadeus.post(OFFERS, body)
    assert answer.status_code == 200, answer.text
    assert [len(each["itineraries"]) for each in answer.json()["data"]] == [4] * len(answer.json()["data"])
    assert answer.json()["data"]
    assert amadeus.priced(answer.json()["data"][0])["price"]["currency"] == "EUR"


def test_the_files_own_requests_go_all_the_way(amadeus: Amadeus, sandbox: Sandbox) -> None:
    assert amadeus.post(OFFERS, example(SEARCH_FILE)).json()["errors"][0]["code"] == 425  # its date has passed
    pricing = example(PRICE)
    assert code(amadeus.post(PRICING, pricing)) == (400, 4926)
    amadeus.control("offers/adopt", flightOffers=pricing["data"]["flightOffers"])
    assert amadeus.post(PRICING, pricing).status_code == 200
    order = example(CREATE)
    amadeus.control("offers/adopt", flightOffers=order["data"]["flightOffers"])
    made = amadeus.post(ORDERS, order)
    assert made.status_code == 201, made.text
    assert amadeus.look(made.json()["data"]).status_code == 200
    assert sandbox.ledger(event="schema.request") == []


def test_both_suppliers_sell_the_same_flights_under_the_same_brands(amadeus: Amadeus, sandbox: Sandbox) -> None:
    def theirs(offer: Json) -> tuple[Any, ...]:
        flights = [
            (each["marketing_carrier"]["iata_code"], int(each["marketing_carrier_flight_number"]), each["departing_at"])
            for each in offer["slices"][0]["segments"]
        ]
        return (tuple(flights), offer["slices"][0]["fare_brand_name"].upper())

    def ours(offer: Json) -> tuple[Any, ...]:
        flights = [
            (each["carrierCode"], int(each["number"]), each["departure"]["at"])
            for each in offer["itineraries"][0]["segments"]
        ]
        return (tuple(flights), offer["travelerPricings"][0]["fareDetailsBySegment"][0]["brandedFareLabel"])

    days = (40, 41, 42)
    sold = [each for day in days for each in Duffel(sandbox).search(("NYC", "LON", day))["offers"]]
    duffel = {theirs(each): Decimal(each["total_amount"]) for each in sold}
    found = [each for day in days for each in amadeus.search("NYC", "LON", days=day)]
    amounts = {ours(each): Decimal(each["price"]["grandTotal"]) for each in found}
    same = set(duffel) & set(amounts)
    assert len(same) > 20
    assert all(Decimal("0.9") < amounts[each] / duffel[each] < Decimal("1.12") for each in same)
    assert any(amounts[each] < duffel[each] for each in same)
    assert any(amounts[each] > duffel[each] for each in same)


def test_upselling_shows_every_brand_of_the_same_flights(amadeus: Amadeus) -> None:
    offer = amadeus.offer()
    answer = amadeus.post(UPSELLING, {"data": {"type": "flight-offers-upselling", "flightOffers": [offer]}})
    assert answer.status_code == 200, answer.text
    brands = answer.json()["data"]
    names = [each["travelerPricings"][0]["fareDetailsBySegment"][0]["brandedFare"] for each in brands]
    assert names == ["BASIC", "STANDARD", "FLEX"]
    assert len({each["itineraries"][0]["segments"][0]["number"] for each in brands}) == 1
    assert brands[0]["price"]["grandTotal"] == offer["price"]["grandTotal"]
    assert amadeus.order(amadeus.priced(brands[2]))["flightOffers"][0]["price"]["total"] == brands[2]["price"]["total"]


def test_bags_and_seats_are_priced_with_the_offer_and_booked_with_it(amadeus: Amadeus) -> None:
    offer = amadeus.offer(adults=2)
    seats = amadeus.post(SEATS, {"data": [offer]})
    assert seats.status_code == 200, seats.text
    rows = seats.json()["data"][0]["decks"][0]["seats"]
    free = next(each for each in rows if each["travelerPricing"][0]["seatAvailabilityStatus"] == "AVAILABLE")
    taken = next(each for each in rows if each["travelerPricing"][0]["seatAvailabilityStatus"] == "OCCUPIED")
    detail = offer["travelerPricings"][0]["fareDetailsBySegment"][0]
    detail["additionalServices"] = {
        "chargeableCheckedBags": {"quantity": 1},
        "chargeableSeat": {"number": free["number"]},
    }
    priced = amadeus.priced(offer)
    seat = Decimal(free["travelerPricing"][0]["price"]["total"])
    extra = {each["type"]: Decimal(each["amount"]) for each in priced["price"]["additionalServices"]}
    assert extra == {"CHECKED_BAGS": Decimal("45.00"), "SEATS": seat}
    assert Decimal(priced["price"]["grandTotal"]) == Decimal(offer["price"]["grandTotal"]) + sum(extra.values())
    order = amadeus.order(priced)
    map_after = amadeus.get(SEATS, flightOrderId=unquote(order["id"]))
    assert map_after.status_code == 200, map_after.text
    detail["additionalServices"] = {"chargeableSeat": {"number": taken["number"]}}
    assert code(amadeus.price(offer)) == (400, 38034)


def test_an_offer_must_come_back_as_it_went_out(amadeus: Amadeus) -> None:
    offer = amadeus.offer()
    altered = copy.deepcopy(offer)
    altered["price"]["grandTotal"] = "1.00"
    assert code(amadeus.price(altered)) == (400, 4926)
    lost = copy.deepcopy(offer)
    del lost["travelerPricings"]
    refused = amadeus.price(lost)
    assert code(refused) == (400, 32171)
    assert refused.json()["errors"][0]["source"] == {"pointer": "/data/flightOffers/0/travelerPricings"}
    assert code(amadeus.post(ORDERS, order_body(offer))) == (400, 4926)  # never priced
    priced = amadeus.priced(dict(reversed(offer.items())))  # the order of keys means nothing
    priced["travelerPricings"][0]["fareDetailsBySegment"][0]["additionalServices"] = {
        "chargeableCheckedBags": {"quantity": 2}
    }
    assert code(amadeus.post(ORDERS, order_body(priced))) == (400, 4926)  # a bag that was never priced


def test_a_price_that_moved_is_refused_and_can_be_priced_again(amadeus: Amadeus) -> None:
    priced = amadeus.priced()
    amadeus.control("offers/reprice", percent=5)
    assert code(amadeus.post(ORDERS, order_body(priced))) == (400, 37200)
    dearer = amadeus.priced(priced)
    assert Decimal(dearer["price"]["grandTotal"]) > Decimal(priced["price"]["grandTotal"])
    assert amadeus.offer()["price"]["grandTotal"] == dearer["price"]["grandTotal"]
    assert amadeus.order(dearer)["flightOffers"][0]["price"]["total"] == dearer["price"]["total"]


def test_offers_are_as_various_as_live_ones(amadeus: Amadeus) -> None:
    pairs = (("FRA", "JFK"), ("JFK", "DEL"), ("MAD", "BKK"), ("ZRH", "SYD"))
    found = [offer for pair in pairs for days in (30, 31, 32) for offer in amadeus.search(*pair, days=days)]
    assert {len(each["itineraries"][0]["segments"]) for each in found} == {1, 2, 3}
    assert {each["isUpsellOffer"] for each in found} == {True, False}
    assert {each["instantTicketingRequired"] for each in found} == {True, False}
    assert any(each.get("paymentCardRequired") for each in found)
    limits = {len(each["lastTicketingDateTime"]) for each in found if "lastTicketingDateTime" in each}
    assert limits == {len("2027-01-01"), len("2027-01-01T23:59:00")}
    assert any("lastTicketingDate" not in each for each in found)
    bags = [detail["includedCheckedBags"] for each in found for pricing in each["travelerPricings"]
            for detail in pricing["fareDetailsBySegment"]]  # fmt: skip
    assert {"quantity" in each for each in bags} == {True, False}
    assert any(fee["type"] == "SUPPLIER" and Decimal(fee["amount"]) for each in found for fee in each["price"]["fees"])


def test_what_cannot_wait_for_a_consolidator_is_not_reserved(amadeus: Amadeus) -> None:
    offer = next(each for each in amadeus.search("FRA", "JFK", days=1) if each["instantTicketingRequired"])
    assert code(amadeus.post(ORDERS, order_body(amadeus.priced(offer)))) == (400, 9112)
    body = order_body(amadeus.priced(offer))
    body["data"]["ticketingAgreement"] = {"option": "CONFIRM"}
    assert amadeus.post(ORDERS, body).status_code == 201


def test_tokens_expire_are_revoked_and_need_the_right_secret(amadeus: Amadeus, sandbox: Sandbox) -> None:
    form = {"grant_type": "client_credentials", "client_id": "amadeus_sandbox", "client_secret": "wrong"}
    refused = sandbox.http.post(f"/amadeus{TOKEN}", data=form)
    assert (refused.status_code, refused.json()["code"]) == (401, 38187)
    amadeus.control("tokens/revoke")
    assert code(amadeus.get(OFFERS)) == (401, 38193)
    amadeus.control("tokens/expires_in", seconds=5)
    amadeus.headers = {"authorization": f"Bearer {amadeus.token(guest_office_id='NYC1S2195')}"}
    assert sandbox.ledger(event="token.issued")[-1]["guest_office_id"] == "NYC1S2195"
    sandbox.advance(6)
    assert code(amadeus.get(OFFERS)) == (401, 38192)
    amadeus.headers = {"authorization": "Bearer nobody"}
    assert code(amadeus.get(OFFERS)) == (401, 38190)
    amadeus.headers = {}
    assert code(amadeus.get(OFFERS)) == (401, 38191)


@pytest.mark.parametrize(
    ("act", "expected", "pointer"),
    [
        (lambda data: data.update(type="flight-offer"), 477, "/data/type"),
        (lambda data: data.pop("travelers"), 32171, "/data/travelers"),
        (lambda data: data.pop("contacts"), 32171, "/data/contacts"),
        (lambda data: data["contacts"][0].pop("emailAddress"), 32171, "/data/contacts/0/emailAddress"),
        (lambda data: data["contacts"][0]["address"].update(lines=["x" * 60]), 2781, "/data/contacts/0/address/lines/0"),
        (lambda data: data["travelers"][0].pop("dateOfBirth"), 32171, "/data/travelers/0/dateOfBirth"),
        (lambda data: data["travelers"][0].update(id="9"), 4926, "/data/flightOffers/0/travelerPricings"),
        (lambda data: data["travelers"][0]["name"].update(firstName="José"), 477, "/data/travelers/0/name/firstName"),
        (lambda data: data["ticketingAgreement"].update(delay="2 days"), 477, "/data/ticketingAgreement/delay"),
        (lambda data: data.update(formOfPayments=[]), 477, "/data/formOfPayments"),
    ],
)
def test_a_malformed_order_is_refused_and_written_down(
    amadeus: Amadeus, sandbox: Sandbox, act: Any, expected: int, pointer: str
) -> None:
    body = order_body(amadeus.priced())
    act(body["data"])
    answer = amadeus.post(ORDERS, body)
    assert code(answer) == (400, expected)
    assert answer.json()["errors"][0]["source"] == {"pointer": pointer}
    (row,) = sandbox.ledger(event="schema.request")
    assert (row["operation"], row["problem"]["source"]) == ("amadeus.create_order", {"pointer": pointer})
    assert events(sandbox) == []


@pytest.mark.parametrize(
    ("party", "expected"),
    [(["ADULT"] * 9, 200), (["ADULT"] * 10, 4926), (["ADULT", "HELD_INFANT", "HELD_INFANT"], 4926), ([], 477)],
)
def test_a_party_is_nine_with_seats_and_a_lap_for_each_infant(amadeus: Amadeus, party: list[str], expected: int) -> None:
    travelers = [
        {"id": str(n), "travelerType": type, **({"associatedAdultId": "1"} if type == "HELD_INFANT" else {})}
        for n, type in enumerate(party, 1)
    ]
    leg = {"id": "1", "originLocationCode": "JFK", "destinationLocationCode": "LHR",
           "departureDateTimeRange": {"date": later(40)}}  # fmt: skip
    answer = amadeus.post(OFFERS, {"originDestinations": [leg], "travelers": travelers, "sources": ["GDS"]})
    assert (answer.status_code if answer.status_code == 200 else code(answer)[1]) == expected


def test_a_missing_override_header_and_a_wrong_content_type_are_refused(amadeus: Amadeus, sandbox: Sandbox) -> None:
    body = {"data": {"type": "flight-offers-pricing", "flightOffers": [amadeus.offer()]}}
    assert code(amadeus.post(PRICING, body, **{"x-http-method-override": ""})) == (400, 477)
    assert code(amadeus.post(PRICING, body, **{"content-type": "text/plain"})) == (400, 477)
    assert amadeus.post(PRICING, body, **{"content-type": "application/json; charset=utf-8"}).status_code == 200
    assert [row["problem"]["source"]["parameter"] for row in sandbox.ledger(event="schema.request")] == [
        "X-HTTP-Method-Override",
        "Content-Type",
    ]


def test_a_reservation_that_nobody_tickets_cancels_itself(amadeus: Amadeus, sandbox: Sandbox) -> None:
    lone, kept = amadeus.order(), amadeus.order()
    amadeus.at_order(kept, "ticket")
    sandbox.advance(2 * DAY)
    amadeus.headers = {"authorization": f"Bearer {amadeus.token()}"}
    assert code(amadeus.look(lone)) == (404, 1797)
    assert code(amadeus.cancel(lone)) == (404, 1797)
    assert amadeus.look(kept).status_code == 200
    assert events(sandbox)[-1] == "order.lapsed"


def test_the_consolidator_tickets_partly_then_wholly_and_the_order_can_no_longer_be_cancelled(
    amadeus: Amadeus, sandbox: Sandbox
) -> None:
    order = amadeus.order(amadeus.priced(amadeus.offer(adults=2, infants=1)))
    assert "tickets" not in order
    amadeus.at_order(order, "ticket", partly=True)
    assert [each["travelerId"] for each in amadeus.look(order).json()["data"]["tickets"]] == ["1"]
    amadeus.at_order(order, "ticket")
    tickets = amadeus.look(order).json()["data"]["tickets"]
    assert [each["travelerId"] for each in tickets] == ["1", "2", "3"]
    assert {each["documentStatus"] for each in tickets} == {"ISSUED"}
    assert all(each["documentNumber"].startswith("606-") for each in tickets)
    assert code(amadeus.cancel(order)) == (400, 4926)
    amadeus.at_order(order, "void_tickets")
    assert {each["documentStatus"] for each in amadeus.look(order).json()["data"]["tickets"]} == {"VOID"}
    assert amadeus.cancel(order).status_code == 204
    told = [row["complete"] for row in sandbox.ledger(event="order.ticketed")]
    assert told == [False, True]


def test_later_looks_show_renumbered_flights_and_what_the_airline_did(amadeus: Amadeus) -> None:
    found = amadeus.search("JFK", "LHR", back=47)
    offer = next(each for each in found if each["itineraries"][0]["segments"][0]["id"] != "1"
                 and each["validatingAirlineCodes"] == ["6X"])  # fmt: skip
    order = amadeus.order(amadeus.priced(offer))
    segments = [each["segments"][0] for each in order["flightOffers"][0]["itineraries"]]
    assert [each["id"] for each in segments] == ["1", "2"]
    leaves = segments[0]["departure"]["at"]
    amadeus.at_order(order, "schedule_change", minutes=90)
    seen = amadeus.look(order).json()["data"]["flightOffers"][0]
    assert seen["itineraries"][0]["segments"][0]["departure"]["at"] > leaves
    assert seen["itineraries"][0]["segments"][0]["bookingStatus"] == "CONFIRMED"
    assert "fees" not in seen["price"]
    assert "brandedFare" not in seen["travelerPricings"][0]["fareDetailsBySegment"][0]
    amadeus.at_order(order, "cancel_by_airline")
    seen = amadeus.look(order).json()["data"]["flightOffers"][0]
    assert seen["itineraries"][0]["segments"][0]["bookingStatus"] == "CANCELLED"


def test_staff_find_a_lost_reservation_by_its_remark(amadeus: Amadeus, sandbox: Sandbox) -> None:
    order = amadeus.order()

    def terminal(**asked: str) -> list[Json]:
        found: list[Json] = sandbox.http.get("/_amadeus/orders", params=asked).json()["orders"]
        return found

    (line,) = terminal(remark="f2a-test01")
    assert line["id"] == order["id"]
    assert line["names"] == ["DOE/JANE"]
    assert line["records"] == order["associatedRecords"]
    assert terminal(name="Doe", pnr=line["pnr"]) == [line]
    assert terminal(remark="F2A-OTHER") == []
    amadeus.cancel(order)
    assert terminal(remark="f2a-test01")[0]["state"] == "cancelled"


def test_an_id_that_was_encoded_twice_finds_nothing(amadeus: Amadeus) -> None:
    order = amadeus.order()
    assert amadeus.get(f"{ORDERS}/{order['id'].replace('%', '%25')}").status_code == 404
    assert amadeus.look(order).status_code == 200
