"""The search form: its words and dates read, its places looked up, its limits said in helpful sentences."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from suppliers import places
from suppliers.search import CABINS, DAYS_AHEAD, validate
from suppliers.types import Leg, Place, SearchQuery

FIELDS = ("trip", "origin", "destination", "departureDate", "returnDate", "adults", "children", "childAges",
          "infants", "cabin")
CABIN_WORDS = tuple(zip(CABINS, ("Economy", "Premium economy", "Business", "First"), strict=True))
_CODE_AT_END = re.compile(r"\(([A-Z]{3})\)\s*$")
MOST_MEANINGS = 8


@dataclass
class SearchForm:
    """What was typed (`values`), what it means (`query`) and what is wrong (`errors`, by field)."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    query: SearchQuery | None = None
    meanings: dict[str, list[Place]] = field(default_factory=dict)  # fields that may mean several places

    def asked(self) -> SearchQuery:
        """The query of a form without errors. Raises ValueError on any other."""
        if self.query is None:
            raise ValueError("the form has errors or open questions")
        return self.query

    def url_query(self) -> str:
        """The canonical, shareable query string."""
        return urlencode({name: self.values[name] for name in FIELDS if self.values.get(name)})


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
    return SearchForm({"trip": "return", "adults": "1", "children": "0", "infants": "0", "cabin": "economy"})


def read(data: QueryDict, today: date) -> SearchForm:
    """Read a submitted search. `query` is set only when nothing is wrong and no place is ambiguous."""
    values = {name: data.get(name, "").strip()[:80] for name in FIELDS}
    for name, default in blank().values.items():
        values[name] = values[name] or default
    if values["trip"] == "oneway" or ("trip" not in data and not values["returnDate"]):
        values["trip"], values["returnDate"] = "oneway", ""
    form = SearchForm(values)
    origin, destination = _place(form, "origin", "start from"), _place(form, "destination", "fly to")
    leaving = _date(form, "departureDate", "the day you leave")
    back = _date(form, "returnDate", "the day you fly back") if values["trip"] == "return" else None
    adults, infants = _count(form, "adults"), _count(form, "infants")
    ages = _ages(form)
    if form.errors or origin is None or destination is None or leaving is None:
        return form
    legs = [Leg(origin, destination, leaving)]
    if back:
        legs.append(Leg(destination, origin, back))
    query = SearchQuery(tuple(legs), adults=adults, child_ages=ages, infants=infants, cabin=values["cabin"])
    form.errors = validate(query, today)
    form.query = None if form.errors else query
    return form


def kept(data: QueryDict) -> SearchForm:
    """The form with what was searched before, unjudged."""
    form = blank()
    form.values.update({name: data.get(name, "").strip()[:80] for name in FIELDS if data.get(name)})
    return form


def label(place: Place) -> str:
    """A place as one line of text that the form reads back: "London, all airports (LON)"."""
    if place.kind == "city":
        return f"{place.city}, all airports ({place.code})"
    return f"{place.city}, {place.name} ({place.code})" if place.city else f"{place.name} ({place.code})"


def label_of(code: str) -> str:
    """The label of an airport's or city's code; the text itself when it is not one."""
    place = places.city(code) or places.airport(code) if len(code) == 3 else None
    return label(place) if place else code


def bounds(today: date) -> dict[str, str]:
    """The first and last day that can be searched, for the date inputs."""
    return {"first": today.isoformat(), "last": (today + timedelta(days=DAYS_AHEAD)).isoformat()}


def _place(form: SearchForm, name: str, verb: str) -> str | None:
    text = form.values[name]
    if not text:
        form.errors[name] = f"Enter the city or airport you {verb}."
        return None
    written = _CODE_AT_END.search(text)
    code = written.group(1) if written else text.upper() if len(text) == 3 else ""
    if code and places.expand(code):
        form.values[name] = code
        return code
    found = places.suggest(text, MOST_MEANINGS)
    if not found:
        form.errors[name] = f"We know no city or airport called “{text}”. Check the spelling, or enter its code."
    elif len(found) == 1:
        form.values[name] = found[0].code
        return found[0].code
    else:
        form.meanings[name] = found
    return None


def _date(form: SearchForm, name: str, what: str) -> date | None:
    try:
        return date.fromisoformat(form.values[name])
    except ValueError:
        form.errors[name] = f"Choose {what}, such as {date.today() + timedelta(days=30):%Y-%m-%d}."  # noqa: DTZ011
        return None


def _count(form: SearchForm, name: str) -> int:
    try:
        count = int(form.values[name])
    except ValueError:
        count = -1
    if not 0 <= count <= 9:
        form.errors[name] = "Enter a number from 0 to 9."
    return count


def _ages(form: SearchForm) -> tuple[int, ...]:
    children = _count(form, "children")
    if children < 1:
        form.values["childAges"] = ""
        return ()
    ages = tuple(int(age) for age in re.findall(r"\d{1,2}", form.values["childAges"]))
    if len(ages) != children:
        form.errors["childAges"] = (
            f"Enter {children} age{'s' if children > 1 else ''}, one for each child, such as "
            f"{', '.join(str(age) for age in (4, 9, 12, 7, 5, 3, 11, 8, 6)[:children])}.")
    elif any(not 2 <= age <= 17 for age in ages):
        form.errors["childAges"] = "A child is 2 to 17 years old on the day of the last flight. Younger: an infant."
    return ages
