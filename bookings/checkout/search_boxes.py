"""The search form as its template draws it: every box with its label, value, choices and error."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from bookings.checkout import search_form
from bookings.checkout.search_form import CABIN_WORDS, LEGS, MOST_CHILDREN, SearchForm, label_of
from suppliers import places
from suppliers.search import DAYS_AHEAD, MOST_LEGS, MOST_TRAVELLERS, leg_field

Box = dict[str, Any]
TRIP_WORDS = (("return", "Return"), ("oneway", "One way"), ("multi", "Multi-city"))


def boxes(form: SearchForm, today: date, flights: str = "") -> Box:
    """Everything parts/search_form.html needs. `flights`: how many of a multi-city trip shall be shown at least."""
    values = form.values
    begun = search_form.leg_count(values)
    shown = min(MOST_LEGS, max(begun, int(flights) if flights in {str(number) for number in LEGS} else 2))
    if shown > begun and not values[leg_field("origin", shown)]:  # a flight more: it starts where the last one ended
        values[leg_field("origin", shown)] = values[leg_field("destination", shown - 1)]
    return {
        "trips": [{"value": value, "word": word, "chosen": values["trip"] == value} for value, word in TRIP_WORDS],
        "legs": [_leg(form, number, shown) for number in LEGS], "shown": shown, "more": shown + 1,
        "full": shown == MOST_LEGS, "first": today.isoformat(),
        "last": (today + timedelta(days=DAYS_AHEAD)).isoformat(),
        "back": _box(form, "returnDate", "Flying back on"),
        "counts": [_choice(form, "adults", "Adults", "18 and over", range(1, MOST_TRAVELLERS + 1)),
                   _choice(form, "children", "Children", "2 to 17", range(MOST_CHILDREN + 1)),
                   _choice(form, "infants", "Infants", "Under 2", range(5))],
        "ages": _ages(form),
        "cabin": _box(form, "cabin", "Cabin", options=_options(CABIN_WORDS, values["cabin"])),
    }


def missing(form: SearchForm, field: str) -> Box:
    """A question about one field that may mean several places."""
    number = field[-1] if field[-1].isdecimal() else ""
    way = "From" if field.startswith("origin") else "To"
    return {"name": field, "typed": search_form.isolated(form.values[field]),
            "way": f"Flight {number}, {way.lower()}" if number else way,
            "choices": [{"code": place.code, "label": places.label(place),
                         "country": places.country_name(place.country)} for place in form.meanings[field]]}


def _leg(form: SearchForm, number: int, shown: int) -> Box:
    return {"number": number, "shown": number <= shown, "can_go": number > 1 and shown > 2,
            "origin": _place(form, leg_field("origin", number), "From"),
            "destination": _place(form, leg_field("destination", number), "To"),
            "date": _box(form, leg_field("departureDate", number),
                         "Leaving on" if number == 1 else f"Date of flight {number}")}


def _box(form: SearchForm, name: str, text: str, **more: Any) -> Box:
    return {"id": name, "label": text, "value": form.values.get(name, ""), "error": form.errors.get(name, ""), **more}


def _place(form: SearchForm, name: str, text: str) -> Box:
    """An airport box; when nothing is called so, the nearest places as links that put them in."""
    links = [{"word": places.label(place), "url": _with(form, name, place.code)}
             for place in form.nearest.get(name, ())]
    return {**_box(form, name, text), "value": label_of(form.values.get(name, "")), "nearest": links}


def _with(form: SearchForm, name: str, code: str) -> str:
    """The same search with another place."""
    values = {**form.values, name: code}
    return f"{reverse('flights')}?{urlencode({key: value for key, value in values.items() if value})}"


def _choice(form: SearchForm, name: str, text: str, hint: str, numbers: Iterable[int]) -> Box:
    words = [(str(number), str(number)) for number in numbers]
    return _box(form, name, text, hint=hint, options=_options(words, form.values[name]))


def _options(words: Iterable[tuple[str, str]], chosen: str) -> list[Box]:
    """The choices of a list; what came by an address and is none of them stays to be seen."""
    found = [{"value": value, "word": word, "chosen": value == chosen} for value, word in words]
    if chosen and not any(option["chosen"] for option in found):
        found.append({"value": chosen, "word": chosen, "chosen": True})
    return found


def _ages(form: SearchForm) -> list[Box]:
    typed = form.ages()
    years = [(str(age), f"{age} years") for age in range(2, 18)]
    return [{"id": f"age{number}", "label": f"Child {number}", "error": form.errors.get(f"age{number}", ""),
             "options": _options(years, typed[number - 1] if number <= len(typed) else "")}
            for number in range(1, MOST_CHILDREN + 1)]
