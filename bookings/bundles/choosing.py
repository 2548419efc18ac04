"""Choosing a bundle: its extras become ordinary selections of the draft, each of which can be taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bookings import drafts
from bookings.bundles import history
from bookings.bundles.making import Bundle, make, shelf, views
from bookings.models import Booking
from fly2any.kernel.errors import Problem
from suppliers.types import SeatMap


def choices(booking: Booking, key: str, maps: Sequence[SeatMap]) -> list[dict[str, Any]]:
    """The bundle's extras as `drafts.customize` takes them. `key`: a kind, or a kind and its mark as shown.

    Raises Problem bundle_changed (409) when it is not offered (any more), or holds or costs something else.
    """
    return _find(booking, key, maps).choices


def present(booking: Booking, maps: Sequence[SeatMap], now: datetime) -> list[dict[str, Any]]:
    """The bundles for a page, best first, and a note for learning that they were shown."""
    found = shelf(booking, maps, now)
    history.remember(booking, found, now)
    return views(booking, found)


def choose(*, booking: Booking, key: str, user: Any, now: datetime) -> Booking:
    """Set the bundle's extras as the draft's only ones; returns the draft, another one if the fare is another.

    Raises Problem bundle_changed (409) as `choices`, and whatever `drafts.change_fare` and `drafts.customize` raise.
    """
    try:
        maps = drafts.seat_maps(offer_id=booking.offer_id, principal=booking.principal, now=now)
    except Problem as problem:
        if problem.status == 410:
            raise
        maps = []
    bundle = _find(booking, key, maps)
    if bundle.fare is None:
        return drafts.customize(booking=booking, choices=bundle.choices, now=now)
    other = drafts.change_fare(booking=booking, offer_id=bundle.fare.pk, choices=[], user=user, now=now)
    history.fare_taken(booking, other)
    return drafts.customize(booking=other, choices=[], now=now)


def present_draft(booking: Booking, now: datetime) -> list[dict[str, Any]]:
    """The same without maps at hand: the seats as asked up to a minute ago. A missing map is no reason to stop."""
    try:
        maps = drafts.seat_maps_seen(booking.offer) if booking.offer.expires_at > now else []
    except Problem:
        maps = []
    return present(booking, maps, now)


def _find(booking: Booking, key: str, maps: Sequence[SeatMap]) -> Bundle:
    kind, _, mark = key.partition(".")
    found = next((bundle for bundle in make(booking.offer, maps) if bundle.kind == kind), None)
    if found is None or (mark and found.choice != key):
        raise Problem("bundle_changed", "The airline has changed what this bundle holds or costs. Nothing was added.",
                      status=409, action="Look at the bundles again",
                      tip="The bundles are shown again as they are sold now.")
    return found
