"""Amadeus's seat maps in our words (amadeus.md 3, 5). Pure functions, no network.

A map is a grid: each seat has its row (x) and column (y). Columns that no seat uses are the aisles, and part the row
into sections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from suppliers.amadeus.reading import count, items, mapping, maybe_money, text
from suppliers.types import Seat, SeatMap

Raw = Mapping[str, Any]
# The characteristics that a customer chooses by, in our words; of others the answer's dictionary is not shown.
_SAID = {"W": "Window", "A": "Aisle", "9": "Middle seat", "L": "Extra legroom", "K": "At the bulkhead",
         "1D": "Limited recline", "8": "No seat at this location", "Q": "In a quiet zone", "P": "Preferred seat",
         "O": "Preferred seat", "1A": "Not for infants", "IE": "Not suitable for children",
         "E": "In an exit row: able adults only", "DE": "", "C": ""}
_HIDDEN = frozenset({"8", "GN", "LA", "D", "DE", "C", "V"})  # no seat, or not the customer's to take
_FACILITIES = {"LA": "lavatory", "G": "galley", "CL": "closet", "ST": "stairs", "SO": "closet", "E": "empty"}


def seat_map(raw: Raw, slices: Mapping[str, str], currency: str) -> SeatMap:
    """The seats of one flight. `slices`: each flight's direction; seats in another currency are not for sale."""
    segment = text(raw.get("segmentId"))
    cabins = tuple(cabin for deck in items(raw.get("decks")) for cabin in _cabins(deck, segment, currency))
    return SeatMap(segment_id=segment, slice_id=slices.get(segment, ""), cabins=cabins)


def _cabins(deck: Raw, segment: str, currency: str) -> list[dict[str, Any]]:
    """The deck's cabins from front to back, each with its rows."""
    plan = mapping(deck.get("deckConfiguration"))
    exits = {row for row in plan.get("exitRowsX") or () if isinstance(row, int)}
    by_cabin: dict[str, dict[int, dict[int, Seat]]] = {}
    for raw in items(deck.get("seats")):
        at = mapping(raw.get("coordinates"))
        row, column = at.get("x"), at.get("y")
        if isinstance(row, int) and isinstance(column, int):
            cells = by_cabin.setdefault(text(raw.get("cabin")).lower(), {}).setdefault(row, {})
            cells[column] = _seat(raw, segment, currency)
    level = 1 if text(deck.get("deckType")).upper() == "UPPER" else 0
    found = []
    for cabin, rows in sorted(by_cabin.items(), key=lambda item: min(item[1])):
        used = {column for row in rows.values() for column in row}
        extra = _facilities(deck, rows)
        lines: list[list[list[Seat]]] = []
        numbers: list[int] = []  # of each line; 0 for a line that is no row of seats
        for row in sorted(rows):
            if row in exits:
                lines.append([[Seat("exit_row")] for _ in _sections(rows[row], used)])
                numbers.append(0)
            lines.append(_sections(extra.get(row, {}) | rows[row], used))
            numbers.append(_number(rows[row]))
        found.append({"cabin": cabin, "deck": level, "wings": _wings(plan, numbers), "rows": lines})
    return found


def _sections(cells: Mapping[int, Seat], used: set[int]) -> list[list[Seat]]:
    """The row's cells, parted where no seat of the cabin stands."""
    found: list[list[Seat]] = [[]]
    for column in range(max(used) + 1):
        if column in used:
            found[-1].append(cells.get(column, Seat("empty")))
        elif found[-1]:
            found.append([])
    return [part for part in found if part]


def _facilities(deck: Raw, rows: Mapping[int, Any]) -> dict[int, dict[int, Seat]]:
    """Lavatories and galleys that stand in a row of seats."""
    found: dict[int, dict[int, Seat]] = {}
    for raw in items(deck.get("facilities")):
        at = mapping(raw.get("coordinates"))
        kind = _FACILITIES.get(text(raw.get("code")))
        row, column = at.get("x"), at.get("y")
        if kind and isinstance(row, int) and isinstance(column, int) and row in rows:
            found.setdefault(row, {})[column] = Seat(kind)
    return found


def _number(row: Mapping[int, Seat]) -> int:
    """The row's number as its seats carry it."""
    digits = (re.match(r"\d+", cell.designator) for cell in row.values())
    return next((int(found[0]) for found in digits if found), 0)


def _wings(plan: Raw, numbers: list[int]) -> tuple[int, int] | None:
    """The first and the last line over the wings, counted from 0; the plan names rows as seats do."""
    first, last = count(plan.get("startWingsRow")), count(plan.get("endWingsRow"))
    over = [at for at, number in enumerate(numbers) if first and first <= number <= last]
    return (over[0], over[-1]) if over else None


def _seat(raw: Raw, segment: str, currency: str) -> Seat:
    """A seat, for sale to those travellers for whom it is free and has a price."""
    codes = [text(code) for code in raw.get("characteristicsCodes") or ()]
    designator = text(raw.get("number"))
    if "8" in codes:
        return Seat("empty")
    services = {}
    for one in items(raw.get("travelerPricing")):
        cost = mapping(one.get("price"))
        price = maybe_money(cost.get("total"), cost.get("currency"))
        person = text(one.get("travelerId"))
        if (text(one.get("seatAvailabilityStatus")) == "AVAILABLE" and price is not None and person
                and price.currency == currency and price.minor >= 0 and not _HIDDEN & set(codes)):
            services[person] = (f"seat:{person}:{segment}:{designator}", price)
    return Seat("restricted" if "1" in codes and not services else "seat", designator,
                disclosures=tuple(dict.fromkeys(word for word in (_SAID.get(code, "") for code in codes) if word)),
                services=services)
