"""Saved filters: a name for a way to look at the queue, for oneself or for everybody."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_POST

from bookings.admin.queue.asked import Asked
from bookings.admin.queue.doors import staff
from bookings.models import SavedFilter
from fly2any.kernel import clock

MOST = 40  # filters that one person keeps


class SavedFilterForm(forms.Form):
    """A filter's name, what it shows, and whether it is offered to everybody."""

    name = forms.CharField(max_length=60, strip=True)
    query = forms.CharField(max_length=600, required=False)
    shared = forms.BooleanField(required=False)


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the choices under a name; the same name of the same person is written over."""
    user, form = staff(request), SavedFilterForm(request.POST)
    if not form.is_valid():
        messages.error(request, "The filter was not saved: give it a name of at most 60 letters.")
        return HttpResponseRedirect(_queue(request.POST.get("query", "")))
    choices = _choices(form.cleaned_data["query"])
    with transaction.atomic():
        known = SavedFilter.objects.select_for_update().filter(owner=user)
        if known.exclude(name=form.cleaned_data["name"]).count() >= MOST:
            messages.error(request, f"The filter was not saved: you have {MOST} already. Delete one first.")
            return HttpResponseRedirect(_queue(choices))
        SavedFilter.objects.update_or_create(owner=user, name=form.cleaned_data["name"], defaults={
            "query": choices, "shared": form.cleaned_data["shared"]}, create_defaults={
            "query": choices, "shared": form.cleaned_data["shared"], "created_at": clock.now()})
    messages.success(request, f"Saved as “{form.cleaned_data['name']}”.")
    return HttpResponseRedirect(_queue(choices))


@require_POST
def delete_view(request: HttpRequest, filter_id: int) -> HttpResponse:
    """Forget one's own filter. Somebody else's is not found."""
    user = staff(request)
    deleted, _ = SavedFilter.objects.filter(pk=filter_id, owner=user).delete()
    if not deleted:
        raise Http404
    messages.success(request, "The filter is gone.")
    return HttpResponseRedirect(_queue(_choices(request.POST.get("query", "")[:600])))


def _choices(query: str) -> str:
    """What means something of a query, in its one spelling."""
    return Asked.read(QueryDict(query.removeprefix("?")), usual="need").choices


def _queue(query: str) -> str:
    address, choices = reverse("admin:bookings_case_changelist"), _choices(query)
    return f"{address}?{choices}" if choices else address
