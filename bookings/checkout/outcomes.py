"""Pure: which page tells the truth about a booking, and in which words (ux.md 0 and 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from bookings.checkout import manual
from bookings.flow import GIVE_UP_HOLD, GIVE_UP_INSTANT, Route, Wish
from bookings.models import Booking
from bookings.status import STATUS_WORDS, Progress, Status

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


# what is certain, what is next
_LONG = {
    Progress.RESERVING: ("Your request is written down and cannot get lost.",
                         "We keep asking the airline until it answers."),
    Progress.CHECKING: ("The airline has your request; whether it has booked you is not known yet.",
                        "We keep looking at the airline. If there is no booking, the card is released."),
    Progress.BANK: ("Your request is written down and cannot get lost.", "Your bank has to answer."),
    Progress.CARD: ("Your request is written down and cannot get lost.", "Your bank has to answer."),
    Progress.TICKET: ("Your bank has agreed, and your seats are asked for.", "The airline issues the ticket."),
    Progress.UNDOING: ("There will be no booking, and nothing of your money is kept.",
                       "We release what was reserved."),
}


# status -> title, tone, what is always said, what is said when there is no message
_OUTCOMES: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    Status.CONFIRMED: ("Your trip is confirmed", "good", (
        "Check in with the airline, using the airline reference. Take a valid travel document with you.",),
        "You are booked. The confirmation goes to {email}."),
    Status.HOLD: ("Your seats are held", "wait", (
        "If you do nothing, the airline lets the seats go and you owe nothing.",), ""),
    Status.PENDING_TICKETING: ("Your seats are reserved, the ticket is pending", "wait", (
        "Our team issues your tickets now. We write to you as soon as they are there.",), ""),
    Status.CANCELLING: ("Your booking is being cancelled", "wait", (
        "The airline has been asked. We write to you when it is done.",), ""),
    "undoing": ("This booking did not come about", "wait", (
        "We are releasing everything that was reserved for it.",), ""),
    "airline": ("The airline cancelled your flights", "bad", (
        "Where you paid, you have the right to your money back the way you paid; you need not take a voucher or other "
        "flights. We send it by ourselves.",), ""),
    Status.CANCELLED: ("This booking is cancelled", "good", (), ""),
    Status.EXPIRED: ("The time to pay has passed", "bad", (
        "You can search again; other fares may be available.",), "The airline has let the seats go."),
    "lapsed": ("Your reservation has ended", "bad", (
        "No ticket was issued for it. You can search again; other fares may be available.",),
        "The airline has let the seats go."),
    "gone": ("This fare ended before it was booked", "bad", (
        "What you typed about the travellers stands ready with the next fare.",), ""),
    Status.FAILED: ("Not booked", "bad", (), "The airline did not accept the booking."),
}


def word(status: str) -> tuple[str, str]:
    """The short word for a list, and its tone."""
    return STATUS_WORDS[Status(status)]


def place(booking: Booking) -> str:
    """The address that tells the truth about a booking now."""
    status, progress = Status(booking.status), Progress(booking.progress)
    if status is Status.DRAFT:
        return reverse("checkout-extras", args=[booking.public_id])
    if status in (Status.PENDING, Status.PENDING_PAYMENT):
        name = {Progress.CONSENT: "trip-price", Progress.CARD: "trip-pay", Progress.BANK: "trip-pay"}.get(
            progress, "checkout-progress")
        return reverse(name, args=[booking.reference])
    if status is Status.PENDING_TICKETING and progress is Progress.CONSENT:  # dearer than agreed, and to be paid now
        return reverse("trip-price", args=[booking.reference])
    return reverse("trip", args=[booking.reference])


def heading(booking: Booking) -> str:
    """What the progress page says we are doing."""
    return _HEADINGS.get(Progress(booking.progress), "We are working on your booking")


def certain(booking: Booking) -> dict[str, str]:
    """After a minute of waiting: what is certain and what is next (ux.md 8)."""
    progress = Progress(booking.progress)
    said = manual.LONG.get(progress) if manual.is_manual(booking) else None
    return dict(zip(("sure", "next"), said or _LONG.get(progress, _LONG[Progress.RESERVING]), strict=True))


def by_when(booking: Booking, now: datetime) -> datetime | None:
    """When we write at the latest, because then `decide` stops asking: UTC, None when that cannot be said."""
    if booking.wished_at is None:
        return None
    checking = Progress(booking.progress) is Progress.CHECKING
    if checking and manual.is_manual(booking):  # our staff look; at the latest it cancels itself
        ends = booking.orders.order_by("-pk").values_list("lapses_at", flat=True).first()
        return ends if ends and ends > now else None
    instant = checking and booking.route == Route.AUTH_FIRST
    ends = booking.offer_expires_at + GIVE_UP_INSTANT if instant else booking.wished_at + GIVE_UP_HOLD
    return ends if ends > now else None


def cause(booking: Booking, view: dict[str, Any]) -> str:
    """Why the total rose after the press: without extras it can only be the fare."""
    more = view["consent"]["difference"]["text"]
    extras = [line["label"] for line in view["selections"]]
    if booking.status == Status.PENDING_TICKETING:
        return f"Since it reserved your seats, the airline raised the price by {more}."
    if not extras:
        return f"Before it took the booking, the airline raised the fare by {more}."
    return f"Before it took the booking, the airline raised the fare or an extra ({', '.join(extras)}) by {more}."


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
    """Title, tone, sentences and deadline of the page of a booking at rest."""
    status, waiting = Status(booking.status), manual.outcome(booking, view)
    if waiting is not None:
        message = (view.get("message") or {}).get("text")
        return {**waiting, "texts": [*([message] if message else []), *waiting["texts"]],
                "steps": steps(booking, False) if waiting["stepped"] else []}
    key = "undoing" if status is Status.CANCELLING and booking.wish != Wish.CANCEL else status
    if booking.closing == "airline_cancelled" and status in (Status.CANCELLING, Status.CANCELLED):
        key = "airline"
    if status is Status.EXPIRED and booking.closing == "offer_expired" and not booking.payments.filter(
            authorised_at__isnull=True).exists():
        key = "gone"  # no card was waited for: the fare ended at the press
    if status is Status.EXPIRED and booking.closing == "reservation_lapsed":
        key = "lapsed"
    title, tone, always, otherwise = _OUTCOMES[key]
    message = view.get("message") or {}
    told = [text for text in (message.get("text"), message.get("tip")) if text]
    texts = [*(told or [otherwise]), *always]
    return {"title": title, "tone": "bad" if status is Status.CANCELLED and booking.closing else tone,
            "texts": [text.format(email=view["contact"].get("email", "")) for text in texts if text],
            "deadline": (view.get("deadlines") or {}).get("payBy") if status is Status.HOLD else None,
            "fix": message.get("code") == "passenger_rejected" and status is Status.FAILED,
            "deadline_word": "Pay before", "moving": status is Status.CANCELLING, "every": 5}
