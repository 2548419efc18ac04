"""Home, the question "Which London?", and the results."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings import access, drafts, selectors
from bookings.checkout import search_form
from bookings.checkout.pages import form_page, page, summary
from bookings.checkout.search_form import SearchForm
from fly2any.kernel import clock
from suppliers.models import Search

MOST_RELOADS = 10  # without JavaScript the page reloads itself every 3 s, this often


@require_safe
@page
def home(request: HttpRequest) -> HttpResponse:
    """The search form."""
    return render(request, "home.html", _form_context(search_form.blank()))


@require_safe
@page
def flights(request: HttpRequest) -> HttpResponse:
    """A search by GET: errors back in the form, a question for ambiguous places, or the results."""
    now = clock.now()
    form = search_form.read(request.GET, now.date())
    if form.errors:
        return form_page(request, "home.html", _form_context(form))
    if form.meanings:
        return render(request, "which.html", _question_context(form))
    principal = access.principal_of(request)
    search = _known_search(request, principal, form)
    if search is None:
        assert form.query is not None
        search = drafts.search(query=form.query, principal=principal, now=now)
        return redirect(f"{reverse('flights')}?{form.url_query()}&s={search.pk}")
    return _results(request, search, form)


def _known_search(request: HttpRequest, principal: str, form: SearchForm) -> Search | None:
    """The visitor's own search named in the address, if it was for exactly this query; else a new one is made."""
    try:
        search = Search.objects.filter(pk=uuid.UUID(request.GET.get("s", "")), principal=principal).first()
    except ValueError:
        return None
    return search


def _form_context(form: SearchForm) -> dict[str, Any]:
    today = clock.now().date()
    labels = {name: search_form.label_of(form.values.get(name, "")) for name in ("origin", "destination")}
    return {"form": form, "labels": labels, "bounds": search_form.bounds(today), "cabins": search_form.CABIN_WORDS,
            "errors": summary(form.errors)}


def _question_context(form: SearchForm) -> dict[str, Any]:
    kept = [(name, value) for name, value in form.values.items() if value and name not in form.meanings]
    questions = [{"name": name, "typed": form.values[name],
                  "choices": [{"code": place.code, "label": search_form.label(place), "country": place.country}
                              for place in found]} for name, found in form.meanings.items()]
    return {"questions": questions, "kept": kept}
