"""What differs between the flights that were booked and those the airline offers now, and whether it is significant.

Significant by 14 CFR 260.2 (dot-rules.md 2.6): leaving 3 hours earlier or arriving 3 hours later within a country,
6 hours across borders; another airport at the start or the end; more connections; a lower class; or no flight. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from suppliers import places

Slice = Mapping[str, Any]
DOMESTIC_HOURS, INTERNATIONAL_HOURS = 3, 6
CLASSES = ("economy", "premium_economy", "business", "first")


@dataclass(frozen=True)
class Differences:
    """`lines` say in words what is different; `reasons` those that make it significant (none: it is not)."""

    lines: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def significant(self) -> bool:
        """Whether the traveller may have the money back instead."""
        return bool(self.reasons)


def differences(before: Sequence[Slice], after: Sequence[Slice]) -> Differences:
    """Compare directions one by one; both lists are stored slices (`suppliers.stored`)."""
    limit = (DOMESTIC_HOURS if _domestic([*before, *after]) else INTERNATIONAL_HOURS) * 60
    lines: list[str] = []
    reasons: list[str] = []
    for old, new in zip_longest(before, after):
        found, why = _compare(old, new, limit)
        place = f"{_name((old or new)['origin'])} to {_name((old or new)['destination'])}: " if len(before) > 1 else ""
        lines += [place + line for line in found]
        reasons += [place + line for line in why]
    return Differences(tuple(lines or ["Only small things, such as the aircraft or the terminal."]), tuple(reasons))


def _domestic(slices: Sequence[Slice]) -> bool:
    """Within one country, as far as every airport tells its own."""
    countries = {flight[end].get("country", "") for part in slices for flight in part["segments"]
                 for end in ("origin", "destination")}
    return len(countries) == 1 and "" not in countries


def _compare(old: Slice | None, new: Slice | None, limit: int) -> tuple[list[str], list[str]]:
    if old is None or new is None or not new["segments"]:
        line = "There is an additional flight." if old is None else "There is no flight any more."
        return [line], [] if old is None else [line]
    checks = (_airports(old, new), _times(old, new, limit), _connections(old, new), _classes(old, new),
              _numbers(old, new))
    return [line for lines, _ in checks for line in lines], [line for _, reasons in checks for line in reasons]


Found = tuple[list[str], list[str]]


def _airports(old: Slice, new: Slice) -> Found:
    lines = []
    for end, word in (("origin", "Leaves from"), ("destination", "Arrives at")):
        was, now = _end(old, end), _end(new, end)
        if was["code"] != now["code"]:
            lines.append(f"{word} another airport: {_airport(now)} instead of {_airport(was)}.")
    return lines, lines


def _times(old: Slice, new: Slice, limit: int) -> Found:
    lines: list[str] = []
    reasons: list[str] = []
    for end, word, worse in (("origin", "Departs", -1), ("destination", "Arrives", 1)):
        key = "departing_local" if end == "origin" else "arriving_local"
        was, now = _flight(old, end)[key], _flight(new, end)[key]
        minutes = int((places.utc(now, _end(new, end)) - places.utc(was, _end(old, end))).total_seconds() // 60)
        if was == now and not minutes:
            continue
        line = f"{word} {_lasting(abs(minutes))} {'later' if minutes > 0 else 'earlier'}: {_said(now, was)}." if (
            minutes) else f"{word} {_said(now, was)}."
        lines.append(line)
        if minutes * worse >= limit:
            reasons.append(line)
    return lines, reasons


def _connections(old: Slice, new: Slice) -> Found:
    was, now = _stops(old), _stops(new)
    if was != now:
        line = f"{_stop_words(now)} instead of {_stop_words(was).lower()}."
        return [line], [line] if now > was else []
    over = [[flight["destination"]["code"] for flight in part["segments"][:-1]] for part in (old, new)]
    line = f"Changes planes in {', '.join(over[1])} instead of {', '.join(over[0])}."
    return [line] if over[0] != over[1] else [], []


def _classes(old: Slice, new: Slice) -> Found:
    was, now = (min((CLASSES.index(flight["cabin"]) for flight in part["segments"] if flight["cabin"] in CLASSES),
                    default=-1) for part in (old, new))
    if was == now or -1 in (was, now):
        return [], []
    line = f"{CLASSES[now].replace('_', ' ').capitalize()} instead of {CLASSES[was].replace('_', ' ')} class."
    return [line], [line] if now < was else []


def _numbers(old: Slice, new: Slice) -> Found:
    was, now = ([f"{flight['carrier_code']} {flight['flight_number']}" for flight in part["segments"]]
                for part in (old, new))
    lines = [f"Flight {', '.join(now)} instead of {', '.join(was)}."] if was != now else []
    flown = [sorted({flight["operating_name"] for flight in part["segments"]}) for part in (old, new)]
    if flown[0] != flown[1]:
        lines.append(f"Operated by {' and '.join(flown[1])} instead of {' and '.join(flown[0])}.")
    return lines, []


# --- words ------------------------------------------------------------------------------------------------------


def _flight(part: Slice, end: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = part["segments"][0 if end == "origin" else -1]
    return found


def _end(part: Slice, end: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _flight(part, end)[end]
    return found


def _stops(part: Slice) -> int:
    return len(part["segments"]) - 1 + sum(len(flight["stops"]) for flight in part["segments"])


def _stop_words(stops: int) -> str:
    return "Direct" if not stops else f"{stops} stop{'s' if stops > 1 else ''}"


def _name(place: Mapping[str, Any]) -> str:
    return str(place["city"] or place["name"] or place["code"])


def _airport(place: Mapping[str, Any]) -> str:
    return f"{place['name'] or _name(place)} ({place['code']})"


def _said(now: str, was: str) -> str:
    """The new local time and the old one, with their days where they differ."""
    new, old = datetime.fromisoformat(now), datetime.fromisoformat(was)
    if new.date() == old.date():
        return f"{new:%H:%M} instead of {old:%H:%M}"
    return f"{new:%a} {new.day} {new:%b}, {new:%H:%M} instead of {old:%a} {old.day} {old:%b}, {old:%H:%M}"


def _lasting(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02d} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
