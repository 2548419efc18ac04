"""The order of the results: published, the same for every airline, blind to what we earn (dot-rules.md 2.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bookings.selectors.lines import Line

# The published weights of "Best"; the page "How we sort" prints them. They add up to 1.
PRICE_WEIGHT, DURATION_WEIGHT, STOPS_WEIGHT = 0.6, 0.3, 0.1
SORTS = ("best", "cheapest", "fastest")
_Key = Callable[[Line], Any]


def ranked(lines: Iterable[Line], sort: str, *, with_bag: bool = False) -> list[Line]:
    """The lines in the order of a tab.

    Prices are the supplier's, without our fee, so that no fee can steer. With `with_bag` the price includes a checked
    bag, and fares whose bag price is not known come last. So do prices in another currency than most: they cannot be
    compared. What is equal is sorted by price, then departure; then what is ticketed at once comes before what our team
    tickets, and at last decides a number without meaning.
    """
    found = list(lines)
    main = Counter(line.currency for line in found).most_common(1)[0][0] if found else ""
    fair = [line for line in found if line.currency == main and not line.shown(with_bag)[0]]
    key: _Key = {"cheapest": _cheapest, "fastest": _fastest}.get(sort, _best)(fair or found, with_bag)

    def place(line: Line) -> tuple[Any, ...]:
        unknown, price = line.shown(with_bag)
        return line.currency != main, unknown, key(line), price, line.departs, line.manual, line.id

    return sorted(found, key=place)


def score(line: Line, cheapest: int, shortest: int, *, with_bag: bool = False) -> float:
    """The number behind "Best": 1.0 for a direct flight that is cheapest and fastest; the lower, the higher its place.

    `cheapest` in minor units and `shortest` in minutes are of all that is sorted.
    """
    return formula(line.shown(with_bag)[1] / cheapest, line.minutes / shortest, line.stops + 1)


def formula(price: float, duration: float, flights: int) -> float:
    """The published formula: multiples of the lowest price and duration, and the flights of the longest direction."""
    return PRICE_WEIGHT * price + DURATION_WEIGHT * duration + STOPS_WEIGHT * flights


def _best(lines: list[Line], with_bag: bool) -> _Key:
    cheapest = min((line.shown(with_bag)[1] for line in lines), default=0) or 1
    shortest = min((line.minutes for line in lines), default=0) or 1
    return lambda line: score(line, cheapest, shortest, with_bag=with_bag)


def _cheapest(lines: list[Line], with_bag: bool) -> _Key:
    return lambda line: line.shown(with_bag)[1]


def _fastest(lines: list[Line], with_bag: bool) -> _Key:
    return lambda line: line.minutes
