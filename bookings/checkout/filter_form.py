"""The filters of the results: read from the address, shown as a form with counts, as chips, and as ways out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from bookings.selectors.filters import FLAGS, RULES, SETS, TICKETING
from suppliers import places

Raw = dict[str, Any]
MOST_HOURS, MOST_CODES = 200, 40
STOPS_WORDS = {0: "Direct only", 1: "At most 1 stop", 2: "At most 2 stops"}
FLAG_WORDS = {"carryOn": "Carry-on bag included", "bag": "Checked bag included", "changeable": "Changes allowed",
              "refundable": "Refundable"}
TICKETING_WORDS = {"instant": "Ticketed at once", "manual": "Reserved now, ticketed by our team"}
END_WORDS = {"leave": "leaves", "arrive": "arrives"}


def read(data: QueryDict) -> dict[str, Any]:
    """The filters of the address by name; nonsense filters nothing."""
    found: dict[str, Any] = {}
    for name in RULES:
        if name in SETS:
            codes = frozenset(code for code in data.getlist(name)[:MOST_CODES] if 0 < len(code) < 4)
            if codes:
                found[name] = codes
        elif name in FLAGS:
            if data.get(name) == "yes":
                found[name] = True
        elif name == "ticketing":
            if data.get(name) in TICKETING:
                found[name] = data[name]
        else:
            number = whole(data.get(name, ""), _most(name))
            if number is not None:
                found[name] = number
    return found


def whole(text: str, most: int) -> int | None:
    """A whole number from 0 to `most`; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 and int(text) <= most else None


def _most(name: str) -> int:
    return {"stops": 2, "hours": MOST_HOURS}.get(name, 24)


def changed(data: QueryDict, drop: Mapping[str, str | None] | None = None, **changes: str) -> str:
    """The address of this page with parameters set, or dropped (one value of them, or all for None)."""
    kept = data.copy()
    for name in ("n", "page", *changes):
        kept.pop(name, None)
    for name, value in (drop or {}).items():
        kept.setlist(name, [other for other in kept.getlist(name) if value is not None and other != value])
    return "?" + urlencode([(name, value) for name, values in kept.lists() for value in values if value]
                           + list(changes.items()))


def kept(data: QueryDict) -> list[tuple[str, str]]:
    """What the form must carry along: the search and the order."""
    mine = {*RULES, "pricesWith", "n", "page"}
    return [(name, value) for name, values in data.lists() for value in values if name not in mine]


def chosen(data: QueryDict) -> dict[str, list[str]]:
    """The filters and the order of an address: they outlive the search they were chosen in."""
    return {name: data.getlist(name) for name in (*RULES, "pricesWith", "sort") if any(data.getlist(name))}


def chips(data: QueryDict, wanted: Mapping[str, Any], names: Mapping[str, str], ways: list[str]) -> list[Raw]:
    """Every active filter, in words, with the address without it."""
    return [{"text": text, "url": changed(data, {name: value})}
            for name, chosen in wanted.items() for text, value in _said(name, chosen, names, ways)]


def ways_out(data: QueryDict, wanted: Mapping[str, Any], rescue: Mapping[str, int], names: Mapping[str, str],
             ways: list[str]) -> list[Raw]:
    """When nothing passes: the single filters whose removal helps, the most helpful first."""
    return [{"text": " and ".join(text for text, _ in _said(name, wanted[name], names, ways)), "count": count,
             "url": changed(data, {name: None})}
            for name, count in sorted(rescue.items(), key=lambda item: -item[1]) if count]


def _said(name: str, chosen: Any, names: Mapping[str, str], ways: list[str]) -> Iterator[tuple[str, str | None]]:
    """A filter in words, each value with its text in the address."""
    if name in SETS:
        word = {"airline": "Only {}", "without": "Not {}", "from": "From {}", "to": "To {}", "via": "Via {}"}[name]
        for code in sorted(chosen):
            yield word.format(names.get(code, code) if name in ("airline", "without") else code), code
    elif name in FLAGS:
        yield FLAG_WORDS[name], None
    elif name == "ticketing":
        yield TICKETING_WORDS[chosen], None
    elif name == "stops":
        yield STOPS_WORDS[chosen], None
    elif name == "hours":
        yield f"At most {chosen} h each way", None
    else:
        yield _hour_said(name, chosen, ways), None


def _hour_said(name: str, hour: int, ways: list[str]) -> str:
    """"Outbound leaves from 06:00"."""
    word = next(word for word in END_WORDS if name.startswith(word))
    direction = int(name[len(word)]) - 1
    way = ways[direction] if direction < len(ways) else f"Flight {direction + 1}"
    return f"{way} {END_WORDS[word]} {'from' if name.endswith('From') else 'before'} {hour:02d}:00"


def form(wanted: Mapping[str, Any], facets: Mapping[str, Mapping[Any, int]], airlines: list[Raw],
         ways: list[str]) -> Raw:
    """The form's parts, each choice with its count and whether it is chosen."""
    named = {entry["code"]: entry for entry in airlines}
    return {
        "stops": [_choice("stops", value, STOPS_WORDS[value], count, wanted)
                  for value, count in facets.get("stops", {}).items()],
        "ticketing": [_choice("ticketing", value, TICKETING_WORDS[value], count, wanted)
                      for value, count in facets.get("ticketing", {}).items()],
        "flags": [_choice(name, "yes", FLAG_WORDS[name], facets.get(name, {}).get(True, 0), wanted) for name in FLAGS],
        "hours": [_choice("hours", value, f"{value} h", count, wanted)
                  for value, count in facets.get("hours", {}).items()],
        "airlines": [{**_choice("airline", code, named[code]["name"], count, wanted), "price": named[code]["from"]}
                     for code, count in facets.get("airline", {}).items()],
        "without": [_choice("without", code, named[code]["name"], count, wanted)
                    for code, count in facets.get("without", {}).items()],
        "airports": [{"name": name, "word": word, "choices": codes, "open": name in wanted}
                     for name, word in (("from", "Leave from"), ("to", "Fly to"), ("via", "Change or stop in"))
                     if (codes := [_choice(name, code, airport_words(code), count, wanted)
                                   for code, count in facets.get(name, {}).items()])
                     and (len(codes) > 1 or name in wanted)],
        "times": [_times(direction, way, wanted, facets) for direction, way in enumerate(ways, start=1)],
        "timed": any(name.startswith(tuple(END_WORDS)) for name in wanted),
    }


def _times(direction: int, way: str, wanted: Mapping[str, Any], facets: Mapping[str, Mapping[Any, int]]) -> Raw:
    """Four selects of a direction."""
    selects: list[Raw] = []
    for word, label in (("leave", "Leaves"), ("arrive", "Arrives")):
        for end, small in (("From", "from"), ("Until", "before")):
            name = f"{word}{direction}{end}"
            options: list[Raw] = [_choice(name, hour, f"{hour:02d}:00", count, wanted)
                       for hour, count in facets.get(name, {}).items()]
            if name in wanted and wanted[name] not in facets.get(name, {}):
                options.append(_choice(name, wanted[name], f"{wanted[name]:02d}:00", 0, wanted))
            selects.append({"name": name, "label": f"{label} {small}",
                            "options": sorted(options, key=lambda option: int(option["value"]))})
    return {"way": way, "selects": selects}


def _choice(name: str, value: Any, word: str, count: int, wanted: Mapping[str, Any]) -> Raw:
    chosen = wanted.get(name)
    on = value in chosen if isinstance(chosen, frozenset) else chosen is True if value == "yes" else chosen == value
    return {"name": name, "value": str(value), "id": f"f-{name}-{value}", "word": word, "count": count,
            "on": name in wanted and on}


def airport_words(code: str) -> str:
    """"London Heathrow (LHR)": an airport by its name and code."""
    place = places.airport(code)
    return f"{place.name} ({code})" if place else code
