"""The flights of a booking as rows: written when it is drafted, and again when the airline changes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bookings.models import Booking, Segment
from suppliers import places


def rows(booking: Booking, slices: Iterable[Mapping[str, Any]]) -> list[Segment]:
    """The unsaved rows of stored slices (`suppliers.stored`), in the order they are flown; moments are UTC."""
    found: list[Segment] = []
    for direction, piece in enumerate(slices):
        for flight in piece["segments"]:
            found.append(Segment(
                booking=booking, position=len(found), direction=direction, carrier_code=flight["carrier_code"][:3],
                carrier_name=flight["carrier_name"][:100], flight_number=flight["flight_number"][:8],
                operating_name=flight["operating_name"][:100], origin=flight["origin"]["code"][:3],
                destination=flight["destination"]["code"][:3], departing_local=flight["departing_local"][:19],
                arriving_local=flight["arriving_local"][:19],
                departs_at=places.utc(flight["departing_local"], flight["origin"]),
                arrives_at=places.utc(flight["arriving_local"], flight["destination"])))
    return found
