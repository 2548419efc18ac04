"""Made-up history to try training with: plausible, seeded, and marked as made up in every row.

Travellers of five sorts (business, weekend, family, long journey, holiday for two) have tastes; tastes drift over
eighteen months; what stands first is bought more often; some of it is plain noise. It says nothing about real people.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from bookings.bundles import features, rules
from bookings.bundles.kinds import BAG_SEAT, COMPLETE, FLEXIBLE, KINDS, LIGHT, WITH_BAG
from bookings.models import BundleExample

DAYS = 540
MOST = 200_000
_FIRST = 0.45  # how much standing first adds to a kind's appeal; each further place less
_SORTS: dict[str, dict[str, Any]] = {
    "business": {"share": 0.24, "journey": {"oneway": 2, "return": 7, "multi": 1},
                 "nights": {"0-1": 6, "2-3": 4, "4-7": 1}, "lead": {"0-2": 4, "3-7": 4, "8-21": 2},
                 "party": {"one": 9, "two": 1}, "cabin": {"economy": 7, "premium_economy": 1, "business": 2},
                 "route": {"domestic": 5, "short": 4, "long": 1},
                 "price": {"cheapest": 1, "near": 3, "middle": 4, "high": 2},
                 "likes": {LIGHT: 0.3, WITH_BAG: -1.2, BAG_SEAT: -0.2, FLEXIBLE: 1.9, COMPLETE: 0.7}},
    "weekend": {"share": 0.26, "journey": {"oneway": 2, "return": 8}, "nights": {"0-1": 3, "2-3": 7},
                "lead": {"3-7": 2, "8-21": 5, "22-60": 4}, "party": {"one": 4, "two": 5, "group": 1},
                "cabin": {"economy": 1}, "route": {"domestic": 4, "short": 6},
                "price": {"cheapest": 6, "near": 3, "middle": 1},
                "likes": {LIGHT: 2.2, WITH_BAG: -0.4, BAG_SEAT: -0.4, FLEXIBLE: -0.6, COMPLETE: -1.4}},
    "family": {"share": 0.2, "journey": {"return": 9, "oneway": 1}, "nights": {"4-7": 4, "8-14": 5, "15+": 1},
               "lead": {"8-21": 1, "22-60": 4, "61+": 5}, "party": {"family": 7, "with infant": 3},
               "cabin": {"economy": 19, "premium_economy": 1}, "route": {"domestic": 2, "short": 5, "long": 3},
               "price": {"cheapest": 3, "near": 4, "middle": 2, "high": 1},
               "likes": {LIGHT: -0.7, WITH_BAG: 0.9, BAG_SEAT: 2.0, FLEXIBLE: -0.6, COMPLETE: 0.8}},
    "long": {"share": 0.12, "journey": {"return": 6, "oneway": 3, "multi": 1}, "nights": {"8-14": 4, "15+": 6},
             "lead": {"22-60": 4, "61+": 6}, "party": {"one": 5, "two": 4, "group": 1},
             "cabin": {"economy": 7, "premium_economy": 2, "business": 1}, "route": {"long": 1},
             "price": {"cheapest": 3, "near": 4, "middle": 3},
             "likes": {LIGHT: 0.5, WITH_BAG: 1.2, BAG_SEAT: 1.1, FLEXIBLE: 0.4, COMPLETE: 0.1}},
    "two": {"share": 0.18, "journey": {"return": 1}, "nights": {"4-7": 6, "8-14": 4}, "lead": {"22-60": 6, "61+": 4},
            "party": {"two": 8, "group": 2}, "cabin": {"economy": 9, "premium_economy": 1},
            "route": {"domestic": 2, "short": 6, "long": 2}, "price": {"cheapest": 4, "near": 4, "middle": 2},
            "likes": {LIGHT: 0.1, WITH_BAG: 1.5, BAG_SEAT: 0.7, FLEXIBLE: -0.3, COMPLETE: -0.6}},
}
_DRIFT = {LIGHT: -0.7, WITH_BAG: 0.1, BAG_SEAT: 0.5, FLEXIBLE: 0.4, COMPLETE: 0.2}  # over the whole time


def history(number: int, seed: int, until: date) -> Iterator[dict[str, Any]]:
    """`number` examples of the 540 days up to `until`, oldest first. The same arguments give the same rows."""
    dice = random.Random(f"bundles {seed}")  # noqa: S311 - not a secret
    for index in range(number):
        at = (index + 1) / number
        yield _one(dice, at, until - timedelta(days=round(DAYS * (1 - at))))


def _one(dice: random.Random, at: float, day: date) -> dict[str, Any]:
    sort = _SORTS[_draw(dice, {name: sort["share"] for name, sort in _SORTS.items()})]
    trip = {name: _draw(dice, sort[name]) for name in ("journey", "nights", "lead", "party", "cabin", "route", "price")}
    if trip["journey"] == "oneway":
        trip["nights"] = "none"
    trip["weekday"] = _draw(dice, dict.fromkeys(features.CLASSES["weekday"], 1))
    bag = dice.random() < {"long": 0.7, "short": 0.25, "domestic": 0.15}[trip["route"]]
    trip["included"] = "bag" if bag or trip["cabin"] == "business" else "no bag"
    trip = {name: trip[name] for name in features.CLASSES}
    offered = rules.order(trip, _on_sale(dice, trip))
    appeal = {kind: sort["likes"][kind] + _DRIFT[kind] * at + _FIRST * (2 - place) / 2 + _noise(dice)
              for place, kind in enumerate(offered)}
    if trip["included"] == "bag":
        appeal[LIGHT] += 0.6
    chosen = max(offered, key=lambda kind: appeal[kind]) if dice.random() > 0.04 else ""
    return {"source": BundleExample.Source.MADE_UP.value, "day": day.isoformat(), "features": trip,
            "features_version": features.VERSION, "offered": offered, "ranker": rules.NAME, "chosen": chosen,
            "position": offered.index(chosen) if chosen else None}


def _noise(dice: random.Random) -> float:
    """Gumbel noise: the largest of noisy appeals is then a draw of a logit model."""
    return -math.log(-math.log(max(dice.random(), 1e-12)))


def _draw(dice: random.Random, weights: Mapping[str, float]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]


def _on_sale(dice: random.Random, trip: Mapping[str, str]) -> Sequence[str]:
    """What a supplier might sell for the trip; hand baggage alone can always be booked."""
    missing = {WITH_BAG} if trip["included"] == "bag" else set()
    if dice.random() < 0.2:
        missing.add(FLEXIBLE)
    if dice.random() < 0.45:
        missing.add(COMPLETE)
    if dice.random() < 0.12:
        missing |= {BAG_SEAT, COMPLETE}  # no seat map
    kinds = [kind for kind in KINDS if kind not in missing]
    return kinds if len(kinds) > 1 else [LIGHT, BAG_SEAT]
