"""The flights of an Amadeus offer or order, in our words. Pure functions, no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from suppliers import airlines, places
from suppliers.amadeus.reading import count, items, mapping, minutes, place, said, text
from suppliers.types import FlightSegment, FlightSlice, Place

Raw = Mapping[str, Any]
Names = Mapping[str, Mapping[str, str]]
_POUND = 0.45359237


def slices(offer: Raw, names: Names) -> tuple[FlightSlice, ...]:
    """The directions of an offer, each numbered from "1"."""
    details = _details(offer)
    return tuple(_slice(str(number), raw, details, names) for number, raw in enumerate(
        items(offer.get("itineraries")), start=1))


def _details(offer: Raw) -> dict[str, list[tuple[str, Raw]]]:
    """Per flight id: each traveller's id with what their fare holds there.

    Upsell answers name flights by ids of their own (seen: spec's example); then they stand in the order of the trip.
    """
    ids = [text(one.get("id")) for part in items(offer.get("itineraries")) for one in items(part.get("segments"))]
    found: dict[str, list[tuple[str, Raw]]] = {}
    for traveller in items(offer.get("travelerPricings")):
        details = items(traveller.get("fareDetailsBySegment"))
        named = [text(detail.get("segmentId")) for detail in details]
        if set(named) - set(ids) and len(named) == len(ids):
            named = ids
        for flight, detail in zip(named, details, strict=True):
            found.setdefault(flight, []).append((text(traveller.get("travelerId")), detail))
    return found


def _slice(number: str, raw: Raw, details: Mapping[str, list[tuple[str, Raw]]], names: Names) -> FlightSlice:
    flights = tuple(_segment(item, details, names) for item in items(raw.get("segments")))
    brands = [_brand(detail) for flight in flights for _, detail in details.get(flight.external_id, ())[:1]]
    ends = (flights[0].origin, flights[-1].destination) if flights else (Place("", ""), Place("", ""))
    return FlightSlice(
        external_id=number, origin=ends[0], destination=ends[1], segments=flights,
        duration_minutes=minutes(raw.get("duration")) or _elapsed(flights),
        brand=" / ".join(dict.fromkeys(brand for brand in brands if brand)),
        comparison_key="|".join(f"{one.carrier_code}{one.flight_number}@{one.departing_local}" for one in flights))


def _brand(detail: Raw) -> str:
    """The fare family: live answers carry a label that the spec does not know."""
    return said((text(detail.get("brandedFareLabel")) or text(detail.get("brandedFare"))).replace("_", " "))


def _elapsed(flights: tuple[FlightSegment, ...]) -> int | None:
    """How long a direction takes by the airports' zones: Price leaves the durations out."""
    with suppress(ValueError, IndexError, KeyError):
        start = places.utc(flights[0].departing_local, _zoned(flights[0].origin))
        end = places.utc(flights[-1].arriving_local, _zoned(flights[-1].destination))
        if end > start:
            return int((end - start).total_seconds()) // 60
    return None


def _zoned(airport: Place) -> dict[str, str]:
    return {"code": airport.code, "time_zone": airport.time_zone}


def _segment(raw: Raw, details: Mapping[str, list[tuple[str, Raw]]], names: Names) -> FlightSegment:
    carrier, operating = text(raw.get("carrierCode")), mapping(raw.get("operating"))
    start, end = mapping(raw.get("departure")), mapping(raw.get("arrival"))
    mine = details.get(text(raw.get("id")), [])
    flown_by = text(operating.get("carrierCode")) or carrier
    model = text(mapping(raw.get("aircraft")).get("code"))
    return FlightSegment(
        external_id=text(raw.get("id")), carrier_code=carrier, carrier_name=carrier_name(carrier, names),
        flight_number=text(raw.get("number")),
        operating_name=text(operating.get("carrierName")) or carrier_name(flown_by, names),
        operating_number=text(operating.get("flightNumber") or operating.get("number")),
        origin=place(text(start.get("iataCode"))), destination=place(text(end.get("iataCode"))),
        departing_local=text(start.get("at")), arriving_local=text(end.get("at")),
        duration_minutes=minutes(raw.get("duration")),
        aircraft=said(names.get("aircraft", {}).get(model, "")) or (f"Aircraft {model}" if model else ""),
        origin_terminal=text(start.get("terminal")), destination_terminal=text(end.get("terminal")),
        stops=_stops(raw), cabin=text(mine[0][1].get("cabin")).lower() if mine else "",
        bags=tuple(bag for traveller, detail in mine for bag in _bags(traveller, detail)))


def carrier_name(code: str, names: Names) -> str:
    """An airline as our own list calls it, else as the answer's dictionary does, else its code."""
    return airlines.name(code) or said(names.get("carriers", {}).get(code, "")) or code


def _stops(raw: Raw) -> tuple[str, ...]:
    """The airports of technical stops; a stop that is counted and not named stands as "?"."""
    named = tuple(text(stop.get("iataCode")) for stop in items(raw.get("stops")) if text(stop.get("iataCode")))
    return named + ("?",) * max(0, count(raw.get("numberOfStops")) - len(named))


def _bags(traveller: str, detail: Raw) -> list[dict[str, Any]]:
    """What a traveller may bring on this flight: pieces, or one bag of so many kilos where the airline weighs."""
    found = []
    for kind, raw in (("checked", mapping(detail.get("includedCheckedBags"))), ("carry_on", _cabin_bags(detail))):
        if "quantity" not in raw and "weight" not in raw:
            continue
        kilos = weight_kg(raw)
        bag: dict[str, Any] = {"passenger": traveller, "kind": kind,
                               "quantity": count(raw["quantity"]) if "quantity" in raw else int(kilos > 0)}
        found.append({**bag, "weight_kg": kilos} if kilos else bag)
    return found


def _cabin_bags(detail: Raw) -> Raw:
    """The cabin bags, by the field that live answers have, else as the fare family says: "CABIN BAGGAGE 12KG 1PC"."""
    if "includedCabinBags" in detail:
        return mapping(detail["includedCabinBags"])
    for extra in items(detail.get("amenities")):
        words = text(extra.get("description")).upper()
        if words.startswith("CABIN BAG") and extra.get("isChargeable") is False:
            pieces, kilos = (re.search(rf"\b(\d{{1,2}}){unit}\b", words) for unit in ("PC", "KG"))
            return {"quantity": int(pieces[1]) if pieces else 1, "weight": int(kilos[1]) if kilos else 0}
    return {}


def weight_kg(raw: Raw) -> int:
    """The kilos of an allowance, pounds turned into kilos; 0 when none are named."""
    weight = count(raw.get("weight"))
    return round(weight * _POUND) if text(raw.get("weightUnit")).upper() in ("LB", "P", "POUND", "POUNDS") else weight


def same_flight(ours: FlightSegment, theirs: FlightSegment) -> bool:
    """Whether two pictures show one flight. Ids may be renumbered: carrier, number and departure decide."""
    return ((ours.carrier_code, ours.flight_number.lstrip("0"), ours.departing_local[:16])
            == (theirs.carrier_code, theirs.flight_number.lstrip("0"), theirs.departing_local[:16]))
