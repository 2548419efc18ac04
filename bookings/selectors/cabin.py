"""A cabin as a traveller needs to know it: columns, windows and aisles, exit rows, who may sit where. Pure.

Rows are as `suppliers.types.SeatMap` keeps them: rows → sections (between the aisles) → cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from suppliers.types import Seat

Row = Sequence[Sequence[Seat]]
SEATS = ("seat", "restricted")
_LETTER = re.compile(r"\d*([A-Z]+)\Z")
# What an airline's note must say before a seat is for adults only ("Passenger must be an adult", seen captured).
_ADULT, _EXIT = re.compile(r"\badults?\b", re.I), re.compile(r"\b(emergency )?exit\b", re.I)

EXIT_TEXT = ("This seat is in an exit row. Whoever sits there must be an adult who is able and willing to open the "
             "exit and to help the crew in an emergency, understands the crew's instructions, and travels without a "
             "baby on the lap.")


def exit_rows(rows: Sequence[Row]) -> frozenset[int]:
    """The rows (counted from 0) with seats at an exit: those that hold one, and the next row behind one."""
    found, behind = set(), False
    for at, row in enumerate(rows):
        kinds = {cell.kind for section in row for cell in section}
        if kinds.intersection(SEATS):
            if behind or "exit_row" in kinds:
                found.add(at)
            behind = False
        elif "exit_row" in kinds:
            behind = True
    return frozenset(found)


def at_exit(seat: Seat, row: int, exits: frozenset[int]) -> bool:
    """Whether a seat counts as an exit-row seat: by its row, its name or the airline's note."""
    return row in exits or any(_EXIT.search(text) for text in (seat.name, *seat.disclosures))


def adults_only(seat: Seat) -> bool:
    """Whether the airline's own note asks for an adult."""
    return any(_ADULT.search(text) for text in seat.disclosures)


def columns(rows: Sequence[Row]) -> list[list[str]]:
    """The seat letters of each section over all rows, in order; [] for a section without letters."""
    width = max((len(row) for row in rows), default=0)
    found: list[set[str]] = [set() for _ in range(width)]
    for row in rows:
        for at, section in enumerate(row):
            found[at] |= {letter for letter in map(letter_of, section) if letter}
    return [sorted(letters) for letters in found]


def letter_of(seat: Seat) -> str:
    """The column's letter of a seat: "C" of "14C"; "" for anything that is no seat."""
    match = _LETTER.match(seat.designator) if seat.kind in SEATS else None
    return match[1] if match else ""


def number_of(row: Row) -> str:
    """The row's number as it is written on the seats, or ""."""
    numbers = (seat.designator.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for section in row for seat in section
               if seat.kind in SEATS)
    return next((number for number in numbers if number), "")


def placed(row: Row, letters: Sequence[Sequence[str]]) -> list[list[tuple[Seat, int]]]:
    """The cells of a row on the cabin's columns: each with how many columns it takes. Gaps are empty cells."""
    return [_section(row[at] if at < len(row) else (), names) for at, names in enumerate(letters)]


def _section(cells: Sequence[Seat], letters: Sequence[str]) -> list[tuple[Seat, int]]:
    width = max(1, len(letters))
    if not any(letter_of(cell) for cell in cells):
        if len(cells) == 1:
            return [(cells[0], width)]
        if len(cells) > width:
            return [(cell, 1) for cell in cells[:width]]
        return [*((cell, 1) for cell in cells), *[(Seat("empty"), 1)] * (width - len(cells))]
    slots: list[Seat | None] = [None] * width
    for cell in cells:
        if letter_of(cell):
            slots[letters.index(letter_of(cell))] = cell
    spare = iter([cell for cell in cells if not letter_of(cell)])
    return [(slot or next(spare, Seat("empty")), 1) for slot in slots]


def position(row: Row, section: int, seat: Seat) -> str:
    """Window, aisle or middle: outermost seats of the row are at a window, the ends of a section at an aisle."""
    seats = [[cell for cell in part if cell.kind in SEATS] for part in row]
    mine = next((at for at, cell in enumerate(seats[section]) if cell is seat), 0)
    last = len(seats[section]) - 1
    if (section == 0 and mine == 0) or (section == len(seats) - 1 and mine == last):
        return "window"
    return "aisle" if mine in (0, last) else "middle"


def seats(cabins: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Seat, str, bool]]:
    """Every seat of a plane with its position and whether it is at an exit."""
    for cabin in cabins:
        exits = exit_rows(cabin["rows"])
        for at, row in enumerate(cabin["rows"]):
            for number, section in enumerate(row):
                for cell in section:
                    if cell.kind == "seat":
                        yield cell, position(row, number, cell), at_exit(cell, at, exits)


def bars(kinds: Sequence[str], people: Iterable[Any]) -> dict[int, str]:
    """Why a traveller (by position) may not sit in an exit row; whoever is not named may.

    `kinds`: adult, child or infant in line. `people`: travellers known so far, with `position` and
    `infant_position`; while nobody is known to carry the baby, no adult of the party may.
    """
    laps = {person.position for person in people if person.infant_position is not None}
    babies = "infant" in kinds
    found = {}
    for at, kind in enumerate(kinds):
        if kind != "adult":
            found[at] = "Exit rows are for adults only."
        elif at in laps:
            found[at] = "Exit rows are not for an adult with a baby on the lap."
        elif babies and not laps:
            found[at] = "Exit rows can be chosen once you have said on whose lap the baby travels (step 2)."
    return found
