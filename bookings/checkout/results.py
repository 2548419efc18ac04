"""The page of results: filters read from the address, tabs, headings and links around the selectors' view."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from bookings import selectors
from bookings.checkout.search_form import CABIN_WORDS, SearchForm, label_of
from bookings.checkout.words import day
from bookings.selectors.results import Filters
from fly2any.kernel import clock
from suppliers import places
from suppliers.models import Search

PER_PAGE = 30
MOST_RELOADS = 10  # without JavaScript the page reloads itself every 3 s, this often
TABS = (("best", "Best"), ("cheapest", "Cheapest"), ("fastest", "Fastest"))
STOPS = (("", "Any number"), ("0", "Direct only"), ("1", "At most 1 stop"))
HOURS = (("", "Any time"), ("0-6", "Night, before 6:00"), ("6-12", "Morning, 6:00 to 12:00"),
         ("12-18", "Afternoon, 12:00 to 18:00"), ("18-24", "Evening, after 18:00"))
FILTER_NAMES = ("stops", "leave", "arrive", "hours", "bag", "changeable", "refundable", "airline", "without")


def read_filters(data: QueryDict) -> Filters:
    """The filters of the address; nonsense filters nothing."""
    hours = _number(data, "hours", 200)
    leave, arrive = _span(data.get("leave", "")), _span(data.get("arrive", ""))
    return Filters(
        sort=data.get("sort", "best") if data.get("sort") in dict(TABS) else "best",
        max_stops=_number(data, "stops", 2),
        airlines=frozenset(filter(None, data.getlist("airline"))),
        without=frozenset(filter(None, data.getlist("without"))),
        leave_from=leave[0], leave_until=leave[1], arrive_from=arrive[0], arrive_until=arrive[1],
        max_minutes=hours * 60 if hours else None,
        checked_bag=data.get("bag") == "yes", changeable=data.get("changeable") == "yes",
        refundable=data.get("refundable") == "yes", one_per_journey=True,
        limit=PER_PAGE * (_number(data, "page", 10) or 1))


def _number(data: QueryDict, name: str, most: int) -> int | None:
    """A whole number of the address from 0 to `most`; None for anything else."""
    text = data.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) <= most else None


def _span(text: str) -> tuple[int | None, int | None]:
    """Hours from and until, of "6-12"."""
    first, _, last = text.partition("-")
    return (int(first), int(last)) if first.isdecimal() and last.isdecimal() else (None, None)


def context(request: HttpRequest, search: Search, form: SearchForm) -> dict[str, Any]:
    """Everything results.html needs."""
    data, query = request.GET, form.asked()
    view = selectors.results_view(search, read_filters(data), now=clock.now())
    asking = sum(1 for one in view["suppliers"] if one["state"] == "asking")
    chosen = {name: data.getlist(name) if name in ("airline", "without") else data.get(name, "")
              for name in FILTER_NAMES}
    travellers = query.adults + len(query.child_ages) + query.infants
    base = f"{reverse('flights')}?{form.url_query()}"
    return {
        "view": view, "tabs": _tabs(data, view), "asking": asking or 1, "travellers": travellers,
        "silent": view["complete"] and any(one["state"] == "failed" for one in view["suppliers"]),
        "heading": " to ".join(_city(form.values[name]) for name in ("origin", "destination")),
        "when": " – ".join(day(leg.date) for leg in query.legs), "who": _who(form),
        "cabin": dict(CABIN_WORDS).get(query.cabin, ""), "change_url": f"{reverse('home')}?{form.url_query()}",
        "again_url": base, "clear_url": f"{base}&s={search.pk}", "said": _said(view),
        "filtered": any(chosen.values()), "chosen": chosen, "stops": STOPS, "hours": HOURS, "kept": _kept(data),
        "more_url": _more(data, view), "reload_url": _reload(data), "others": _others(form),
    }


def _tabs(data: QueryDict, view: dict[str, Any]) -> list[dict[str, Any]]:
    now = data.get("sort") if data.get("sort") in dict(TABS) else "best"
    return [{"word": word, "url": _with(data, sort=name), "current": name == now, "offer": view["tabs"].get(name),
             "minutes": (view["tabs"].get(name) or {}).get("minutes")} for name, word in TABS]


def _with(data: QueryDict, **changes: str) -> str:
    changed = data.copy()
    for name in ("n", *changes):
        changed.pop(name, None)
    return f"?{changed.urlencode()}&{urlencode(changes)}"


def _kept(data: QueryDict) -> list[tuple[str, str]]:
    """What the filter form must carry along."""
    return [(name, value) for name in data for value in data.getlist(name) if name not in (*FILTER_NAMES, "n", "page")]


def _more(data: QueryDict, view: dict[str, Any]) -> str:
    page = _number(data, "page", 10) or 1
    return _with(data, page=str(page + 1)) if len(view["offers"]) < view["matching"] else ""


def _reload(data: QueryDict) -> str:
    """Where a browser without JavaScript looks next; nowhere after ten times."""
    times = _number(data, "n", MOST_RELOADS) or 0
    return _with(data, n=str(times + 1)) if times < MOST_RELOADS else ""


def _said(view: dict[str, Any]) -> str:
    number, found = view["matching"], view["found"]
    of = f" of {found}" if number != found else ""
    return f"{number}{of} flight{'' if number == 1 and not of else 's'} found"


def _who(form: SearchForm) -> str:
    values = form.values
    parts = [("adult", "adults", values["adults"]), ("child", "children", values["children"]),
             ("infant", "infants", values["infants"])]
    return ", ".join(f"{number} {one if number == '1' else many}" for one, many, number in parts if number != "0")


def _city(code: str) -> str:
    place = places.city(code) or places.airport(code)
    return (place.city or place.name) if place else code


def _others(form: SearchForm) -> list[dict[str, str]]:
    """Searches nearby: a day earlier, a day later, all airports of the city."""
    found = []
    leaving = date.fromisoformat(form.values["departureDate"])
    for days in (-1, 1, 2):
        there = leaving + timedelta(days=days)
        values = {**form.values, "departureDate": there.isoformat()}
        if form.values["returnDate"]:
            back = date.fromisoformat(form.values["returnDate"]) + timedelta(days=days)
            values["returnDate"] = back.isoformat()
        found.append({"word": day(there), "url": f"{reverse('flights')}?{urlencode(values)}"})
    for name in ("origin", "destination"):
        around = _metropolis(form.values[name])
        if around:
            found.append({"word": label_of(around),
                          "url": f"{reverse('flights')}?{urlencode({**form.values, name: around})}"})
    return found


def _metropolis(code: str) -> str:
    """The code of the city an airport belongs to; "" when it is one already or stands alone."""
    airport = places.airport(code)
    if airport is None or places.city(code):
        return ""
    return next((place.code for place in places.suggest(airport.city, 4)
                 if place.kind == "city" and code in place.airports), "")
