"""Seat maps as plain dicts."""

from __future__ import annotations

from typing import Any

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
        "cabins": [{"cabin": cabin["cabin"], "deck": cabin["deck"], "rows": [
            [[_seat(cell, line, offer.currency) for cell in section] for section in row] for row in cabin["rows"]]}
            for cabin in seat_map.cabins],
    }


def _seat(cell: Seat, line: dict[str, int], currency: str) -> dict[str, Any]:
    return {"kind": cell.kind, "designator": cell.designator, "name": cell.name,
            "disclosures": list(cell.disclosures),
            "services": [{"serviceId": service, "passenger": line[key], "price": words.money(price.minor, currency)}
                         for key, (service, price) in cell.services.items()
                         if key in line and price.currency == currency]}
