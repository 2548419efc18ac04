"""The bundles of step 1: shown among the extras, chosen with one press."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from bookings import bundles
from bookings.checkout import outcomes
from bookings.checkout.customize import open_draft
from bookings.checkout.pages import page
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

CHANGED = ("bundle_changed", "services_unavailable", "validation_failed")


@require_POST
@page
def choose(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """A bundle was chosen: its extras are the draft's extras now, each as if chosen by hand."""
    booking, _ = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    try:
        booking = bundles.choose(booking=booking, key=request.POST.get("bundle", ""), user=request.user,
                                 now=clock.now())
    except Problem as problem:
        if problem.code not in CHANGED:
            raise
        return redirect(reverse("checkout-extras", args=[draft_id]) + "?bundle=changed#bundles")
    return redirect(reverse("checkout-extras", args=[booking.public_id]) + "#bundles")
