"""Step 2: who travels, and how we reach them."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from bookings import drafts
from bookings.checkout import outcomes, traveller_form
from bookings.checkout.customize import open_draft
from bookings.checkout.pages import page
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@page
def travellers(request: HttpRequest, draft_id: uuid.UUID) -> HttpResponse:
    """The form of all travellers; a refused one comes back with everything typed and the errors named."""
    now = clock.now()
    booking, view = open_draft(request, draft_id)
    if booking.status != "DRAFT":
        return redirect(outcomes.place(booking))
    data = request.POST if request.method == "POST" else None
    wrong: dict[str, str] = {}
    if data is not None:
        people, contact, wrong = traveller_form.read(data, view)
        try:
            if not wrong:
                drafts.set_passengers(booking=booking, passengers=people, contact=contact, now=now)
                return redirect("checkout-review", draft_id)
        except Problem as problem:
            if not problem.field_errors:
                raise
            wrong = problem.field_errors
    context = traveller_form.context(view, data, wrong)
    return render(request, "checkout/passengers.html",
                     {**context, "draft": view, "errors": traveller_form.summary(view, wrong)})
