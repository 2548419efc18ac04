"""What the codes in an answer stand for."""

from __future__ import annotations

from typing import Any

from sandbox.amadeus import offers
from sandbox.amadeus.money import NAMES
from sandbox.flights.airlines import AIRCRAFT, airline_names
from sandbox.flights.airports import airports, city_of

Json = dict[str, Any]


def dictionaries(found: list[Json]) -> Json:
    """Return what the codes in these offers stand for."""
    flights = [segment for offer in found for segment in offers.segments(offer)]
    codes = {flight[end]["iataCode"] for flight in flights for end in ("departure", "arrival")}
    planes = {flight["aircraft"]["code"] for flight in flights}
    carriers = {each["carrierCode"] for flight in flights for each in (flight, flight.get("operating", flight))}
    money = {offer["price"]["currency"] for offer in found}
    return {
        "locations": {
            code: {"cityCode": city_of().get(code, code), "countryCode": airports()[code]["country"]}
            for code in sorted(codes)
            if code in airports()
        },
        "aircraft": {code: AIRCRAFT.get(code, code).upper() for code in sorted(planes)},
        "currencies": {code: NAMES.get(code, code) for code in sorted(money)},
        "carriers": {code: carrier_name(code) for code in sorted(carriers)},
    }


def carrier_name(code: str) -> str:
    """Return an airline's name as Amadeus writes it."""
    return "AMADEUS SIX" if code == offers.SIX.code else airline_names().get(code, code).upper()
