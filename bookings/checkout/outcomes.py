"""Pure: which page tells the truth about a booking, and in which words (ux.md 0 and 8)."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from bookings.flow import Route, Wish
from bookings.models import Booking
from bookings.status import Progress, Status

_WORDS = {
    Status.DRAFT: ("Not booked yet", ""), Status.PENDING: ("On its way", "wait"), Status.HOLD: ("Held", "wait"),
    Status.PENDING_PAYMENT: ("Waiting for payment", "wait"), Status.PENDING_TICKETING: ("Reserved", "wait"),
    Status.CONFIRMED: ("Confirmed", "good"), Status.CANCELLING: ("Being cancelled", "wait"),
    Status.CANCELLED: ("Cancelled", ""), Status.EXPIRED: ("Expired", "bad"), Status.FAILED: ("Not booked", "bad"),
}
_STEPS = {
    "hold": ("Seats reserved", "Done"),
    Route.HOLD_FIRST: ("Seats reserved", "Bank", "Ticket", "Done"),
    Route.AUTH_FIRST: ("Bank", "Airline", "Done"),
    Route.MANUAL: ("Reserved", "Our team tickets it"),
}
_NOW = {
    Route.HOLD_FIRST: {Progress.CARD: 1, Progress.BANK: 1, Progress.TICKET: 2, Progress.DONE: 4, Progress.CONSENT: 0},
    Route.AUTH_FIRST: {Progress.TICKET: 1, Progress.DONE: 3},
    Route.MANUAL: {Progress.STAFF: 1},
}
_HEADINGS = {
    Progress.RESERVING: "We are asking the airline", Progress.CHECKING: "We are checking with the airline",
    Progress.BANK: "We are asking your bank", Progress.CARD: "We are asking your bank",
    Progress.TICKET: "The airline is issuing your ticket", Progress.UNDOING: "We are undoing the booking",
}


def word(status: str) -> tuple[str, str]:
    """The short word for a list, and its tone."""
    return _WORDS[Status(status)]


def place(booking: Booking) -> str:
    """The address that tells the truth about a booking now."""
    status, progress = Status(booking.status), Progress(booking.progress)
    if status is Status.DRAFT:
        return reverse("checkout-extras", args=[booking.public_id])
    if status in (Status.PENDING, Status.PENDING_PAYMENT):
        name = {Progress.CONSENT: "trip-price", Progress.CARD: "trip-pay", Progress.BANK: "trip-pay"}.get(
            progress, "checkout-progress")
        return reverse(name, args=[booking.reference])
    return reverse("trip", args=[booking.reference])


def heading(booking: Booking) -> str:
    """What the progress page says we are doing."""
    return _HEADINGS.get(Progress(booking.progress), "We are working on your booking")


def steps(booking: Booking, authorised: bool) -> list[dict[str, str]]:
    """The step list of the booking's route: each done, now or still to come."""
    route = Route(booking.route)
    names = _STEPS["hold"] if booking.wish == Wish.HOLD else _STEPS[route]
    progress = Progress(booking.progress)
    now = _NOW[route].get(progress, 0)
    if progress is Progress.CHECKING and authorised:
        now = 2 if route is Route.HOLD_FIRST else 1
    return [{"text": name, "state": "done" if index < now else "now" if index == now else ""}
            for index, name in enumerate(names)]


def outcome(booking: Booking, view: dict[str, Any]) -> dict[str, Any]:
    """Title, tone, sentences and deadline of the outcome page."""
    status = Status(booking.status)
    email = view["contact"].get("email", "")
    said: dict[str, Any] = {"title": "", "tone": "wait", "texts": [], "deadline": None, "deadline_word": "", "moving": False}
    message = view.get("message") or {}
    told = [text for text in (message.get("text"), message.get("tip")) if text]
    if status is Status.CONFIRMED:
        texts = [f"You are booked. We have written to {email}.",
                 "Check in with the airline, using the airline reference. Take a valid travel document with you."]
        return {**said, "title": "Your trip is confirmed", "tone": "good", "texts": texts + told}
    if status is Status.HOLD:
        return {**said, "title": "Your seats are held", "texts": [*told, "Nothing is paid yet. If you do nothing, the "
                "airline lets the seats go and you owe nothing."],
                "deadline": (view.get("deadlines") or {}).get("payBy"), "deadline_word": "Pay before"}
    if status is Status.PENDING_TICKETING:
        return {**said, "title": "Your seats are reserved, the ticket is pending",
                "texts": [*told, "Our team issues your tickets now. We write to you as soon as they are there."]}
    if status is Status.CANCELLING:
        agreed = booking.wish == Wish.CANCEL
        title = "Your booking is being cancelled" if agreed else "This booking did not come about"
        texts = ["The airline has been asked. We write to you when it is done." if agreed else
                 "We are releasing everything that was reserved for it."]
        return {**said, "title": title, "texts": [*told, *texts], "moving": True}
    if status is Status.CANCELLED:
        return {**said, "title": "This booking is cancelled", "tone": "good" if booking.wish == Wish.CANCEL else "bad",
                "texts": told}
    if status is Status.EXPIRED:
        return {**said, "title": "The time to pay has passed", "tone": "bad", "texts": told or [
            "The airline has let the seats go. You can search again; other fares may be available."]}
    return {**said, "title": "Not booked", "tone": "bad", "texts": told or ["The airline did not accept the booking."]}


def refund_steps(refund: dict[str, Any] | None) -> list[dict[str, str]]:
    """Requested, sent to the bank, done."""
    if not refund:
        return []
    order = ("requested", "sent", "succeeded")
    at = order.index(refund["state"]) if refund.get("state") in order else 0
    texts = ("Refund written down", "Sent to your bank", "Accepted by your bank")
    return [{"text": text, "state": "done" if index <= at else ""} for index, text in enumerate(texts)]
