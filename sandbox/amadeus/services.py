"""What is sold with an offer: bags, seats, priority; and the airline's rules and card fees."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from sandbox.amadeus import offers, seats
from sandbox.amadeus.errors import refuse
from sandbox.amadeus.money import amount
from sandbox.flights.carriers import BY_CODE
from sandbox.flights.fares import BRANDS, FRONT, Brand, Terms

Json = dict[str, Any]
BAG_CENTS = {1: 4500, 2: 9900}  # a traveller's bags on one itinerary
KILOS, KILOS_CENTS = 10, 6000
OTHER_CENTS = {"PRIORITY_BOARDING": 1200, "AIRPORT_CHECKIN": 2500}
CARD_FEE_CENTS = {"VISA": 0, "MASTERCARD": 0, "AMERICAN_EXPRESS": 590}


def included(found: list[Json], wanted: list[str]) -> Json:
    """Return the maps that were asked for, each keyed by a running number."""
    makers: dict[str, Callable[[Json], Iterator[Json]]] = {
        "bags": _bags,
        "credit-card-fees": _card_fees,
        "other-services": _others,
        "detailed-fare-rules": _rules,
    }
    made: Json = {}
    for name in wanted:
        rows = [row for offer in found for row in makers[name](offer)]
        made[name] = {str(number): row for number, row in enumerate(rows, 1)}
    return made


def carry(asked: Json, offer: Json, pointer: str) -> None:
    """Put what was chosen in ``asked`` into the priced ``offer`` with its price; refuses what is not sold."""
    cents: dict[str, int] = {}
    for number, (wanted, priced) in enumerate(
        zip(asked["travelerPricings"], offer["travelerPricings"], strict=True)
    ):
        at = f"{pointer}/travelerPricings/{number}"
        for kind, price in _chosen(wanted, offer, at):
            cents[kind] = cents.get(kind, 0) + price
        for mine, theirs in zip(priced["fareDetailsBySegment"], wanted["fareDetailsBySegment"], strict=True):
            if theirs.get("additionalServices"):
                mine["additionalServices"] = theirs["additionalServices"]
    if cents:
        money = offer["price"]["currency"]
        rows = {kind: amount(value, money) for kind, value in cents.items()}
        offer["price"]["additionalServices"] = [{"amount": str(value), "type": kind} for kind, value in rows.items()]
        total = Decimal(offer["price"]["grandTotal"]) + sum(rows.values(), Decimal(0))
        offer["price"]["grandTotal"] = str(total)


def _chosen(wanted: Json, offer: Json, at: str) -> Iterator[tuple[str, int]]:
    """Yield (kind, cents) of what one traveller chose: bags once an itinerary, seats each flight."""
    details = {each["segmentId"]: each for each in wanted["fareDetailsBySegment"]}
    for itinerary in offer["itineraries"]:
        flown = [details[segment["id"]] for segment in itinerary["segments"]]
        bags = [each["additionalServices"]["chargeableCheckedBags"] for each in flown
                if "chargeableCheckedBags" in each.get("additionalServices", {})]
        if bags:
            yield "CHECKED_BAGS", max(_bag_cents(bag, wanted, offer, at) for bag in bags)
        for segment, detail in zip(itinerary["segments"], flown, strict=True):
            services = detail.get("additionalServices", {})
            seat = services.get("chargeableSeat", {}).get("number") or services.get("chargeableSeatNumber")
            if seat:
                yield "SEATS", _seat_cents(offer, segment, wanted, seat, at)
            for name in services.get("otherServices", ()):
                yield "OTHER_SERVICES", OTHER_CENTS[name]


def _bag_cents(bag: Json, traveller: Json, offer: Json, at: str) -> int:
    counted = {name: value for name, value in bag.items() if name in ("quantity", "weight", "weightUnit")}
    if traveller["travelerType"] != offers.ON_LAP:
        for sold, cents in _bag_sizes(offer):
            if sold == counted:
                return cents
    raise refuse(38034, "This checked bag is not sold with this offer", pointer=at)


def _seat_cents(offer: Json, segment: Json, traveller: Json, number: str, at: str) -> int:
    cents = seats.price(offer, segment, traveller["travelerType"], number)
    if cents is None:
        raise refuse(38034, f"Seat {number} is not available", pointer=at)
    return cents


def _bag_sizes(offer: Json) -> list[tuple[Json, int]]:
    if offer["validatingAirlineCodes"][0] in offers.BY_WEIGHT:
        return [({"weight": KILOS, "weightUnit": "KG"}, KILOS_CENTS)]
    return [({"quantity": quantity}, cents) for quantity, cents in BAG_CENTS.items()]


def _bags(offer: Json) -> Iterator[Json]:
    money = offer["price"]["currency"]
    people = [each["travelerId"] for each in offer["travelerPricings"] if each["travelerType"] != offers.ON_LAP]
    for itinerary in offer["itineraries"]:
        for size, cents in _bag_sizes(offer):
            yield {
                **size,
                "name": "CHECKED_BAG",
                "price": {"amount": str(amount(cents, money)), "currencyCode": money},
                "bookableByItinerary": True,
                "segmentIds": [segment["id"] for segment in itinerary["segments"]],
                "travelerIds": people,
            }


def _others(offer: Json) -> Iterator[Json]:
    money = offer["price"]["currency"]
    for name, cents in OTHER_CENTS.items():
        yield {
            "name": name,
            "price": {"amount": str(amount(cents, money)), "currencyCode": money},
            "bookableByTraveler": True,
            "bookableByItinerary": True,
            "segmentIds": [segment["id"] for segment in offers.segments(offer)],
            "travelerIds": [each["travelerId"] for each in offer["travelerPricings"]],
        }


def _card_fees(offer: Json) -> Iterator[Json]:
    money = offer["price"]["currency"]
    for brand, cents in CARD_FEE_CENTS.items():
        yield {
            "brand": brand,
            "amount": str(amount(cents, money)),
            "currency": money,
            "flightOfferId": offer["id"],
        }


def _rules(offer: Json) -> Iterator[Json]:
    """Yield one set of notes for each fare, as raw as the airlines file them."""
    seen: set[str] = set()
    for detail in offer["travelerPricings"][0]["fareDetailsBySegment"]:
        if detail["fareBasis"] in seen:
            continue
        seen.add(detail["fareBasis"])
        brand = brand_of(offer)
        rule = random.Random(detail["fareBasis"]).randrange(1000, 9999)
        texts = [("RULE LISTING", f"RULE - {rule}\nFARE CLASS {detail['fareBasis']}")]
        if brand is not None:
            texts.append(("PENALTIES", _penalties(brand)))
        yield {
            "fareBasis": detail["fareBasis"],
            "name": "FARE RULES",
            "segmentId": detail["segmentId"],
            "fareNotes": {"descriptions": [{"descriptionType": kind, "text": text} for kind, text in texts]},
        }


def brand_of(offer: Json) -> Brand | None:
    """Return the fare brand of an offer of ours; None for one that was made elsewhere."""
    label = offer["travelerPricings"][0]["fareDetailsBySegment"][0].get("brandedFareLabel")
    carrier = BY_CODE.get(offer["validatingAirlineCodes"][0], offers.SIX)
    for brand in (*BRANDS[carrier.kind], *(each for front in FRONT.values() for each in front)):
        if (brand.name or "").upper() == label:
            return brand
    return None


def _penalties(brand: Brand) -> str:
    return (
        "CHANGES\n\n  BEFORE DEPARTURE\n" + _note(brand.change, "CHANGES", "REISSUE/REVALIDATION")
        + "\n\nCANCELLATIONS\n\n  BEFORE DEPARTURE\n" + _note(brand.refund, "CANCELLATIONS", "CANCEL/REFUND")
        + "\n\n  NOTE -\n   < CHILD DISCOUNTS APPLY & NO-SHOW RULES VARY >"
    )  # fmt: skip


def _note(terms: Terms, plural: str, act: str) -> str:
    if not terms.allowed:
        return f"    {plural} NOT PERMITTED."
    if not terms.penalty:
        return f"    {plural} PERMITTED."
    return f"    CHARGE USD {terms.penalty / 100:.2f} FOR {act}."
