"""The fares of the same flights, side by side: what each is called and what it holds (ux.md 5, duffel.md 3.3)."""

from __future__ import annotations

from typing import Any

from bookings.selectors import words

Raw = dict[str, Any]
NOT_STATED = "Not stated by the airline"

# What an airline's fare is in plain words. Source: brand names in the captured answers of duffel.md 11 (AA 2024, NK
# 2025, ZZ 2023, OS, TO) and the airlines' own fare pages as they were in 2026-11; a name that is not here is shown as
# the airline gives it and nothing else. "Flex" is only said where changes really are free.
PLAIN = {
    "basic": "Basic", "basic economy": "Basic", "economy basic": "Basic", "economy light": "Basic", "light": "Basic",
    "economy saver": "Basic", "value": "Basic",
    "standard": "Standard", "main cabin": "Standard", "main": "Standard", "economy": "Standard",
    "economy standard": "Standard", "economy classic": "Standard", "classic": "Standard", "main plus": "Standard",
    "flex": "Flex", "economy flex": "Flex", "main cabin flexible": "Flex", "economy flex plus": "Flex",
    "premium flex": "Flex",
    "business": "Business", "business flex": "Business", "business saver": "Business", "business standard": "Business",
}


def plain_class(raw: Raw) -> str:
    """Basic, Standard, Flex or Business for a stored offer whose every direction is known to be that, else ""."""
    found = {PLAIN.get(piece["brand"].casefold().strip(), "") for piece in raw["slices"]}
    name = found.pop() if len(found) == 1 else ""
    return "" if name == "Flex" and words.condition(raw["change"]) != "Free" else name


def cabins(raw: Raw) -> str:
    """The cabin of the offer; of every flight where they differ: "First (JFK-LHR), Economy (LHR-VIE)"."""
    flights = [flight for piece in raw["slices"] for flight in piece["segments"]]
    names = [flight["cabin_name"] or flight["cabin"].replace("_", " ").capitalize() for flight in flights]
    if len(set(names)) < 2:
        return names[0] if names else ""
    return ", ".join(f"{name} ({flight['origin']['code']}\u2013{flight['destination']['code']})"
                     for name, flight in zip(names, flights, strict=True))


def bag_counts(raw: Raw) -> list[list[Raw] | None]:
    """The bags included, per direction (None: not stated) and traveller: [{"carry_on", "checked"}, …].

    Of several flights in a direction the least counts: a bag must get on all of them.
    """
    found: list[list[Raw] | None] = []
    for piece in raw["slices"]:
        flights = [_of_flight(raw, flight) for flight in piece["segments"] if flight["bags"]]
        found.append([{kind: min(flight[at][kind] for flight in flights) for kind in ("carry_on", "checked")}
                      for at in range(len(raw["passengers"]))] if flights else None)
    return found


def _of_flight(raw: Raw, flight: Raw) -> list[Raw]:
    counted = [{"carry_on": 0, "checked": 0} for _ in raw["passengers"]]
    line = words.line_of(raw["passengers"])
    for bag in flight["bags"]:
        at = line.get(bag.get("passenger", ""))
        if at is not None and bag.get("kind") in counted[at]:
            counted[at][bag["kind"]] += int(bag.get("quantity") or 0)
    return counted


def included(raw: Raw, kind: str) -> str:
    """How many bags of a kind (carry_on, checked) a fare includes, in words, for everybody with a seat."""
    counts = bag_counts(raw)
    seated = [at for at, item in enumerate(raw["passengers"]) if item["kind"] != "infant"]
    each = [None if trip is None else min((trip[at][kind] for at in seated), default=0) for trip in counts]
    if not each or any(number is None for number in each):
        return NOT_STATED
    people = " for each traveller" if len(seated) > 1 else ""
    if len(set(each)) == 1:
        return f"{each[0]} included{people}" if each[0] else "Not included"
    return ", ".join(f"{number or 'none'} {piece['origin']['code']}\u2013{piece['destination']['code']}"
                     for number, piece in zip(each, raw["slices"], strict=True)) + people


def facts(raw: Raw) -> Raw:
    """What every fare says, in one order, so that two fares can be read side by side."""
    return {"plainClass": plain_class(raw), "cabin": cabins(raw), "carryOnText": included(raw, "carry_on"),
            "checkedText": included(raw, "checked")}

