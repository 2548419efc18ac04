"""Amadeus's own JSON, character by character: an offer goes back exactly as it came (amadeus.md 3.1).

What is stored (`OfferInfo.document`) is a line of ours, with the names that the answer's dictionaries gave to the
offer's carriers and aircraft and the party that was searched for, and under it the offer's own text, untouched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any

_DECODER = JSONDecoder()
_BLANK = " \t\r\n"
Names = Mapping[str, Mapping[str, str]]


class NotJson(ValueError):
    """The text is not the JSON that was expected."""


def elements(text: str, *path: str) -> list[tuple[str, Any]]:
    """The objects of the list at `path` (names of members), each as its own text and as read.

    [] when the path leads nowhere or to no list. Raises NotJson for a text that cannot be read that far.
    """
    try:
        at = _skip(text, 0)
        for name in path:
            found = next((start for key, start in _members(text, at) if key == name), None)
            if found is None:
                return []
            at = found
        return list(_items(text, at))
    except (JSONDecodeError, IndexError, RecursionError) as error:
        raise NotJson("the text is not JSON") from error


def parsed(text: str) -> Any:
    """The whole text as JSON; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _members(text: str, at: int) -> Iterator[tuple[str, int]]:
    """The names of an object's members and where each value begins; nothing for any other value."""
    if text[at] != "{":
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        yield name, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _items(text: str, at: int) -> Iterator[tuple[str, Any]]:
    if text[at] != "[":
        return
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        if isinstance(value, dict):
            yield text[at:end], value
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def clean(text: str, offer: Mapping[str, Any]) -> str:
    """The offer's text without the two switches that only we may set: margin and disablePricing (amadeus.md 3.1)."""
    price = offer.get("price")
    if "disablePricing" not in offer and not (isinstance(price, dict) and "margin" in price):
        return text
    left = {key: value for key, value in offer.items() if key != "disablePricing"}
    if isinstance(price, dict):
        left["price"] = {key: value for key, value in price.items() if key != "margin"}
    return json.dumps(left, ensure_ascii=False)


def document(text: str, offer: Mapping[str, Any], names: Names, party: Mapping[str, Any] | None = None) -> str:
    """What is stored: the names of what the offer mentions with who was searched for, and its own text under it."""
    flights = [flight for part in offer.get("itineraries") or () for flight in part.get("segments") or ()]
    carriers = {str(code) for flight in flights for code in (
        flight.get("carrierCode"), (flight.get("operating") or {}).get("carrierCode"))}
    carriers |= {str(code) for code in offer.get("validatingAirlineCodes") or ()}
    aircraft = {str((flight.get("aircraft") or {}).get("code")) for flight in flights}
    wanted = {"carriers": carriers, "aircraft": aircraft}
    used: dict[str, Any] = {kind: {code: name for code, name in names.get(kind, {}).items() if code in codes}
                            for kind, codes in wanted.items()}
    if party:
        used["party"] = {key: list(who) for key, who in party.items()}
    return f"{json.dumps(used, ensure_ascii=False, sort_keys=True)}\n{clean(text, offer)}"


def split(stored: str) -> tuple[dict[str, Any], str]:
    """A stored document as its notes and the offer's own text. Raises NotJson for anything else."""
    first, _, text = stored.partition("\n")
    names = parsed(first)
    if not isinstance(names, dict) or not text:
        raise NotJson("not a stored offer")
    return names, text
