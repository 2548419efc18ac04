"""The airline refused a traveller's detail: back to that very field, with everything else as it was."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from bookings import access, drafts, selectors
from bookings.checkout import customize
from bookings.checkout.pages import page
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

# the supplier's word for a field -> the end of the id of its input on the travellers' page
_INPUTS = {"given_name": "givenName", "family_name": "familyName", "name": "givenName", "title": "title",
           "gender": "gender", "born_on": "bornOn-day", "identity_documents": "documentNumber",
           "unique_identifier": "documentNumber", "loyalty": "loyaltyNumber", "account_number": "loyaltyNumber",
           "loyalty_programme_accounts": "loyaltyNumber"}
_CONTACT = {"email": "contact-email", "phone_number": "contact-phone", "phone": "contact-phone"}


@require_POST
@page
def fix(request: HttpRequest, reference: str) -> HttpResponse:
    """A draft of the same offer with the same travellers; the page opens at the field that was refused."""
    principal = access.principal_of(request)
    booking = selectors.booking_for(principal=principal, reference=reference)
    try:
        draft = drafts.start_again(booking=booking, principal=principal, user=request.user, now=clock.now())
    except Problem as problem:
        if problem.status != 410:
            raise
        return customize.gone(request, booking, selectors.booking_view(booking), problem)
    return redirect(f"{reverse('checkout-passengers', args=[draft.public_id])}#{place(booking.closing_detail)}")


def place(detail: dict[str, Any]) -> str:
    """The id of the input that the airline's refusal is about; the first traveller's name when it did not say."""
    field, position = str(detail.get("field") or ""), str(detail.get("position") or "0")
    if field in _CONTACT:
        return _CONTACT[field]
    number = int(position) if position.isascii() and position.isdecimal() else 0
    return f"passengers-{number}-{_INPUTS.get(field, 'givenName')}"
