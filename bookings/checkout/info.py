"""Pages that only tell something: help, terms, how we sort."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


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
    return render(request, "info/how_we_sort.html")
