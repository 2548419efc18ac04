"""Seat maps: planes with several cabins, decks, doors and wings; the same flight is always the same plane."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from sandbox.duffel import ids
from sandbox.flights.fares import money
from sandbox.ids import base62

Doc = dict[str, Any]
WIDE = frozenset({"789", "77W", "359", "333", "388", "773", "772", "777"})
TAKEN = 0.38
# Carriers that sell no seats through Duffel: their list of seat maps is empty.
WITHOUT_SEAT_MAPS = frozenset({"TO", "AK", "SG", "AT", "PK"})
EXIT_NOTE = "Passengers in an exit row must be able to help the crew"
BULKHEAD_NOTE = "Passenger must be an adult"  # as captured on the first row


def seat_maps(offer: Doc, taken: dict[str, set[str]], edition: str = "") -> list[Doc]:
    """Return the seat maps of a rendered offer, one per segment that its seller flies itself.

    ``taken`` is segment id -> designators sold here; ``edition`` ends the ids of the services.
    """
    if offer["owner"]["iata_code"] in WITHOUT_SEAT_MAPS:
        return []
    core = ids.core_of(offer["id"])
    start = ids.SERVICES + (ids.number_of(offer["id"]) - ids.OFFERS) * ids.PER_OFFER + ids.SEATS
    maps, position = [], 0
    for leg in offer["slices"]:
        for segment in leg["segments"]:
            if not _shared(segment):
                sold = taken.get(segment["id"], set())
                maps.append(_map(offer, leg, segment, core, start + position * 6000, sold, edition))
            position += 1
    return maps


class _Deck:
    """Lays out one cabin and numbers what it puts there."""

    def __init__(self, offer: Doc, segment: Doc, core: str, start: int, taken: set[str], edition: str) -> None:
        self.core, self.start, self.taken, self.edition, self.count = core, start, taken, edition, 0
        self.sold, self.front = True, 6
        self.offer = offer
        self.travellers = [(p["id"], p["type"]) for p in offer["passengers"] if p["type"] != "infant_without_seat"]
        self.dice = random.Random(
            f"{segment['marketing_carrier']['iata_code']}{segment['marketing_carrier_flight_number']}{segment['departing_at']}"
        )
        self.unit = 1500 if offer["owner"]["iata_code"] != "ZZ" else 1000

    def id(self, prefix: str) -> str:
        """Return an id for a part of the map (never sold, so it needs no number)."""
        self.count += 1
        return f"{prefix}_{ids.HEAD}{self.core}{base62(self.start % 1_000_000 + self.count, 4)}"

    def element(self, type: str, **more: Any) -> Doc:
        """Return one element of a section."""
        return {
            "id": self.id("ele"),
            "type": type,
            "designator": None,
            "name": None,
            "disclosures": None,
            "seat_characteristics": None,
            "available_services": [],
            **more,
        }

    def seat(self, row: int, place: int, letter: str, *, exit_row: bool = False, bulkhead: bool = False) -> Doc:
        """Return a seat with its price per traveller (a child pays 60 %); an empty list of services means taken."""
        designator = f"{row}{letter}"
        free = self.dice.random() > TAKEN and designator not in self.taken
        cents = self.unit * (3 if exit_row else 2 if bulkhead or row < self.front else 1)
        number = self.start + (row * 10 + place) * 9
        services = [
            {
                "id": ids.make("ase", number + n, self.core) + self.edition,
                "passenger_id": traveller,
                "total_amount": money(cents * 6 // 10 if type == "child" else cents),
                "total_currency": self.offer["total_currency"],
            }
            for n, (traveller, type) in enumerate(self.travellers)
        ]
        return self.element(
            "seat",
            designator=designator,
            name="Extra legroom" if exit_row else "Preferred seat" if bulkhead else "Standard seat",
            disclosures=[EXIT_NOTE] if exit_row else [BULKHEAD_NOTE] if bulkhead else [],
            available_services=services if free and self.sold else [],
        )


@dataclass(frozen=True)
class _Cabin:
    """One cabin: its class, the letters between its aisles, its rows, and where doors are (before which rows)."""

    cabin: str
    sections: tuple[str, ...]
    first: int
    last: int
    exits: tuple[int, ...] = ()
    deck: int = 0
    bassinets: bool = False
    wings: bool = False


def _plan(plane: str, cabin: str) -> list[_Cabin]:
    """The cabins of a plane. Seats are sold in the traveller's own class only; the others are drawn as taken."""
    front = cabin in ("business", "first")
    if plane == "388":
        lower = _Cabin("economy", ("ABC", "DEFG", "HJK"), 11, 48, (11, 30), bassinets=True, wings=True)
        upper = _Cabin("economy", ("AB", "DEFG", "JK"), 54, 58, (54,), deck=1)
        return [lower, _Cabin("business", ("A", "DG", "K"), 50, 53, (50,), deck=1), upper]
    if plane in WIDE:
        back = _Cabin("economy", ("ABC", "DEFG", "HJK"), 12, 40, (12, 27), bassinets=True, wings=True)
        return [_Cabin("first" if cabin == "first" else "business", ("A", "DG", "K"), 1, 6), back]
    if front:
        return [_Cabin(cabin, ("AC", "DF"), 1, 4), _Cabin("economy", ("ABC", "DEF"), 5, 24, (14,), wings=True)]
    return [_Cabin(cabin, ("ABC", "DEF"), 1, 24, (12, 13), bassinets=True, wings=True)]


def _shared(segment: Doc) -> bool:
    """Whether another airline flies it: then the seller has no seat map."""
    flown = (segment.get("operating_carrier") or {}).get("iata_code")
    return bool(flown) and flown != segment["marketing_carrier"]["iata_code"]


def _map(offer: Doc, leg: Doc, segment: Doc, core: str, start: int, taken: set[str], edition: str) -> Doc:
    deck = _Deck(offer, segment, core, start, taken, edition)
    plane = (segment.get("aircraft") or {}).get("iata_code", "320")
    mine = segment["passengers"][0]["cabin_class"]
    plan = _plan(plane, mine)
    if mine not in {cabin.cabin for cabin in plan}:  # premium economy is sold out of the economy cabin
        plan = [replace(cabin, cabin=mine) if cabin.cabin == "economy" else cabin for cabin in plan]
    return {
        "id": deck.id("sea"),
        "slice_id": leg["id"],
        "segment_id": segment["id"],
        "cabins": [_cabin(deck, cabin, sold=cabin.cabin == mine) for cabin in plan],
    }


def _cabin(deck: _Deck, plan: _Cabin, *, sold: bool) -> Doc:
    deck.sold, deck.front = sold, plan.first + 5
    rows = [_front(deck, plan.sections)] if plan.bassinets else []
    for row in range(plan.first, plan.last + 1):
        if row in plan.exits:
            rows.append(_row(deck, [[deck.element("exit_row")] if at in (0, len(plan.sections) - 1) else []
                                    for at in range(len(plan.sections))]))
        rows.append(_seat_row(deck, plan, row))
    ends = ("lavatory", "galley", "closet" if plan.deck == 0 else "stairs")[: len(plan.sections)]
    rows.append(_row(deck, [[deck.element(kind)] for kind in ends]))
    third = len(rows) // 3
    return {
        "deck": plan.deck,
        "cabin_class": plan.cabin,
        "aisles": len(plan.sections) - 1,
        "rows": rows,
        "wings": {"first_row_index": third, "last_row_index": 2 * third - 1} if plan.wings else None,
    }


def _front(deck: _Deck, sections: tuple[str, ...]) -> Doc:
    return _row(
        deck, [[deck.element("bassinet" if n == 1 else "empty") for n in range(len(letters))] for letters in sections]
    )


def _seat_row(deck: _Deck, plan: _Cabin, row: int) -> Doc:
    made, place = [], 0
    for letters in plan.sections:
        elements = []
        for letter in letters:
            if row == plan.last and letter == letters[-1]:
                elements.append(
                    deck.element(
                        "restricted_seat_general", designator=f"{row}{letter}", name="Crew seat", disclosures=[]
                    )
                )
            else:
                bulkhead = plan.bassinets and row == plan.first
                exit_row = row in plan.exits
                elements.append(deck.seat(row, place, letter, exit_row=exit_row, bulkhead=bulkhead and not exit_row))
            place += 1
        made.append(elements)
    return _row(deck, made)


def _row(deck: _Deck, sections: list[list[Doc]]) -> Doc:
    return {"id": deck.id("row"), "sections": [{"id": deck.id("sec"), "elements": elements} for elements in sections]}
