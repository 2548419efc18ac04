"""A flight's seats as one traveller sees them: a plane to draw, and the same as a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bookings.models import Booking
from bookings.selectors import cabin as cabins
from bookings.selectors import words
from bookings.selectors.offers import raw_of
from fly2any.kernel.money import Money
from suppliers.types import Seat, SeatMap

Raw = dict[str, Any]
BANDS = 3
PLAIN_NAMES = ("", "standard seat", "standard", "seat assignment", "seat")
THINGS = {"lavatory": "Lavatory", "galley": "Galley", "closet": "Wardrobe", "stairs": "Stairs", "bassinet": "Bassinet",
          "exit_row": "Exit"}
CABINS = {"economy": "Economy", "premium_economy": "Premium economy", "business": "Business", "first": "First"}


@dataclass(frozen=True)
class Viewer:
    """For whom the plane is drawn: one traveller, with the seats chosen by everybody on this flight."""

    position: int
    external_id: str
    kind: str
    currency: str
    taken: Mapping[str, int]  # designator → traveller
    barred: str  # why no exit row, "" if allowed


def viewer(booking: Booking, flight: int, traveller: int) -> Viewer:
    """The traveller at this place in line."""
    raw = raw_of(booking.offer)
    taken = {item.detail: item.passenger_position or 0 for item in booking.selections.all()
             if item.kind == "seat" and item.segment_positions == [flight]}
    barred = cabins.bars([item["kind"] for item in raw["passengers"]], booking.passengers.all())
    who = raw["passengers"][traveller]
    return Viewer(traveller, who["external_id"], who["kind"], booking.currency, taken, barred.get(traveller, ""))


def plane(seat_map: SeatMap, who: Viewer) -> Raw:
    """The cabins deck by deck, the legend's price bands, the seats on sale in one list, and whether any is."""
    prices = sorted({price.minor for seat, _, _ in cabins.seats(seat_map.cabins)
                     if (price := _price(seat, who)) is not None})
    bands = _bands(prices, who.currency)
    decks = [_cabin(cabin, who, bands) for cabin in seat_map.cabins]
    several = len({cabin["deck"] for cabin in seat_map.cabins}) > 1
    for drawn, cabin in zip(decks, seat_map.cabins, strict=True):
        deck = ("Upper deck" if cabin["deck"] else "Main deck") if several else ""
        drawn["title"] = ", ".join(part for part in (deck, CABINS.get(cabin["cabin"], "")) if part)
    listed = [cell for drawn in decks for row in drawn["rows"] for cell in row["cells"]
              if cell["kind"] == "seat" and cell["state"] in ("free", "mine")]
    return {"cabins": decks, "bands": bands, "listed": listed, "any": bool(listed), "free": 0 in prices,
            "states": {cell["state"] for drawn in decks for row in drawn["rows"] for cell in row["cells"]},
            "things": sorted({cell["label"] for drawn in decks for row in drawn["rows"] for cell in row["cells"]
                              if cell["kind"] == "thing"})}


def found(seat_map: SeatMap, designator: str, who: Viewer) -> Raw | None:
    """One seat by what is written on it, as this traveller sees it; None when there is none."""
    for seat, where, at_exit in cabins.seats(seat_map.cabins):
        if seat.designator == designator:
            return _seat(seat, where, at_exit, who, [])
    return None


def _bands(prices: list[int], currency: str) -> list[Raw]:
    """Up to three steps of price, the cheapest first: each with its most and its words. Free seats are a step apart."""
    paid = [minor for minor in prices if minor]
    if not paid:
        return []
    size = -(-len(paid) // BANDS)
    steps = [paid[at:at + size] for at in range(0, len(paid), size)]
    return [{"level": number + 1, "most": step[-1], "text": str(Money(step[0], currency)) + (
        f" to {Money(step[-1], currency)}" if len(step) > 1 else "")} for number, step in enumerate(steps)]


def _price(seat: Seat, who: Viewer) -> Money | None:
    offered = seat.services.get(who.external_id)
    return offered[1] if offered and offered[1].currency == who.currency else None


def _cabin(cabin: Mapping[str, Any], who: Viewer, bands: list[Raw]) -> Raw:
    rows, letters = cabin["rows"], cabins.columns(cabin["rows"])
    exits, (first, last) = cabins.exit_rows(rows), cabin.get("wings") or (0, -1)
    drawn = []
    for at, row in enumerate(rows):
        drawn.append({"number": cabins.number_of(row), "wing": first <= at <= last, "exit": at in exits,
                      "wing_start": at == first <= last, "wing_end": at == last >= first,
                      "door": any(cell.kind == "exit_row" for part in row for cell in part),
                      "cells": list(_cells(row, letters, at, exits, who, bands))})
    heads: list[str] = []
    for number, section in enumerate(letters):
        heads += ([""] if number else []) + (section or [""])
    return {"heads": heads, "rows": drawn, "columns": len(heads), "wide": len(heads) > 8,
            "upper": bool(cabin["deck"])}


def _cells(row: cabins.Row, letters: list[list[str]], at: int, exits: frozenset[int], who: Viewer,
           bands: list[Raw]) -> Iterator[Raw]:
    """The cells of a row from wall to wall; between two sections the aisle, which carries the row's number."""
    for number, section in enumerate(cabins.placed(row, letters)):
        if number:
            yield {"kind": "aisle", "span": 1, "state": "", "text": cabins.number_of(row) if number == 1 else ""}
        for seat, span in section:
            if seat.kind == "seat":
                where = cabins.position(row, number, seat)
                yield {"kind": "seat", "span": span, **_seat(seat, where, cabins.at_exit(seat, at, exits), who, bands)}
            elif seat.kind == "restricted":
                yield {"kind": "seat", "span": span, "state": "taken", "label": f"{seat.designator}, not for sale",
                       "letter": cabins.letter_of(seat)}
            else:
                thing = THINGS.get(seat.kind, "")
                yield {"kind": "thing" if thing else "empty", "span": span, "state": "", "icon": seat.kind,
                       "label": thing}


def _seat(seat: Seat, where: str, at_exit: bool, who: Viewer, bands: list[Raw]) -> Raw:
    """A seat: its state for this traveller (mine, theirs, barred, free, taken) and its name in words."""
    price, sitter = _price(seat, who), who.taken.get(seat.designator)
    name = "" if seat.name.casefold() in PLAIN_NAMES else seat.name.capitalize()
    why = _why_not(seat, at_exit, who)
    cost = "" if price is None else str(price) if price.minor else "no extra charge"
    if sitter == who.position:
        state, said = "mine", "your seat"
    elif sitter is not None:
        state, said, cost = "theirs", f"chosen for traveller {sitter + 1}", ""
    elif price is None:
        state, said = "taken", "taken"
    elif why:
        state, said = "barred", f"not available: {why}"
    else:
        state, said = "free", "available"
    parts = [seat.designator, where, name.lower(), "exit row" if at_exit else "", cost, said]
    notes = [*([cabins.EXIT_TEXT] if at_exit else []), *seat.disclosures]
    return {"designator": seat.designator, "letter": cabins.letter_of(seat), "where": where, "name": name,
            "exit": at_exit, "state": state, "sitter": (sitter or 0) + 1, "notes": notes,
            "price": words.money(price.minor, price.currency) if price is not None else None,
            "level": next((band["level"] for band in bands if price and price.minor <= band["most"]), 0)
            if price is not None and price.minor else 0, "why": why if state == "barred" else "",
            "label": ", ".join(part for part in parts if part)}


def _why_not(seat: Seat, at_exit: bool, who: Viewer) -> str:
    if at_exit and who.barred:
        return who.barred
    if cabins.adults_only(seat) and who.kind != "adult":
        return "The airline gives this seat to adults only."
    return ""
