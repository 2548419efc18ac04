"""A stored offer in one line: the facts a list is filtered and sorted by. Pure, no queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bookings.selectors import words
from bookings.selectors.merging import flights_of, product_of
from bookings.selectors.offers import brand, minutes_of, stops_of

Raw = dict[str, Any]
Hours = tuple[int | None, ...]
VERSION = 2  # of the brief: raise it when its fields change, and what was kept before is read from the picture again


@dataclass(frozen=True)
class Line:
    """An offer's facts. Hours are the airports' own clocks, one for each direction; airports are IATA codes."""

    id: str
    supplier: str  # never shown to customers (ux.md 9)
    journey: tuple[str, ...]  # the flights; offers that share it differ in the fare only
    product: str  # cabins and fare names, written the same whoever sells them (`selectors.merging`)
    manual: bool  # reserved now, ticketed by our team
    ticket_by: str | None  # then: until when, ISO 8601
    price: int  # what the supplier asks for all travellers, minor units, without our fee
    currency: str
    bag: int | None  # a checked bag for everybody on all flights, minor units; 0 included; None not known (yet)
    brand: str
    airline: str
    airline_name: str
    flown_by: frozenset[str]  # codes and names of who sells or flies any of the flights
    minutes: int  # all directions together
    longest: int  # the longest direction
    stops: int
    departs: str
    leaves: Hours
    arrives: Hours
    origins: frozenset[str]
    destinations: frozenset[str]
    via: frozenset[str]
    carry_on: int  # for each traveller with a seat, on every flight
    hand_told: bool  # whether the supplier says anything of carry-on bags
    checked: int
    changeable: bool
    refundable: bool
    co2: int | None  # kg for each traveller

    def shown(self, with_bag: bool) -> tuple[bool, int]:
        """Whether the price that was asked for is unknown, and the price shown: with the bag where that is known."""
        if not with_bag:
            return False, self.price
        return self.bag is None, self.price + (self.bag or 0)


def brief(raw: Raw) -> Raw:
    """What a line needs of an offer's stored picture, as JSON: kept beside it, for a list reads hundreds of them."""
    pieces = [piece["segments"] for piece in raw["slices"]]
    origins, destinations = _ends(pieces)
    carry_on, checked = included_bags(raw)
    return {
        "v": VERSION, "journey": list(flights_of(raw)), "product": product_of(raw), "brand": brand(raw),
        "manual": bool(raw.get("manual")), "ticket_by": raw.get("ticket_by"), "hand_told": _hand_told(raw),
        "bag": 0 if checked else bag_price(raw),
        "airline": raw["owner_code"], "airline_name": raw["owner_name"], "flown_by": sorted(set(_sellers(raw))),
        "minutes": minutes_of(raw), "stops": stops_of(raw), "departs": pieces[0][0]["departing_local"],
        "longest": max((_lasting(piece) for piece in raw["slices"]), default=0),
        "leaves": [_hour(flights[0]["departing_local"]) for flights in pieces],
        "arrives": [_hour(flights[-1]["arriving_local"]) for flights in pieces],
        "origins": sorted(origins), "destinations": sorted(destinations), "via": sorted(set(_between(pieces))),
        "carry_on": carry_on, "checked": checked, "changeable": raw["change"].get("allowed") is True,
        "refundable": raw["refund"].get("allowed") is True, "co2": emissions_each(raw),
    }


def is_brief(kept: Raw | None) -> bool:
    """Whether a kept brief is one that this version reads."""
    return bool(kept) and kept.get("v") == VERSION  # type: ignore[union-attr]


def line_of(offer_id: str, price: int, currency: str, kept: Raw, supplier: str = "") -> Line:
    """The line of an offer. `price`: its present total in minor units; `kept`: its brief."""
    fields = {name: value for name, value in kept.items() if name != "v"}
    fields |= {name: tuple(kept[name]) for name in ("journey", "leaves", "arrives")}
    fields |= {name: frozenset(kept[name]) for name in ("flown_by", "origins", "destinations", "via")}
    return Line(id=offer_id, supplier=supplier, price=price, currency=currency, **fields)


def included_bags(raw: Raw) -> tuple[int, int]:
    """Carry-on and checked bags that every traveller with a seat has on every flight."""
    seats = [item["external_id"] for item in raw["passengers"] if item["kind"] != "infant"]
    least = {"carry_on": 99, "checked": 99}
    for piece in raw["slices"]:
        for flight in piece["segments"]:
            counted = {(bag.get("passenger"), bag.get("kind")): int(bag.get("quantity") or 0) for bag in flight["bags"]}
            for kind, number in least.items():
                least[kind] = min([number, *(counted.get((seat, kind), 0) for seat in seats)])
    return (least["carry_on"], least["checked"]) if seats and raw["slices"] else (0, 0)


def bag_price(raw: Raw) -> int | None:
    """The cheapest checked bag for every traveller with a seat on all flights, minor units of the offer's currency.

    None when the supplier has not been asked for extras yet, or sells no such bag to somebody: never a guess.
    """
    if not raw.get("services"):
        return None
    flights = [frozenset(flight["external_id"] for flight in piece["segments"]) for piece in raw["slices"]]
    bags = [item for item in raw["services"] if item["kind"] == "baggage" and len(item["passenger_ids"]) == 1
            and item["detail"].get("bag_kind") == "checked" and item["price"]["currency"] == raw["total"]["currency"]]
    total = 0
    for seat in raw["passengers"]:
        if seat["kind"] == "infant":
            continue
        sold = [(frozenset(bag["segment_ids"]), int(bag["price"]["minor"])) for bag in bags
                if bag["passenger_ids"][0] == seat["external_id"]]
        best = _cheapest(sold, flights)
        if best is None:
            return None
        total += best
    return total


def _cheapest(sold: list[tuple[frozenset[str], int]], flights: list[frozenset[str]]) -> int | None:
    """One bag for the whole trip, or one for each direction, whichever is cheaper."""
    everywhere = frozenset[str]().union(*flights)
    whole = min((price for covered, price in sold if covered >= everywhere), default=None)
    each = [min((price for covered, price in sold if covered >= piece), default=None) for piece in flights]
    apart = None if None in each else sum(price for price in each if price is not None)
    return min((price for price in (whole, apart) if price is not None), default=None)


def emissions_each(raw: Raw) -> int | None:
    """CO2 in kg for each traveller: suppliers tell it for all of them (duffel.md 3). None when not told."""
    text = str(raw.get("emissions_kg") or "")
    try:
        kilograms = float(text)
    except ValueError:
        return None
    return round(kilograms / max(1, len(raw["passengers"]))) if 0 < kilograms < 1e6 else None


def _hand_told(raw: Raw) -> bool:
    return any(bag.get("kind") == "carry_on" for piece in raw["slices"] for flight in piece["segments"]
               for bag in flight["bags"])


def _lasting(piece: Raw) -> int:
    return int(piece["duration_minutes"] or sum(flight["duration_minutes"] or 0 for flight in piece["segments"]))


def _hour(text: str) -> int | None:
    moment = words.local(text)
    return moment.hour if moment else None


def _sellers(raw: Raw) -> Iterable[str]:
    yield raw["owner_code"]
    for piece in raw["slices"]:
        for flight in piece["segments"]:
            yield from (flight["carrier_code"], flight["operating_name"])


def _ends(pieces: list[list[Raw]]) -> tuple[frozenset[str], frozenset[str]]:
    """The airports at home and away; on a return trip those of both directions (out from JFK, back to EWR)."""
    first, last = pieces[0], pieces[-1]
    home, away = first[0]["origin"], first[-1]["destination"]
    starts, ends = last[0]["origin"], last[-1]["destination"]
    if len(pieces) != 2 or not (_near(home, ends) or _near(away, starts)):
        return frozenset({home["code"]}), frozenset({ends["code"]})
    return frozenset({home["code"], ends["code"]}), frozenset({away["code"], starts["code"]})


def _near(one: Raw, two: Raw) -> bool:
    return bool(one["code"] == two["code"] or (one["city"] and one["city"] == two["city"]))


def _between(pieces: list[list[Raw]]) -> Iterable[str]:
    """Airports where a plane is changed or stops."""
    for flights in pieces:
        for at, flight in enumerate(flights):
            yield from flight["stops"]
            if at:
                yield from (flights[at - 1]["destination"]["code"], flight["origin"]["code"])
