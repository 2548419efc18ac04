"""Airports and cities in memory: what a code means, and what somebody typing a few letters may want.

Airports come from `airportsdata`; metropolitan codes, other spellings and the order by traffic from `data/`. The
index is built at the first question (well under a second) and never changes; no supplier is asked.
"""

from __future__ import annotations

import heapq
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import airportsdata
from babel import Locale

from suppliers.types import Place

_DATA = Path(__file__).parent / "data"
_EXTRA = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})
MOST_LETTERS = 60

# How well a word of a place answers what was typed; the place's rank by traffic is added.
_CODE, _CITY, _NAME, _REGION, _COUNTRY = -2000, 0, 600, 700, 2500
_UNRANKED, _UNRANKED_CODE = 1000, 40


@dataclass(frozen=True)
class _Entry:
    place: Place
    rank: float
    ranked: bool


@dataclass
class _Index:
    """Words in order, each with the places it belongs to and how much it says about them."""

    airports: dict[str, Place] = field(default_factory=dict)
    cities: dict[str, Place] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    meanings: list[tuple[int, int]] = field(default_factory=list)  # (entry, weight), in step with words

    def starting(self, token: str) -> dict[int, int]:
        """The entries with a word that starts with `token`, each with its best weight."""
        found: dict[int, int] = {}
        at = bisect_left(self.words, token)
        while at < len(self.words) and self.words[at].startswith(token):
            entry, weight = self.meanings[at]
            if weight != _CODE or self.words[at] == token:  # a code counts only when it is complete
                found[entry] = min(weight, found.get(entry, weight))
            at += 1
        return found


_lock = threading.Lock()
_built: list[_Index] = []


def fold(text: str) -> str:
    """Lower case without accents: "Zürich" and "zurich" are one."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_EXTRA))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def suggest(q: str, limit: int = 10) -> list[Place]:
    """Cities ("all airports") and airports for what was typed, the likeliest first. [] for nothing or nonsense."""
    tokens = _split(fold(q[:MOST_LETTERS]))
    if not tokens or limit < 1:
        return []
    index = _index()
    found = index.starting(tokens[0])
    for token in tokens[1:]:
        more = index.starting(token)
        found = {entry: min(weight, more[entry]) for entry, weight in found.items() if entry in more}
    best = heapq.nsmallest(limit, found.items(), key=lambda item: _score(index.entries[item[0]], item[1]))
    return [index.entries[entry].place for entry, _ in best]


def airport(code: str) -> Place | None:
    """The airport with this IATA code, or None."""
    return _index().airports.get(code.upper())


def city(code: str) -> Place | None:
    """The city with this metropolitan code and its airports, or None."""
    return _index().cities.get(code.upper())


def expand(code: str) -> tuple[str, ...]:
    """The airports a code stands for: NYC → JFK, EWR, LGA; JFK → JFK; () when it stands for nothing."""
    found = city(code)
    if found:
        return found.airports
    return (code.upper(),) if airport(code) else ()


def _score(entry: _Entry, weight: int) -> tuple[float, str]:
    if weight == _CODE and not entry.ranked:  # a small airfield's code must not hide the cities that begin so
        return _UNRANKED_CODE, entry.place.code
    return weight + entry.rank, entry.place.code


def _index() -> _Index:
    if not _built:
        with _lock:
            if not _built:
                _built.append(_build())
    return _built[0]


def _build() -> _Index:
    ranks = {code: rank for rank, code in enumerate(_codes())}
    countries = Locale("en").territories
    cities, spellings = _cities()
    city_of = {code: place for place in cities for code in place.airports}
    index = _Index()
    words: list[tuple[str, int, int]] = []
    raws = airportsdata.load("IATA")
    for code, raw in raws.items():
        place = Place(code=code, name=raw["name"], city=raw["city"], country=raw["country"], time_zone=raw["tz"])
        index.airports[code] = place
        rank = ranks.get(code)
        number = _add(index, _Entry(place, _unranked(raw["name"]) if rank is None else rank, rank is not None))
        around = f"{city_of[code].name} {city_of[code].code}" if code in city_of else ""
        words += _words(number, code, f"{place.city} {around}", raw["name"], raw["subd"],
                        countries.get(raw["country"], ""), spellings)
    for place in cities:
        index.cities[place.code] = place
        first = min((ranks.get(code, _UNRANKED) for code in place.airports), default=_UNRANKED)
        number = _add(index, _Entry(place, first - 0.5, True))
        words += _words(number, place.code, place.name, "", "", countries.get(place.country, ""), spellings)
    words.sort()
    index.words = [word for word, _, _ in words]
    index.meanings = [(number, weight) for _, number, weight in words]
    return index


def _add(index: _Index, entry: _Entry) -> int:
    index.entries.append(entry)
    return len(index.entries) - 1


def _words(number: int, code: str, city: str, name: str, region: str, country: str,
           spellings: dict[str, list[str]]) -> Iterator[tuple[str, int, int]]:
    """The words of a place with what each is worth; a word counts once, with its best weight."""
    weights: dict[str, int] = {}
    for text, weight in ((country, _COUNTRY), (region, _REGION), (name, _NAME), (city, _CITY),
                         (" ".join(spellings.get(code, ())), _CITY)):
        for word in _split(fold(text)):
            weights[word] = min(weight, weights.get(word, weight))
    weights[code.lower()] = _CODE
    return ((word, number, weight) for word, weight in weights.items())


def _split(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.replace("'", "")).split()


def _unranked(name: str) -> int:
    """International airports before airfields, all after those ranked by traffic."""
    return _UNRANKED if "International" in name else _UNRANKED + 500


def _lines(name: str) -> list[str]:
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _codes() -> list[str]:
    return [code for line in _lines("busiest_airports.txt") for code in line.split()]


def _cities() -> tuple[list[Place], dict[str, list[str]]]:
    """The metropolitan areas, and other spellings by code."""
    cities: list[Place] = []
    spellings: dict[str, list[str]] = {}
    for line in _lines("cities.txt"):
        if line.startswith("="):
            text, _, code = line[1:].partition("|")
            spellings.setdefault(code, []).append(text)
            continue
        code, name, country, airports = line.split("|")
        cities.append(Place(code=code, name=name, city=name, country=country, kind="city",
                            airports=tuple(airports.split())))
    for place in cities:  # a city's other spellings are its airports' too
        for code in place.airports:
            spellings.setdefault(code, []).extend(spellings.get(place.code, []))
    return cities, spellings
