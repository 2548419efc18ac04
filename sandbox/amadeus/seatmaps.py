"""Seat maps: of offers before booking, of an order after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.amadeus import issued, offers, orders, seats
from sandbox.amadeus.dictionaries import dictionaries
from sandbox.amadeus.errors import CODES, deviation
from sandbox.amadeus.money import amount
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]
WITHOUT = frozenset({"FI", "KQ", "AR", "MU"})  # airlines that show Amadeus no map
FACILITIES = {"LA": "Lavatory", "G": "Galley"}
CHARACTERISTICS = {
    "A": "Aisle seat", "W": "Window seat", "9": "Center seat (not window, not aisle)", "E": "Exit row seat",
    "L": "Leg space seat", "CH": "Chargeable seats", "1A": "Seat not allowed for infant",
}  # fmt: skip


def of_offers(call: Call, world: World, asked: Json) -> Answer:
    """POST /v1/shopping/seatmaps."""
    for number, offer in enumerate(asked["data"]):
        issued.checked(world, offer, f"/data/{number}")
    return _answer(world, asked["data"], "amadeus.seatmaps")


def of_order(call: Call, world: World, asked: Json) -> Answer:
    """GET /v1/shopping/seatmaps?flightOrderId=."""
    id = asked.get("flightOrderId") or asked.get("flight-orderId")
    if not id:
        raise deviation(32171, "flightOrderId is missing", parameter="flightOrderId")
    return _answer(world, orders.find(world, id)["data"]["flightOffers"], "amadeus.order_seatmaps")


def _answer(world: World, found: list[Json], operation: str) -> Answer:
    full = world.use_fault(operation, "seats_occupied") is not None
    shown: list[Json] = []
    missing: list[Json] = []
    for offer in found:
        for segment in offers.segments(offer):
            if segment["carrierCode"] in WITHOUT:
                missing.append(segment)
            else:
                shown.append(_map(offer, segment, str(len(shown) + 1), full=full))
    body: Json = {"meta": {"count": len(shown)}, "data": shown}
    if missing:
        body["warnings"] = [_warning(segment) for segment in missing]
    body["dictionaries"] = {
        "locations": dictionaries(found)["locations"],
        "facilities": FACILITIES,
        "seatCharacteristics": CHARACTERISTICS,
    }
    return Answer(200, body)


def _warning(segment: Json) -> Json:
    return {
        "status": 200,
        "code": 4926,
        "title": CODES[4926][1],
        "detail": "Invalid departure/Arrival city pair",
        "source": {"pointer": f"/data/segments/{segment['id']}"},
    }


def _map(offer: Json, segment: Json, id: str, *, full: bool) -> Json:
    plane = segment["aircraft"]["code"]
    seated = [each for each in offer["travelerPricings"] if each["travelerType"] != offers.ON_LAP]
    fare = next(each for each in seated[0]["fareDetailsBySegment"] if each["segmentId"] == segment["id"])
    found = list(_seats(offer, segment, seated, fare["cabin"], full=full))
    first = found[0]["travelerPricing"]
    free = sum(each["travelerPricing"][0]["seatAvailabilityStatus"] == "AVAILABLE" for each in found)
    return {
        "type": "seatmap",
        "id": id,
        "departure": segment["departure"],
        "arrival": segment["arrival"],
        "carrierCode": segment["carrierCode"],
        "number": segment["number"],
        "operating": segment["operating"],
        "aircraft": segment["aircraft"],
        "class": fare["class"],
        "flightOfferId": offer["id"],
        "segmentId": segment["id"],
        "decks": [_deck(plane, found)],
        "aircraftCabinAmenities": {"wifi": {"isChargeable": True, "wifiCoverage": "FULL"}},
        "availableSeatsCounters": [{"travelerId": each["travelerId"], "value": free} for each in first],
    }


def _deck(plane: str, found: list[Json]) -> Json:
    width, length = len(seats.letters(plane)), seats.rows(plane)
    behind = {"x": length + 1, "y": 0}
    return {
        "deckType": "MAIN",
        "deckConfiguration": {
            "width": width,
            "length": length + 2,
            "startSeatRow": 1,
            "endSeatRow": length,
            "startWingsRow": length // 3,
            "endWingsRow": 2 * length // 3,
            "exitRowsX": list(seats.exits(plane)),
        },
        "facilities": [
            {"code": "LA", "column": "A", "position": "FRONT", "coordinates": {"x": 0, "y": 0}},
            {"code": "G", "column": "A", "row": str(length), "position": "REAR", "coordinates": behind},
        ],
        "seats": found,
    }


def _seats(offer: Json, segment: Json, seated: list[Json], cabin: str, *, full: bool) -> Iterator[Json]:
    plane, money = segment["aircraft"]["code"], offer["price"]["currency"]
    letters = seats.letters(plane)
    for row in range(1, seats.rows(plane) + 1):
        for place, letter in enumerate(letters):
            if letter == " ":
                continue
            number = f"{row}{letter}"
            free = not full and seats.free(segment, number)
            pricing = [_offered(each, plane, number, money, free=free) for each in seated]
            yield {
                "cabin": cabin,
                "number": number,
                "characteristicsCodes": _characteristics(plane, row, letters, place),
                "travelerPricing": pricing,
                "coordinates": {"x": row, "y": place},
            }


def _offered(traveller: Json, plane: str, number: str, money: str, *, free: bool) -> Json:
    if not free:
        return {"travelerId": traveller["travelerId"], "seatAvailabilityStatus": "OCCUPIED"}
    price = str(amount(seats.cents(plane, number, traveller["travelerType"]), money))
    return {
        "travelerId": traveller["travelerId"],
        "seatAvailabilityStatus": "AVAILABLE",
        "price": {"currency": money, "total": price, "base": price},
    }


def _characteristics(plane: str, row: int, letters: str, place: int) -> list[str]:
    beside = letters[max(place - 1, 0)] + letters[min(place + 1, len(letters) - 1)]
    side = "W" if place in (0, len(letters) - 1) else "A" if " " in beside else "9"
    return [side, *(["E", "L", "1A"] if row in seats.exits(plane) else []), "CH"]
