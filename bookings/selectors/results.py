"""Search results as plain dicts: sorted without favour, filtered, one page of them (ux.md 4, dot-rules.md 2.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bookings.pricing import total_of_offer
from bookings.selectors import words
from bookings.selectors.offers import card, fee_minor, journey_of, minutes_of, stops_of
from suppliers.models import Offer, Search

Raw = dict[str, Any]
STALE_SEARCH = timedelta(seconds=60)  # whoever ran it is gone by then
PER_PAGE, MOST_PER_PAGE = 50, 200
# The published weights of "Best": a mix of price, duration and stops; the carrier is never a factor.
PRICE_WEIGHT, DURATION_WEIGHT, STOPS_WEIGHT = 0.6, 0.3, 0.1


@dataclass(frozen=True)
class Filters:
    """What the visitor wants to see. Hours are of the first direction, at the airport's own clock."""

    sort: str = "best"  # best, cheapest, fastest
    max_stops: int | None = None
    airlines: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    leave_from: int | None = None
    leave_until: int | None = None
    arrive_from: int | None = None
    arrive_until: int | None = None
    max_minutes: int | None = None
    checked_bag: bool = False
    changeable: bool = False
    refundable: bool = False
    airports: frozenset[str] = frozenset()
    one_per_journey: bool = False  # the cheapest fare of the same flights only
    offset: int = 0
    limit: int = PER_PAGE


def complete(search: Search, now: datetime) -> bool:
    """Whether nothing more will come; a search whose process died is over after a minute."""
    return search.complete or now - search.created_at > STALE_SEARCH


def results_view(search: Search, filters: Filters | None = None, *, now: datetime) -> Raw:
    """A search with its offers so far: sorted, filtered, one page of them; tabs and counts are of all that pass."""
    filters = filters or Filters()
    everything = [offer for offer in Offer.objects.filter(search=search).order_by("total_minor", "pk")
                  if offer.expires_at > now]
    if filters.one_per_journey:
        everything = _cheapest_of_each(everything)
    passing = [offer for offer in everything if _passes(offer.searched, filters)]
    order = ranked(passing, filters.sort)
    page = order[filters.offset:filters.offset + min(filters.limit, MOST_PER_PAGE)]
    return {
        "searchId": str(search.pk), "complete": complete(search, now),
        "suppliers": [{"name": name, "state": told.get("state", ""), "offers": told.get("offers", 0),
                       "code": told.get("code", "")} for name, told in sorted(search.outcome.items())],
        "found": len(everything), "matching": len(passing),
        "tabs": {name: _tab(ranked(passing, name)[0]) if passing else None for name in _SORTS},
        "airlines": _airlines(everything),
        "offers": [card(offer) for offer in page],
    }


def _cheapest_of_each(offers: Iterable[Offer]) -> list[Offer]:
    first: dict[tuple[str, ...], Offer] = {}
    for offer in offers:  # cheapest first
        first.setdefault(journey_of(offer.searched), offer)
    return list(first.values())


def _tab(offer: Offer) -> Raw:
    return {"id": str(offer.pk), "total": words.money(total_of_offer(offer.searched, fee_minor()), offer.currency),
            "minutes": minutes_of(offer.searched)}


def _airlines(offers: Iterable[Offer]) -> list[Raw]:
    """The airlines in the results with how many offers and from which price, by name."""
    found: dict[str, Raw] = {}
    for offer in offers:
        raw = offer.searched
        entry = found.setdefault(raw["owner_code"], {
            "code": raw["owner_code"], "name": raw["owner_name"], "count": 0,
            "from": words.money(total_of_offer(raw, fee_minor()), offer.currency)})
        entry["count"] += 1
    return sorted(found.values(), key=lambda item: str(item["name"]))


def ranked(offers: list[Offer], sort: str) -> list[Offer]:
    """The offers in the order of a tab; ties keep price, then age."""
    key = _SORTS.get(sort, _best)(offers)
    return sorted(offers, key=key)


def _best(offers: list[Offer]) -> Callable[[Offer], Any]:
    """Weighted distance from the cheapest price and the shortest trip, and stops."""
    cheapest = min((offer.total_minor for offer in offers), default=0) or 1
    shortest = min((minutes_of(offer.searched) for offer in offers), default=0) or 1

    def score(offer: Offer) -> float:
        return (PRICE_WEIGHT * offer.total_minor / cheapest + DURATION_WEIGHT * minutes_of(offer.searched) / shortest
                + STOPS_WEIGHT * stops_of(offer.searched))

    return score


def _cheapest(offers: list[Offer]) -> Callable[[Offer], Any]:
    return lambda offer: offer.total_minor


def _fastest(offers: list[Offer]) -> Callable[[Offer], Any]:
    return lambda offer: (minutes_of(offer.searched), offer.total_minor)


_SORTS: dict[str, Callable[[list[Offer]], Callable[[Offer], Any]]] = {
    "best": _best, "cheapest": _cheapest, "fastest": _fastest}


def _passes(raw: Raw, wanted: Filters) -> bool:
    first = raw["slices"][0]["segments"]
    airports = {flight[end]["code"] for piece in raw["slices"] for flight in piece["segments"]
                for end in ("origin", "destination")}
    tests = (
        wanted.max_stops is None or stops_of(raw) <= wanted.max_stops,
        not wanted.airlines or raw["owner_code"] in wanted.airlines,
        raw["owner_code"] not in wanted.without,
        _hour_in(first[0]["departing_local"], wanted.leave_from, wanted.leave_until),
        _hour_in(first[-1]["arriving_local"], wanted.arrive_from, wanted.arrive_until),
        wanted.max_minutes is None or minutes_of(raw) <= wanted.max_minutes,
        not wanted.checked_bag or words.checked_bags(raw) > 0,
        not wanted.changeable or _allowed(raw["change"]),
        not wanted.refundable or _allowed(raw["refund"]),
        not wanted.airports or airports <= wanted.airports,
    )
    return all(tests)


def _allowed(condition: Mapping[str, Any] | None) -> bool:
    return bool(condition) and condition["allowed"] is True  # type: ignore[index]


def _hour_in(text: str, first: int | None, last: int | None) -> bool:
    """Whether a local time lies from `first` o'clock until before `last` o'clock."""
    moment = words.local(text)
    if moment is None:
        return first is None and last is None
    return (first is None or moment.hour >= first) and (last is None or moment.hour < last)
