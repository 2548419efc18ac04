"""What the visitor wants to see of the results, and how many each choice would show (ux.md 4). Pure, no queries.

A filter has a name (the same in the page's address and in the API), looks at one value of a line, and says whether a
choice holds for it. The number beside a choice is what that choice alone would show with all other filters applied.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bookings.selectors.lines import Line

Wanted = Mapping[str, Any]  # the chosen value by filter name; absent: everything passes
MOST_DIRECTIONS = 4
FLAGS = ("carryOn", "bag", "changeable", "refundable")
SETS = ("airline", "without", "from", "to", "via")  # a frozenset of codes
STOPS = (0, 1, 2)
TICKETING = ("instant", "manual")  # ticketed at once; reserved now, ticketed by our team
_STEPS = 6


@dataclass(frozen=True)
class Rule:
    """`value`: what of a line it looks at; `holds`: whether that value passes a choice."""

    value: Callable[[Line], Hashable]
    holds: Callable[[Any, Any], bool]


def _hour_rule(field: str, direction: int, until: bool) -> Rule:
    """From an hour on, or until before an hour, of one direction; an unreadable time passes no filter."""
    def value(line: Line) -> int | None:
        hours: tuple[int | None, ...] = getattr(line, field)
        return hours[direction] if direction < len(hours) else None

    if until:
        return Rule(value, lambda hour, chosen: hour is not None and hour < chosen)
    return Rule(value, lambda hour, chosen: hour is not None and hour >= chosen)


RULES: dict[str, Rule] = {
    "stops": Rule(lambda line: line.stops, lambda stops, chosen: stops <= chosen),
    "airline": Rule(lambda line: line.airline, lambda airline, chosen: airline in chosen),
    "without": Rule(lambda line: line.flown_by, lambda flown_by, chosen: flown_by.isdisjoint(chosen)),
    "hours": Rule(lambda line: line.longest, lambda minutes, chosen: minutes <= chosen * 60),
    "carryOn": Rule(lambda line: line.carry_on > 0, lambda there, chosen: there),
    "bag": Rule(lambda line: line.checked > 0, lambda there, chosen: there),
    "changeable": Rule(lambda line: line.changeable, lambda there, chosen: there),
    "refundable": Rule(lambda line: line.refundable, lambda there, chosen: there),
    "ticketing": Rule(lambda line: line.manual, lambda manual, chosen: manual == (chosen == "manual")),
    "from": Rule(lambda line: line.origins, lambda ends, chosen: ends <= chosen),
    "to": Rule(lambda line: line.destinations, lambda ends, chosen: ends <= chosen),
    "via": Rule(lambda line: line.via, lambda via, chosen: not via.isdisjoint(chosen)),
} | {f"{word}{direction + 1}{end}": _hour_rule(field, direction, end == "Until")
     for word, field in (("leave", "leaves"), ("arrive", "arrives"))
     for direction in range(MOST_DIRECTIONS) for end in ("From", "Until")}


def clean(wanted: Wanted, lines: Iterable[Line]) -> dict[str, Any]:
    """The filters as the rules read them: an airline to leave out also by its name, under which others name it."""
    found = dict(wanted)
    if "without" in found:
        found["without"] = _with_names(found["without"], lines)
    return found


def _with_names(codes: frozenset[str], lines: Iterable[Line]) -> frozenset[str]:
    return codes | {line.airline_name for line in lines if line.airline in codes}


def failures(line: Line, wanted: Wanted) -> list[str]:
    """The filters a line does not pass."""
    return [name for name, chosen in wanted.items() if not RULES[name].holds(RULES[name].value(line), chosen)]


@dataclass(frozen=True)
class Sieve:
    """Lines sorted by what keeps them out: `passing`, and by filter those that only this one keeps out."""

    passing: list[Line]
    kept_out_by: dict[str, list[Line]]

    def without(self, name: str) -> list[Line]:
        """What would pass if this filter were dropped."""
        return self.passing + self.kept_out_by.get(name, [])


def sift(lines: Iterable[Line], wanted: Wanted) -> Sieve:
    """Every line judged once."""
    passing: list[Line] = []
    kept_out_by: dict[str, list[Line]] = {}
    for line in lines:
        failed = failures(line, wanted)
        if not failed:
            passing.append(line)
        elif len(failed) == 1:
            kept_out_by.setdefault(failed[0], []).append(line)
    return Sieve(passing, kept_out_by)


def choices(name: str, lines: list[Line], chosen: Any) -> list[Any]:
    """What can be chosen in a filter, in the order in which it is shown. `lines`: all of the results."""
    if name == "stops":
        return [stops for stops in STOPS if any(line.stops <= stops for line in lines)]
    if name in FLAGS:
        return [True]
    if name == "ticketing":  # nothing to choose where all are the same
        return list(TICKETING) if len({line.manual for line in lines}) > 1 or chosen else []
    if name in ("airline", "without"):
        names = {line.airline: line.airline_name for line in lines}
        return sorted(names, key=lambda code: (names[code].casefold(), code))
    if name in SETS:
        return sorted({code for line in lines for code in _codes(name, line)})
    if name == "hours":
        return _durations([line.longest for line in lines], chosen)
    return _clock(name, lines)


def _codes(name: str, line: Line) -> frozenset[str]:
    return {"from": line.origins, "to": line.destinations, "via": line.via}[name]


def _durations(minutes: list[int], chosen: int | None) -> list[int]:
    """Some whole hours between the shortest and the longest direction; none when all take about as long."""
    if not minutes:
        return []
    first, last = -(-min(minutes) // 60), -(-max(minutes) // 60)
    step = max(1, -(-(last - first) // _STEPS))
    found = set(range(first, last, step))
    return sorted(found | {chosen} if chosen else found)


def _clock(name: str, lines: list[Line]) -> list[int]:
    """The hours that change anything: from each hour that occurs, until the hour after it."""
    hours = {hour for line in lines if isinstance(hour := RULES[name].value(line), int)}
    return sorted({hour + 1 for hour in hours} if name.endswith("Until") else hours)


def alone(name: str, choice: Any, lines: Iterable[Line]) -> Any:
    """The filter's value when only this choice is chosen."""
    if name == "without":
        return _with_names(frozenset({choice}), lines)
    return frozenset({choice}) if name in SETS else choice


def counts(name: str, wanted: Wanted, lines: list[Line], sieve: Sieve) -> dict[Any, int]:
    """How many trips (the same flights count once) each choice of a filter would show, all others applied."""
    rule, by_value = RULES[name], dict[Hashable, set[tuple[str, ...]]]()
    for line in sieve.without(name):
        by_value.setdefault(rule.value(line), set()).add(line.journey)
    found = {}
    for choice in choices(name, lines, wanted.get(name)):
        chosen = alone(name, choice, lines)
        found[choice] = len(set[tuple[str, ...]]().union(
            *(trips for value, trips in by_value.items() if rule.holds(value, chosen))))
    return found
