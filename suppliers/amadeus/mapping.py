"""Amadeus's offers in our words (amadeus.md 3.1, 3.2). Pure functions, no network.

Tolerant of missing keys, nulls and additions everywhere; strict about money, flights and who travels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fly2any.kernel.money import Money
from suppliers.amadeus import flights
from suppliers.amadeus.reading import (
    EARLIEST,
    NAME,
    Unreadable,
    count,
    earliest,
    items,
    last_moment,
    mapping,
    maybe_money,
    money,
    said,
    text,
    texts,
)
from suppliers.types import Condition, OfferInfo, OfferPassenger, SearchQuery, Service

Raw = Mapping[str, Any]
TEEN = 12  # Amadeus's child is under 12 (amadeus.md 3.1); older ones fly, and pay, as adults
MARGIN = timedelta(hours=2)  # an offer that must be ticketed sooner than this is not sold: staff need time
_KINDS = {"CHILD": "child", "HELD_INFANT": "infant", "SEATED_INFANT": "infant"}
_REFUND = frozenset({"REFUND", "CANCELLATION"})
_CHANGE = frozenset({"EXCHANGE", "REVALIDATION", "REISSUE", "REBOOK"})
# bookingRequirements (amadeus.md 3.2) -> our words (suppliers.types.REQUIREMENTS)
_OF_BOOKING = {
    "invoiceAddressRequired": "invoice_address", "mailingAddressRequired": "address", "emailAddressRequired": "email",
    "phoneCountryCodeRequired": "phone_country", "mobilePhoneNumberRequired": "mobile_phone",
    "phoneNumberRequired": "phone", "postalCodeRequired": "postal_code"}
_OF_TRAVELLER = {
    "genderRequired": "gender", "dateOfBirthRequired": "date_of_birth", "residenceRequired": "residence",
    "documentIssuanceCityRequired": "document_city", "redressRequiredIfAny": "redress"}
_OF_RESIDENTS = ("airFranceDiscountRequired", "spanishResidentDiscountRequired")  # fares on proof


class Unfit(ValueError):
    """An offer that we cannot sell: paid at once, by a card of the customer's, with too few seats, too late, ..."""


@dataclass(frozen=True)
class Known:
    """What is known beside the offer's own text.

    `now` UTC; `minutes` an offer is sold for; `party`: who was searched for, by traveller id (kind, age); `answer`:
    the rest of Price's answer when the offer was priced, with its bags, rules and requirements.
    """

    now: datetime
    minutes: int
    names: flights.Names
    party: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)
    answer: Raw | None = None
    live: bool = False
    days: int | None = None  # after so many days a reservation that nobody ticketed cancels itself


def offer(raw: Raw, external_id: str, document: str, known: Known) -> OfferInfo:
    """An offer. Raises Unreadable without flights, travellers or a readable total; Unfit when we cannot sell it."""
    fit(raw)
    price = mapping(raw.get("price"))
    currency = text(price.get("currency"))
    total = money(price.get("grandTotal") or price.get("total"), currency)
    trip = flights.slices(raw, known.names)
    people = passengers(raw, known.party)
    if not people or not trip or not all(_complete(part) for part in trip):
        raise Unreadable("an offer without flights or travellers")
    own_end = None if known.days is None else datetime.combine(
        known.now.date(), datetime.min.time(), UTC) + timedelta(days=known.days) - EARLIEST
    ticket_by = earliest(last_ticketing(raw), own_end)
    expires_at = _expiry(last_ticketing(raw), known)
    base = maybe_money(price.get("base"), currency)
    owner = next(iter(texts(raw.get("validatingAirlineCodes"))), trip[0].segments[0].carrier_code)
    asked = known.answer is not None
    answer = mapping(known.answer)
    needs = mapping(mapping(answer.get("data")).get("bookingRequirements"))
    if any(one.get(key) is True for one in items(needs.get("travelerRequirements")) for key in _OF_RESIDENTS):
        raise Unfit("it is for residents who can prove it")
    included = mapping(answer.get("included"))
    change, refund = conditions(raw, total.currency)
    return OfferInfo(
        supplier=NAME, external_id=external_id, request_id="", total=total, base=base,
        tax=total - base if base is not None and base <= total else None, expires_at=expires_at,
        owner_code=owner, owner_name=flights.carrier_name(owner, known.names), slices=trip, passengers=people,
        instant_only=True, change=change, refund=refund,
        documents_required=any(one.get("documentRequired") is True for one in items(needs.get("travelerRequirements"))),
        document_kinds=("passport",), loyalty_carriers=_loyalty(raw, trip), live_mode=known.live,
        services=bags(included, raw, total.currency) if asked else None,
        emissions_kg=_emissions(raw, people), manual=True, ticket_by=ticket_by, requires=requirements(needs),
        rules=rules(included, raw), document=document)


def _complete(part: Any) -> bool:
    return bool(part.segments) and all(
        one.external_id and one.carrier_code and one.flight_number and one.origin.code and one.destination.code
        and one.departing_local and one.arriving_local for one in part.segments)


def fit(raw: Raw) -> None:
    """Raises Unfit for an offer that needs payment at once or a card, is too small, or flies with a banned airline."""
    seated = sum(text(one.get("travelerType")) != "HELD_INFANT" for one in items(raw.get("travelerPricings")))
    left = raw.get("numberOfBookableSeats")
    if raw.get("instantTicketingRequired") is True or raw.get("paymentCardRequired") is True:
        raise Unfit("it cannot be reserved without payment")
    if isinstance(left, int | float) and left < seated:
        raise Unfit("it has too few seats")
    if any(one.get("blacklistedInEU") is True for part in items(raw.get("itineraries"))
           for one in items(part.get("segments"))):
        raise Unfit("an airline of it is banned in the EU")
    if any(not items(one.get("fareDetailsBySegment")) for one in items(raw.get("travelerPricings"))):
        raise Unfit("a traveller has no fare")


def _expiry(ticket_by: datetime | None, known: Known) -> datetime:
    expires_at = known.now + timedelta(minutes=known.minutes)
    if ticket_by is None:
        return expires_at
    if ticket_by - MARGIN <= known.now:
        raise Unfit("staff have no time left to ticket it")
    return min(expires_at, ticket_by - MARGIN)


def last_ticketing(raw: Raw) -> datetime | None:
    """Until when it must be ticketed (UTC), by whichever limit comes first."""
    return earliest(last_moment(raw.get("lastTicketingDate")), last_moment(raw.get("lastTicketingDateTime")))


# --- who travels -------------------------------------------------------------------------------------------------


def party(raw: Raw, query: SearchQuery) -> dict[str, tuple[str, int | None]]:
    """Who each traveller of the offer is, by id. Raises Unfit when they are not those searched for.

    Amadeus tells types and no ages; of those priced as adults the last ones are the children of 12 to 17.
    """
    by_type: dict[str, list[str]] = {"adult": [], "child": [], "infant": []}
    for one in items(raw.get("travelerPricings")):
        by_type[_KINDS.get(text(one.get("travelerType")), "adult")].append(text(one.get("travelerId")))
    teens = [age for age in query.child_ages if age >= TEEN]
    young = [age for age in query.child_ages if age < TEEN]
    wanted = Counter(adult=query.adults + len(teens), child=len(young), infant=query.infants)
    if Counter({kind: len(ids) for kind, ids in by_type.items()}) != wanted:
        raise Unfit("it has no fare for one of the travellers")
    found: dict[str, tuple[str, int | None]] = dict.fromkeys(by_type["adult"][:query.adults], ("adult", None))
    found |= {key: ("child", age) for key, age in zip(by_type["adult"][query.adults:], teens, strict=True)}
    found |= {key: ("child", age) for key, age in zip(by_type["child"], young, strict=True)}
    return found | dict.fromkeys(by_type["infant"], ("infant", None))


def passengers(raw: Raw, known: Mapping[str, tuple[str, int | None]]) -> tuple[OfferPassenger, ...]:
    """The travellers of an offer: as searched for where that is known, else by their type."""
    found = []
    for one in items(raw.get("travelerPricings")):
        key = text(one.get("travelerId"))
        if not key:
            raise Unreadable("a traveller without an id")
        kind, age = known.get(key, (_KINDS.get(text(one.get("travelerType")), "adult"), None))
        found.append(OfferPassenger(key, kind, age))
    return tuple(found)


# --- what it allows ----------------------------------------------------------------------------------------------


def conditions(raw: Raw, currency: str) -> tuple[Condition, Condition]:
    """Change and refund, by the offer's own rules, else what its fare family says, else its pricing options."""
    found = {"change": Condition(), "refund": Condition()}
    options = mapping(raw.get("pricingOptions"))
    free = Money(0, currency) if options.get("noPenaltyFare") is True else None
    if options.get("refundableFare") is True:
        found["refund"] = Condition(True, free)
    if free is not None or options.get("noRestrictionFare") is True:
        found["change"] = Condition(True, free)
    for name in _told_by_family(raw):
        found[name] = Condition(True, found[name].fee)
    for rule in items(mapping(raw.get("fareRules")).get("rules")):
        category = text(rule.get("category")).upper()
        name = "refund" if category in _REFUND else "change" if category in _CHANGE else ""
        if name and rule.get("notApplicable") is True:
            found[name] = Condition(False)
        elif name:
            rules_in = text(mapping(raw.get("fareRules")).get("currency")) or currency
            found[name] = Condition(True, maybe_money(rule.get("maxPenaltyAmount"), rules_in))
    return found["change"], found["refund"]


def _told_by_family(raw: Raw) -> set[str]:
    """What the fare family includes on every flight: "refund", "change". Its fee is the airline's to say.

    What it sells for a fee ("refundable ticket", chargeable) may be another ticket: nothing is promised from that.
    """
    per_flight = []
    for detail in _of_first(raw):
        words = [text(extra.get("description")).upper() for extra in items(detail.get("amenities"))
                 if extra.get("isChargeable") is False]
        per_flight.append({name for name, sign in (("refund", "REFUND"), ("change", "CHANG"))
                           if any(sign in word and "NON" not in word for word in words)})
    return set.intersection(*per_flight) if per_flight else set()


def _of_first(raw: Raw) -> list[Raw]:
    """What the first traveller's fare holds, flight by flight."""
    return items(mapping(next(iter(items(raw.get("travelerPricings"))), {})).get("fareDetailsBySegment"))


def requirements(needs: Raw) -> tuple[str, ...]:
    """What the airline wants to know beside the usual, in our words, in the order of `REQUIREMENTS`' table."""
    found = [word for key, word in _OF_BOOKING.items() if needs.get(key) is True]
    found += [word for key, word in _OF_TRAVELLER.items()
              if any(one.get(key) is True for one in items(needs.get("travelerRequirements")))]
    return tuple(found)


def rules(included: Raw, raw: Raw) -> tuple[tuple[str, str], ...]:
    """The airline's own rules: a title of the fare and its flights, and the text as it is written."""
    ends = {text(one.get("id")): f"{text(mapping(one.get('departure')).get('iataCode'))} to "
            f"{text(mapping(one.get('arrival')).get('iataCode'))}"
            for part in items(raw.get("itineraries")) for one in items(part.get("segments"))}
    found: dict[tuple[str, str], None] = {}
    for rule in mapping(included.get("detailed-fare-rules")).values():
        of = mapping(rule)
        words = " ".join(part for part in (text(of.get("fareBasis")), ends.get(text(of.get("segmentId")), "")) if part)
        for note in items(mapping(of.get("fareNotes")).get("descriptions")):
            title = said(text(note.get("descriptionType"))).replace("_", " ")
            if text(note.get("text")).strip():
                found[f"{words}: {title}" if title else words, text(note.get("text"))] = None
    return (*_family(raw, ends), *found)


def _family(raw: Raw, ends: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the fare family holds: meals, lounges, seats, miles; said once where all flights have the same."""
    said_of: dict[str, list[str]] = {}
    for detail in _of_first(raw):
        for sold, word in ((False, "Included"), (True, "For a fee")):
            names = [said(text(extra.get("description"))) for extra in items(detail.get("amenities"))
                     if text(extra.get("description")) and (extra.get("isChargeable") is True) is sold]
            if names:
                where = ends.get(text(detail.get("segmentId")), "")
                said_of.setdefault(f"{word}\n" + "\n".join(names), []).append(where)
    every = len(_of_first(raw))
    return [(word if len(where) == every or not all(where) else f"{word}, {' and '.join(where)}", names)
            for (word, _, names), where in ((key.partition("\n"), where) for key, where in said_of.items())]


def _emissions(raw: Raw, people: tuple[OfferPassenger, ...]) -> str:
    """Kilos of CO2 for the whole party; "" unless every flight names them."""
    total = 0
    for part in items(raw.get("itineraries")):
        for one in items(part.get("segments")):
            told = next(iter(items(one.get("co2Emissions"))), {})
            weight = told.get("weight")
            if not isinstance(weight, int) or text(told.get("weightUnit")).upper() != "KG":
                return ""
            total += weight
    return str(total * sum(one.kind != "infant" for one in people)) if total else ""


def _loyalty(raw: Raw, trip: tuple[Any, ...]) -> tuple[str, ...]:
    """Whose frequent-flyer numbers are worth asking for: those of the airlines flown."""
    flown = [one.carrier_code for part in trip for one in part.segments]
    return tuple(dict.fromkeys([*texts(raw.get("validatingAirlineCodes")), *flown]))


# --- what can be added -------------------------------------------------------------------------------------------


def bags(included: Raw, raw: Raw, currency: str) -> tuple[Service, ...]:
    """The bags on sale, one service for a traveller and what is bought together (a direction, or the whole trip).

    Amadeus lists one bag, two bags, ...: more than one can be bought as long as two cost twice as much. Its id tells
    what to put into the offer: "bag:<traveller>:<flights>:<pieces or kilos>".
    """
    directions = [[text(one.get("id")) for one in items(part.get("segments"))]
                  for part in items(raw.get("itineraries"))]
    single: dict[tuple[str, tuple[str, ...], int], tuple[Money, Raw]] = {}
    more: dict[tuple[str, tuple[str, ...], int], dict[int, Money]] = {}
    for value in mapping(included.get("bags")).values():
        bag = mapping(value)
        cost = mapping(bag.get("price"))
        price = maybe_money(cost.get("amount"), cost.get("currencyCode"))
        if price is None or price.currency != currency or price.minor < 0:
            continue
        number = count(bag.get("quantity")) or 1
        kilos = 0 if "quantity" in bag else flights.weight_kg(bag)
        for flown in _together(directions, texts(bag.get("segmentIds")), bag.get("bookableByItinerary") is not False):
            for person in texts(bag.get("travelerIds")):
                key = (person, flown, kilos)
                more.setdefault(key, {})[number] = price
                if number == 1:
                    single[key] = (price, bag)
    return tuple(
        Service(f"bag:{person}:{'-'.join(flown)}:{f'{kilos}kg' if kilos else 'pc'}", "baggage", (person,), flown,
                _most(more[person, flown, kilos], price), price,
                {"bag_kind": "checked", "weight_kg": kilos or flights.weight_kg(bag) or None})
        for (person, flown, kilos), (price, bag) in single.items())


def _together(directions: list[list[str]], named: tuple[str, ...], apart: bool) -> list[tuple[str, ...]]:
    """The flights of each thing bought: per direction, or all at once."""
    if not apart:
        return [named] if named else []
    return [found for found in (tuple(one for one in flown if one in named) for flown in directions) if found]


def _most(prices: Mapping[int, Money], one: Money) -> int:
    number = 1
    while prices.get(number + 1) == one * (number + 1):
        number += 1
    return number
