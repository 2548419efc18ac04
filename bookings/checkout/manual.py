"""What the pages say of a booking that our team tickets: what is certain, what it waits for, how it is paid. Pure."""

from __future__ import annotations

from typing import Any

from bookings.flow import Route
from bookings.models import Booking
from bookings.status import MoneyWord, Progress, Status

View = dict[str, Any]
FREE = "Until the tickets are issued you can cancel free of charge."
OPENS = "We are making the page where you give your card. It opens here by itself in a moment."
LONG = {  # while nothing is known for more than a minute (ux.md 8)
    Progress.RESERVING: ("Your request is written down and cannot get lost. No card was asked for.",
                         "We keep asking the airline until it answers."),
    Progress.CHECKING: ("The airline has your request; whether it has reserved your seats is not known yet.",
                        "A person of our team looks for your reservation at the airline. If there is none, nothing "
                        "was booked."),
}


def is_manual(booking: Booking) -> bool:
    """Whether our team issues the tickets of this booking."""
    return booking.route == Route.MANUAL


def outcome(booking: Booking, view: View) -> View | None:
    """Title and sentences of the page while the tickets are awaited; None for any other state."""
    if not is_manual(booking) or booking.status != Status.PENDING_TICKETING:
        return None
    ticketed = (view.get("order") or {}).get("state") == "ticketed"
    title = "Your tickets are issued, the payment is still open" if ticketed else (
        "Your seats are reserved, our team issues the tickets")
    # the mail with the link can be quicker than the worker that asks for the payment
    opens = booking.card_wanted and MoneyWord(booking.money) is MoneyWord.NONE
    return {"title": title, "tone": "wait", "texts": [OPENS] if opens else _texts(booking, view, ticketed),
            "fix": False, "moving": True, "every": 3 if opens else 60, "stepped": not ticketed,
            "deadline": None if ticketed else (view.get("deadlines") or {}).get("payBy"),
            "deadline_word": "We issue the tickets by"}


def _texts(booking: Booking, view: View, ticketed: bool) -> list[str]:
    word = MoneyWord(booking.money)
    if word is MoneyWord.CHARGED:
        return ["You have paid. Our team issues the tickets now and sends them to you."]
    if word is MoneyWord.RESERVED:
        return ["Our team issues the tickets now. Your card is charged when they exist. If they do not exist within "
                "eight hours, the amount on your card is released and we write to you.", FREE]
    if ticketed:
        return ["Our team writes to you how to pay, or has done so already. You need not do anything else."]
    if _released(view):
        return ["Your card has been released and was not charged: the tickets were not issued within eight hours, and "
                "we keep no card reserved for longer. Your seats are still reserved. Our team sends you a new link "
                "when they are ready to issue the tickets.", FREE]
    return ["Our team writes to you how to pay: mostly a link to a card payment, where the amount is only reserved "
            "until your tickets exist. You need not do anything now.", FREE]


def _released(view: View) -> bool:
    """Whether a card that the customer had confirmed was let go."""
    payment = view.get("payment") or {}
    return payment.get("state") == "voided" and bool(payment.get("authorised"))


def cancelling(view: View) -> str:
    """What cancelling a reservation means for the money, in a sentence."""
    word = (view.get("money") or {}).get("word")
    if word == MoneyWord.RESERVED:
        return "It costs nothing: the amount on your card is released, and nothing is charged."
    if word == MoneyWord.CHARGED:
        return "It costs nothing: everything you paid comes back to you."
    return "It costs nothing. You have not paid anything, so nothing has to come back."
