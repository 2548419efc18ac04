"""Flight offers search: by query and by body. Nothing is kept but the marks of what went out."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sandbox.amadeus import families, issued, offers, pricing
from sandbox.amadeus.dictionaries import dictionaries
from sandbox.amadeus.errors import Deviation, deviation, refuse
from sandbox.amadeus.money import RATES
from sandbox.amadeus.offers import Traveller, Wish
from sandbox.flights.airports import airports, cities
from sandbox.flights.trips import Slice
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]
CURRENCY = "EUR"  # the office's own
MOST = 250
FURTHEST = timedelta(days=365)
MOST_SEATED = 9
MOST_CHANGES = 2
SHAPES_KEPT = 48
Found = list[tuple[int, Json, str]]  # journey, offer, mark
_made: OrderedDict[tuple[Wish, Decimal], Found] = OrderedDict()


def by_query(call: Call, world: World, asked: Json) -> Answer:
    """GET /v2/shopping/flight-offers."""
    if "includedAirlineCodes" in asked and "excludedAirlineCodes" in asked:
        raise deviation(2668, "included and excluded airlines in one search", parameter="excludedAirlineCodes")
    ends = (asked["originLocationCode"], asked["destinationLocationCode"])
    legs = [(*ends, asked["departureDate"], "departureDate")]
    if "returnDate" in asked:
        legs.append((ends[1], ends[0], asked["returnDate"], "returnDate"))
    adults, children, infants = asked["adults"], asked.get("children", 0), asked.get("infants", 0)
    types = ["ADULT"] * adults + ["CHILD"] * children + [offers.ON_LAP] * infants
    party = tuple(
        Traveller(str(number), type, str(number - adults - children) if type == offers.ON_LAP else None)
        for number, type in enumerate(types, 1)
    )
    _check_party(party, "infants")
    wish = _wish(
        world,
        legs,
        party,
        cabin=asked.get("travelClass", "ECONOMY"),
        connections=0 if asked.get("nonStop") else MOST_CHANGES,
        currency=asked.get("currencyCode"),
        only=tuple(asked.get("includedAirlineCodes", ())),
        without=tuple(asked.get("excludedAirlineCodes", ())),
    )
    itself = f"{call.base_url}/amadeus{call.path}?{urlencode(call.query)}"
    return _answer(world, wish, asked.get("max", MOST), asked.get("maxPrice"), {"links": {"self": itself}})


def by_body(call: Call, world: World, asked: Json) -> Answer:
    """POST /v2/shopping/flight-offers."""
    legs = []
    for number, leg in enumerate(asked["originDestinations"]):
        at = f"/originDestinations/{number}"
        for name in ("id", "originLocationCode", "destinationLocationCode", "departureDateTimeRange"):
            if name not in leg:
                raise deviation(32171, f"{name} is missing", pointer=f"{at}/{name}")
        when = leg["departureDateTimeRange"]["date"]
        legs.append((leg["originLocationCode"], leg["destinationLocationCode"], when, f"{at}/departureDateTimeRange"))
    people = asked["travelers"]
    party = tuple(Traveller(each["id"], each["travelerType"], each.get("associatedAdultId")) for each in people)
    _check_party(party, "/travelers")
    criteria = asked.get("searchCriteria", {})
    filters = criteria.get("flightFilters", {})
    carriers = filters.get("carrierRestrictions", {})
    if "includedCarrierCodes" in carriers and "excludedCarrierCodes" in carriers:
        where = "/searchCriteria/flightFilters/carrierRestrictions"
        raise deviation(2668, "included and excluded carriers in one search", pointer=where)
    options = criteria.get("pricingOptions", {})
    wish = _wish(
        world,
        legs,
        party,
        cabin=next((each["cabin"] for each in filters.get("cabinRestrictions", ())), "ECONOMY"),
        connections=int(filters.get("connectionRestriction", {}).get("maxNumberOfConnections", MOST_CHANGES)),
        currency=asked.get("currencyCode"),
        only=tuple(carriers.get("includedCarrierCodes", ())),
        without=tuple(carriers.get("excludedCarrierCodes", ())),
        with_bags=options.get("includedCheckedBagsOnly", False),
        refundable=options.get("refundableFare", False),
    )
    return _answer(world, wish, int(criteria.get("maxFlightOffers", MOST)), criteria.get("maxPrice"), {})


def _check_party(party: tuple[Traveller, ...], where: str) -> None:
    """At most nine with a seat, and an adult for each infant on a lap."""
    grown = {each.id for each in party if each.type in ("ADULT", "SENIOR", "YOUNG", "STUDENT")}
    held = [each.adult for each in party if each.type == offers.ON_LAP]
    if len({each.id for each in party}) < len(party):
        raise _party_refusal("two travelers with one id", where)
    if len(party) - len(held) > MOST_SEATED:
        raise _party_refusal(f"more than {MOST_SEATED} seated travelers", where)
    if set(held) - grown or len(set(held)) < len(held):
        raise _party_refusal("each held infant needs an adult of its own", where)


def _party_refusal(words: str, where: str) -> Deviation:
    place = {"pointer": where} if where.startswith("/") else {"parameter": where}
    return deviation(4926, words, **place)


def _wish(
    world: World,
    legs: list[tuple[str, str, str, str]],
    party: tuple[Traveller, ...],
    *,
    cabin: str,
    connections: int,
    currency: str | None,
    **more: Any,
) -> Wish:
    if currency and currency not in RATES:
        raise refuse(4926, f"currency {currency} is not sold here")
    return Wish(
        legs=_slices(world, legs),
        party=party,
        cabin=offers.CABINS[cabin],
        connections=min(connections, MOST_CHANGES),
        currency=currency or CURRENCY,
        hour=world.now().replace(minute=0, second=0, microsecond=0).isoformat(),
        **more,
    )


def _slices(world: World, legs: list[tuple[str, str, str, str]]) -> tuple[Slice, ...]:
    made: list[Slice] = []
    for origin, destination, when, where in legs:
        for code in (origin, destination):
            if code not in airports() and code not in cities():
                raise refuse(4926, f"{code} is no airport or city")
        if origin == destination:
            raise refuse(4926, "origin and destination are the same")
        day = date.fromisoformat(when)
        today = world.now().date()
        if not today - timedelta(days=1) <= day <= today + FURTHEST or (made and day < made[-1].day):
            raise refuse(425, "Date/Time is in the past, too far ahead or out of order", pointer=_pointer(where))
        made.append(Slice(origin, destination, day))
    return tuple(made)


def _pointer(where: str) -> str:
    return where if where.startswith("/") else f"/{where}"


def _answer(world: World, wish: Wish, most: int, price: int | None, links: Json) -> Answer:
    found = [] if world.use_fault("amadeus.search", "no_offers") else _offers(wish, issued.drift(world))
    if price is not None:
        heads = sum(1 for each in wish.party if each.type != offers.ON_LAP)
        found = [each for each in found if Decimal(each[1]["price"]["grandTotal"]) <= price * heads]
    found = found[: min(most, MOST)]
    family = families.keep(world, wish)
    for journey, _, mark in found:
        issued.remember(world, [mark], family=family, journey=journey)
    shown = [offer for _, offer, _ in found]
    body = {"meta": {"count": len(shown), **links}, "data": shown}
    return Answer(200, {**body, "dictionaries": dictionaries(shown)} if shown else body)


def _offers(wish: Wish, factor: Decimal) -> Found:
    """Return a search's offers at the present prices; the last few searches are kept."""
    key = (wish, factor)
    if key not in _made:
        found = [(journey, pricing.moved(offer, factor)) for journey, offer in offers.offers(wish)]
        _made[key] = [(journey, offer, issued.mark(offer)) for journey, offer in found]
        if len(_made) > SHAPES_KEPT:
            _made.popitem(last=False)
    return _made[key]
