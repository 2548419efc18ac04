"""Branded fares upsell: the same flights under every brand that the airline sells."""

from __future__ import annotations

from typing import Any

from sandbox.amadeus import families, issued, offers, pricing
from sandbox.amadeus.dictionaries import dictionaries
from sandbox.amadeus.errors import expect_type, refuse
from sandbox.frame import Answer, Call, World

Json = dict[str, Any]


def brands(call: Call, world: World, asked: Json) -> Answer:
    """POST /v1/shopping/flight-offers/upselling."""
    expect_type(asked["data"], "flight-offers-upselling")
    found: list[tuple[Json, Json]] = []
    for number, offer in enumerate(asked["data"]["flightOffers"]):
        known = issued.checked(world, offer, f"/data/flightOffers/{number}")
        found += [(known, each) for each in _family(world, known)]
    shown = [pricing.with_taxes(pricing.moved(offer, issued.drift(world))) for _, offer in found]
    if not shown:
        raise refuse(39397, "No upsell offer is available for this flight offer")
    offers.number(shown)
    for (known, _), offer in zip(found, shown, strict=True):
        issued.remember(world, [issued.mark(offer)], family=known["family"], journey=known["journey"])
    return Answer(200, {"meta": {"count": len(shown)}, "data": shown, "dictionaries": dictionaries(shown)})


def _family(world: World, known: Json) -> list[Json]:
    wish = families.find(world, known.get("family", ""))
    if wish is None:
        return []
    carrier, trip = list(offers.sold(wish))[known["journey"]]
    return list(offers.branded(wish, carrier, trip))
