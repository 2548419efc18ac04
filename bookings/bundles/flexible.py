"""The fare that can be changed and refunded: the cheapest of the same flights that gives up nothing of the present."""

from __future__ import annotations

from typing import Any

from bookings.bundles.parts import Part
from bookings.selectors import words
from bookings.selectors.offers import brand, raw_of, siblings
from suppliers.models import Offer

Raw = dict[str, Any]


def is_flexible(raw: Raw) -> bool:
    """Whether the fare may be both changed and refunded (fees may apply, and are said)."""
    return bool(raw["change"]["allowed"] and raw["refund"]["allowed"])


def better_fare(offer: Offer) -> tuple[Part, Offer] | None:
    """The cheapest flexible fare of the same flights in the same search, and what it costs more (minor units).

    None when this fare is flexible already, when no other is, or when it would cost less (the list of fares shows it).
    """
    mine = raw_of(offer)
    if is_flexible(mine):
        return None
    fitting = [other for other in siblings(offer) if other.currency == offer.currency and _keeps(other, mine)]
    if not fitting:
        return None
    best = min(fitting, key=lambda other: (other.total_minor, str(other.pk)))
    raw = raw_of(best)
    note = f"Changes: {words.condition(raw['change'])}\nRefund: {words.condition(raw['refund'])}"
    return Part("flex", f"Fare {brand(raw)}", best.total_minor - offer.total_minor, note,
                meanings=(f"fare {best.pk} {best.total_minor}",)), best


def _keeps(other: Offer, mine: Raw) -> bool:
    """Flexible, not cheaper, and with at least the bags and the same cabins."""
    raw = raw_of(other)
    return (is_flexible(raw) and other.total_minor >= mine["total"]["minor"]
            and words.checked_bags(raw) >= words.checked_bags(mine) and _cabins(raw) == _cabins(mine))


def _cabins(raw: Raw) -> list[str]:
    return [flight["cabin"] for piece in raw["slices"] for flight in piece["segments"]]
