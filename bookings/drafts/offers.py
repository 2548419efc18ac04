"""Offers asked again at the supplier: their price with services now, and their seats. Nothing is ordered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.core.cache import cache
from django.db import connection

from bookings import limits, messages, selectors
from bookings.drafts.searching import row
from bookings.selectors import cabin
from bookings.selectors.offers import siblings
from fly2any.kernel import clock
from fly2any.kernel.errors import Outside, Problem, Refused
from suppliers import breaker, pause, registry
from suppliers.models import Offer
from suppliers.stored import to_json
from suppliers.types import OfferInfo, SeatMap

FRESH = timedelta(seconds=30)
SEATS_KEPT = 15 * 60  # seconds; a convenience, the supplier is asked again when the cache has forgotten
FARES_KEPT = 30 * 60  # seconds in which the other fares are not asked for again
MAPS_KEPT = 60  # seconds a drawn map may be old
T = TypeVar("T")

# our code for what the supplier said -> HTTP status and Retry-After
_ANSWERS = {"offer_expired": (410, None), "sold_out": (410, None), "not_found": (410, None),
            "supplier_busy": (503, 10), "supplier_down": (503, 30), "supplier_timeout": (504, 10)}


def price_offer(*, offer_id: uuid.UUID | str, principal: str, now: datetime) -> Offer:
    """The visitor's offer as it costs now, with its services; asked again unless priced in the last 30 s.

    Raises Problem not_found, offer_expired (410), supplier_busy, supplier_down (503), supplier_timeout (504).
    """
    offer = selectors.offer_for(principal=principal, offer_id=offer_id)
    return priced(offer, now)


def priced(offer: Offer, now: datetime) -> Offer:
    """The same for a row at hand. Must be called outside a transaction."""
    if offer.priced_at and now - offer.priced_at < FRESH and offer.expires_at > now:
        return offer
    if offer.expires_at <= now:
        raise problem_of(Refused("offer_expired"))
    asked = (offer.external_id, offer.document)
    info: OfferInfo = _ask(offer, lambda supplier: supplier.offer(*asked))
    if info.total.currency != offer.currency:
        raise problem_of(Refused("offer_expired"))
    picture = to_json(info)
    picture["request_id"] = picture["request_id"] or offer.request_id
    offer.priced, offer.priced_at = picture, now
    offer.total_minor, offer.expires_at = info.total.minor, info.expires_at
    offer.document = info.document or offer.document
    offer.save(update_fields=["priced", "priced_at", "total_minor", "expires_at", "document"])
    return offer


def more_fares(offer: Offer) -> None:
    """Ask for other fares of the flights of an offer that our team tickets, where its search told none; once.

    They are stored as offers of the same search. A supplier that does not answer costs the customer nothing: the fare
    at hand can be booked. Must be called outside a transaction.
    """
    if not offer.searched.get("manual") or offer.search_id is None or siblings(offer):
        return
    if not cache.add(f"fares:{offer.pk}", True, FARES_KEPT):
        return
    asked = (offer.external_id, offer.document)
    try:
        found: list[OfferInfo] = _ask(offer, lambda supplier: supplier.offer_siblings(*asked))
    except Problem:
        return
    Offer.objects.bulk_create([row(offer.search_id, offer.principal, info) for info in found], ignore_conflicts=True)


def seat_maps(*, offer_id: uuid.UUID | str, principal: str, now: datetime) -> list[SeatMap]:
    """The seats of each flight of the visitor's offer, freshly asked; [] when the airline offers none."""
    offer = selectors.offer_for(principal=principal, offer_id=offer_id)
    if offer.expires_at <= now:
        raise problem_of(Refused("offer_expired"))
    return _fetch_seats(offer)


def seat_maps_seen(offer: Offer) -> list[SeatMap]:
    """The same for a row at hand, as asked up to a minute ago: what a page shows while somebody chooses."""
    kept: list[SeatMap] | None = cache.get(f"seat-maps:{offer.pk}")
    return _fetch_seats(offer) if kept is None else kept


def seats_on_sale(offer: Offer, *, fresh: bool = False) -> dict[str, dict[str, Any]]:
    """Every seat that can be bought, by service id: passenger, segment, designator, minor, currency, exit, adult,
    disclosures. `fresh`: asked now, not up to a quarter of an hour ago.
    """
    kept: dict[str, dict[str, Any]] | None = None if fresh else cache.get(f"seats:{offer.pk}")
    return _on_sale(_fetch_seats(offer)) if kept is None else kept


def _fetch_seats(offer: Offer) -> list[SeatMap]:
    asked = (offer.external_id, offer.document)
    maps: list[SeatMap] = _ask(offer, lambda supplier: supplier.seat_maps(*asked))
    cache.set(f"seats:{offer.pk}", _on_sale(maps), SEATS_KEPT)
    cache.set(f"seat-maps:{offer.pk}", maps, MAPS_KEPT)
    return maps


def _on_sale(maps: list[SeatMap]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for seat_map in maps:
        for seat, _, at_exit in cabin.seats(seat_map.cabins):
            for passenger, (service, price) in seat.services.items():
                found[service] = {"passenger": passenger, "segment": seat_map.segment_id,
                                  "designator": seat.designator, "minor": price.minor, "currency": price.currency,
                                  "exit": at_exit, "adult": cabin.adults_only(seat),
                                  "disclosures": list(seat.disclosures)}
    return found


def _ask(offer: Offer, call: Callable[[Any], T]) -> T:
    """Ask its supplier while no database connection is held. Raises Problem in words for the customer."""
    name = offer.supplier
    limits.offer_asked(offer.principal, clock.now())
    pause.check(name)
    if breaker.is_open(name, "offer"):
        raise Problem("supplier_down", "We can't reach this airline now.", status=503, action="Try again / Others",
                      headers={"Retry-After": "30"})
    supplier = registry.get(name)
    if not connection.in_atomic_block:
        connection.close()
    try:
        answer = call(supplier)
    except Outside as error:
        breaker.observe(name, "offer", error)
        raise problem_of(error) from error
    breaker.observe(name, "offer", None)
    return answer


def problem_of(error: Outside) -> Problem:
    """What a supplier's refusal means for the customer. Nothing has been charged at this point."""
    gone = error.code == "not_found"
    said = messages.say("offer_expired" if gone else error.code, money="You have not been charged.",
                        n=int(error.retry_after or 10))
    status, seconds = _ANSWERS.get(error.code, (409 if isinstance(error, Refused) else 503, 10))
    if seconds is None or isinstance(error, Refused):
        return Problem(said.code, said.text, status=status, action=said.action, tip=said.tip)
    return Problem(said.code, said.text, status=status, action=said.action, tip=said.tip,
                   headers={"Retry-After": str(int(error.retry_after or seconds))})
