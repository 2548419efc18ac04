"""Each field of the specifications' example answers: where it goes, or why nobody needs it. A new field fails here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from suppliers.amadeus import bodies, mapping, orders, raw
from suppliers.amadeus.mapping import Known
from suppliers.amadeus.people import Agency
from suppliers.amadeus.seats import seat_map
from suppliers.stored import to_json
from suppliers.types import OfferInfo
from tests.contracts import examples

DOCUMENT = "kept in the offer's document, character by character, and sent back; staff see it in the reservation itself"
ROW = "a number within one answer; ours is OfferInfo.external_id"
NOT_SOLD = "decides whether the offer is sold at all (mapping.fit)"
KIND = "says what it is in, which the call says already"
OURS = "what we sent ourselves: kept, and shown, in our own rows"
SUM = "in the total; what the airline keeps of it is nobody's choice"
RECORD = "kept in the call record for staff"
DICTIONARY = "our own list of airports says it"
SEGMENT, DETAIL = "itineraries[].segments[].", "travelerPricings[].fareDetailsBySegment[]."

# field of an offer -> where it is found in our picture (a path, or several), or why it is not needed
OFFER: dict[str, str] = {
    "type": KIND, "id": ROW, "source": "GDS is all we ask for", "oneWay": "we ask for whole trips only",
    "instantTicketingRequired": NOT_SOLD, "paymentCardRequired": NOT_SOLD, "numberOfBookableSeats": NOT_SOLD,
    "nonHomogeneous": "several records: all of them are kept (OrderInfo.pnr and locators)",
    "lastTicketingDate": "> ticket_by", f"{SEGMENT}blacklistedInEU": NOT_SOLD,
    "itineraries[].duration": "> slices.duration_minutes", f"{SEGMENT}duration": "> segments.duration_minutes",
    f"{SEGMENT}departure.iataCode": "> origin.code", f"{SEGMENT}departure.terminal": "> origin_terminal",
    f"{SEGMENT}departure.at": "> departing_local", f"{SEGMENT}arrival.iataCode": "> destination.code",
    f"{SEGMENT}arrival.terminal": "> destination_terminal", f"{SEGMENT}arrival.at": "> arriving_local",
    f"{SEGMENT}carrierCode": "> carrier_code", f"{SEGMENT}number": "> flight_number", f"{SEGMENT}id": "> external_id",
    f"{SEGMENT}aircraft.code": "> aircraft", f"{SEGMENT}operating.carrierCode": "> operating_name",
    f"{SEGMENT}numberOfStops": "> stops", f"{SEGMENT}co2Emissions[].weight": "> emissions_kg",
    f"{SEGMENT}co2Emissions[].weightUnit": "decides how the weight is read", f"{SEGMENT}co2Emissions[].cabin": "the cabin's own weight",
    "price.currency": "> total.currency", "price.grandTotal": "> total.minor", "price.base": "> base.minor",
    "price.total": "grandTotal is what is charged", "price.fees[].amount": SUM, "price.fees[].type": SUM, "price.billingCurrency": SUM,
    "price.additionalServices[].type": OURS, "price.additionalServices[].amount": SUM,
    "pricingOptions.fareType[]": "published fares are all we ask for", "pricingOptions.includedCheckedBagsOnly": "the bags themselves are read",
    "pricingOptions.includedCheckedBags": "the bags themselves are read", "pricingOptions.refundableFare": "> refund",
    "pricingOptions.noRestrictionFare": "> change", "pricingOptions.noPenaltyFare": "> change",
    "validatingAirlineCodes[]": "> owner_code",
    "travelerPricings[].travelerId": "> passengers.external_id", "travelerPricings[].travelerType": "> passengers.kind",
    "travelerPricings[].fareOption": DOCUMENT, "travelerPricings[].associatedAdultId": "the adult is sent back with it (bodies.on_laps)",
    "travelerPricings[].price.currency": SUM, "travelerPricings[].price.total": SUM, "travelerPricings[].price.base": SUM,
    "travelerPricings[].price.taxes[].amount": SUM, "travelerPricings[].price.taxes[].code": SUM,
    f"{DETAIL}segmentId": "> external_id", f"{DETAIL}cabin": "> cabin", f"{DETAIL}fareBasis": DOCUMENT, f"{DETAIL}class": DOCUMENT,
    f"{DETAIL}brandedFare": "> brand", f"{DETAIL}includedCheckedBags.quantity": "> bags.quantity",
    f"{DETAIL}includedCheckedBags.weight": "> bags.weight_kg", f"{DETAIL}includedCheckedBags.weightUnit": "decides how the weight is read",
    f"{DETAIL}amenities[].description": "> rules", f"{DETAIL}amenities[].isChargeable": "> rules",
    f"{DETAIL}amenities[].code": DOCUMENT, f"{DETAIL}amenities[].amenityType": DOCUMENT,
    f"{DETAIL}isAllotment": DOCUMENT, f"{DETAIL}allotmentDetails.tourName": DOCUMENT, f"{DETAIL}allotmentDetails.tourReference": DOCUMENT,
    f"{DETAIL}sliceDiceIndicator": DOCUMENT, f"{DETAIL}additionalServices.chargeableCheckedBags.quantity": OURS,
    f"{DETAIL}additionalServices.chargeableCheckedBags.weight": OURS, f"{DETAIL}additionalServices.chargeableSeatNumber": OURS,
}
ORDER: dict[str, str] = {
    "type": KIND, "id": "> external_id", "queuingOfficeId": RECORD, "associatedRecords[].reference": "> pnr",
    "associatedRecords[].creationDateTime": "> created_at", "associatedRecords[].originSystemCode": "> locators, or the pnr",
    "associatedRecords[].flightOfferId": ROW, "travelers[].id": "> travellers", "travelers[].name.firstName": "> travellers",
    "travelers[].name.lastName": "> travellers", "travelers[].dateOfBirth": OURS,
    "ticketingAgreement.option": "> pay_by", "ticketingAgreement.dateTime": "> pay_by",
    **dict.fromkeys(["travelers[].contact.phones[].countryCallingCode", "travelers[].contact.phones[].number"], OURS),
    **{f"travelers[].documents[].{name}": OURS for name in ("documentType", "number", "expiryDate", "issuanceCountry", "nationality", "holder")},
    **{f"contacts[].{name}": OURS for name in ("companyName", "purpose", "phones[].deviceType", "phones[].countryCallingCode", "phones[].number",
                                               "emailAddress", "address.lines[]", "address.postalCode", "address.cityName", "address.countryCode")},
}
AROUND = {"meta.count": KIND, "meta.links.self": "our own question", "data.type": KIND, "dictionaries.currencies": "kernel.money says it",
          "dictionaries.carriers": "> carrier_name", "dictionaries.aircraft": "> aircraft", "dictionaries.locations": DICTIONARY}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value with its path; places in lists are "[]"."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def unplaced(answer: dict[str, Any], *tables: tuple[str, dict[str, str]]) -> set[str]:
    """The paths of an answer that no table names."""
    known = {f"{prefix}{path}" for prefix, table in tables for path in table}
    paths = {path for path, _ in leaves(answer)}
    names = tuple(path for path in AROUND if path.startswith("dictionaries."))
    return {path for path in paths if path not in known and path not in AROUND and not path.startswith(names)}


@pytest.mark.parametrize(("name", "tables"), [
    ("searched", [("data[].", OFFER)]), ("searched_by_post", [("data[].", OFFER)]), ("upsold", [("data[].", OFFER)]),
    ("priced", [("data.flightOffers[].", OFFER)]), ("ordered", [("data.flightOffers[].", OFFER), ("data.", ORDER)]),
])
def test_every_field_of_every_example_has_a_place_or_a_reason(name: str, tables: list[tuple[str, dict[str, str]]]) -> None:
    assert unplaced(getattr(examples, name)(), *tables) == set()


def test_no_row_of_the_tables_is_idle() -> None:
    seen: set[str] = set()
    for name, prefix in (("searched", "data[]."), ("searched_by_post", "data[]."), ("upsold", "data[]."),
                         ("priced", "data.flightOffers[]."), ("ordered", "data.flightOffers[].")):
        seen |= {path.removeprefix(prefix) for path, _ in leaves(getattr(examples, name)())}
    assert set(OFFER) - seen == set()


def offers(name: str) -> list[tuple[dict[str, Any], OfferInfo]]:
    """The example's offers, as they came and as we understand them."""
    answer = examples.fresh(getattr(examples, name)())
    raws = answer["data"] if isinstance(answer["data"], list) else answer["data"]["flightOffers"]
    names = answer["dictionaries"]
    return [(one, mapping.offer(one, "am_1", raw.document("{}", one, names), Known(examples.LONG_AGO, 30, names, {}, answer))) for one in raws]


def pictured(info: Any) -> dict[str, set[str]]:
    """Every value of our picture by the last name of its path, as text."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, value in leaves(to_json(info) if isinstance(info, OfferInfo) else info):
        names = [part.rstrip("[]") for part in path.split(".")]
        for at in range(len(names)):
            found[".".join(names[at:])].add(str(value))
    return found


SAME = {"departure.iataCode": "origin.code", "arrival.iataCode": "destination.code", "departure.terminal": "origin_terminal",
        "arrival.terminal": "destination_terminal", "departure.at": "departing_local", "arrival.at": "arriving_local",
        "carrierCode": "carrier_code", "number": "flight_number", "id": "external_id"}


@pytest.mark.parametrize("name", ["searched", "searched_by_post", "priced", "upsold"])
def test_every_value_that_has_a_place_stands_there(name: str) -> None:
    for came, info in offers(name):
        ours = pictured(info)
        for part in came["itineraries"]:
            for flight in part["segments"]:
                for theirs, mine in SAME.items():
                    value: Any = flight
                    for step in theirs.split("."):
                        value = value.get(step) if value is not None else None
                    assert value is None or str(value) in ours[mine], (theirs, value)
        assert str(info.total.amount) == came["price"]["grandTotal"] and info.total.currency == came["price"]["currency"]
        assert info.base is not None and str(info.base.amount) == came["price"]["base"]
        assert info.tax is not None and info.base + info.tax == info.total
        assert {one["travelerId"] for one in came["travelerPricings"]} == {one.external_id for one in info.passengers}
        assert info.owner_code == came["validatingAirlineCodes"][0]
        flights = [flight for piece in info.slices for flight in piece.segments]
        details = came["travelerPricings"][0]["fareDetailsBySegment"]
        assert [flight.cabin for flight in flights] == [detail["cabin"].lower() for detail in details] or name == "upsold"
        assert all(flight.duration_minutes for flight in flights) and all(piece.duration_minutes for piece in info.slices)
        for detail in details:
            bag = detail["includedCheckedBags"]
            assert str(bag.get("quantity", bag.get("weight"))) in ours["bags.quantity"] | ours["bags.weight_kg"]
            for extra in detail.get("amenities", ()):
                assert extra["description"].casefold() in "\n".join(told for _, told in info.rules).casefold()


def test_names_come_from_the_dictionaries() -> None:
    _, info = offers("searched")[0]
    flight = info.slices[0].segments[0]
    assert (flight.carrier_name, flight.operating_name, flight.aircraft) == ("Philippine Airlines", "Philippine Airlines", "Airbus A330-300")
    assert info.owner_name == "Philippine Airlines"
    assert (flight.origin.city, flight.origin.time_zone, flight.destination.country) == ("Sydney", "Australia/Sydney", "PH")


def test_an_orders_values_stand_where_the_table_says() -> None:
    answer = examples.ordered()
    info = orders.order(answer["data"], answer)
    assert (info.external_id, info.pnr, str(info.total)) == (answer["data"]["id"], "2ZYVAL", "EUR 689.21")
    assert info.travellers == (("1", "STEPHANE", "MARTIN"), ("3", "JULES", "MARTIN"), ("2", "EMILIE", "MARTIN"))
    assert info.created_at is not None and info.created_at.isoformat() == "2018-07-13T20:17:00+00:00"
    assert info.pay_by is not None and info.pay_by.isoformat() == "2018-08-20T20:15:00+00:00"  # 10:15 of the 21st at UTC+14
    assert [[flight.flight_number for flight in piece.segments] for piece in info.itinerary] == [["3403"], ["3118"], ["3109", "3444"]]
    assert info.itinerary[0].brand == "Lightone" and info.itinerary[2].duration_minutes == 270


def test_a_seat_maps_seats_are_all_there() -> None:
    answer = examples.seat_maps()
    for came in answer["data"]:
        found = seat_map(came, {came["segmentId"]: "1"}, "EUR")
        cells = [cell for cabin in found.cabins for row in cabin["rows"] for part in row for cell in part]
        assert {cell.designator for cell in cells if cell.designator} == {
            seat["number"] for deck in came["decks"] for seat in deck["seats"] if "8" not in seat["characteristicsCodes"]}
        free = {(seat["number"], one["travelerId"]) for deck in came["decks"] for seat in deck["seats"]
                for one in seat["travelerPricing"] if one["seatAvailabilityStatus"] == "AVAILABLE" and "price" in one}
        sold = {(cell.designator, person) for cell in cells for person in cell.services}
        assert sold and sold <= free
        assert any(cell.kind == "exit_row" for cell in cells)


def test_what_we_send_has_everything_that_the_specifications_own_client_sends() -> None:
    def own(body: dict[str, Any]) -> set[str]:
        return {path for path, _ in leaves({name: value for name, value in body["data"].items() if name != "flightOffers"})}

    offer = examples.fresh(examples.searched())["data"][0]
    document = {"kind": "passport", "number": "0", "country": "ES", "expires_on": "2030-04-14"}
    person = replace(examples.people("1")[0], document=document, details={
        "documentCity": "Madrid", "addressLine": "Calle Prado, 16", "postalCode": "28014", "addressCity": "Madrid", "addressCountry": "ES"})
    agency = Agency("Fly2Any", "support@example.com", "34", "480080071", "Calle Prado, 16", "28014", "Madrid", "ES")
    sent = json.loads(bodies.order(examples.request("x", travellers=(person,)), json.dumps(offer), offer, agency, 2, date(2031, 1, 1)))
    unsent = {"travelers[].documents[].birthPlace", "travelers[].documents[].issuanceDate"}  # bookingRequirements never ask for them
    assert own(examples.order_request()) - own(sent) <= unsent
    assert sent["data"]["flightOffers"] == [offer]
