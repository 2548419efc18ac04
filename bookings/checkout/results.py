"""The page of results: the selectors' view with its tabs, chips, states, neighbours and pages in words."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from bookings import selectors
from bookings.checkout import days, filter_form, search_form
from bookings.checkout.search_form import CABIN_WORDS, SearchForm
from bookings.checkout.words import day
from bookings.models import Seen
from bookings.selectors.results import PER_PAGE, Filters
from fly2any.kernel import clock, counting
from suppliers import nearby, places
from suppliers.models import Search
from suppliers.types import SearchQuery

MOST_RELOADS = 10  # without JavaScript the page reloads itself every 3 s, this often
TABS = (("best", "Best"), ("cheapest", "Cheapest"), ("fastest", "Fastest"))
PRICES_WITH = (("", "Hand bag only"), ("bag", "1 checked bag"))
MOST_PAGES = 40
NOT_SOLD = frozenset({"sales_paused", "provider_off"})  # we have stopped selling it, or our account there is closed

Raw = dict[str, Any]


def read_filters(data: QueryDict) -> Filters:
    """The filters, the order and the page of the address; nonsense filters nothing."""
    return Filters(
        wanted=filter_form.read(data), sort=data.get("sort", "best") if data.get("sort") in dict(TABS) else "best",
        with_bag=data.get("pricesWith") == "bag", one_per_journey=True, offset=PER_PAGE * (_page(data) - 1))


def address(query: SearchQuery, search: Search, data: QueryDict) -> str:
    """Where a search just started is seen: with the filters and the order of the address that was asked for."""
    return _with_choices(search_form.address(query, s=search.pk), data)


def nothing_new(request: HttpRequest, search: Search) -> bool:
    """Whether our script, which tells how many suppliers' answers it shows, would see nothing new."""
    seen = request.headers.get("X-Seen")
    return seen is not None and seen == f"{selectors.answered(search)}" and not selectors.complete(search, clock.now())


def context(request: HttpRequest, search: Search, form: SearchForm) -> Raw:
    """Everything results.html needs."""
    data, query, filters = request.GET.copy(), form.asked(), read_filters(request.GET)
    view = selectors.results_view(search, filters, now=clock.now())
    if view["matching"] and not view["offers"]:  # the page is beyond the last: show that
        data["page"] = str(math.ceil(view["matching"] / PER_PAGE))
        view = selectors.results_view(search, read_filters(data), now=clock.now())
    base = _with_choices(search_form.address(query), data)
    names, ways = {entry["code"]: entry["name"] for entry in view["airlines"]}, _ways(query)
    around = days.strip(query, view["cheapest"], clock.now())
    state = _state(view)
    if view["offers"]:
        counting.look(search.pk, Seen.Step.RESULTS)
    return {
        "view": view, "state": state, "filters": filters, "tabs": _tabs(data, view), "base": base,
        "asking": sum(1 for one in view["suppliers"] if one["state"] == "asking") or 1,
        "failed": state in ("offers", "filtered") and _failed(view), "paused": _paused(view),
        "travellers": query.adults + len(query.child_ages) + query.infants,
        "heading": _heading(query), "when": " – ".join(day(leg.date) for leg in query.legs), "who": _who(query),
        "cabin": dict(CABIN_WORDS).get(query.cabin, ""), "ways": ways, "labels": ways if len(ways) > 1 else [],
        "said": _said(view),
        "chips": filter_form.chips(data, filters.wanted, names, ways), "kept": filter_form.kept(data),
        "form": filter_form.form(filters.wanted, view["facets"], view["airlines"], ways),
        "prices_with": [{"value": value, "word": word, "on": filters.with_bag == bool(value)}
                        for value, word in PRICES_WITH],
        "clear_url": _cleared(data, filters), "pages": _pages(data, view),
        "ways_out": filter_form.ways_out(data, filters.wanted, view["rescue"], names, ways),
        "days": around, "asking_days": any(one["state"] == "asking" for one in around),
        "missing_days": any(one["state"] == "unknown" for one in around),
        "reload_url": _reload(data), "others": _others(query) if state == "none" else [],
        "day_fields": [*search_form.query_values(query).items(), ("s", str(search.pk))],
    }


def _with_choices(url: str, data: QueryDict) -> str:
    chosen = urlencode(filter_form.chosen(data), doseq=True)
    return f"{url}&{chosen}" if chosen else url


def _state(view: Raw) -> str:
    """What the page is about: asking, offers, filtered (all away), lapsed, paused (we sell nothing now), down, none."""
    if view["offers"] or view["matching"]:
        return "offers"
    if view["found"]:
        return "filtered"
    if not view["complete"]:
        return "asking"
    if view["lapsed"]:
        return "lapsed"
    if view["suppliers"] and all(one["code"] in NOT_SOLD for one in view["suppliers"]):
        return "paused"
    return "down" if view["suppliers"] and all(one["state"] != "done" for one in view["suppliers"]) else "none"


def _failed(view: Raw) -> bool:
    """Whether a supplier that we sell failed, or was never heard of again. One that is off is not among them."""
    return any((one["state"] == "failed" and one["code"] not in NOT_SOLD)
               or (view["complete"] and one["state"] == "asking") for one in view["suppliers"])


def _paused(view: Raw) -> bool:
    """Whether a supplier was left out because we do not sell its flights for the moment."""
    return any(one["code"] in NOT_SOLD for one in view["suppliers"])


def _tabs(data: QueryDict, view: Raw) -> list[Raw]:
    now = data.get("sort") if data.get("sort") in dict(TABS) else "best"
    return [{"word": word, "url": filter_form.changed(data, sort=name), "current": name == now,
             "offer": view["tabs"][name]} for name, word in TABS if view["tabs"][name]]


def _page(data: QueryDict) -> int:
    return max(1, filter_form.whole(data.get("page", ""), MOST_PAGES) or 1)


def _pages(data: QueryDict, view: Raw) -> Raw:
    """Where in the results this page is, and its neighbours."""
    page, last = _page(data), max(1, math.ceil(view["matching"] / PER_PAGE))
    first = PER_PAGE * (page - 1)
    return {
        "number": page, "last": last, "from": first + 1, "to": first + len(view["offers"]), "of": view["matching"],
        "before": filter_form.changed(data, page=str(min(page - 1, last))) if page > 1 else "",
        "after": filter_form.changed(data, page=str(page + 1)) if page < last else "",
        "more": min(PER_PAGE, view["matching"] - first - len(view["offers"])),
    }


def _cleared(data: QueryDict, filters: Filters) -> str:
    return filter_form.changed(data, dict.fromkeys(filters.wanted))


def _reload(data: QueryDict) -> str:
    """Where a browser without JavaScript looks next; nowhere after ten times."""
    times = filter_form.whole(data.get("n", ""), MOST_RELOADS) or 0
    return filter_form.changed(data, n=str(times + 1), page=str(_page(data))) if times < MOST_RELOADS else ""


def _said(view: Raw) -> str:
    number, found = view["matching"], view["found"]
    of = f" of {found}" if number != found else ""
    return f"{number}{of} flight{'' if number == 1 and not of else 's'} found"


def _heading(query: SearchQuery) -> str:
    """The cities in their order; a way back is not said, and a city that one leaves from again is said once."""
    names: list[str] = []
    for code in (code for leg in query.legs for code in (leg.origin, leg.destination)):
        name = _city(code)
        if names[-1:] != [name]:
            names.append(name)
    back = len(query.legs) == 2 and len(names) == 3 and names[-1] == names[0]
    return " to ".join(names[:-1] if back else names)


def _ways(query: SearchQuery) -> list[str]:
    """What each direction is called."""
    legs = query.legs
    if len(legs) == 1:
        return ["Flight"]
    if len(legs) == 2 and (legs[0].origin, legs[0].destination) == (legs[1].destination, legs[1].origin):
        return ["Outbound", "Return"]
    return [f"Flight {number}" for number in range(1, len(legs) + 1)]


def _who(query: SearchQuery) -> str:
    parts = [("adult", "adults", query.adults), ("child", "children", len(query.child_ages)),
             ("infant", "infants", query.infants)]
    return ", ".join(f"{number} {one if number == 1 else many}" for one, many, number in parts if number)


def _city(code: str) -> str:
    place = places.city(code) or places.airport(code)
    return (place.city or place.name) if place else code


def _others(query: SearchQuery) -> list[Raw]:
    """Airports near the first flight's ends, for a search that found nothing; the nearest first."""
    found = []
    for end in ("origin", "destination"):
        for near in nearby.around(getattr(query.legs[0], end)):
            found.append({"word": f"{'From' if end == 'origin' else 'To'} {near.label}", "note": near.note,
                          "url": search_form.address(nearby.moved(query, end, near.code))})
    return found
