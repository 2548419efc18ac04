"""Offers and search results as plain dicts: sorted without favour, filtered, grouped by what differs (ux.md 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from bookings.pricing import total_of_offer
from bookings.selectors import words
from suppliers.models import Offer, Search

Raw = dict[str, Any]
STALE_SEARCH = timedelta(seconds=60)  # whoever ran it is gone by then
PER_PAGE, MOST_PER_PAGE = 50, 200
# The published weights of "Best": a mix of price, duration and stops; the carrier is never a factor.
PRICE_WEIGHT, DURATION_WEIGHT, STOPS_WEIGHT = 0.6, 0.3, 0.1


def fee_minor() -> int:
    """Our service fee per booking, minor units of the offer's currency."""
    return int(settings.SERVICE_FEE_MINOR)


def raw_of(offer: Offer) -> Raw:
    """The stored picture: as priced when it was priced, else as searched."""
    picture: Raw = offer.priced or offer.searched
    return picture


def minutes_of(raw: Raw) -> int:
    """How long all directions take together; unknown directions count as what their flights take."""
    return sum(piece["duration_minutes"] or sum(flight["duration_minutes"] or 0 for flight in piece["segments"])
               for piece in raw["slices"])


def stops_of(raw: Raw) -> int:
    """The most stops in one direction, changes of plane and technical stops alike."""
    return max((len(piece["segments"]) - 1 + sum(len(flight["stops"]) for flight in piece["segments"])
                for piece in raw["slices"]), default=0)


def price_lines(raw: Raw, services: list[Raw], services_minor: int, fee: int, fare_minor: int | None = None) -> Raw:
    """The price block, the same everywhere: fare, taxes, extras, our fee, total. Their sum is the total."""
    currency, fare = raw["total"]["currency"], raw["total"]["minor"] if fare_minor is None else fare_minor
    tax = raw["tax"]
    split = bool(tax) and tax["currency"] == currency and 0 <= tax["minor"] <= fare
    return {
        "fare": words.money(fare, currency),
        "base": words.money(fare - tax["minor"], currency) if split else None,
        "taxes": words.money(tax["minor"], currency) if split else None,
        "services": services,
        "fee": words.money(fee, currency) if fee else None,
        "total": words.money(fare + services_minor + fee, currency),
    }


def card(offer: Offer) -> Raw:
    """An offer as a line of the results."""
    raw, fee = raw_of(offer), fee_minor()
    line = words.line_of(raw["passengers"])
    total = total_of_offer(raw, fee)
    seats = len(raw["passengers"]) or 1
    return {
        "id": str(offer.pk),
        "ownerCode": raw["owner_code"], "ownerName": raw["owner_name"],
        "total": words.money(total, offer.currency),
        "perPerson": words.money(-(-total // seats), offer.currency),
        "slices": [words.flight_slice(item, line) for item in raw["slices"]],
        "durationMinutes": minutes_of(raw), "stops": stops_of(raw),
        "brand": brand(raw), "bagsText": words.bags(raw), "checkedBags": words.checked_bags(raw),
        "conditions": {"change": words.condition(raw["change"]), "refund": words.condition(raw["refund"])},
        "canHold": not raw["instant_only"],
        "emissionsKg": raw["emissions_kg"],
        "expiresAt": words.iso(offer.expires_at),
    }


def brand(raw: Raw) -> str:
    """The fare's name: the brands of its directions, or the cabin where the airline names none."""
    names = [piece["brand"] or (piece["segments"][0]["cabin_name"] or piece["segments"][0]["cabin"]).replace("_", " ")
             .capitalize() for piece in raw["slices"]]
    return " / ".join(dict.fromkeys(name for name in names if name))


def offer_view(offer: Offer) -> Raw:
    """An offer with everything needed to choose it: conditions, services, fare family, documents."""
    raw = raw_of(offer)
    return {
        **card(offer),
        "price": price_lines(raw, [], 0, fee_minor()),
        "passengers": [{"position": index, "kind": item["kind"], "age": item["age"]}
                       for index, item in enumerate(raw["passengers"])],
        "payBy": raw["pay_by"], "priceGuaranteedUntil": raw["price_guaranteed_until"],
        "documentsRequired": raw["documents_required"], "documentKinds": list(raw["document_kinds"]),
        "loyaltyCarriers": list(raw["loyalty_carriers"]), "conditionsUrl": raw["conditions_url"],
        "services": [service(item, raw) for item in raw["services"] or ()],
        "pricedAt": words.iso(offer.priced_at),
        "fareFamily": [family_card(item) for item in siblings(offer)],
    }


def service(item: Raw, raw: Raw) -> Raw:
    """An extra on sale: for whom (positions), on which flights (positions), at which price for one."""
    line = words.line_of(raw["passengers"])
    flights = [flight["external_id"] for piece in raw["slices"] for flight in piece["segments"]]
    return {
        "id": item["external_id"], "kind": item["kind"], "label": words.service_label(item["kind"], item["detail"]),
        "passengers": [line[key] for key in item["passenger_ids"] if key in line],
        "segments": [flights.index(key) for key in item["segment_ids"] if key in flights],
        "maxQuantity": item["max_quantity"],
        "price": words.money(item["price"]["minor"], item["price"]["currency"]),
        "detail": {key: item["detail"][key] for key in ("bag_kind", "weight_kg", "designator", "copy", "terms_url")
                   if item["detail"].get(key)},
    }


def family_card(offer: Offer) -> Raw:
    """A fare of the same flights, for the list of fares."""
    whole = card(offer)
    return {key: whole[key] for key in ("id", "brand", "total", "conditions", "bagsText", "canHold")}


def journey_of(raw: Raw) -> tuple[str, ...]:
    """What makes two offers the same flights (duffel.md 3.3): comparison keys, else carrier, numbers and times."""
    keys = tuple(piece["comparison_key"] for piece in raw["slices"])
    if all(keys):
        return keys
    return (raw["owner_code"], *(f"{flight['carrier_code']}{flight['flight_number']}@{flight['departing_local']}"
                                 for piece in raw["slices"] for flight in piece["segments"]))


def siblings(offer: Offer) -> list[Offer]:
    """Other fares of the same flights in the same search, the cheapest of each brand, cheapest first."""
    if offer.search_id is None:
        return []
    raw = raw_of(offer)
    mine, own = journey_of(offer.searched), brand(raw)
    rows = Offer.objects.filter(search_id=offer.search_id, supplier=offer.supplier,
                                searched__owner_code=offer.searched["owner_code"],
                                searched__slices__0__comparison_key=offer.searched["slices"][0]["comparison_key"])
    found: dict[str, Offer] = {}
    for other in rows.exclude(pk=offer.pk).order_by("total_minor", "pk"):
        name = brand(other.searched)
        if journey_of(other.searched) == mine and name != own:
            found.setdefault(name, other)
    return list(found.values())


# --- results ----------------------------------------------------------------------------------------------------


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
