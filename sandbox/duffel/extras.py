"""What can be bought with an offer: bags, cancel for any reason, seats."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from sandbox.duffel import ids
from sandbox.duffel.carriers import BY_CODE
from sandbox.duffel.fares import money
from sandbox.ids import base62

Doc = dict[str, Any]
TERMS_URL = "https://duffel.com/cfar_terms_and_conditions"
WIDE = frozenset({"789", "77W", "359", "333", "388", "773", "772", "777"})
TAKEN = 0.38
# Carriers that sell no seats through Duffel: their list of seat maps is empty.
WITHOUT_SEAT_MAPS = frozenset({"TO", "AK", "SG", "AT", "PK"})


def generated_services(offer: Doc) -> list[Doc]:
    """Return the bags and the cancellation cover of a generated offer, without ids."""
    code = offer["owner"]["iata_code"]
    carrier = BY_CODE[code]
    if code in ("RJ", "MS", "PK"):
        return []
    travellers = [p["id"] for p in offer["passengers"] if p["type"] != "infant_without_seat"]
    found: list[Doc] = []
    for leg in offer["slices"]:
        segments = [segment["id"] for segment in leg["segments"]]
        price = 2400 if carrier.low_cost else 3500 if code != "ZZ" else 2000
        kinds = [("checked", price, 23)] + ([("carry_on", price - 600, 10)] if carrier.low_cost else [])
        for kind, cents, weight in kinds:
            for traveller in travellers:
                size = (75, 90, 90) if kind == "checked" else (None, None, None)
                found.append(
                    {
                        "type": "baggage",
                        "total_amount": money(cents),
                        "total_currency": offer["total_currency"],
                        "maximum_quantity": 3 if carrier.low_cost else 2,
                        "segment_ids": segments,
                        "passenger_ids": [traveller],
                        "metadata": {
                            "type": kind,
                            "maximum_weight_kg": weight,
                            "maximum_depth_cm": size[0],
                            "maximum_height_cm": size[1],
                            "maximum_length_cm": size[2],
                        },
                    }
                )
    if code in ("ZZ", "AA", "DL", "BA"):
        found.append(_cover(offer, travellers))
    return found


def _cover(offer: Doc, travellers: list[str]) -> Doc:
    total = Decimal(offer["total_amount"])
    return {
        "type": "cancel_for_any_reason",
        "total_amount": str((total * Decimal("0.15")).quantize(Decimal("0.01"))),
        "total_currency": offer["total_currency"],
        "maximum_quantity": 1,
        "passenger_ids": travellers,
        "segment_ids": [segment["id"] for leg in offer["slices"] for segment in leg["segments"]],
        "metadata": {
            "refund_amount": str((total * Decimal("0.75")).quantize(Decimal("0.01"))),
            "terms_and_conditions_url": TERMS_URL,
            "merchant_copy": "Cancel for any reason up to 24 hours before the first departure and get back up to 75% of"
            " the fare. This is not insurance.",
        },
    }


def number_services(services: list[Doc], offer_number: int) -> list[Doc]:
    """Give every service its id, from the offer's number."""
    start = ids.SERVICES + (offer_number - ids.OFFERS) * ids.PER_OFFER
    for number, service in enumerate(services):
        prefix = "cfa" if service["type"] == "cancel_for_any_reason" else "ase"
        service["id"] = ids.make(prefix, start + number)
    return services


def seat_maps(offer: Doc, taken: dict[str, set[str]]) -> list[Doc]:
    """Return the seat maps of a rendered offer, one per segment; ``taken`` is segment id -> designators sold here."""
    if offer["owner"]["iata_code"] in WITHOUT_SEAT_MAPS:
        return []
    core = ids.core_of(offer["id"])
    start = ids.SERVICES + (ids.number_of(offer["id"]) - ids.OFFERS) * ids.PER_OFFER + ids.SEATS
    maps, position = [], 0
    for leg in offer["slices"]:
        for segment in leg["segments"]:
            maps.append(_map(offer, leg, segment, core, start + position * 6000, taken.get(segment["id"], set())))
            position += 1
    return maps


class _Deck:
    """Lays out one cabin and numbers what it puts there."""

    def __init__(self, offer: Doc, segment: Doc, core: str, start: int, taken: set[str]) -> None:
        self.core, self.start, self.taken, self.count = core, start, taken, 0
        self.offer = offer
        self.travellers = [p["id"] for p in offer["passengers"] if p["type"] != "infant_without_seat"]
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

    def seat(self, row: int, place: int, letter: str, exit_row: bool) -> Doc:
        """Return a seat with its price per traveller; an empty list of services means taken."""
        designator = f"{row}{letter}"
        free = self.dice.random() > TAKEN and designator not in self.taken
        cents = self.unit * (3 if exit_row else 2 if row < 6 else 1)
        number = self.start + (row * 10 + place) * 9
        services = (
            [
                {
                    "id": ids.make("ase", number + n, self.core),
                    "passenger_id": traveller,
                    "total_amount": money(cents),
                    "total_currency": self.offer["total_currency"],
                }
                for n, traveller in enumerate(self.travellers)
            ]
            if free
            else []
        )
        notes = ["Passengers in an exit row must be able to help the crew"] if exit_row else []
        return self.element(
            "seat",
            designator=designator,
            name="Extra legroom" if exit_row else "Standard seat",
            disclosures=notes,
            seat_characteristics=["exit_row"] if exit_row else [],
            available_services=services,
        )


def _map(offer: Doc, leg: Doc, segment: Doc, core: str, start: int, taken: set[str]) -> Doc:
    deck = _Deck(offer, segment, core, start, taken)
    plane = (segment.get("aircraft") or {}).get("iata_code", "320")
    sections = ("AB", "DEFG", "JK") if plane in WIDE else ("ABC", "DEF")
    cabin = segment["passengers"][0]["cabin_class"]
    if cabin in ("business", "first"):
        sections = ("A", "DG", "K") if plane in WIDE else ("AC", "DF")
    last = 8 if cabin in ("business", "first") else 28 if plane in WIDE else 24
    rows = [_front(deck, sections)]
    for row in range(1, last + 1):
        if row == last // 2:
            rows.append(_row(deck, [[deck.element("exit_row")] for _ in sections]))
        rows.append(_seat_row(deck, sections, row, last))
    rows.append(_row(deck, [[deck.element(kind)] for kind in ("lavatory", "galley", "closet")[: len(sections)]]))
    return {
        "id": deck.id("sea"),
        "slice_id": leg["id"],
        "segment_id": segment["id"],
        "cabins": [
            {
                "deck": 0,
                "cabin_class": cabin,
                "aisles": len(sections) - 1,
                "rows": rows,
                "wings": {"first_row_index": last // 3, "last_row_index": last // 2 + 2} if last > 10 else None,
            }
        ],
    }


def _front(deck: _Deck, sections: tuple[str, ...]) -> Doc:
    return _row(
        deck, [[deck.element("bassinet" if n == 1 else "empty") for n in range(len(letters))] for letters in sections]
    )


def _seat_row(deck: _Deck, sections: tuple[str, ...], row: int, last: int) -> Doc:
    made, place = [], 0
    for letters in sections:
        elements = []
        for letter in letters:
            if row == last and letter == letters[-1]:
                elements.append(
                    deck.element(
                        "restricted_seat_general", designator=f"{row}{letter}", name="Crew seat", disclosures=[]
                    )
                )
            else:
                elements.append(deck.seat(row, place, letter, row == last // 2))
            place += 1
        made.append(elements)
    return _row(deck, made)


def _row(deck: _Deck, sections: list[list[Doc]]) -> Doc:
    return {"id": deck.id("row"), "sections": [{"id": deck.id("sec"), "elements": elements} for elements in sections]}
