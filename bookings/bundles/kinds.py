"""The bundles there are, and what each buys."""

from __future__ import annotations

from collections.abc import Collection, Sequence

BAG, SEAT, FLEX = "bag", "seat", "flex"
LIGHT, WITH_BAG, BAG_SEAT, FLEXIBLE, COMPLETE = "light", "bag", "bag_seat", "flexible", "complete"
CONTENTS: dict[str, tuple[str, ...]] = {
    LIGHT: (),
    WITH_BAG: (BAG,),
    BAG_SEAT: (BAG, SEAT),
    FLEXIBLE: (FLEX,),
    COMPLETE: (BAG, SEAT, FLEX),
}
KINDS = tuple(CONTENTS)
TITLES = {LIGHT: "Light", WITH_BAG: "Bag", BAG_SEAT: "Bag + seat", FLEXIBLE: "Flexible", COMPLETE: "Complete"}


def kind_bought(bought: Collection[str], offered: Sequence[tuple[str, Collection[str]]]) -> str:
    """Which of the offered (kind, what it buys) was bought; "" for a combination that was no bundle."""
    return next((kind for kind, buys in offered if set(buys) == set(bought)), "")
