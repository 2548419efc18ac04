"""Back from the bank in another browser, on another device: the outcome in a word, nothing private.

The address carries a signed token that only the page with the card form was given. It shows whether the booking came
about and what became of the money, without amount, name, flight or reference of the airline, for a day.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from bookings import messages
from bookings.checkout import outcomes
from bookings.models import Booking
from bookings.status import CLOSED, MoneyWord, Status
from fly2any.kernel import references
from fly2any.kernel.errors import Problem

DAY = 24 * 3600
_SALT = "fly2any.back"
_MONEY = {MoneyWord.NONE: "Nothing was charged.",
          MoneyWord.RESERVED: "The amount is reserved on the card, not charged.",
          MoneyWord.CHARGED: "The payment went through.", MoneyWord.REFUNDING: "The money is on its way back.",
          MoneyWord.REFUNDED: "The money has been sent back."}


def address(booking: Booking, declines: int) -> str:
    """Where the bank shall send the customer. `declines`: how many attempts had failed before this one."""
    token = signing.dumps(booking.reference, salt=_SALT)
    return f"{reverse('trip-back', args=[booking.reference])}?{urlencode({'paid': declines, 't': token})}"


def elsewhere(request: HttpRequest, reference: str, problem: Problem) -> HttpResponse:
    """The page for a browser that may not see the booking. A wrong, old or missing token says what a stranger hears."""
    asked = references.normalise(reference[:40])
    try:
        known = signing.loads(request.GET.get("t", ""), salt=_SALT, max_age=DAY)
    except signing.BadSignature:
        known = None
    booking = Booking.objects.exclude(status=Status.DRAFT).filter(reference=asked).first() if (
        asked and known == asked) else None
    if booking is None:
        raise problem
    word, tone = outcomes.word(booking.status)
    ended = booking.status in CLOSED | {Status.CONFIRMED, Status.HOLD, Status.PENDING_TICKETING}
    code = messages.code_for(booking, booking.payments.order_by("-pk").first())
    return render(request, "trips/back.html", {
        "reference": booking.reference, "word": word, "tone": tone or "wait", "moving": not ended,
        "declined": not ended and bool(code) and booking.progress == "card",
        "money": _MONEY[MoneyWord(booking.money)]})
