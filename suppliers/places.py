"""Airports and cities in memory: what a code means, and what somebody typing a few letters may want.

Airports come from `airportsdata`; metropolitan codes, other spellings and the order by traffic from `data/`. The
index is built at the first question (well under a second) and never changes; no supplier is asked.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import airportsdata
from babel import Locale

from suppliers.types import Place

_DATA = Path(__file__).parent / "data"
_EXTRA = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th"})
MOST_LETTERS = 60

# How well a word of a place answers what was typed; the place's rank by traffic is added.
_CODE, _CITY, _NAME, _REGION, _COUNTRY = -2000, 0, 600, 700, 2500
_WHOLE, _WHOLE_COUNTRY = 150, 2200  # how much more a whole word says than its beginning
_UNRANKED, _UNRANKED_CODE = 1000, 40
_SPARE = 6  # more places are looked at than asked for, so that a city's airports are among them
_SHORTEST_TYPO = 4
_ENGLISH = Locale("en")
_BARE = re.compile(r"( (International|Intercontinental|Municipal|Regional))* (Airport|Airfield)$")
_SAINT = {"st": "saint", "saint": "st", "sankt": "st", "ste": "sainte"}
# What travellers call countries, beside their English names.
_NICKNAMES = {"US": "USA America", "GB": "UK Great Britain England Scotland Wales", "AE": "UAE Emirates",
              "NL": "Holland", "CZ": "Czech Republic", "KR": "South Korea", "TR": "Turkey Türkiye", "DE": "Deutschland",
              "ES": "España", "IT": "Italia", "AT": "Österreich", "CH": "Schweiz Suisse Svizzera", "BR": "Brasil",
              "CI": "Ivory Coast", "MM": "Burma", "CV": "Cabo Verde", "SZ": "Swaziland", "MK": "Macedonia"}


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
    metropolis: dict[str, Place] = field(default_factory=dict)  # by airport
    entries: list[_Entry] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    meanings: list[tuple[int, int]] = field(default_factory=list)  # (entry, weight), in step with words

    near: dict[str, set[str]] = field(default_factory=dict)  # a word with letters left out → the words it may be

    def starting(self, token: str) -> dict[int, int]:
        """The entries with a word that starts with `token`, each with its best weight."""
        found: dict[int, int] = {}
        at = bisect_left(self.words, token)
        while at < len(self.words) and self.words[at].startswith(token):
            entry, weight = self.meanings[at]
            whole = self.words[at] == token
            if weight != _CODE or whole:  # a code counts only when it is complete
                weight -= whole * (_WHOLE_COUNTRY if weight == _COUNTRY else _WHOLE)
                found[entry] = min(weight, found.get(entry, weight))
            at += 1
        return found


_lock = threading.Lock()
_built: list[_Index] = []


def fold(text: str) -> str:
    """Lower case without accents: "Zürich" and "zurich" are one."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_EXTRA))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def suggest(q: str, limit: int = 10, *, typos: bool = True) -> list[Place]:
    """Cities ("all airports") and airports for what was typed, the likeliest first. [] for nothing or nonsense.

    A city is followed by those of its airports that were meant too. `typos`: when nothing is called so, what is
    called nearly so (a letter too many, missing, wrong or in the wrong place).
    """
    tokens = _split(fold(q[:MOST_LETTERS]))
    return list(_suggest(tuple(tokens), limit, typos)) if tokens and limit > 0 else []


@lru_cache(maxsize=4096)
def _suggest(tokens: tuple[str, ...], limit: int, typos: bool) -> tuple[Place, ...]:
    index = _index()
    found = _matching(index, [index.starting(token) for token in tokens])
    if not found and len(tokens) > 1:  # "la guardia" is written LaGuardia, "st petersburg" Saint
        found = index.starting("".join(tokens))
    if not found and typos:
        found = _matching(index, [index.starting(token) or _nearly(index, token) for token in tokens])
    best = heapq.nsmallest(limit + _SPARE, found.items(), key=lambda item: _score(index.entries[item[0]], item[1]))
    return tuple(_grouped([index.entries[entry].place for entry, _ in best])[:limit])


@lru_cache(maxsize=1)
def version() -> str:
    """A short digest of the data behind every answer: it changes when the data or the weights do."""
    digest = hashlib.blake2b(Path(__file__).read_bytes(), digest_size=8)
    for path in (*sorted(_DATA.glob("*.txt")), Path(airportsdata.__file__).parent / "airports.csv"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def label(place: Place) -> str:
    """A place as one line of text, its code at the end: "London, all airports (LON)", "La Paz, El Alto (LPB)"."""
    if place.kind == "city":
        return f"{place.city}, all airports ({place.code})"
    name = _BARE.sub("", place.name) or place.name
    named = not place.city or fold(name).startswith(fold(place.city))
    return f"{name} ({place.code})" if named else f"{place.city}, {name} ({place.code})"


def nearest(q: str, limit: int = 3) -> list[Place]:
    """What somebody may have meant whose words mean nothing: whole cities rather than each of their airports."""
    found = suggest(q, limit * 4)
    cities = {place.code for place in found if place.kind == "city"}
    alone: dict[str, Place] = {}
    for place in found:
        if place.kind == "city" or _city_code(place) not in cities:
            alone.setdefault(place.city, place)
    return list(alone.values())[:limit]


def _city_code(place: Place) -> str:
    whole = metropolis(place.code)
    return whole.code if whole else ""


def country_name(code: str) -> str:
    """The English name of a country's ISO code; the code itself when nobody knows it."""
    return str(_ENGLISH.territories.get(code, code))


def metropolis(code: str) -> Place | None:
    """The city of several airports that an airport belongs to, or None."""
    return _index().metropolis.get(code.upper())


def airport(code: str) -> Place | None:
    """The airport with this IATA code, or None."""
    return _index().airports.get(code.upper())


def utc(local: str, place: Mapping[str, Any]) -> datetime:
    """An airport's own time as UTC; by the airport's zone as the supplier or our own list names it, else as if UTC.

    `local`: ISO 8601 without a zone; `place`: a stored place with its code and, where known, its time_zone.
    """
    moment = datetime.fromisoformat(local).replace(tzinfo=None)
    zone = place.get("time_zone") or _zone_of(place["code"])
    with suppress(ZoneInfoNotFoundError, ValueError):
        return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return moment.replace(tzinfo=UTC)


def _zone_of(code: str) -> str:
    known = airport(code)
    return known.time_zone if known else ""


def city(code: str) -> Place | None:
    """The city with this metropolitan code and its airports, or None."""
    return _index().cities.get(code.upper())


def expand(code: str) -> tuple[str, ...]:
    """The airports a code stands for: NYC → JFK, EWR, LGA; JFK → JFK; () when it stands for nothing."""
    found = city(code)
    if found:
        return found.airports
    return (code.upper(),) if airport(code) else ()


def _matching(index: _Index, per_token: list[dict[int, int]]) -> dict[int, int]:
    """The entries that every token finds, with what their best word says; a word of its country alone says little."""
    found = per_token[0]
    for more in per_token[1:]:
        found = {entry: min(weight, more[entry]) for entry, weight in found.items() if entry in more}
    return found


def _nearly(index: _Index, token: str) -> dict[int, int]:
    """The entries with a word one slip away from `token`, those with traffic only."""
    if len(token) < _SHORTEST_TYPO:
        return {}
    with _lock:
        if not index.near:
            for word, (number, weight) in zip(index.words, index.meanings, strict=True):
                if index.entries[number].ranked and weight < _COUNTRY and len(word) >= _SHORTEST_TYPO:
                    for short in (word, *_shorter(word)):
                        index.near.setdefault(short, set()).add(word)
    found: dict[int, int] = {}
    for word in {near for short in (token, *_shorter(token)) for near in index.near.get(short, ())}:
        for entry, weight in index.starting(word).items():
            if weight > _CODE and index.entries[entry].ranked:
                found[entry] = min(weight, found.get(entry, weight))
    return found


def _shorter(word: str) -> set[str]:
    """The word with any one of its letters left out."""
    return {word[:at] + word[at + 1:] for at in range(len(word))}


def _grouped(found: list[Place]) -> list[Place]:
    """The same places, each city's airports right behind their city."""
    index, there = _index(), {place.code for place in found if place.kind == "city"}
    behind: dict[str, list[Place]] = {}
    first: list[Place] = []
    for place in found:
        whole = index.metropolis.get(place.code) if place.kind == "airport" else None
        if whole is not None and whole.code in there:
            behind.setdefault(whole.code, []).append(place)
        else:
            first.append(place)
    return [one for place in first for one in (place, *(behind.pop(place.code, ()) if place.kind == "city" else ()))]


def _score(entry: _Entry, weight: int) -> tuple[float, str]:
    if weight <= _CODE and not entry.ranked:  # a small airfield's code must not hide the cities that begin so
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
    cities, spellings = _cities()
    served = _served()
    city_of = {code: place for place in cities for code in place.airports}
    index = _Index(metropolis=city_of)
    words: list[tuple[str, int, int]] = []
    raws = airportsdata.load("IATA")
    for code, raw in raws.items():
        place = Place(code=code, name=raw["name"], city=served.get(code) or raw["city"],
                      country=raw["country"], time_zone=raw["tz"])
        index.airports[code] = place
        rank = ranks.get(code)
        number = _add(index, _Entry(place, _unranked(raw["name"]) if rank is None else rank, rank is not None))
        around = f"{city_of[code].name} {city_of[code].code}" if code in city_of else place.city
        words += _words(number, code, (place.city, raw["city"], around), raw["name"], raw["subd"],
                        _country_words(raw["country"]), spellings)
    for place in cities:
        index.cities[place.code] = place
        number = _add(index, _Entry(place, _together([ranks.get(code, _UNRANKED) for code in place.airports]), True))
        words += _words(number, place.code, (place.name,), "", "", _country_words(place.country), spellings)
    words.sort()
    index.words = [word for word, _, _ in words]
    index.meanings = [(number, weight) for _, number, weight in words]
    return index


def _add(index: _Index, entry: _Entry) -> int:
    index.entries.append(entry)
    return len(index.entries) - 1


def _words(number: int, code: str, cities: tuple[str, ...], name: str, region: str, country: str,
           spellings: dict[str, list[str]]) -> Iterator[tuple[str, int, int]]:
    """The words of a place with what each is worth; a word counts once, with its best weight."""
    weights: dict[str, int] = {}
    for text, weight in ((country, _COUNTRY), (region, _REGION), (name, _NAME), (" ".join(cities), _CITY),
                         (" ".join(spellings.get(code, ())), _CITY)):
        parts = _split(fold(text))
        for word in (*parts, *(_SAINT[part] for part in parts if part in _SAINT)):
            weights[word] = min(weight, weights.get(word, weight))
    for together in {"".join(_split(fold(one))) for one in cities}:  # "newyork"
        weights[together] = _CITY
    weights[code.lower()] = _CODE
    return ((word, number, weight) for word, weight in weights.items())


def _country_words(code: str) -> str:
    return f"{country_name(code)} {_NICKNAMES.get(code, '')}"


def _split(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.replace("'", "")).split()


def _unranked(name: str) -> int:
    """International airports before airfields, all after those ranked by traffic."""
    return _UNRANKED if "International" in name else _UNRANKED + 500


def _together(ranks: list[int]) -> float:
    """The rank of a city of several airports, before each of them: traffic falls about with the root of the rank."""
    return float(sum((rank + 1) ** -0.5 for rank in ranks) ** -2 - 1)


def _lines(name: str) -> list[str]:
    lines = (_DATA / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _codes() -> list[str]:
    return [code for line in _lines("busiest_airports.txt") for code in line.split()]


def _served() -> dict[str, str]:
    """The city by airport, where airportsdata names a suburb or another spelling."""
    lines = [line[1:].partition("|") for line in _lines("cities.txt") if line.startswith("~")]
    return {code: name for code, _, name in lines}


def _cities() -> tuple[list[Place], dict[str, list[str]]]:
    """The metropolitan areas, and other spellings by code."""
    cities: list[Place] = []
    spellings: dict[str, list[str]] = {}
    for line in _lines("cities.txt"):
        if line.startswith("~"):
            continue
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
