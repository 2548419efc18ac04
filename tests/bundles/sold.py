"""Offers and seat maps by hand, in the words of `suppliers.types`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fly2any.kernel.money import Money
from suppliers.types import Seat, SeatMap


def bag(service: str, person: str, segments: Sequence[str], minor: int, **more: Any) -> dict[str, Any]:
    return {"external_id": service, "kind": "baggage", "passenger_ids": [person], "segment_ids": list(segments),
            "max_quantity": 2, "price": {"minor": minor, "currency": "USD"},
            "detail": {"bag_kind": "checked", "weight_kg": 23}, **more}


def cover(people: Sequence[str], segments: Sequence[str], minor: int) -> dict[str, Any]:
    return {"external_id": "cfa_1", "kind": "cancel_for_any_reason", "passenger_ids": list(people),
            "segment_ids": list(segments), "max_quantity": 1, "price": {"minor": minor, "currency": "USD"},
            "detail": {"copy": "Money back.", "terms_url": "https://example.com/terms"}}


def seat(designator: str, people: Sequence[str], minor: int, **more: Any) -> Seat:
    return Seat("seat", designator, services={person: (f"ase_{designator}_{person}", Money(minor, "USD"))
                                              for person in people}, **more)


def taken(designator: str) -> Seat:
    return Seat("seat", designator)


def row(number: int, people: Sequence[str], prices: str, unit: int = 1000) -> list[list[Seat]]:
    """A row of sections: "12x/1.1" are six seats; a digit is the price in units, x taken, . an empty cell."""
    letters = iter("ABCDEFGHJK")
    sections = []
    for part in prices.split("/"):
        cells = []
        for sign in part:
            name = f"{number}{next(letters)}"
            cells.append(Seat("empty") if sign == "." else taken(name) if sign == "x"
                         else seat(name, people, int(sign) * unit))
        sections.append(cells)
    return sections


def plan(*rows: list[list[Seat]], segment: str = "seg_1") -> SeatMap:
    return SeatMap(segment, "sli_1", ({"cabin": "economy", "deck": 0, "rows": list(rows)},))
