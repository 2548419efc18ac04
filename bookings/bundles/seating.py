"""Seats for everybody on every flight: together, the cheapest first, never in an exit row; each is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bookings.bundles.parts import Part
from suppliers.types import FlightSegment, OfferInfo, Seat, SeatMap

MOST_ROWS = 4  # nine travellers fit into four rows of three, wherever the gaps are


@dataclass(frozen=True)
class _Free:
    """A seat that everybody in the party may sit on; `at` counts seats of the row, `section` the parts of the row."""

    row: int
    section: int
    at: int
    seat: Seat
    minor: int  # the dearest price for one of the party


def seats(info: OfferInfo, maps: Sequence[SeatMap]) -> Part | None:
    """A seat for each traveller but infants on every flight. None when a flight has no map or too few free seats."""
    people = [person.external_id for person in info.passengers if person.kind != "infant"]
    by_flight = {seat_map.segment_id: seat_map for seat_map in maps}
    minor, choices, named, meanings, apart = 0, [], [], [], False
    for flight in (flight for piece in info.slices for flight in piece.segments):
        seat_map = by_flight.get(flight.external_id)
        chosen = _choose(_free(seat_map, people, info.total.currency), len(people)) if seat_map and people else []
        if not chosen:
            return None
        apart = apart or not _together(chosen)
        for person, free in zip(people, chosen, strict=True):
            service, price = free.seat.services[person]
            minor += price.minor
            choices.append((service, 1))
            meanings.append(f"seat {free.seat.designator} {price.minor}")
        named.append(f"{flight_words(flight)}: {', '.join(free.seat.designator for free in chosen)}")
    note = "\n".join([*named, *(["Not all next to each other: we found no such seats."] if apart else [])])
    label = "Seats together for everybody" if len(people) > 1 and not apart else "A seat for each traveller"
    return Part("seat", label if len(people) > 1 else "A seat on every flight", minor, note, tuple(choices),
                meanings=tuple(meanings))


def flight_words(flight: FlightSegment) -> str:
    """A flight by its airports."""
    return f"{flight.origin.code}–{flight.destination.code}"


def _free(seat_map: SeatMap, people: Sequence[str], currency: str) -> list[_Free]:
    """The free seats that all of the party may take, without exit rows and without seats that come with conditions."""
    found: list[_Free] = []
    number = 0
    for cabin in seat_map.cabins:
        rows = cabin["rows"]
        for index, row in enumerate(rows):
            number += 1
            if _at_an_exit(rows, index):
                continue
            for section, cells in enumerate(row):
                for at, cell in enumerate(cells):
                    prices = [cell.services[person][1] for person in people if person in cell.services]
                    if cell.kind == "seat" and cell.designator and not cell.disclosures and len(prices) == len(
                            people) and all(price.currency == currency for price in prices):
                        found.append(_Free(number, section, at, cell, max(price.minor for price in prices)))
        number += MOST_ROWS  # cabins are never next to each other
    return found


def _at_an_exit(rows: Sequence[Sequence[Sequence[Seat]]], index: int) -> bool:
    """Whether the row has an exit, is named after one, or stands next to a row that only marks an exit."""
    if any(_says_exit(cell) for section in rows[index] for cell in section):
        return True
    beside = [rows[at] for at in (index - 1, index + 1) if 0 <= at < len(rows)]
    return any(cell.kind == "exit_row" for row in beside for section in row for cell in section)


def _says_exit(cell: Seat) -> bool:
    words = " ".join([cell.name, *cell.disclosures]).lower()
    return cell.kind == "exit_row" or "exit" in words


def _choose(free: Sequence[_Free], number: int) -> list[_Free]:
    """`number` seats: in as few rows as possible side by side, of these the cheapest, of these the foremost."""
    rows: dict[int, dict[int, list[_Free]]] = {}
    for one in free:
        rows.setdefault(one.row, {}).setdefault(one.section, []).append(one)
    for deep in range(1, MOST_ROWS + 1):
        if deep > number:
            break
        sizes = [number // deep + (1 if index < number % deep else 0) for index in range(deep)]
        best = min(_blocks(rows, sizes), key=lambda block: (sum(one.minor for one in block), block[0].row),
                   default=None)
        if best:
            return best
    scattered = sorted(free, key=lambda one: (one.minor, one.row, one.section, one.at))[:number]
    return sorted(scattered, key=lambda one: (one.row, one.section, one.at)) if len(scattered) == number else []


def _blocks(rows: dict[int, dict[int, list[_Free]]], sizes: Sequence[int]) -> Iterator[list[_Free]]:
    """Rows behind each other, in each the cheapest run of neighbours in the same section behind the one before."""
    for start in sorted(rows):
        for section, seats in rows[start].items():
            for run in _runs(seats, sizes[0]):
                block = list(run)
                for index, size in enumerate(sizes[1:], 1):
                    beside = rows.get(start + index, {}).get(section, [])
                    run = min((one for one in _runs(beside, size) if _behind(run, one)), key=_cost, default=[])
                    block += run
                if len(block) == sum(sizes):
                    yield block


def _runs(seats: Sequence[_Free], size: int) -> list[list[_Free]]:
    """Every `size` neighbours of a row's section."""
    return [list(seats[first:first + size]) for first in range(len(seats) - size + 1)
            if seats[first + size - 1].at - seats[first].at == size - 1]


def _cost(run: Sequence[_Free]) -> tuple[int, int]:
    return sum(one.minor for one in run), run[0].at


def _behind(front: Sequence[_Free], back: Sequence[_Free]) -> bool:
    """Whether somebody in the back row sits right behind somebody in front."""
    return bool({one.at for one in front} & {one.at for one in back})


def _together(chosen: Sequence[_Free]) -> bool:
    """Whether everybody has a neighbour beside, before or behind, in one block."""
    if len({one.section for one in chosen}) > 1:
        return False
    rows = [[one for one in chosen if one.row == number] for number in sorted({one.row for one in chosen})]
    return (rows[-1][0].row - rows[0][0].row == len(rows) - 1
            and all(run[-1].at - run[0].at == len(run) - 1 for run in rows)
            and all(_behind(front, back) for front, back in pairwise(rows)))
