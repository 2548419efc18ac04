"""What the page of a booking that stands offers: actions that are really there, the refund, requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse

from bookings import refund_clock
from bookings.checkout.words import deadline, moment
from bookings.flow import Route, Wish
from bookings.models import Booking, ChangeRequest
from bookings.selectors.changes import flight_change
from bookings.status import CLOSED, Status
from fly2any.kernel import clock

View = dict[str, Any]
RECENT = timedelta(days=30)  # how long an answered request stays on the page
ENDED = frozenset({*CLOSED, Status.CANCELLING, Status.DRAFT})


def parts(booking: Booking, view: View) -> View:
    """Everything that `trips/parts/*.html` of a booking's page show."""
    asked = list(booking.requests.order_by("-pk")[:5])
    waiting = next((item for item in asked if item.answered_at is None), None)
    change = flight_change(booking, booking.orders.order_by("-pk").first())
    return {"change": change, "tracker": tracker(booking, view), "requests": [item for item in asked if _shown(item)],
            "manage": [] if booking.status in ENDED else choices(booking, view, waiting)}


def choices(booking: Booking, view: View, waiting: ChangeRequest | None) -> list[View]:
    """What the customer may do now, each with what it means; only what the airline really allows (ux.md 10)."""
    actions, reference = view.get("actions", ()), booking.reference
    found = []
    if "cancel" in actions:
        paid = (view.get("payment") or {}).get("captured", {}).get("minor")
        text = "See what you would get back first. Nothing is cancelled before you confirm." if paid else (
            "The seats go back to the airline and you owe nothing.")
        found.append({"url": reverse("trip-cancel", args=[reference]), "word": "Cancel this booking", "text": text})
    elif booking.route == Route.MANUAL and waiting is None and (view.get("order") or {}).get("state") == "ticketed":
        found.append({"url": f"{reverse('trip-request', args=[reference])}?topic=refund", "word": "Ask us to cancel",
                      "text": "Our team asks the airline what comes back and answers within 24 hours. Nothing is "
                              "cancelled before you agree."})
    if "change_contact" in actions:
        found.append({"url": reverse("trip-contact", args=[reference]), "word": "Change your contact data",
                      "text": f"We write to {booking.contact_email}."})
    if waiting is None:
        found.append({"url": reverse("trip-request", args=[reference]), "word": "Ask for a change",
                      "text": "Another date, other flights, a name to correct: a person of our team answers."})
    return found


def _shown(request: ChangeRequest) -> bool:
    return request.answered_at is None or clock.now() - request.answered_at < RECENT


# --- the refund -------------------------------------------------------------------------------------------------


def tracker(booking: Booking, view: View) -> View | None:
    """Where a refund stands: agreed, sent to the bank, accepted there. None when nothing is to come back.

    The amounts are those of the refund's own row; before there is one, what the customer agreed to.
    """
    refund = view.get("refund")
    if refund is None:
        return _promised(booking, view)
    ours = booking.closing not in ("", "schedule_changed") or not booking.agreed_refund_minor
    due = refund_clock.legal_date(moment(refund["requestedAt"]) or clock.now())
    done = refund["state"] == "succeeded"
    return {"amount": refund["amount"], "card": refund["card"], "failed": refund["state"] == "failed", "done": done,
            "by": None if refund["sentAt"] else due, "law": ours,
            "steps": _steps(refund["state"], (refund["requestedAt"], refund["sentAt"], refund["doneAt"]))}


def _promised(booking: Booking, view: View) -> View | None:
    """The refund that was agreed while the airline is still being asked to cancel."""
    agreed = booking.agreed_refund_minor
    if booking.wish != Wish.CANCEL or not agreed or booking.status != Status.CANCELLING:
        return None
    card = (view.get("payment") or {}).get("cardLast4")
    return {"amount": {"minor": agreed, "currency": booking.currency}, "card": f"your card ending {card}" if card else
            "your card", "by": refund_clock.legal_date(booking.changed_at), "steps": _steps("", ("", "", ""))}


def _steps(state: str, times: tuple[str | None, ...]) -> list[View]:
    order = ("requested", "sent", "succeeded")
    at = order.index(state) if state in order else -1 if not state else 0
    texts = ("Refund agreed and written down", "Sent to your bank", "Accepted by your bank")
    return [{"text": text, "state": "done" if index <= at else "now" if index == at + 1 and state != "failed" else "",
             "when": deadline(when) if index <= at and when else ""}
            for index, (text, when) in enumerate(zip(texts, times, strict=True))]
