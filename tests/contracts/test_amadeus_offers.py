"""Amadeus's offers: kept character by character, sold only when we can, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.letters import ticket_name
from fly2any.kernel.money import Money
from suppliers.amadeus import adapter, bodies, mapping, people, raw, reading
from suppliers.amadeus.adapter import AmadeusSupplier
from suppliers.amadeus.mapping import Known, Unfit
from suppliers.types import REQUIREMENTS, Condition, Leg, OfferInfo, SearchQuery
from tests.contracts import examples
from tests.contracts.scripted import Peer, Says

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TOKEN = Says(200, examples.TOKEN)


def offer(**more: Any) -> dict[str, Any]:
    """The search example's first offer, to be ticketed in years."""
    return {**examples.fresh(examples.searched())["data"][0], **more}


def read(came: dict[str, Any], answer: dict[str, Any] | None = None, now: datetime = NOW) -> OfferInfo:
    return mapping.offer(came, "am_1", "", Known(now, 30, {}, {}, answer))


def two(second: dict[str, Any]) -> dict[str, Any]:
    """Two itineraries of one flight each, for a bag or a rule per direction."""
    came = offer()
    first = came["itineraries"][0]["segments"]
    came["itineraries"] = [{"segments": first[:1]}, {"segments": first[1:]}]
    return {**came, **second}


# --- character by character --------------------------------------------------------------------------------------
ODD = json.dumps(offer(), indent=3).replace('"355.34"', '"355.340"', 1).replace("SYD", "\\u0053YD", 1)


def test_an_offer_goes_back_exactly_as_it_came(peer: Peer, amadeus: AmadeusSupplier) -> None:
    came = ODD.replace('"355.340"', '"355.34"')
    peer.says(TOKEN, Says(200, f'{{ "meta":{{"a":[1,{{}}]}},\n "data" : [ {came} ,{json.dumps(offer(id="2"))}], "dictionaries":{{}}}}'.encode()))
    found = amadeus.search(examples.QUERY)
    assert raw.split(found[0].document)[1] == came
    priced = came.replace('"id": "1"', '"id": "1" , "live": {"extra": [1.50, null]}', 1)
    peer.says(Says(200, f'{{"data":{{"type":"x","flightOffers":[{priced}]}}}}'.encode()))
    again = amadeus.offer(found[0].external_id, found[0].document)
    assert peer.asked[-1].body.decode() == f'{{"data":{{"type":"flight-offers-pricing","flightOffers":[{came}]}}}}'
    assert raw.split(again.document)[1] == priced and again.external_id == found[0].external_id
    peer.says(Says(201, examples.ordered()))
    amadeus.create_order(examples.request(again.document))
    assert f'"flightOffers":[{priced}],' in peer.asked[-1].body.decode()


def test_two_customers_get_two_ids_for_the_same_offer(peer: Peer, amadeus: AmadeusSupplier) -> None:
    peer.says(TOKEN, Says(200, examples.fresh(examples.searched())))
    ids = [one.external_id for _ in range(2) for one in amadeus.search(examples.QUERY)]
    assert len(set(ids)) == 4 and all(one.startswith("am_") and len(one) == 35 for one in ids)


def test_the_switches_that_only_we_may_set_are_taken_out(peer: Peer, amadeus: AmadeusSupplier) -> None:
    came = offer(disablePricing=True)
    came["price"]["margin"] = "5.0"
    peer.says(TOKEN, Says(200, {"data": [came]}))
    kept = json.loads(raw.split(amadeus.search(examples.QUERY)[0].document)[1])
    assert kept == offer()


def test_names_and_party_are_kept_with_the_offer_for_when_it_is_priced(peer: Peer, amadeus: AmadeusSupplier) -> None:
    answer = examples.fresh(examples.searched())
    peer.says(TOKEN, Says(200, answer))
    found = amadeus.search(examples.QUERY)[0]
    peer.says(Says(200, {"data": {"flightOffers": [answer["data"][0]]}}))
    again = amadeus.offer(found.external_id, found.document)
    assert [(one.carrier_name, one.aircraft) for one in again.slices[0].segments] == [
        ("Philippine Airlines", "Airbus A330-300"), ("Philippine Airlines", "Airbus A320")]
    assert again.passengers == found.passengers


@pytest.mark.parametrize("document", ["", "x", "{}", "[]\n{}", "null\n{}"])
@pytest.mark.failure("A22")
def test_an_offer_without_its_text_is_gone(amadeus: AmadeusSupplier, peer: Peer, document: str) -> None:
    for deed in (lambda: amadeus.offer("am_1", document), lambda: amadeus.seat_maps("am_1", document),
                 lambda: amadeus.create_order(examples.request(document))):
        with pytest.raises(Refused) as caught:
            deed()
        assert caught.value.code == "offer_expired"
    assert peer.asked == []


@pytest.mark.parametrize("text", ["", "{", '{"data"', '{"data":[', '{"data":[{]}', '{"data":' + "[" * 100_000])
def test_a_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(raw.NotJson):
        raw.elements(text, "data")


# --- what is sold ------------------------------------------------------------------------------------------------


def seats(number: int) -> Callable[[dict[str, Any]], Any]:
    return lambda came: came.update(numberOfBookableSeats=number)


@pytest.mark.parametrize(("change", "sold"), [
    (lambda came: None, True), (lambda came: came.update(instantTicketingRequired=True), False),
    (lambda came: came.update(paymentCardRequired=True), False), (seats(0), False), (seats(1), True), (lambda came: came.pop("numberOfBookableSeats"), True),
    (lambda came: came["itineraries"][0]["segments"][0].update(blacklistedInEU=True), False),
    (lambda came: came["travelerPricings"][0].update(fareDetailsBySegment=[]), False),
    (lambda came: came.update(lastTicketingDate="2020-01-01"), False), (lambda came: came.pop("lastTicketingDate"), True),
    (lambda came: came["travelerPricings"][0].update(travelerType="CHILD"), False),
    (lambda came: came["travelerPricings"].append({**came["travelerPricings"][0], "travelerId": "2"}), False),
    (lambda came: came["price"].update(grandTotal=355.34), False), (lambda came: came["price"].update(grandTotal="1e3"), False),
    (lambda came: came.update(itineraries=[]), False), (lambda came: came["itineraries"][0]["segments"][0].pop("number"), False),
])
def test_only_what_can_be_sold_is_shown(peer: Peer, amadeus: AmadeusSupplier, change: Callable[[dict[str, Any]], Any], sold: bool) -> None:
    answer = examples.fresh(examples.searched())
    change(answer["data"][0])
    peer.says(TOKEN, Says(200, answer))
    assert len(amadeus.search(examples.QUERY)) == 1 + sold


def test_when_nothing_can_be_read_the_supplier_is_unwell(peer: Peer, amadeus: AmadeusSupplier) -> None:
    answer = examples.fresh(examples.searched())
    for one in answer["data"]:
        one["price"]["currency"] = "XXQ"
    peer.says(TOKEN, Says(200, answer))
    with pytest.raises(Unavailable):
        amadeus.search(examples.QUERY)


@pytest.mark.parametrize(("limit", "moment"), [
    ("2026-12-01", "2026-12-01T10:00"), ("2026-12-01T15:00:00", "2026-12-01T01:00"), ("2026-12-01T15:00:00+02:00", "2026-12-01T13:00"),
    ("2026-12-01T15:00:00Z", "2026-12-01T15:00"), ("soon", None), ("", None), (None, None), (5, None), ("2026-13-01", None),
])
def test_a_limit_ends_where_the_day_ends_first(limit: Any, moment: str | None) -> None:
    found = reading.last_moment(limit)
    assert (found and found.strftime("%Y-%m-%dT%H:%M")) == moment


def test_of_two_limits_the_first_counts_and_an_offer_stands_no_longer_than_staff_have_time() -> None:
    came = offer(lastTicketingDate="2026-11-30", lastTicketingDateTime="2026-11-21")
    with pytest.raises(Unfit):
        read(came, now=datetime(2026, 11, 21, 8, 30, tzinfo=UTC))  # ends at 10:00, two hours are needed
    near = read(came, now=datetime(2026, 11, 21, 7, 45, tzinfo=UTC))
    assert near.ticket_by == datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert near.expires_at == datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    assert read(offer()).expires_at == NOW + timedelta(minutes=30)


def test_an_offer_is_reserved_and_ticketed_by_us() -> None:
    found = read(offer())
    assert found.manual and found.instant_only and not found.request_id


# --- who travels -------------------------------------------------------------------------------------------------


def fares(*kinds: str) -> dict[str, Any]:
    one = offer()["travelerPricings"][0]
    return offer(travelerPricings=[{**one, "travelerId": str(at), "travelerType": kind} for at, kind in enumerate(kinds, start=1)])


def test_children_of_twelve_and_more_are_priced_as_adults_and_stay_children() -> None:
    query = SearchQuery((Leg("SYD", "BKK", date(2031, 1, 1)),), adults=1, child_ages=(5, 14, 8), infants=1)
    came = fares("ADULT", "ADULT", "CHILD", "CHILD", "HELD_INFANT")
    party = mapping.party(came, query)
    assert [(one.kind, one.age) for one in mapping.passengers(came, party)] == [
        ("adult", None), ("child", 14), ("child", 5), ("child", 8), ("infant", None)]
    for wrong in (("ADULT", "CHILD", "CHILD", "HELD_INFANT"), ("ADULT", "ADULT", "CHILD", "CHILD"), ("ADULT",) * 5):
        with pytest.raises(Unfit):
            mapping.party(fares(*wrong), query)


def test_seats_are_counted_without_babies_on_laps() -> None:
    assert mapping.fit({**fares("ADULT", "HELD_INFANT"), "numberOfBookableSeats": 1}) is None
    with pytest.raises(Unfit):
        mapping.fit({**fares("ADULT", "CHILD"), "numberOfBookableSeats": 1})


def test_a_baby_sits_on_the_lap_that_was_chosen(peer: Peer, amadeus: AmadeusSupplier) -> None:
    came = fares("ADULT", "ADULT", "HELD_INFANT")
    came["travelerPricings"][2]["associatedAdultId"] = "1"
    document = raw.document(json.dumps(came), came, {})
    one, two_, baby = examples.people("1", "2", "3")
    peer.says(TOKEN, Says(201, examples.ordered()))
    amadeus.create_order(examples.request(document, travellers=(replace(one, infant_external_id="3"), two_, baby)))
    assert [asked.path for asked in peer.asked[1:]] == [adapter.ORDERS]  # as the offer has it: nothing to price
    peer.says(Says(200, {"data": {"flightOffers": [came]}}), Says(201, examples.ordered()))
    amadeus.create_order(examples.request(document, travellers=(one, replace(two_, infant_external_id="3"), baby)))
    asked = peer.asked[-2]
    assert asked.path == adapter.PRICE
    assert asked.json["data"]["flightOffers"][0]["travelerPricings"][2]["associatedAdultId"] == "2"


# --- what is said of it ------------------------------------------------------------------------------------------
FREE = Condition(True, Money(0, "EUR"))


@pytest.mark.parametrize(("more", "change", "refund"), [
    ({}, Condition(), Condition()),
    ({"pricingOptions": {"refundableFare": True}}, Condition(), Condition(True)),
    ({"pricingOptions": {"refundableFare": False, "noPenaltyFare": False}}, Condition(), Condition()),
    ({"pricingOptions": {"refundableFare": True, "noPenaltyFare": True}}, FREE, FREE),
    ({"fareRules": {"rules": [{"category": "REFUND", "notApplicable": True}, {"category": "EXCHANGE", "maxPenaltyAmount": "80.00"}]}},
     Condition(True, Money(8000, "EUR")), Condition(False)),
    ({"fareRules": {"currency": "USD", "rules": [{"category": "REFUND", "maxPenaltyAmount": "30.00"}, {"category": "REVALIDATION"}]}},
     Condition(True), Condition(True, Money(3000, "USD"))),
])
def test_conditions(more: dict[str, Any], change: Condition, refund: Condition) -> None:
    found = read(offer(**more))
    assert (found.change, found.refund) == (change, refund)


def test_a_fare_family_allows_only_what_every_flight_of_it_allows() -> None:
    light, _, flex = (read(one) for one in examples.fresh(examples.upsold())["data"][:3])
    assert (light.change.allowed, light.refund.allowed) == (None, None)  # said of one flight only
    assert (flex.change, flex.refund) == (Condition(True), Condition(True))  # its fee is the airline's to say
    assert {one["kind"]: (one["quantity"], one.get("weight_kg")) for one in flex.slices[0].segments[0].bags} == {
        "checked": (1, None), "carry_on": (1, 12)}
    assert ("For a fee", "Upgrade Eligibility") in flex.rules


def test_a_refund_that_is_sold_for_a_fee_is_not_promised() -> None:
    came = examples.fresh(examples.upsold())["data"][2]
    for one in came["travelerPricings"][0]["fareDetailsBySegment"]:
        for extra in one["amenities"]:
            extra["isChargeable"] = extra["isChargeable"] or extra["description"] == "REFUNDABLE TICKET"
    found = read(came)
    assert (found.change.allowed, found.refund.allowed) == (True, None)


def test_bags_are_sold_for_a_traveller_and_a_direction() -> None:
    came = two({})
    bag = {"name": "CHECKED_BAG", "price": {"amount": "30.00", "currencyCode": "EUR"}, "quantity": 1, "bookableByItinerary": True,
           "segmentIds": ["1", "2"], "travelerIds": ["1"]}
    double = {**bag, "quantity": 2, "price": {"amount": "60.00", "currencyCode": "EUR"}}
    triple = {**bag, "quantity": 3, "price": {"amount": "120.00", "currencyCode": "EUR"}}
    whole = {**bag, "bookableByItinerary": False}
    heavy = {"weight": 20, "weightUnit": "KG", "price": {"amount": "45.00", "currencyCode": "EUR"}, "segmentIds": ["2"], "travelerIds": ["1"]}
    foreign = {**bag, "price": {"amount": "30.00", "currencyCode": "USD"}}

    def sold(**bags: Any) -> list[tuple[str, tuple[str, ...], int, int]]:
        found = read(came, {"data": {}, "included": {"bags": bags}})
        return [(one.external_id, one.segment_ids, one.max_quantity, one.price.minor) for one in found.services or ()]

    assert sold(a=bag, b=double, c=triple) == [("bag:1:1:pc", ("1",), 2, 3000), ("bag:1:2:pc", ("2",), 2, 3000)]
    assert sold(a=whole) == [("bag:1:1-2:pc", ("1", "2"), 1, 3000)]
    assert sold(a=heavy) == [("bag:1:2:20kg", ("2",), 1, 4500)]
    assert sold(a=foreign, b=double, c=None, d={"price": {}}) == []
    assert read(came).services is None and read(came, {"data": {}}).services == ()


def test_what_the_airline_wants_to_know_is_said_in_our_words() -> None:
    everything = {"data": {"bookingRequirements": {
        **dict.fromkeys(mapping._OF_BOOKING, True),
        "travelerRequirements": [{"travelerId": "1", "documentRequired": True, **dict.fromkeys(mapping._OF_TRAVELLER, True)}]}}}
    found = read(offer(), everything)
    assert set(found.requires) == set(REQUIREMENTS) and found.documents_required and found.document_kinds == ("passport",)
    nothing = read(offer(), {"data": {"bookingRequirements": {"travelerRequirements": [{"travelerId": "1", "genderRequired": False}]}}})
    assert nothing.requires == () and not nothing.documents_required


@pytest.mark.parametrize("key", mapping._OF_RESIDENTS)
def test_a_fare_for_residents_is_not_sold(key: str) -> None:
    with pytest.raises(mapping.Unfit):
        read(offer(), {"data": {"bookingRequirements": {"travelerRequirements": [{"travelerId": "1", key: True}]}}})


def test_fare_rules_are_kept_as_the_airline_wrote_them() -> None:
    note = "PENALTIES\n  CHANGES <b>ANY TIME</b> & MORE"
    found = read(offer(), {"data": {}, "included": {"detailed-fare-rules": {
        "1": {"fareBasis": "EOBAU", "segmentId": "1", "fareNotes": {"descriptions": [{"descriptionType": "PENALTIES", "text": note}, {"text": " "}]}}}}})
    assert found.rules == (("EOBAU SYD to MNL: Penalties", note),)


@pytest.mark.parametrize("change", [
    lambda now: now["itineraries"][0]["segments"][0].update(number="999"),
    lambda now: now["itineraries"][0]["segments"][0]["departure"].update(at="2021-11-01T12:35:00"),
    lambda now: now["itineraries"][0]["segments"].pop(), lambda now: now["itineraries"].append(now["itineraries"][0]),
    lambda now: now["travelerPricings"][0]["fareDetailsBySegment"][0].update(cabin="PREMIUM_ECONOMY"),
    lambda now: now["travelerPricings"][0]["fareDetailsBySegment"][1].update(includedCheckedBags={"weight": 20, "weightUnit": "KG"}),
])
@pytest.mark.failure("A22")
def test_a_priced_offer_that_is_another_is_gone(peer: Peer, amadeus: AmadeusSupplier, change: Callable[[dict[str, Any]], Any]) -> None:
    now = offer()
    change(now)
    peer.says(TOKEN, Says(200, {"data": {"flightOffers": [now]}}))
    came = offer()
    with pytest.raises(Refused) as caught:
        amadeus.offer("am_1", raw.document(json.dumps(came), came, {}))
    assert caught.value.code == "offer_expired"


@pytest.mark.parametrize("answer", [Says(400, {"errors": [{"code": 4926}]}), Says(200, {"data": [], "warnings": [{"code": 4926}]}),
                                    Says(400, {"errors": [{"code": 4481}]}), Says(400, {"errors": [{"code": 8791}]})])
def test_an_airline_without_a_seat_map_has_none(peer: Peer, amadeus: AmadeusSupplier, answer: Says) -> None:
    peer.says(TOKEN, answer)
    came = offer()
    assert amadeus.seat_maps("am_1", raw.document(json.dumps(came), came, {})) == []


def test_extras_are_priced_into_the_offer_before_it_is_booked(peer: Peer, amadeus: AmadeusSupplier) -> None:
    came = two({})
    document, dearer = raw.document(json.dumps(came), came, {}), two({"price": {**came["price"], "grandTotal": "400.34"}})
    wanted = {"services": (("bag:1:1:pc", 2), ("seat:1:2:14C", 1)), "amount": Money(40034, "EUR")}
    peer.says(TOKEN, Says(200, {"data": {"flightOffers": [dearer]}}), Says(201, examples.ordered()))
    amadeus.create_order(examples.request(document, **wanted))
    details = peer.asked[1].json["data"]["flightOffers"][0]["travelerPricings"][0]["fareDetailsBySegment"]
    assert [one.get("additionalServices") for one in details] == [
        {"chargeableCheckedBags": {"quantity": 2}}, {"chargeableSeat": {"number": "14C"}}]
    assert peer.asked[2].json["data"]["flightOffers"] == [dearer]
    peer.says(Says(200, {"data": {"flightOffers": [dearer]}}))
    with pytest.raises(Refused) as caught:
        amadeus.create_order(examples.request(document, **{**wanted, "amount": Money(39034, "EUR")}))
    assert caught.value.code == "price_changed"
    with pytest.raises(Refused) as caught:
        amadeus.create_order(examples.request(document, services=(("bag:9:1:pc", 1),)))
    assert caught.value.code == "services_unavailable"
    assert [asked.path for asked in peer.asked].count(adapter.ORDERS) == 1


# --- what we send ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "sent"), [
    ("Jürgen", "JUERGEN"), ("Łucja-Zoë", "LUCJA-ZOE"), ("O’Brien", "O BRIEN"), ("Nguyễn", "NGUYEN"), ("Strauß", "STRAUSS"),
    ("  Ana   María ", "ANA MARIA"), ("Søren", "SOEREN"), ("Đặng", "DANG"), ("Иван", ""), ("Şahin", "SAHIN"), ("de la Peña", "DE LA PENA"),
])
def test_names_are_written_as_on_tickets(typed: str, sent: str) -> None:
    assert ticket_name(typed) == sent


@pytest.mark.parametrize(("number", "code", "digits"), [("+4915123456789", "49", "15123456789"), ("+12125550100", "1", "2125550100"),
                                                        ("+442080160509", "44", "2080160509"), ("+393471234567", "39", "3471234567")])
def test_phones_are_a_calling_code_and_digits(number: str, code: str, digits: str) -> None:
    assert people.phone(number) == {"deviceType": "MOBILE", "countryCallingCode": code, "number": digits}
    assert people.phone("12345") is None


def test_cities_and_streets_are_cut_to_what_airlines_take() -> None:
    assert people.city("São José dos Campos, SP (Brasil)") == "Sao Jose Dos Campos Sp Brasil"
    assert len(people.line("x" * 60)) == 35 and people.line("Straße 5, 3º") == "Strae 5, 3o"


@pytest.mark.parametrize(("last", "leaves", "days"), [
    (None, "2031-01-01", 2), ("2026-11-21", "2031-01-01", 1), ("2026-11-22", "2031-01-01", 1), ("2026-11-23", "2031-01-01", 2),
    ("2030-01-01", "2031-01-01", 2), (None, "2026-11-22", 1), (None, "2026-11-21", 1), (None, "never", 2),
])
def test_a_reservation_cancels_itself_before_it_must_be_ticketed(last: str | None, leaves: str, days: int) -> None:
    came: dict[str, Any] = {"itineraries": [{"segments": [{"departure": {"at": f"{leaves}T10:00:00"}}]}]}
    if last:
        came["lastTicketingDate"] = last
    assert bodies.delay(came, 2, date(2026, 11, 21)) == days


def test_an_order_says_who_we_are_and_carries_our_reference() -> None:
    came = offer()
    came["itineraries"][0]["segments"][0]["departure"]["at"] = "2031-11-01T11:35:00"
    agency = people.Agency("Fly2Any", "desk@fly2any.example", "+1", "(212) 555-0100", "1 Sandbox Street", "10001", "New York", "US")
    sent = json.loads(bodies.order(examples.request("x"), json.dumps(came), came, agency, 2, date(2026, 11, 21)))["data"]
    assert sent["remarks"] == {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": "FLY2ANY FLY2A-ABC234"}]}
    assert sent["ticketingAgreement"] == {"option": "DELAY_TO_CANCEL", "delay": "2D"}
    assert sent["contacts"][0]["phones"] == [{"deviceType": "LANDLINE", "countryCallingCode": "1", "number": "2125550100"}]
    person = sent["travelers"][0]
    assert (person["id"], person["name"], person["gender"], person["dateOfBirth"]) == (
        "1", {"firstName": "AMELIE-ZOE", "lastName": "O BRIEN LUK"}, "FEMALE", "1987-07-24")
    assert person["contact"]["phones"][0]["number"] == "2080160509"
    assert "documents" not in person and "formOfPayments" not in sent
