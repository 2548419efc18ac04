"""Pages that only tell something: help, terms, how we sort."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bookings.selectors import sorting


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """How to reach us, and answers to common questions."""
    return render(request, "info/help.html")


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    """The terms a customer accepts before booking."""
    return render(request, "info/terms.html")


@require_safe
def how_we_sort(request: HttpRequest) -> HttpResponse:
    """The published formula behind "Best"."""
    shares = [round(100 * weight) for weight in (sorting.PRICE_WEIGHT, sorting.DURATION_WEIGHT, sorting.STOPS_WEIGHT)]
    return render(request, "info/how_we_sort.html", {
        "weights": zip(("Price", "Travel time", "Flights"), shares, strict=True), "rows": _examples()})


def _examples() -> list[dict[str, Any]]:
    """Three made-up trips and their numbers, by the formula itself: price in whole dollars, minutes, stops."""
    trips = (("Cheapest, one stop", 400, 780, 1), ("Direct, a little dearer", 460, 480, 0),
             ("Dearest, fastest", 700, 450, 0))
    cheapest, shortest = min(price for _, price, _, _ in trips), min(minutes for _, _, minutes, _ in trips)
    rows = [{"what": what, "price": price, "minutes": minutes, "stops": stops,
             "score": sorting.formula(price / cheapest, minutes / shortest, stops + 1)}
            for what, price, minutes, stops in trips]
    return sorted(rows, key=lambda row: float(str(row["score"])))
