"""What Amadeus wants of an order beyond the form that the specification gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from sandbox.amadeus import offers, pricing
from sandbox.amadeus.errors import deviation
from sandbox.frame import World

Json = dict[str, Any]
MOST_SEATED = 9
LONGEST_LINE = 35
DELAY = re.compile(r"\d{1,3}D")
NAME = re.compile(r"[A-Za-z][A-Za-z '\-.]*")


def check(world: World, data: Json) -> None:
    """Refuse an order that lacks what airlines need, or whose parts do not fit together."""
    for code, words, pointer in _faults(world, data):
        raise deviation(code, words, pointer=pointer)


def _faults(world: World, data: Json) -> Iterator[tuple[int, str, str]]:
    for name in ("travelers", "contacts"):
        if not data.get(name):
            yield 32171, f"{name} are missing", f"/data/{name}"
    yield from _party(data)
    needed = {
        each["travelerId"]: each
        for each in pricing.requirements(world, data["flightOffers"])["travelerRequirements"]
    }
    today = world.now().date()
    for number, traveller in enumerate(data.get("travelers", ())):
        yield from _traveller(traveller, needed.get(traveller.get("id"), {}), today, f"/data/travelers/{number}")
    for number, contact in enumerate(data.get("contacts", ())):
        yield from _contact(contact, f"/data/contacts/{number}")
    agreement = data.get("ticketingAgreement", {})
    delay = agreement.get("delay")
    if delay is not None and not DELAY.fullmatch(delay):
        yield 477, "delay must be a number of days such as 6D", "/data/ticketingAgreement/delay"


def _party(data: Json) -> Iterator[tuple[int, str, str]]:
    travellers = data.get("travelers", ())
    ids = [traveller.get("id") for traveller in travellers]
    for number, offer in enumerate(data["flightOffers"]):
        sold = [each["travelerId"] for each in offer.get("travelerPricings", ())]
        if sorted(filter(None, ids)) != sorted(sold):
            pointer = f"/data/flightOffers/{number}/travelerPricings"
            yield 4926, f"travelers {ids} do not match the offer's {sold}", pointer
        seated = sum(each["travelerType"] != offers.ON_LAP for each in offer.get("travelerPricings", ()))
        if seated > MOST_SEATED:
            yield 10661, f"more than {MOST_SEATED} seated travelers", "/data/travelers"


def _traveller(traveller: Json, needed: Json, today: date, at: str) -> Iterator[tuple[int, str, str]]:
    name = traveller.get("name", {})
    for part in ("firstName", "lastName"):
        if not name.get(part):
            yield 32171, f"{part} is missing", f"{at}/name/{part}"
        elif not NAME.fullmatch(name[part]):
            yield 477, f"{part} has letters that airlines cannot read", f"{at}/name/{part}"
    for flag, part in (("dateOfBirthRequired", "dateOfBirth"), ("genderRequired", "gender"),
                       ("documentRequired", "documents")):
        if needed.get(flag) and not traveller.get(part):
            yield 32171, f"{part} is missing", f"{at}/{part}"
    if traveller.get("dateOfBirth") and traveller["dateOfBirth"] > today.isoformat():
        yield 4926, "dateOfBirth is in the future", f"{at}/dateOfBirth"
    if "contact" in traveller:
        yield from _lines(traveller["contact"], f"{at}/contact")


def _contact(contact: Json, at: str) -> Iterator[tuple[int, str, str]]:
    if not contact.get("emailAddress"):
        yield 32171, "emailAddress is missing", f"{at}/emailAddress"
    if not contact.get("phones"):
        yield 32171, "phones are missing", f"{at}/phones"
    yield from _lines(contact, at)


def _lines(contact: Json, at: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(contact.get("address", {}).get("lines", ())):
        if len(line) > LONGEST_LINE:
            yield 2781, f"an address line has at most {LONGEST_LINE} characters", f"{at}/address/lines/{number}"
