"""Which offers Amadeus gave out. It has no ids for them: the whole document comes back and must be the same in meaning.

What a traveller may add to an offer before it is priced (bags, seats) is left out of an offer's mark.
"""

from __future__ import annotations

import copy
import hashlib
import json
from decimal import Decimal
from typing import Any

from sandbox.amadeus.errors import refuse
from sandbox.amadeus.tokens import SETTINGS
from sandbox.frame import World

Json = dict[str, Any]
KIND = "amadeus_offer"
PRICED = "amadeus_priced"
STALE = "No fare applicable"


def mark(offer: Json) -> str:
    """Return the digest of an offer as it stands, services and all; who carries which infant is the buyer's to say."""
    people = [{k: v for k, v in each.items() if k != "associatedAdultId"} for each in offer.get("travelerPricings", [])]
    text = json.dumps({**offer, "travelerPricings": people}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def bare(offer: Json) -> Json:
    """Return a copy of the offer without what was chosen with it."""
    plain = copy.deepcopy(offer)
    for pricing in plain.get("travelerPricings", []):
        for detail in pricing.get("fareDetailsBySegment", []):
            detail.pop("additionalServices", None)
    return plain


def remember(world: World, marks: list[str], **facts: Any) -> None:
    """Keep the marks of offers that go out at the present prices; ``facts`` are kept with each."""
    row = {"level": str(drift(world)), **facts}
    for each in marks:
        if world.get(KIND, each) != row:
            world.put(KIND, each, row)


def keep_priced(world: World, offer: Json, facts: Json) -> None:
    """Keep an offer as it goes out priced: it may be priced again, and booked as it is."""
    kept = {name: value for name, value in facts.items() if name != "level"}
    remember(world, [mark(bare(offer))], **{**kept, "priced": True})
    world.put(PRICED, mark(offer), {"level": str(drift(world))})


def priced(world: World, offer: Json) -> Json | None:
    """Return what is known of an offer that comes back exactly as it was priced, services and all."""
    return world.get(PRICED, mark(offer))


def known(world: World, offer: Json) -> Json | None:
    """Return what is known of an offer that comes back, chosen services aside; None when it was never given out."""
    return world.get(KIND, mark(bare(offer)))


def checked(world: World, offer: Json, pointer: str) -> Json:
    """Return what is known of an offer; refuses one that was altered or whose day to be ticketed has passed."""
    found = known(world, offer)
    if found is None:
        missing = [name for name in ("source", "itineraries", "price", "travelerPricings") if name not in offer]
        if missing:
            raise refuse(32171, f"{missing[0]} is missing", pointer=f"{pointer}/{missing[0]}")
        raise refuse(4926, STALE, pointer=pointer)
    last = offer.get("lastTicketingDate", "")
    if last and last < world.now().date().isoformat() and not found.get("adopted"):
        raise refuse(4926, STALE, pointer=pointer)
    return found


def drift(world: World) -> Decimal:
    """Return the factor by which prices have moved since the sandbox began."""
    return Decimal((world.get(SETTINGS, "prices") or {}).get("factor", "1"))


def reprice(world: World, percent: Decimal) -> Decimal:
    """Move every price by ``percent``; offers that are out keep theirs until they are priced again."""
    factor = drift(world) * (1 + percent / 100)
    world.put(SETTINGS, "prices", {"factor": str(factor.normalize())})
    return factor
