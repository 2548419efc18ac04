"""What a customer with too little on the card could take instead: the same flights for less."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bookings.models import Booking
from bookings.selectors import offers, words

Raw = dict[str, Any]


def cheaper(booking: Booking, now: datetime) -> list[Raw]:
    """At most two ideas, the greatest saving first: a cheaper fare of the same flights, and one extra left out.

    Each has `kind` (fare or extra), `label`, `total` and `saves` (money). [] when there is nothing cheaper.
    """
    found = [*_fare(booking, now), *_without(booking)]
    return sorted(found, key=lambda idea: -int(idea["saves"]["minor"]))


def _fare(booking: Booking, now: datetime) -> list[Raw]:
    """The cheapest other fare of these flights that can still be had, without extras."""
    fee = booking.fee_minor
    fares = [fare for fare in offers.siblings(booking.offer)
             if fare.currency == booking.currency and fare.expires_at > now
             and fare.total_minor + fee < booking.accepted_minor]
    if not fares:
        return []
    best = min(fares, key=lambda fare: fare.total_minor)
    return [_idea(booking, "fare", offers.brand(offers.raw_of(best)) or "A simpler fare", best.total_minor + fee)]


def _without(booking: Booking) -> list[Raw]:
    """The dearest extra, left out."""
    chosen = max(booking.selections.all(), key=lambda item: item.unit_minor * item.quantity, default=None)
    if chosen is None or not chosen.unit_minor:
        return []
    return [_idea(booking, "extra", words.selection_label(chosen.kind, chosen.detail),
                  booking.accepted_minor - chosen.unit_minor * chosen.quantity)]


def _idea(booking: Booking, kind: str, label: str, total: int) -> Raw:
    return {"kind": kind, "label": label, "total": words.money(total, booking.currency),
            "saves": words.money(booking.accepted_minor - total, booking.currency)}
