"""Bags, seats and other services of an offer as plain lists; nothing is chosen for anybody."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from bookings.models import Booking
from suppliers.types import FlightSegment, OfferInfo, SeatMap, Service

BAG_WORDS = {"checked": "Checked bag", "carry_on": "Carry-on bag"}


def choices(data: QueryDict) -> list[dict[str, Any]]:
    """What was chosen, as the drafts want it. Numbers that are no numbers count as none."""
    chosen: list[dict[str, Any]] = []
    for name in data:
        value = data.get(name, "")
        if name.startswith("q-") and value.isdecimal() and int(value[:3]):
            chosen.append({"serviceId": name[2:], "quantity": int(value[:3])})
        elif name.startswith("seat-") and value:
            chosen.append({"serviceId": value, "quantity": 1})
    return chosen


def lists(booking: Booking, info: OfferInfo, maps: list[SeatMap]) -> dict[str, Any]:
    """The three lists of the page: bags, seats per flight and traveller, everything else."""
    kept = {selection.service_external_id: selection.quantity for selection in booking.selections.all()}
    services = info.services or ()
    return {
        "bags": [_row(service, info, kept) for service in services if service.kind == "baggage"],
        "others": [_row(service, info, kept) for service in services if service.kind not in ("baggage", "seat")],
        "seats": [flight for flight in (_flight(seat_map, info, kept) for seat_map in maps) if flight["people"]],
    }


def _row(service: Service, info: OfferInfo, kept: dict[str, int]) -> dict[str, Any]:
    whom = ", ".join(filter(None, [_people(service.passenger_ids, info), _where(service.segment_ids, info)]))
    return {"id": f"q-{service.external_id}", "label": _label(service), "whom": whom, "price": service.price,
            "numbers": range(service.max_quantity + 1), "quantity": kept.get(service.external_id, 0)}


def _label(service: Service) -> str:
    detail = service.detail
    if service.kind == "baggage":
        weight = detail.get("weight_kg")
        return BAG_WORDS.get(str(detail.get("bag_kind")), "Bag") + (f", up to {weight} kg" if weight else "")
    words = {"cancel_for_any_reason": "Cancel for any reason"}
    return words.get(service.kind, service.kind.replace("_", " ").capitalize())


def _people(ids: tuple[str, ...], info: OfferInfo) -> str:
    if len(ids) == len(info.passengers) > 1:
        return "all travellers"
    numbers = [str(index + 1) for index, person in enumerate(info.passengers) if person.external_id in ids]
    return f"traveller {' and '.join(numbers)}" if numbers else ""


def _where(ids: tuple[str, ...], info: OfferInfo) -> str:
    segments = [segment for piece in info.slices for segment in piece.segments if segment.external_id in ids]
    if len(segments) == sum(len(piece.segments) for piece in info.slices):
        return "all flights"
    return ", ".join(f"{segment.origin.code}–{segment.destination.code}" for segment in segments)


def _flight(seat_map: SeatMap, info: OfferInfo, kept: dict[str, int]) -> dict[str, Any]:
    segment = next((segment for piece in info.slices for segment in piece.segments
                    if segment.external_id == seat_map.segment_id), None)
    people = [] if segment is None else [
        {"id": f"seat-{segment.external_id}-{index}", "whom": f"Traveller {index + 1}",
         "seats": (seats := _seats(seat_map, person.external_id)),
         "chosen": next((seat["value"] for seat in seats if seat["value"] in kept), "")}
        for index, person in enumerate(info.passengers) if person.kind != "infant"]
    return {"label": _flight_label(segment), "people": [person for person in people if person["seats"]]}


def _flight_label(segment: FlightSegment | None) -> str:
    if segment is None:
        return ""
    return f"{segment.carrier_code} {segment.flight_number}, {segment.origin.code} – {segment.destination.code}"


def _seats(seat_map: SeatMap, passenger_id: str) -> list[dict[str, str]]:
    """Every seat this traveller can have: "14C, aisle, USD 18.00"."""
    found = []
    for cabin in seat_map.cabins:
        for row in cabin["rows"]:
            for at, section in enumerate(row):
                for index, seat in enumerate(section):
                    offered = seat.services.get(passenger_id) if seat.kind == "seat" else None
                    if offered:
                        price = str(offered[1]) if offered[1].minor else "no extra charge"
                        where = _position(at, index, len(row), len(section))
                        words = [seat.designator, where, *seat.disclosures, price]
                        found.append({"value": offered[0], "label": ", ".join(word for word in words if word)})
    return found


def _position(section: int, index: int, sections: int, length: int) -> str:
    """Window, aisle or middle, from the place in the row."""
    if (section == 0 and index == 0) or (section == sections - 1 and index == length - 1):
        return "window"
    return "aisle" if index in (0, length - 1) else "middle"
