"""What a shared page may say of a booking: its flights, its status, and the first names that were ticked.

Each field is named here one by one. What is not on this page cannot leak from a shared link.
"""

from __future__ import annotations

from typing import Any

from bookings.models import Share
from bookings.selectors import offers, words
from bookings.status import STATUS_WORDS, Status
from suppliers.models import SupplierOrder

Raw = dict[str, Any]
_FLIGHT = ("carrierCode", "carrierName", "flightNumber", "operatingName", "origin", "destination", "departingLocal",
           "arrivingLocal", "nextDay", "durationMinutes", "aircraft", "terminals", "stops")


def shared_view(share: Share) -> Raw:
    """The page behind a shared link: `slices`, `word`, `tone`, `standing`, `names` and `ends` (UTC)."""
    booking = share.booking
    order = SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
    slices = order.itinerary if order and order.itinerary else offers.raw_of(booking.offer)["slices"]
    word, tone = STATUS_WORDS[Status(booking.status)]
    given = booking.passengers.filter(position__in=share.names).values_list("given_name", flat=True)
    shown = [_direction(words.flight_slice(part, {})) for part in slices]
    return {"slices": shown, "word": word, "tone": tone, "standing": booking.status == Status.CONFIRMED,
            "names": [name.split(" ")[0] for name in given], "ends": share.expires_at,
            "title": f"{_city(shown[0]['origin'])} to {_city(_far(shown))}"}


def _direction(part: Raw) -> Raw:
    return {"origin": part["origin"], "destination": part["destination"], "durationMinutes": part["durationMinutes"],
            "segments": [{name: segment[name] for name in _FLIGHT} for segment in part["segments"]]}


def _far(slices: list[Raw]) -> Raw:
    """Where the trip goes: the first destination of a journey there and back, else the last one."""
    last: Raw = slices[-1]["destination"]
    there: Raw = slices[0]["destination"]
    return there if last["code"] == slices[0]["origin"]["code"] else last


def _city(place: Raw) -> str:
    return str(place["city"] or place["name"] or place["code"])
