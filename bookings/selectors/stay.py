"""Where a traveller stays between the flights, and for which nights: what is looked for on the page of a trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Stay:
    """An airport (IATA code), the nights there (dates as they are there), and how many adults.

    `open_ended`: no flight leads away, so only the first night is known.
    """

    code: str
    check_in: date
    check_out: date
    adults: int
    open_ended: bool = False

    @property
    def nights(self) -> int:
        """How many."""
        return (self.check_out - self.check_in).days


def stay_of(view: Mapping[str, Any]) -> Stay | None:
    """The stay of a trip (`booking_view`): the turnaround, or the first place with a night before the next flight.

    A trip that ends elsewhere than it began has its last arrival, for one night. None when nobody stays overnight,
    when no adult travels, or when a time cannot be read.
    """
    adults = sum(1 for one in view["passengers"] if one["kind"] == "adult")
    try:
        found = _nights(view["slices"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Stay(*found[:3], adults, found[3]) if found and adults else None


def _nights(slices: Sequence[Mapping[str, Any]]) -> tuple[str, date, date, bool] | None:
    for here, onward in zip(slices, slices[1:], strict=False):
        arrived, left = _day(here["segments"][-1]["arrivingLocal"]), _day(onward["segments"][0]["departingLocal"])
        if left > arrived:
            moved = not _same(onward["origin"], here["destination"])
            return here["destination"]["code"], arrived, arrived + timedelta(days=1) if moved else left, moved
    first, last = slices[0], slices[-1]
    if _same(first["origin"], last["destination"]):
        return None
    arrived = _day(last["segments"][-1]["arrivingLocal"])
    return last["destination"]["code"], arrived, arrived + timedelta(days=1), True


def _same(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Whether two airports are of one city."""
    return one["code"] == two["code"] or bool(one.get("city")) and one.get("city") == two.get("city")


def _day(local: str) -> date:
    """The day of an airport's own time."""
    return datetime.fromisoformat(local).date()
