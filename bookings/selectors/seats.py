"""Seat maps as plain dicts."""

from __future__ import annotations

from typing import Any

from bookings.selectors import cabin as cabins
from bookings.selectors import words
from suppliers.models import Offer
from suppliers.types import Seat, SeatMap


def seat_map_view(seat_map: SeatMap, offer: Offer) -> dict[str, Any]:
    """The seats of one flight; prices per traveller by position, only in the offer's currency."""
    raw = offer.priced or offer.searched
    line = words.line_of(raw["passengers"])
    flights = [flight["external_id"] for piece in raw["slices"] for flight in piece["segments"]]
    return {
        "segment": flights.index(seat_map.segment_id) if seat_map.segment_id in flights else None,
        "cabins": [{"cabin": cabin["cabin"], "deck": cabin["deck"], "wings": cabin.get("wings"),
                    "rows": _rows(cabin["rows"], line, offer.currency)} for cabin in seat_map.cabins],
    }


def _rows(rows: list[cabins.Row], line: dict[str, int], currency: str) -> list[list[list[dict[str, Any]]]]:
    exits = cabins.exit_rows(rows)
    return [[[_seat(cell, cabins.position(row, number, cell) if cell.kind == "seat" else "",
                    cell.kind == "seat" and cabins.at_exit(cell, at, exits), line, currency)
              for cell in section] for number, section in enumerate(row)] for at, row in enumerate(rows)]


def _seat(cell: Seat, where: str, at_exit: bool, line: dict[str, int], currency: str) -> dict[str, Any]:
    notes = [*([cabins.EXIT_TEXT] if at_exit else []), *cell.disclosures]
    return {"kind": cell.kind, "designator": cell.designator, "name": cell.name, "position": where, "exitRow": at_exit,
            "adultsOnly": at_exit or cabins.adults_only(cell), "disclosures": notes,
            "services": [{"serviceId": service, "passenger": line[key], "price": words.money(price.minor, currency)}
                         for key, (service, price) in cell.services.items()
                         if key in line and price.currency == currency]}
