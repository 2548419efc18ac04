"""Rows made by hand, complete enough for the constraints; no supplier and no gateway was asked."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bookings.models import Booking, Passenger, Segment
from payments.models import Payment, Refund
from suppliers.models import Offer, SupplierOrder

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
_numbers = itertools.count(1)
TYPES = {"adults": 1}


def place(code: str, city: str, zone: str) -> dict[str, Any]:
    return {"code": code, "name": f"{city} Airport", "city": city, "country": "GB", "time_zone": zone,
            "kind": "airport", "airports": []}


def offer_json(external_id: str, *, total_minor: int = 59999, currency: str = "USD") -> dict[str, Any]:
    """An offer as `suppliers.stored` keeps it: JFK to LHR, one checked bag, operated by another carrier."""
    origin, destination = place("JFK", "New York", "America/New_York"), place("LHR", "London", "Europe/London")
    segment = {
        "external_id": "seg_1", "carrier_code": "AA", "carrier_name": "American Airlines", "flight_number": "6143",
        "operating_name": "British Airways", "operating_number": "178", "origin": origin, "destination": destination,
        "departing_local": "2026-12-20T19:00:00", "arriving_local": "2026-12-21T07:05:00", "duration_minutes": 425,
        "aircraft": "Boeing 777", "origin_terminal": "8", "destination_terminal": "5", "stops": [],
        "cabin": "economy", "cabin_name": "Economy",
        "bags": [{"passenger": "pas_1", "kind": "checked", "quantity": 1},
                 {"passenger": "pas_1", "kind": "carry_on", "quantity": 1}],
    }
    condition = {"allowed": False, "fee": None}
    return {
        "supplier": "duffel", "external_id": external_id, "request_id": "orq_1",
        "total": {"minor": total_minor, "currency": currency},
        "base": {"minor": total_minor - 9999, "currency": currency}, "tax": {"minor": 9999, "currency": currency},
        "expires_at": (NOW + timedelta(minutes=30)).isoformat(), "owner_code": "AA",
        "owner_name": "American Airlines", "instant_only": False, "pay_by": None, "price_guaranteed_until": None,
        "slices": [{"external_id": "sli_1", "origin": origin, "destination": destination, "segments": [segment],
                    "duration_minutes": 425, "brand": "Main Cabin", "comparison_key": "",
                    "change": {"allowed": True, "fee": {"minor": 7500, "currency": currency}}}],
        "passengers": [{"external_id": "pas_1", "kind": "adult", "age": None}],
        "change": {"allowed": True, "fee": {"minor": 7500, "currency": currency}}, "refund": condition,
        "documents_required": False, "document_kinds": [], "loyalty_carriers": [], "services": [],
        "emissions_kg": "420", "conditions_url": "https://www.aa.com/conditions", "live_mode": False,
    }


def booking(**changes: Any) -> Booking:
    """A booking of one traveller, wished now."""
    number = next(_numbers)
    offer_id = f"off_{number}"
    offer = Offer.objects.create(
        principal="guest:a", supplier="duffel", external_id=offer_id, request_id=f"orq_{number}",
        total_minor=59999, currency="USD", expires_at=NOW + timedelta(minutes=30), searched=offer_json(offer_id))
    words: dict[str, Any] = {
        "reference": f"FLY2A-{number:06d}", "principal": "guest:a", "wish": "book", "status": "PENDING",
        "supplier": "duffel", "offer": offer, "offer_external_id": offer_id, "offer_expires_at": offer.expires_at,
        "currency": "USD", "fare_minor": 59999, "accepted_minor": 59999, "contact_email": "anna@example.com",
        "contact_phone": "+14155550100", "wished_at": NOW, "created_at": NOW, "changed_at": NOW,
        "departs_at": datetime(2026, 12, 21, 0, 0, tzinfo=UTC), "arrives_at": datetime(2026, 12, 21, 7, 5, tzinfo=UTC),
    }
    made = Booking.objects.create(**(words | changes))
    Passenger.objects.create(booking=made, position=0, external_id="pas_1", kind="adult", title="ms", gender="f",
                             given_name="Anna", family_name="Müller", born_on=date(1990, 5, 17))
    Segment.objects.create(
        booking=made, position=0, direction=0, carrier_code="AA", carrier_name="American Airlines",
        flight_number="6143", operating_name="British Airways", origin="JFK", destination="LHR",
        departing_local="2026-12-20T19:00:00", arriving_local="2026-12-21T07:05:00",
        departs_at=made.departs_at, arrives_at=made.arrives_at)
    return made


def order(of: Booking, **changes: Any) -> SupplierOrder:
    """An airline order of the booking; without an id it is still being made."""
    words: dict[str, Any] = {
        "booking": of, "supplier": "duffel", "offer_external_id": of.offer_external_id, "hold": False,
        "total_minor": of.accepted_minor, "currency": of.currency, "asked_at": NOW,
    }
    words |= changes
    if words.get("external_id"):
        words.setdefault("state", "ticketed")
    return SupplierOrder.objects.create(**words)


def payment(of: Booking, **changes: Any) -> Payment:
    """A payment of the booking; open unless told otherwise."""
    words: dict[str, Any] = {
        "booking": of, "provider": "stripe", "external_id": f"pi_{of.pk}", "state": "open",
        "amount_minor": of.accepted_minor, "currency": of.currency, "asked_at": NOW,
    }
    return Payment.objects.create(**(words | changes))


def refund(of: Payment, **changes: Any) -> Refund:
    """A refund of the payment, sent unless told otherwise."""
    words: dict[str, Any] = {
        "payment": of, "cause": "cancelled", "amount_minor": of.captured_minor, "currency": of.currency,
        "state": "sent", "external_id": f"re_{of.pk}", "requested_at": NOW,
    }
    return Refund.objects.create(**(words | changes))
