"""Search results as plain dicts: sifted, sorted without favour, one page of them (ux.md 4, dot-rules.md 2.8)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from bookings.selectors import merging, words
from bookings.selectors.filters import RULES, Sieve, Wanted, clean, counts, sift
from bookings.selectors.lines import Line, brief, is_brief, line_of
from bookings.selectors.offers import card, fee_minor, ticketing
from bookings.selectors.sorting import SORTS, ranked
from suppliers.models import Offer, Search

Raw = dict[str, Any]
STALE_SEARCH = timedelta(seconds=60)  # whoever ran it is gone by then
PER_PAGE, MOST_PER_PAGE = 50, 200
ABOUT_TYPICAL = 5  # per cent; nearer than that is "about typical"


@dataclass(frozen=True)
class Filters:
    """What the visitor wants to see: filters by their name (`selectors.filters`), order, and which page."""

    wanted: Wanted = field(default_factory=dict)
    sort: str = "best"  # best, cheapest, fastest
    with_bag: bool = False  # prices with one checked bag for everybody, where that price is known
    one_per_journey: bool = False  # one line for the same flights: the cheapest fare that passes
    offset: int = 0
    limit: int = PER_PAGE


@dataclass(frozen=True)
class Trip:
    """The same flights with all their fares that pass, the best priced first.

    Fares that two suppliers sell are one fare (`merging.same`); each supplier's offer of it can be booked.
    """

    fares: list[Line]

    @property
    def best(self) -> Line:
        """The fare that is shown."""
        return self.fares[0]

    @property
    def also(self) -> list[Line]:
        """Other suppliers' offers of the fare that is shown."""
        return merging.also(self.best, self.fares[1:])


def complete(search: Search, now: datetime) -> bool:
    """Whether nothing more will come; a search whose process died is over after a minute."""
    return search.complete or now - search.created_at > STALE_SEARCH


def answered(search: Search) -> int:
    """How many suppliers have answered so far, well or badly."""
    return sum(1 for told in search.outcome.values() if told.get("state") != "asking")


def results_view(search: Search, filters: Filters | None = None, *, now: datetime) -> Raw:
    """A search with its offers so far: sifted, sorted, one page of them; tabs and counts are of all that pass.

    Three queries at most, however many offers there are; whole offers are read for the page only.
    """
    filters = filters or Filters()
    lines, lapsed = _lines(search, filters.one_per_journey, now)
    wanted = clean(filters.wanted, lines)
    sieve = sift(lines, wanted)
    order = _trips(sieve.passing, filters)
    page = order[filters.offset:filters.offset + min(filters.limit, MOST_PER_PAGE)]
    offers = {str(key): offer for key, offer in
              Offer.objects.defer("document").in_bulk([trip.best.id for trip in page]).items()}
    typical = _typical(lines)
    return {
        "searchId": str(search.pk), "complete": complete(search, now), "answered": answered(search),
        "suppliers": [{"name": name, "state": told.get("state", ""), "offers": told.get("offers", 0),
                       "code": told.get("code", "")} for name, told in sorted(search.outcome.items())],
        "found": _journeys(lines), "matching": len(order), "lapsed": lapsed,
        "tabs": {name: _tab(_trips(sieve.passing, filters, name)[0].best, filters) if order else None
                 for name in SORTS},
        "cheapest": _cheapest(lines), "airlines": _airlines(lines),
        "facets": _facets(lines, sieve, wanted),
        "rescue": {name: _journeys(sieve.without(name)) for name in filters.wanted} if not order else {},
        "typicalEmissionsKg": typical,
        "offers": [_shown(trip, offers[trip.best.id], filters, typical) for trip in page],
    }


def _lines(search: Search, grouped: bool, now: datetime) -> tuple[list[Line], int]:
    """The search's offers that can still be bought, and how many have lapsed.

    Their briefs are enough, except where an offer was priced since (its bags have prices now) or has none.
    """
    rows = list(Offer.objects.filter(search=search).order_by("total_minor", "pk").values(
        "pk", "supplier", "total_minor", "currency", "expires_at", "priced_at", "brief"))
    good = [row for row in rows if row["expires_at"] > now]
    wanting = [row["pk"] for row in good if row["priced_at"] or not is_brief(row["brief"])]
    whole: dict[Any, Raw] = {offer.pk: brief(offer.priced or offer.searched)
             for offer in (Offer.objects.filter(pk__in=wanting).only("pk", "priced", "searched") if wanting else ())}
    lines = [line_of(str(row["pk"]), row["total_minor"], row["currency"], whole.get(row["pk"]) or row["brief"] or {},
                     row["supplier"]) for row in good]
    return (lines if grouped else _apart(lines)), len(rows) - len(good)


def _apart(lines: list[Line]) -> list[Line]:
    """Every offer for itself, except that what two suppliers sell alike stays one."""
    kept_with = merging.pairs(lines)
    return [replace(line, journey=(kept_with.get(line.id, line.id),)) for line in lines]


def _journeys(lines: Iterable[Line]) -> int:
    return len({line.journey for line in lines})


def _trips(passing: Iterable[Line], filters: Filters, sort: str = "") -> list[Trip]:
    """The lines grouped by their flights, in the order of a tab (the asked one by default)."""
    fares: dict[tuple[str, ...], list[Line]] = {}
    for line in ranked(passing, "cheapest", with_bag=filters.with_bag):
        fares.setdefault(line.journey, []).append(line)
    first = ranked((lines[0] for lines in fares.values()), sort or filters.sort, with_bag=filters.with_bag)
    return [Trip(fares[line.journey]) for line in first]


def _tab(line: Line, filters: Filters) -> Raw:
    unknown, price = line.shown(filters.with_bag)
    return {"id": line.id, "total": words.money(price + fee_minor(), line.currency), "minutes": line.minutes,
            "withBag": filters.with_bag and not unknown}


def _cheapest(lines: list[Line]) -> Raw | None:
    """The lowest price of all that was found, whatever is filtered."""
    first = ranked(lines, "cheapest")[:1]
    return words.money(first[0].price + fee_minor(), first[0].currency) if first else None


def _airlines(lines: Iterable[Line]) -> list[Raw]:
    """The airlines in the results with how many trips and from which price, by name."""
    found: dict[str, Raw] = {}
    trips: dict[str, set[tuple[str, ...]]] = {}
    for line in sorted(lines, key=lambda line: line.price):
        found.setdefault(line.airline, {"code": line.airline, "name": line.airline_name,
                                        "from": words.money(line.price + fee_minor(), line.currency)})
        trips.setdefault(line.airline, set()).add(line.journey)
    return sorted(({**entry, "count": len(trips[code])} for code, entry in found.items()),
                  key=lambda entry: str(entry["name"]))


def _facets(lines: list[Line], sieve: Sieve, wanted: Wanted) -> dict[str, dict[Any, int]]:
    directions = max((len(line.leaves) for line in lines), default=0)
    return {name: counts(name, wanted, lines, sieve) for name in RULES if _direction(name) <= directions}


def _direction(name: str) -> int:
    """The direction a filter is about, from 1; 0 for all."""
    return next((int(letter) for letter in name if letter.isdigit()), 0)


def _typical(lines: Iterable[Line]) -> int | None:
    """The median CO2 of the trips found, kg for each traveller; None when fewer than three tell theirs."""
    told = {line.journey: line.co2 for line in lines if line.co2}
    return round(median(told.values())) if len(told) > 2 else None


def _emissions(line: Line, typical: int | None) -> Raw | None:
    if line.co2 is None:
        return None
    percent = round(100 * (line.co2 - typical) / typical) if typical else None
    text = ""
    if percent is not None:
        text = (f"{abs(percent)} % {'more' if percent > 0 else 'less'} than typical here"
                if abs(percent) >= ABOUT_TYPICAL else "about typical here")
    return {"kg": line.co2, "percent": percent, "text": text}


def _key(line: Line) -> str:
    """A short name of the flights, the same for all their fares and in every answer."""
    return hashlib.sha256("|".join(line.journey).encode()).hexdigest()[:12]


def _shown(trip: Trip, offer: Offer, filters: Filters, typical: int | None) -> Raw:
    """A trip as a card: its best priced fare, how many fares there are, its bag and its CO2."""
    line, sold = trip.best, {fare.product for fare in trip.fares}
    unknown, price = line.shown(filters.with_bag)
    seats = max(1, len((offer.priced or offer.searched)["passengers"]))
    total = price + fee_minor()
    return {
        **card(offer), "trip": _key(line),
        "shownTotal": words.money(total, line.currency),
        "shownPerPerson": words.money(-(-total // seats), line.currency),
        "withBag": filters.with_bag and not unknown, "bagUnknown": unknown,
        "bagPrice": words.money(line.bag, line.currency) if line.bag is not None else None,
        "fares": len(sold), "emissions": _emissions(line, typical),
        "also": [_again(other, filters) for other in trip.also],
    }


def _again(line: Line, filters: Filters) -> Raw:
    """The same fare once more: what differs for the customer, and no word of who sells it (ux.md 9)."""
    return {"id": line.id, "total": words.money(line.price + fee_minor(), line.currency),
            "shownTotal": words.money(line.shown(filters.with_bag)[1] + fee_minor(), line.currency),
            "ticketing": ticketing(line.manual), "ticketBy": line.ticket_by}

