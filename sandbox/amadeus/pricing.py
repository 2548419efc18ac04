"""Flight offers price: what an offer costs now, what the airline wants to know, what is sold with it."""

from __future__ import annotations

import copy
import random
from decimal import Decimal
from typing import Any

from sandbox.amadeus import issued, offers, services
from sandbox.amadeus.dictionaries import dictionaries
from sandbox.amadeus.errors import expect_type, refuse
from sandbox.amadeus.money import RATES, scaled, step
from sandbox.flights.airports import airports
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]
MOST_TAXES = 4
US_TAXES = ("US", "AY", "XF", "ZP")


def price(call: Call, world: World, asked: Json) -> Answer:
    """POST /v1/shopping/flight-offers/pricing."""
    data = asked["data"]
    expect_type(data, "flight-offers-pricing")
    included = next((value.split(",") for name, value in call.query if name == "include"), [])
    found = [_priced(world, offer, f"/data/flightOffers/{n}") for n, offer in enumerate(data["flightOffers"])]
    data = {"type": "flight-offers-pricing", "flightOffers": found, "bookingRequirements": requirements(world, found)}
    body: Json = {"data": data}
    if included:
        body["included"] = services.included(found, included)
    body["dictionaries"] = dictionaries(found)
    return Answer(200, body)


def _priced(world: World, offer: Json, pointer: str) -> Json:
    known = issued.checked(world, offer, pointer)
    factor = issued.drift(world)
    plain = issued.bare(offer)
    if known.get("priced"):  # an earlier answer of ours: what was chosen then is in its total
        plain["price"] = _without_services(plain["price"])
    priced = with_taxes(moved(plain, factor / Decimal(known["level"])))
    if world.use_fault("amadeus.price", "other_currency"):
        priced = _in_other_currency(priced)
    priced["price"]["billingCurrency"] = priced["price"]["currency"]
    chosen = copy.deepcopy(priced)
    services.carry(offer, chosen, pointer)
    issued.keep_priced(world, chosen, known)
    return chosen


def _without_services(price: Json) -> Json:
    """Return a price as it is without chosen bags and seats."""
    plain = {name: value for name, value in price.items() if name != "additionalServices"}
    extra = sum((Decimal(each["amount"]) for each in price.get("additionalServices", ())), Decimal(0))
    return {**plain, "grandTotal": str(Decimal(price["grandTotal"]) - extra)}


def moved(offer: Json, factor: Decimal) -> Json:
    """Return a copy of an offer with fares and taxes times ``factor``; fees stay. The parts still add up."""
    if factor == 1:
        return offer
    found = copy.deepcopy(offer)
    money = found["price"]["currency"]
    for pricing in found["travelerPricings"]:
        amounts = pricing["price"]
        base = scaled(amounts["base"], factor, money)
        tax = scaled(str(Decimal(amounts["total"]) - Decimal(amounts["base"])), factor, money)
        amounts.update({"base": str(base), "total": str(base + tax)})
        amounts.pop("taxes", None)
    whole = [each["price"] for each in found["travelerPricings"]]
    total = sum((Decimal(each["total"]) for each in whole), Decimal(0))
    fees = Decimal(found["price"]["grandTotal"]) - Decimal(found["price"]["total"])
    found["price"].update(
        {
            "base": str(sum((Decimal(each["base"]) for each in whole), Decimal(0))),
            "total": str(total),
            "grandTotal": str(total + fees),
        }
    )
    return found


def _in_other_currency(offer: Json) -> Json:
    """Return the offer as an office elsewhere would be told its price: in euros, or in pounds when it was in euros."""
    was = offer["price"]["currency"]
    now = "GBP" if was == "EUR" else "EUR"
    turned = moved(offer, Decimal(RATES[now]) / Decimal(RATES[was]))
    for price in (turned["price"], *(each["price"] for each in turned["travelerPricings"])):
        price["currency"] = now
    return with_taxes(turned)


def with_taxes(offer: Json) -> Json:
    """Name each traveller's taxes: a few codes of the countries on the way, which add up to what is not fare."""
    for pricing in offer["travelerPricings"]:
        amounts = pricing["price"]
        if "taxes" in amounts or "base" not in amounts:
            continue
        rest = Decimal(amounts["total"]) - Decimal(amounts["base"])
        amounts["taxes"] = _taxes(rest, _tax_codes(offer), step(amounts["currency"]))
    return offer


def _tax_codes(offer: Json) -> list[str]:
    codes: list[str] = []
    for segment in offers.segments(offer):
        country = airports().get(segment["departure"]["iataCode"], {}).get("country", "YQ")
        codes += [code for code in (US_TAXES if country == "US" else (country, "YQ")) if code not in codes]
    return codes[:MOST_TAXES]


def _taxes(rest: Decimal, codes: list[str], least: Decimal) -> list[Json]:
    part = (rest / len(codes)).quantize(least)
    amounts = [part] * (len(codes) - 1)
    amounts.append(rest - sum(amounts, Decimal(0)))
    return [{"amount": str(amount), "code": code} for amount, code in zip(amounts, codes, strict=True)]


def requirements(world: World, found: list[Json]) -> Json:
    """Return what must be known of the travellers before the airline takes a reservation."""
    told = world.lasting_fault("amadeus.price", "documents") is not None
    documents = told or any(documents_needed(offer) for offer in found)
    american = any(_touches_us(offer) for offer in found)
    travellers = [
        {
            "travelerId": each["travelerId"],
            "genderRequired": True,
            "documentRequired": documents,
            "dateOfBirthRequired": True,
            **({"redressRequiredIfAny": True} if american else {}),
        }
        for each in found[0]["travelerPricings"]
    ]
    return {
        "emailAddressRequired": True,
        "mobilePhoneNumberRequired": True,
        "phoneCountryCodeRequired": True,
        "travelerRequirements": travellers,
    }


def documents_needed(offer: Json) -> bool:
    """Return whether the airline wants passports with the reservation: some do on journeys abroad, 6X never."""
    carrier = offer["validatingAirlineCodes"][0]
    ends = [segment["departure"]["iataCode"] for segment in offers.segments(offer)]
    strict = random.Random(f"{carrier}{ends[0]}documents").random() < 0.35
    return carrier != offers.SIX.code and strict and offers.abroad(offer)


def _touches_us(offer: Json) -> bool:
    codes = {segment[end]["iataCode"] for segment in offers.segments(offer) for end in ("departure", "arrival")}
    return any(airports().get(code, {}).get("country") == "US" for code in codes)


def same_price(world: World, offer: Json, pointer: str) -> None:
    """Refuse an offer that is not as it was priced (4926), or whose price has moved since (37200)."""
    known = issued.priced(world, offer)
    if known is None:
        raise refuse(4926, "The flight offer is not the one that was priced", pointer=pointer)
    factor = issued.drift(world)
    if Decimal(known["level"]) != factor:
        now = moved(offer, factor / Decimal(known["level"]))["price"]["grandTotal"]
        was = offer["price"]["grandTotal"]
        raise refuse(37200, f"Current grandTotal price ({now}) is different from request one ({was})")
