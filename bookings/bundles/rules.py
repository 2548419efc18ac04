"""The ranking without a model: a few plain rules, the same for everybody and every airline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bookings.bundles.kinds import BAG_SEAT, COMPLETE, FLEXIBLE, KINDS, LIGHT, WITH_BAG

NAME = "rules"


def order(features: Mapping[str, str], kinds: Sequence[str]) -> list[str]:
    """The kinds, the likeliest first."""
    points = dict.fromkeys(KINDS, 0.0)
    points |= {LIGHT: 3.0, WITH_BAG: 2.0, BAG_SEAT: 1.5, FLEXIBLE: 1.0, COMPLETE: 0.5}
    short_stay = features.get("nights") in ("0-1", "2-3")
    if features.get("nights") in ("8-14", "15+") or features.get("route") == "long":
        points[WITH_BAG] += 2
        points[BAG_SEAT] += 1.5
    if features.get("party") in ("family", "with infant"):
        points[BAG_SEAT] += 3
        points[WITH_BAG] += 1
    if features.get("party") == "one" and short_stay and features.get("lead") in ("0-2", "3-7"):
        points[FLEXIBLE] += 2.5
    if features.get("included") == "bag":
        points[LIGHT] += 1.5
    if short_stay:
        points[LIGHT] += 1
    return sorted(kinds, key=lambda kind: (-points[kind], KINDS.index(kind)))
