"""Home, the question "Which London?", and the results."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from bookings import access, drafts, limits, selectors
from bookings.checkout import results, search_boxes, search_form
from bookings.checkout.pages import page, summary
from bookings.checkout.search_form import SearchForm
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import Search
from suppliers.search import earliest_day
from suppliers.types import SearchQuery


@require_safe
@page
def home(request: HttpRequest) -> HttpResponse:
    """The search form, filled in with the search that shall be changed; flights are added and removed here too."""
    form = search_form.kept(request.GET) if request.GET else search_form.blank()
    going_on = selectors.open_drafts(principal=access.principal_of(request), now=clock.now())
    return render(request, "home.html", {**_form_context(form, request.GET.get("flights", "")), "drafts": going_on})


@require_safe
@page
def flights(request: HttpRequest) -> HttpResponse:
    """A search by GET: errors back in the form, a question for ambiguous places, or the results."""
    now = clock.now()
    form = search_form.read(request.GET, earliest_day(now))
    if form.errors:
        return render(request, "home.html", _form_context(form))
    if form.meanings:
        return render(request, "which.html", _question_context(form))
    principal, query = access.principal_of(request), form.asked()
    search = _known_search(request, principal, query)
    if search is None:
        limits.search(access.address_of(request), now)
        search = drafts.search(query=query, principal=principal, now=now)
        return redirect(results.address(query, search, request.GET))
    if results.nothing_new(request, search):
        return HttpResponse(status=204)
    return render(request, "results.html", {**results.context(request, search, form),
                                            "search": search_boxes.boxes(form, earliest_day(now))})


def _known_search(request: HttpRequest, principal: str, query: SearchQuery) -> Search | None:
    """The visitor's own search named in the address, if it was for exactly this query; else a new one is made."""
    try:
        search = selectors.search_for(principal=principal, search_id=request.GET.get("s", ""))
    except Problem:
        return None
    return search if search_form.stored(search.query) == query else None


def _form_context(form: SearchForm, flights: str = "") -> dict[str, Any]:
    return {"search": search_boxes.boxes(form, earliest_day(clock.now()), flights), "errors": summary(form.errors)}


def _question_context(form: SearchForm) -> dict[str, Any]:
    kept = [(name, value) for name, value in form.values.items() if value and name not in form.meanings]
    return {"questions": [search_boxes.missing(form, name) for name in form.meanings], "kept": kept,
            "back_url": f"/?{form.url_query()}"}
