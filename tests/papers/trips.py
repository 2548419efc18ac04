"""Bookings whose papers are read, and the papers as text."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from typing import Any

from pypdf import PdfReader

from bookings.models import Booking, Passenger, Selection
from tests.trail import rows
from tests.trail.rows import NOW

ON_ITS_WAY: dict[str, dict[str, Any]] = {
    "CONFIRMED": {"progress": "done", "money": "charged"},
    "HOLD": {"progress": "held", "wish": "hold", "pay_by": NOW + timedelta(hours=20)},
    "PENDING_TICKETING": {"progress": "staff"},
    "CANCELLING": {"progress": "undoing", "wish": "cancel", "money": "charged"},
    "CANCELLED": {"progress": "closed", "wish": "cancel", "money": "refunding", "agreed_refund_minor": 50000},
    "PENDING": {"progress": "reserving"},
    "FAILED": {"progress": "closed", "closing": "sold_out"},
}
_ORDERS = {"CONFIRMED": "ticketed", "HOLD": "held", "PENDING_TICKETING": "reserved", "CANCELLING": "cancelling",
           "CANCELLED": "cancelled"}


def booked(status: str = "CONFIRMED", **changes: Any) -> Booking:
    """A booking of that status with its order, payment and ticket where they belong to it."""
    booking = rows.booking(**{"status": status, **ON_ITS_WAY[status], **changes})
    if status in _ORDERS:
        tickets = [{"kind": "ticket", "number": "125-2106312810", "passengers": ["pas_1"]}]
        rows.order(booking, external_id=f"ord_{booking.pk}", state=_ORDERS[status], pnr="RZPNX8",
                   void_until=NOW + timedelta(hours=30),
                   tickets=tickets if status in ("CONFIRMED", "CANCELLING", "CANCELLED") else [])
    if booking.money in ("charged", "refunding"):
        payment = rows.payment(booking, state="captured", captured_minor=booking.accepted_minor,
                               captured_elsewhere=True, card_brand="visa", card_last4="4242")
        if booking.money == "refunding":
            rows.refund(payment, amount_minor=50000)
    return booking


def seat(booking: Booking, designator: str = "14C", minor: int = 1800) -> None:
    """A paid seat of the first traveller on the first flight."""
    Selection.objects.create(booking=booking, kind="seat", passenger_position=0, segment_positions=[0],
                             detail=designator, unit_minor=minor, service_external_id=f"seat {designator}")
    booking.services_minor += minor
    booking.accepted_minor += minor
    booking.save()
    booking.orders.update(total_minor=booking.accepted_minor)
    booking.payments.update(amount_minor=booking.accepted_minor, captured_minor=booking.accepted_minor)


def rename(booking: Booking, given: str, family: str) -> None:
    """Call the first traveller so."""
    Passenger.objects.filter(booking=booking, position=0).update(given_name=given, family_name=family)


def crowd(booking: Booking, travellers: int = 9, directions: int = 4, flights: int = 3) -> list[str]:
    """Make it a long trip of many people with long names; returns their names."""
    stored, cities = booking.offer, [("JFK", "New York", "America/New_York"), ("MAD", "Madrid", "Europe/Madrid"),
                                     ("BKK", "Krung Thep Maha Nakhon Amon Rattanakosin", "Asia/Bangkok"),
                                     ("LHR", "London", "Europe/London"), ("NRT", "Tokyo", "Asia/Tokyo")]
    raw = dict(stored.searched)
    pattern = raw["slices"][0]["segments"][0]
    raw["passengers"] = [{"external_id": f"pas_{at}", "kind": "adult", "age": None} for at in range(travellers)]
    raw["slices"] = []
    for way in range(directions):
        segments = [{
            **pattern, "flight_number": str(6100 + way * flights + at), "origin": rows.place(*cities[(way + at) % 5]),
            "destination": rows.place(*cities[(way + at + 1) % 5]),
            "operating_name": "British Airways Plc trading as BA CityFlyer Limited",
            "departing_local": f"2026-12-{way * 5 + at + 1:02d}T19:00:00",
            "arriving_local": f"2026-12-{way * 5 + at + 2:02d}T07:05:00",
            "bags": [{"passenger": f"pas_{who}", "kind": "checked", "quantity": who % 3} for who in range(travellers)],
        } for at in range(flights)]
        raw["slices"].append({**stored.searched["slices"][0], "segments": segments, "origin": segments[0]["origin"],
                              "destination": segments[-1]["destination"]})
    stored.searched = raw
    stored.save()
    booking.passengers.all().delete()
    names = [f"Maximiliane{'abcdefghi'[at]} Wolfeschlegelstein" for at in range(travellers)]
    for at, name in enumerate(names):
        Passenger.objects.create(booking=booking, position=at, external_id=f"pas_{at}", kind="adult", title="ms",
                                 gender="f", given_name=name, family_name="Hubert Blaine-Featherstonehaugh",
                                 born_on=date(1990, 5, 17))
        for flight in range(directions * flights):
            Selection.objects.create(booking=booking, kind="seat", passenger_position=at, segment_positions=[flight],
                                     detail=f"{10 + at}C", unit_minor=1800, service_external_id=f"{at} {flight}")
    return names


def pages(paper: bytes) -> list[str]:
    """The text of each page, its white space as single spaces."""
    return [re.sub(r"\s+", " ", page.extract_text().replace("\u00a0", " ")) for page in
            PdfReader(io.BytesIO(paper)).pages]


def read(paper: bytes) -> str:
    """The text of the whole paper."""
    return " ".join(pages(paper))
