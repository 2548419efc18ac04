"""What a person may do with a case. Each verb explains itself before it acts; `services.answer_case` does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bookings.models import Case


@dataclass(frozen=True)
class Verb:
    """One way to answer a case. `unavailable` gives the reason why not now, "" when it may be done."""

    name: str
    label: str
    permission: str
    explains: Callable[[Case], list[str]]
    unavailable: Callable[[Case], str]
    done: str
    needs_reason: bool = True
    short: bool = False  # harmless: the case page offers it as a button at once


def _closed(case: Case) -> str:
    return f"This case was closed: {case.closed_because}" if case.closed_at else ""


def _look_unavailable(case: Case) -> str:
    return _closed(case) or ("" if case.booking_id else "No booking of ours stands behind this case.")


def _look_explains(case: Case) -> list[str]:
    return ["The worker fetches the airline's order and Stripe's payment now.",
            "It reads only, unless what it sees makes the booking go on by itself.",
            "No mail is sent and no money moves because of looking.",
            "You take the case: its alert is not sent again."]


def _answer_explains(case: Case) -> list[str]:
    return ["Your words go to the customer by mail and onto the page of their booking, exactly as you write them.",
            "The case is closed with your name. Nothing is asked of the airline or of Stripe; no money moves.",
            "Change the booking with the airline first: this only tells the customer."]


def _answer_unavailable(case: Case) -> str:
    return _closed(case) or ("" if case.kind == "change_requested" else "The customer has not asked us anything here.")


def _handled_unavailable(case: Case) -> str:
    waits = "The customer waits for an answer: answer them, and the case closes."
    return _closed(case) or (waits if case.kind == "change_requested" else "")


def _handled_explains(case: Case) -> list[str]:
    return ["The case is closed with your name, the time and your reason.",
            "Nothing is asked of the airline or of Stripe; no money moves; no mail is sent.",
            "The worker does not raise this kind again for this booking: make sure that somebody has solved it."]


VERBS: dict[str, Verb] = {verb.name: verb for verb in (
    Verb("look_again", "Look again", "bookings.change_case", _look_explains, _look_unavailable,
         "Both the airline and Stripe are being asked now.", needs_reason=False, short=True),
    Verb("answer_customer", "Answer the customer", "bookings.change_case", _answer_explains, _answer_unavailable,
         "The customer is told, and the case is closed."),
    Verb("mark_handled", "Mark handled", "bookings.change_case", _handled_explains, _handled_unavailable,
         "The case is closed."),
)}
