"""The search form read: its words and dates, its places looked up, its limits said in helpful sentences."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from suppliers import places
from suppliers.search import CABINS, MOST_LEGS, MOST_TRAVELLERS, leg_field, validate
from suppliers.types import Leg, Place, SearchQuery

TRIPS = ("return", "oneway", "multi")
LEGS = range(1, MOST_LEGS + 1)
MOST_CHILDREN = MOST_TRAVELLERS - 1
CABIN_WORDS = tuple(zip(CABINS, ("Economy", "Premium economy", "Business", "First"), strict=True))
LONGEST = 80  # characters of any field that are looked at
MOST_MEANINGS = 8
_FORWARD = frozenset({"L", "EN", "ES", "ET", "CS", "NSM", "WS", "ON"})  # kinds of letters that turn nothing round
_CODE_AT_END = re.compile(r"\(([A-Z]{3})\)\s*$")


LEG_FIELDS = tuple(leg_field(name, number) for number in LEGS for name in ("origin", "destination", "departureDate"))
FIELDS = ("trip", *LEG_FIELDS, "returnDate", "adults", "children", "childAges", "infants", "cabin")


@dataclass
class SearchForm:
    """What was typed (`values`), what it means (`query`) and what is wrong (`errors`, by field)."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    query: SearchQuery | None = None
    meanings: dict[str, list[Place]] = field(default_factory=dict)  # fields that may mean several places
    nearest: dict[str, list[Place]] = field(default_factory=dict)  # what a field that means nothing may have meant

    def asked(self) -> SearchQuery:
        """The query of a form without errors. Raises ValueError on any other."""
        if self.query is None:
            raise ValueError("the form has errors or open questions")
        return self.query

    def url_query(self) -> str:
        """The canonical, shareable query string; what was typed as far as it is not understood."""
        values = query_values(self.query) if self.query else self.values
        return urlencode({name: value for name, value in values.items() if value})

    def ages(self) -> list[str]:
        """The ages of the children as typed, one for each child; "" where it is missing."""
        typed = self.values["childAges"].split(",") if self.values["childAges"] else []
        children = self.values["children"]
        number = int(children) if children.isascii() and children.isdecimal() and len(children) < 3 else 0
        return [typed[at].strip() if at < len(typed) else "" for at in range(min(MOST_CHILDREN, number))]


def address(query: SearchQuery, **more: object) -> str:
    """The one address of a search's results, to be shared: trip, places, dates and travellers, then `more`.

    `more` is put behind as it is (s=search.pk, sort="fastest"); what is None or "" is left out.
    """
    values = {**query_values(query), **{name: str(value) for name, value in more.items() if value is not None}}
    return f"{reverse('flights')}?{urlencode({name: value for name, value in values.items() if value})}"


def query_values(query: SearchQuery) -> dict[str, str]:
    """The address parameters of a search. Legs 2 to 4 of a multi-city trip are numbered: origin2, departureDate2."""
    first, legs = query.legs[0], query.legs
    back = len(legs) == 2 and (legs[1].origin, legs[1].destination) == (first.destination, first.origin)
    trip = "oneway" if len(legs) == 1 else "return" if back else "multi"
    values = {"trip": trip, "origin": first.origin, "destination": first.destination,
              "departureDate": first.date.isoformat()}
    if back:
        values["returnDate"] = legs[1].date.isoformat()
    for number, leg in enumerate(legs[1:] if trip == "multi" else (), start=2):
        values |= {f"origin{number}": leg.origin, f"destination{number}": leg.destination,
                   f"departureDate{number}": leg.date.isoformat()}
    return values | {"adults": str(query.adults), "children": str(len(query.child_ages)),
                     "childAges": ",".join(map(str, query.child_ages)), "infants": str(query.infants),
                     "cabin": query.cabin}


def stored(raw: dict[str, Any]) -> SearchQuery:
    """The search that a row of `suppliers.models.Search` keeps in `query`."""
    legs = tuple(Leg(leg["origin"], leg["destination"], date.fromisoformat(leg["date"])) for leg in raw["legs"])
    return SearchQuery(legs, adults=raw.get("adults", 1), child_ages=tuple(raw.get("child_ages") or ()),
                       infants=raw.get("infants", 0), cabin=raw.get("cabin", "economy"),
                       max_connections=raw.get("max_connections"))


def blank() -> SearchForm:
    """The form as a visitor first sees it."""
    return SearchForm({**dict.fromkeys(FIELDS, ""), "trip": "return", "adults": "1", "children": "0", "infants": "0",
                       "cabin": "economy"})


def kept(data: QueryDict) -> SearchForm:
    """The form with what was typed, unjudged. A leg named by `remove` is gone; those after it move up."""
    form, typed = blank(), {name: _clean(data.get(name, "")) for name in FIELDS}
    if any(f"age{number}" in data for number in range(1, MOST_CHILDREN + 1)):
        ages = [_clean(data.get(f"age{number}", "")).replace(",", " ") for number in range(1, MOST_CHILDREN + 1)]
        typed["childAges"] = ",".join(ages).rstrip(",")
    typed["trip"] = _trip(typed)
    form.values.update({name: value for name, value in typed.items() if value})
    gone = data.get("remove", "")
    if gone in {str(number) for number in LEGS}:
        _remove(form.values, int(gone))
    return form


def read(data: QueryDict, today: date) -> SearchForm:
    """Read a submitted search. `query` is set only when nothing is wrong and no place is ambiguous."""
    form = kept(data)
    numbers = range(1, leg_count(form.values) + 1) if form.values["trip"] == "multi" else range(1, 2)
    legs, before = [], today
    for number in numbers:
        legs.append(_leg(form, number, before))
        before = legs[-1].date
    if form.values["trip"] == "return":
        back = _date(form, "returnDate", "the day you fly back")
        legs += [Leg(legs[0].destination, legs[0].origin, back)] if back else []
    adults, infants, ages = _count(form, "adults", 1), _count(form, "infants", 0), _ages(form)
    query = SearchQuery(tuple(legs), adults=adults, child_ages=ages, infants=infants, cabin=form.values["cabin"])
    wrong = validate(query, today)
    if form.values["trip"] == "multi" and "returnDate" in wrong:  # there and back, asked as two flights
        wrong["departureDate2"] = wrong.pop("returnDate")
    form.errors |= {name: text for name, text in wrong.items() if name not in {**form.errors, **form.meanings}}
    form.errors = {name: form.errors[name] for name in sorted(form.errors, key=_line)}
    form.query = None if form.errors or form.meanings else query
    return form


def leg_count(values: dict[str, str]) -> int:
    """How many flights of a multi-city trip were begun: 2 at least, and no empty ones at the end."""
    begun = [number for number in LEGS if any(values[leg_field(name, number)]
                                              for name in ("origin", "destination", "departureDate"))]
    return max([2, *begun])


def label_of(code: str) -> str:
    """The label of an airport's or city's code; the text itself when it is not one."""
    place = places.city(code) or places.airport(code) if len(code) == 3 else None
    return places.label(place) if place else code


def _clean(text: str) -> str:
    """What was typed without control characters and without the space around it."""
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cc").strip()[:LONGEST].strip()


def _trip(typed: dict[str, str]) -> str:
    """The kind of trip: as chosen, else as the dates and places say."""
    if typed["trip"] in TRIPS:
        return typed["trip"]
    if any(typed[name] for name in LEG_FIELDS[3:]):
        return "multi"
    return "return" if typed["returnDate"] or not typed["departureDate"] else "oneway"


def _remove(values: dict[str, str], gone: int) -> None:
    for number in range(gone, MOST_LEGS + 1):
        for name in ("origin", "destination", "departureDate"):
            values[leg_field(name, number)] = values.get(leg_field(name, number + 1), "")


def _line(name: str) -> int:
    """Where a field stands in the form, for the order of the error summary."""
    return FIELDS.index(name) if name in FIELDS else FIELDS.index("childAges")


def _leg(form: SearchForm, number: int, before: date) -> Leg:
    """One flight as far as it is known: "" for a place that is missing, unknown or open, `before` for a day."""
    start, end, day = ("you start from", "you fly to", "the day you leave") if number == 1 else (
        f"flight {number} starts from", f"flight {number} goes to", f"the day of flight {number}")
    origin, destination = (_place(form, leg_field(name, number), verb)
                           for name, verb in (("origin", start), ("destination", end)))
    return Leg(origin, destination, _date(form, leg_field("departureDate", number), day) or before)


def _place(form: SearchForm, name: str, verb: str) -> str:
    """The code a field means; "" when what is wrong, or what it may mean, is noted."""
    text = form.values[name]
    if not text:
        form.errors[name] = f"Enter the city or airport {verb}."
        return ""
    written = _CODE_AT_END.search(text)
    code = written.group(1) if written else text.upper() if len(text) == 3 and text.isascii() else ""
    if code and places.expand(code):
        form.values[name] = code
        return code
    some = sum(letter.isalpha() for letter in text) > 1  # one letter or a number alone is not a name
    found = places.suggest(text, MOST_MEANINGS, typos=False) if some else []
    if len(found) == 1:
        form.values[name] = found[0].code
        return found[0].code
    if found:
        form.meanings[name] = found
        return ""
    form.nearest[name] = places.nearest(text) if some else []
    hint = f"Did you mean {places.label(form.nearest[name][0])}?" if form.nearest[name] else (
        "Check the spelling, or enter its code.")
    form.errors[name] = f"We know no city or airport called “{isolated(text)}”. {hint}"
    return ""


def isolated(text: str) -> str:
    """Typed text inside our sentence: letters that run from right to left must not turn the sentence round."""
    backwards = any(unicodedata.bidirectional(letter) not in _FORWARD for letter in text)
    return f"\u2068{text}\u2069" if backwards else text


def _date(form: SearchForm, name: str, what: str) -> date | None:
    text = form.values[name]
    try:
        if len(text) != 10 or not text.isascii():
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        form.errors[name] = f"Choose {what}: a date with day, month and year."
        return None


def _count(form: SearchForm, name: str, otherwise: int) -> int:
    """A number of travellers; `otherwise` when it is none, which is noted."""
    text = form.values[name]
    if text.isascii() and text.isdecimal() and len(text) < 4:
        return int(text)
    form.errors[name] = f"Enter a number from 0 to {MOST_TRAVELLERS}."
    return otherwise


def _ages(form: SearchForm) -> tuple[int, ...]:
    """The children's ages; a missing or impossible one is wrong at its own field (age1 is the first child's)."""
    children = _count(form, "children", 0)
    if children > MOST_CHILDREN:
        form.errors["children"] = f"We can book up to {MOST_TRAVELLERS} travellers at once, one of them an adult."
    ages, wrong = form.ages(), len(form.errors)
    for number, age in enumerate(ages, start=1):
        if not age:
            form.errors[f"age{number}"] = f"Choose the age of child {number} on the day of the last flight."
        elif not (age.isascii() and age.isdecimal() and len(age) < 3 and 2 <= int(age) <= 17):
            form.errors[f"age{number}"] = (f"Child {number} must be 2 to 17 years old on the day of the last flight. "
                                           "Younger children are infants, older ones adults.")
    form.values["childAges"] = ",".join(ages)
    return () if len(form.errors) > wrong else tuple(map(int, ages))
