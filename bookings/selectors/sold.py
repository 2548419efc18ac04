"""Extras by what they are, not by the supplier's id of the moment, which changes with every fetch (ux.md 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bookings.models import Selection
from bookings.selectors.words import money, selection_label
from fly2any.kernel.money import Money

Raw = Mapping[str, Any]
_KEY = re.compile(r"([a-z_]{1,24})\.(all|\d{1,2})\.((?:\d{1,2}-?){0,16})\.([A-Za-z0-9_]{0,60})\Z", re.ASCII)
Meaning = tuple[str, int | None, tuple[int, ...], str]


@dataclass(frozen=True)
class Extra:
    """One extra on sale: for which traveller (None: all) and flights, by position; the price of one, minor units.

    `exit` and `adult`: a seat in an exit row, a seat the airline gives to adults only; `said` is the airline's note.
    """

    external_id: str
    kind: str
    passenger: int | None
    segments: tuple[int, ...]
    detail: str
    max_quantity: int
    unit_minor: int
    currency: str
    exit: bool = False
    adult: bool = False
    said: tuple[str, ...] = ()

    @property
    def meaning(self) -> Meaning:
        """What it is, whatever the supplier calls it today."""
        return self.kind, self.passenger, self.segments, self.detail

    @property
    def key(self) -> str:
        """The same as one word, for forms."""
        return key_of(self.meaning)


def meaning_of(item: Selection) -> Meaning:
    """What a chosen extra is."""
    return item.kind, item.passenger_position, tuple(item.segment_positions), item.detail


def key_of(meaning: Meaning) -> str:
    """A meaning as one word: "baggage.0.0-1.checked_23"; letters, digits, "_", "-" and "." only."""
    kind, passenger, segments, detail = meaning
    who = "all" if passenger is None else str(passenger)
    return f"{kind}.{who}.{'-'.join(map(str, segments))}.{re.sub(r'[^A-Za-z0-9]+', '_', detail)}"


def meaning_of_key(key: str) -> Meaning | None:
    """A key back as a meaning (its detail only as far as letters and digits go); None for anything else."""
    match = _KEY.match(key)
    if match is None:
        return None
    kind, who, where, detail = match.groups()
    return (kind, None if who == "all" else int(who), tuple(int(at) for at in where.split("-") if at),
            detail.replace("_", " "))


def on_offer(raw: Raw) -> dict[str, Extra]:
    """Every extra that the offer itself sells (seats of the seat maps are not among them), by the supplier's id."""
    line = {item["external_id"]: index for index, item in enumerate(raw["passengers"])}
    flights = flight_ids(raw)
    return {item["external_id"]: _extra(item, line, flights) for item in raw["services"] or ()}


def flight_ids(raw: Raw) -> list[str]:
    """The supplier's ids of the flights in line."""
    return [flight["external_id"] for piece in raw["slices"] for flight in piece["segments"]]


def _extra(item: Raw, line: Mapping[str, int], flights: Sequence[str]) -> Extra:
    people = [line[key] for key in item["passenger_ids"] if key in line]
    detail = item["detail"]
    if item["kind"] == "baggage":
        words = [detail.get("bag_kind") or "bag", *(str(detail[key]) for key in (
            "weight_kg", "length_cm", "height_cm", "depth_cm") if detail.get(key))]
    else:
        words = [detail.get("designator") or ""]
    return Extra(item["external_id"], item["kind"], people[0] if len(people) == 1 else None,
                 tuple(sorted(flights.index(key) for key in item["segment_ids"] if key in flights)),
                 " ".join(words)[:60], 1 if item["kind"] == "seat" else item["max_quantity"],
                 item["price"]["minor"], item["price"]["currency"])


def pays_back(detail: Raw) -> dict[str, Any] | None:
    """What a cover pays back, as an amount for people and machines; None when its seller does not say."""
    told = detail.get("refund")
    if not told:
        return None
    value = Money.parse(told["amount"], told["currency"])
    return money(value.minor, value.currency)


def named(meaning: Meaning, raw: Raw) -> str:
    """An extra in full: "Seat 14C for traveller 1 on BA 117"; travellers and flights only where there are several."""
    kind, passenger, segments, detail = meaning
    flights = [flight for piece in raw["slices"] for flight in piece["segments"]]
    words = [selection_label(kind, detail)]
    if passenger is not None and len(raw["passengers"]) > 1:
        words.append(f"for traveller {passenger + 1}")
    if kind == "seat" or 0 < len(segments) < len(flights):
        words.append("on " + " and ".join(f"{flights[at]['carrier_code']} {flights[at]['flight_number']}"
                                          for at in segments if at < len(flights)))
    return " ".join(words).removesuffix(" on ")
