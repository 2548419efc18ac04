"""The bundles of a draft: made only from what is sold for this offer, priced as the sum of their parts, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min

from bookings.bundles import features, flexible, kinds, parts, ranking, seating
from bookings.bundles.parts import Part
from bookings.models import Booking
from bookings.selectors import words
from bookings.selectors.offers import raw_of
from fly2any.kernel import clock
from suppliers.models import Offer
from suppliers.types import SeatMap


@dataclass(frozen=True)
class Bundle:
    """A bundle on offer. `fare`: the other fare it includes. Amounts are minor units of the booking's currency."""

    kind: str
    parts: tuple[Part, ...]
    fare: Offer | None = None

    @property
    def minor(self) -> int:
        """What it costs on top of the present fare: the exact sum of its parts."""
        return parts.total(self.parts)

    @property
    def buys(self) -> tuple[str, ...]:
        """What it really buys: its parts without those that the fare includes."""
        return tuple(part.what for part in self.parts if not part.included)

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Its parts as `drafts.customize` takes them; a fare is not among them."""
        return [{"serviceId": service, "quantity": number} for part in self.parts for service, number in part.choices]

    @property
    def choice(self) -> str:
        """Its kind and a mark of its contents and prices, so that nothing else is bought than what was read."""
        told = "|".join([self.kind, *(meaning for part in self.parts for meaning in part.meanings)])
        return f"{self.kind}.{hashlib.sha256(told.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Shelf:
    """The bundles of a draft in the order to show them, and what the order was made of."""

    bundles: list[Bundle]
    features: dict[str, str]
    ranked: ranking.Ranked


def make(offer: Offer, maps: Sequence[SeatMap]) -> list[Bundle]:
    """Every bundle whose parts are all sold for this offer; [] when there is nothing to add. One query."""
    info = offer.info
    bag, seat = parts.bags(info), seating.seats(info, maps)
    cover = None if flexible.is_flexible(raw_of(offer)) else parts.cover(info)
    fare = flexible.better_fare(offer)
    flex, taken = _cheaper(cover, fare)
    sold: dict[str, tuple[Part | None, ...]] = {
        kinds.LIGHT: (), kinds.WITH_BAG: (bag,), kinds.BAG_SEAT: (bag, seat), kinds.FLEXIBLE: (flex,),
        kinds.COMPLETE: (bag, seat, cover)}  # bags and seats belong to this fare, so it keeps it and adds cover
    found = []
    for kind, wanted in sold.items():
        made = Bundle(kind, tuple(part for part in wanted if part is not None),
                      taken if kind == kinds.FLEXIBLE else None)
        if None not in wanted and (made.buys or kind == kinds.LIGHT):
            found.append(made)
    return found if len(found) > 1 else []


def _cheaper(cover: Part | None, fare: tuple[Part, Offer] | None) -> tuple[Part | None, Offer | None]:
    """The less expensive way to be flexible: another fare, or cover for this one."""
    if fare is None or (cover is not None and cover.minor < fare[0].minor):
        return cover, None
    return fare


def shelf(booking: Booking, maps: Sequence[SeatMap], now: datetime) -> Shelf:
    """The bundles of a draft, ranked. Three queries whatever is offered. `now`: UTC."""
    offer = booking.offer
    bundles = make(offer, maps)
    cheapest = Offer.objects.filter(search_id=offer.search_id).aggregate(least=Min("total_minor"))["least"] \
        if bundles and offer.search_id else None
    found = features.of_offer(raw_of(offer), today=now.date(), cheapest_minor=cheapest)
    if not bundles:
        return Shelf([], found, ranking.Ranked([], "rules"))
    ranked = ranking.rank(found, [bundle.kind for bundle in bundles])
    return Shelf(sorted(bundles, key=lambda bundle: ranked.order.index(bundle.kind)), found, ranked)


def offered(booking: Booking, maps: Sequence[SeatMap]) -> list[dict[str, Any]]:
    """The bundles of a draft as plain dicts, best first; [] when nothing can be added. Four queries at most."""
    return views(booking, shelf(booking, maps, clock.now()))


def views(booking: Booking, on: Shelf) -> list[dict[str, Any]]:
    """Each bundle: key, choice (what to send), title, parts with prices, what it adds, the total it leads to."""
    has = {item.service_external_id: item.quantity for item in booking.selections.all()} if on.bundles else {}
    known = booking.fare_minor + booking.fee_minor
    return [_view(bundle, booking, known, has, on.ranked, position) for position, bundle in enumerate(on.bundles)]


def _view(bundle: Bundle, booking: Booking, known: int, has: dict[str, int], ranked: ranking.Ranked,
          position: int) -> dict[str, Any]:
    chosen = bool(bundle.choices) and has == {item["serviceId"]: item["quantity"] for item in bundle.choices}
    return {
        "key": bundle.kind, "choice": bundle.choice, "title": kinds.TITLES[bundle.kind],
        "parts": [{"what": part.what, "label": part.label, "notes": part.note.splitlines(), "included": part.included,
                   "price": words.money(part.minor, booking.currency), "link": part.link} for part in bundle.parts],
        "price": words.money(bundle.minor, booking.currency),
        "total": words.money(known + bundle.minor, booking.currency),
        "changesFare": bundle.fare is not None, "chosen": chosen,
        "hasExtras": bool(has),
        "rankedBy": "model" if ranked.by_model else "rules",
        "popular": ranked.by_model and position == 0,
        "madeUp": ranked.made_up,
    }
