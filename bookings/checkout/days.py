"""The strip of days around a search, and the button that asks for their prices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from bookings import access, drafts
from bookings.checkout import search_form
from bookings.checkout.pages import page
from bookings.selectors import words
from bookings.selectors.offers import fee_minor
from fly2any.kernel import clock
from suppliers.search import earliest_day
from suppliers.types import SearchQuery

Raw = dict[str, Any]


def strip(query: SearchQuery, here: Raw | None, now: datetime) -> list[Raw]:
    """The days around, each with its state, its lowest price where that is known, and its address.

    `here`: the lowest price (money dict) of the search on the page itself.
    """
    found: list[Raw] = []
    for days, told in drafts.days.known(query, earliest_day(now)).items():
        price = words.money(told["minor"] + fee_minor(), told["currency"]) if told["state"] == "known" else None
        moved = drafts.days.shifted(query, days)
        found.append({"day": moved.legs[0].date, "back": _back(moved), "here": not days,
                      "state": "known" if not days and here else told["state"], "price": price if days else here,
                      "url": search_form.address(moved)})
    prices = [one["price"]["minor"] for one in found if one["price"]]
    for one in found:
        one["lowest"] = bool(one["price"]) and len(prices) > 1 and one["price"]["minor"] == min(prices)
    return found


def _back(query: SearchQuery) -> date | None:
    return query.legs[-1].date if len(query.legs) > 1 else None


@require_POST
@page
def ask_days(request: HttpRequest) -> HttpResponseBase:
    """Ask for the prices of the days around, and go back to the results."""
    now = clock.now()
    form = search_form.read(request.POST, earliest_day(now))
    if form.errors or form.meanings:
        return redirect("home")
    query = form.asked()
    drafts.days.ask(query=query, principal=access.principal_of(request),
                    address=access.address_of(request), now=now)
    return redirect(search_form.address(query, s=request.POST.get("s", "")[:40]) + "#days")
