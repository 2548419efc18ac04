"""Bookings of one visitor, made by hand, priced this moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bookings.models import Booking
from fly2any.kernel import clock
from tests.trail import rows


def make(principal: str, *, offer: dict[str, Any] | None = None, **changes: Any) -> Booking:
    """A booking of this visitor; `offer` changes the stored picture of its offer."""
    booking = rows.booking(principal=principal, **changes)
    now = clock.now()
    raw = {**booking.offer.searched, "expires_at": (now + timedelta(minutes=30)).isoformat(), **(offer or {})}
    stored = booking.offer
    stored.principal, stored.searched, stored.priced, stored.priced_at = principal, raw, raw, now
    stored.expires_at = booking.offer_expires_at = now + timedelta(minutes=30)
    stored.save()
    booking.save()
    return booking


RULES = [["Penalties", "CHANGES PERMITTED FOR USD 75.00 <B>BEFORE DEPARTURE</B>\n  CANCELLATIONS: NOT PERMITTED."]]


def of_our_team(**more: Any) -> dict[str, Any]:
    """What the stored picture of an offer says that our team tickets, by the day after tomorrow."""
    return {"supplier": "amadeus", "manual": True, "instant_only": True, "rules": RULES, "requires": [],
            "ticket_by": (clock.now() + timedelta(days=2)).isoformat(), **more}


def reserved(principal: str, *, order: dict[str, Any] | None = None, offer: dict[str, Any] | None = None,
             **changes: Any) -> Booking:
    """A booking that our team tickets: reserved at the airline, without any payment, unless told otherwise."""
    due = clock.now() + timedelta(days=1)
    booking = make(principal, offer=of_our_team(**(offer or {})), **{
        "status": "PENDING_TICKETING", "progress": "staff", "route": "manual", "supplier": "amadeus", "pay_by": due,
        **changes})
    type(booking.offer).objects.filter(pk=booking.offer_id).update(document="MARKED-DOCUMENT", supplier="amadeus")
    rows.order(booking, **{"supplier": "amadeus", "state": "reserved", "external_id": f"res_{booking.pk}", "hold": True,
                           "pnr": "98DC6S", "locators": [["AA", "5Y9A7C"], ["1A", "98DC6S"]], "pay_by": due,
                           "lapses_at": due + timedelta(days=2), **(order or {})})
    return booking
