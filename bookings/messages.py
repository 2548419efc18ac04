"""Every word a customer reads about an outcome, as data: code → text, action, tip (ux.md 9).

Texts may name {money}, {old}, {new}, {amount}, {time}, {name}, {field}, {reason}, {n} and {id}; what is not known
is replaced by plain words. The money sentence comes from the recorded state of the money and is never typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bookings.models import Booking
from bookings.status import MoneyWord, Progress, Status
from fly2any.kernel.money import Money
from payments.models import Payment, Refund
from payments.types import DESK, RefundState


@dataclass(frozen=True)
class Message:
    """What we say: `action` is what to do next, `tip` an optional hint. `code` is stable."""

    code: str
    text: str
    action: str
    tip: str = ""

    def as_json(self) -> dict[str, str]:
        """As the views carry it."""
        return asdict(self)


_WORDS = {"money": "", "old": "the old price", "new": "a new price", "amount": "the amount", "time": "the deadline",
          "name": "a traveller", "field": "a detail", "reason": "it cannot be used", "n": "a few",
          "wait": "a moment", "id": "unknown"}
_FIELDS = {"given_name": "the given names", "family_name": "the family name", "title": "the title", "name": "the name",
           "gender": "the gender", "born_on": "the date of birth", "email": "the e-mail address",
           "phone_number": "the phone number", "phone": "the phone number", "identity_documents": "the passport",
           "document": "the passport", "loyalty_programme_accounts": "the frequent flyer number",
           "loyalty": "the frequent flyer number"}
_FARE_GONE = ("Check price again", "Fares change all the time; a fresh search shows what is left.")
_KEEP_CALM = "Please don't book or pay again."

CATALOGUE: dict[str, tuple[str, str, str]] = {
    # the offer
    "offer_expired": ("This fare is no longer available. {money}", *_FARE_GONE),
    "offer_taken": ("This offer is no longer available.", "Search again", _FARE_GONE[1]),
    "sold_out": ("The airline has just sold the last seat at this fare. {money}", "Similar flights", ""),
    "price_changed": ("The airline changed the price from {old} to {new}. {money}", "Continue / Other flights", ""),
    "services_unavailable": ("A bag or seat you chose is no longer sold. {money}", "Choose extras again",
                             "The flights themselves may still be available."),
    "schedule_changed": ("The airline changed the times or flights of this trip. {money}", "Search again", ""),
    # the order
    "passenger_rejected": ("The airline did not accept {field} for {name}: {reason}. {money}", "Fix this", ""),
    "already_booked": ("You have already booked this. Here it is.", "Open booking", ""),
    "supplier_refused": ("The airline did not accept this booking. {money}", "Similar flights", ""),
    "not_created": ("The airline did not make this booking. {money}", "Similar flights", ""),
    "creation_failed": ("The airline could not complete this booking. {money}", "Similar flights", ""),
    "airline_no_answer": ("The airline never confirmed this booking, so we stopped. {money}", "Search again",
                          "We keep watching the airline for three more days and write to you if anything appears."),
    "airline_unreachable": ("The airline could not be reached in time, so we stopped. {money}", "Search again", ""),
    "airline_cancelled": ("The airline cancelled this booking. {money}", "Search again", ""),
    "insufficient_balance": ("We cannot issue tickets with this airline right now. {money}", "Other flights", ""),
    "misconfigured": ("We can't sell this airline right now. {money}", "Other flights", ""),
    "provider_off": ("We can't sell this airline right now. {money}", "Other flights", ""),
    "not_supported": ("This cannot be done with the airline from here. {money}", "Contact us", ""),
    "unreadable_answer": ("The airline's answer made no sense to us. {money}", "Try again", ""),
    "supplier_timeout": ("The airline has not answered yet. {money} Please don't book again; we keep checking and "
                         "will write to you.", "Watch status", _KEEP_CALM),
    "accepted_pending": ("The airline has accepted the request and is still working on it. {money}", "Watch status",
                         _KEEP_CALM),
    "supplier_busy": ("The airline is very busy right now. {money}", "Try again in {n} s", ""),
    "supplier_down": ("We can't reach this airline now. {money}", "Try again / Others", ""),
    "sales_paused": ("We are not taking new bookings with these airlines at the moment. {money}", "Other flights",
                     "Bookings that you have made are not affected."),
    "not_found": ("We could not find this at the airline. {money}", "Search again", ""),
    "reservation_lapsed": ("The airline let the reserved seats go before tickets were issued. {money}", "Search again",
                           ""),
    "booking_failed_check": ("The airline did not make this booking. {money}", "Similar flights", ""),
    "already_paid": ("The airline says that this booking is paid already. {money}", "Watch status", _KEEP_CALM),
    "hold_lapsed": ("The held fare ran out before it was paid. {money}", "Search again", ""),
    "past_pay_by": ("The airline's deadline for paying has passed. {money}", "Search again", ""),
    # the money: what the bank said of a card. Lost, stolen and fraud are card_declined too.
    "card_declined": ("Your bank declined the card and doesn't tell us why. {money}", "Other card",
                      "Your bank can tell you more."),
    "insufficient_funds": ("Your bank says the balance is too low for {amount}. {money}", "Cheaper / Other card", ""),
    "expired_card": ("Your bank says that this card has expired. {money}", "Other card", ""),
    "incorrect_cvc": ("The security code does not match the card. {money}", "Check the code",
                      "It is the three digits on the back, or four on the front of American Express."),
    "card_number": ("Your bank does not know this card number. {money}", "Check the number", ""),
    "card_expiry": ("The expiry date does not match the card. {money}", "Check the date", ""),
    "card_address": ("The billing address or postal code does not match what your bank has. {money}",
                     "Check the address", "Use the address that is on your card statement."),
    "card_not_supported": ("This kind of card cannot be used for this payment. {money}", "Other card", ""),
    "card_limit": ("Your bank says that this card's limit is reached. {money}", "Other card",
                   "Your bank can raise the limit."),
    "card_rest": ("Your bank saw too many attempts with this card. {money}", "Other card",
                  "The same card can be tried again tomorrow."),
    "processing_error": ("Your bank could not be reached. {money}", "Try again", ""),
    "auth_failed": ("Your bank couldn't confirm it's you. {money}", "Try again / Other card / Bank", ""),
    "payment_refused": ("The card payment could not be made; it is not your bank's doing. {money}",
                        "Try again / Contact", ""),
    "card_field": ("Please check what you typed about your card. {money}", "Fix", ""),
    "too_many_attempts": ("Five attempts were declined, so we stopped. {money}", "Hold fare / Contact", ""),
    "payment_window": ("The time for paying ran out. {money}", "Search again", ""),
    "payment_unavailable": ("The card payment could not be opened. {money}", "Search again", ""),
    "captured_without_order": ("The airline did not make the booking. {money}", "Search again", ""),
    "capture_failed": ("You're booked, but the payment didn't go through. Please pay by {time}. {money}",
                       "Pay now", ""),
    "gateway_busy": ("Our card processor is very busy. {money}", "Try again", ""),
    "gateway_down": ("Our card processor cannot be reached. {money}", "Try again", ""),
    "gateway_timeout": ("Our card processor has not answered yet. {money}", "Watch status", _KEEP_CALM),
    # cancelling
    "refund_changed": ("The airline's refund for this booking has changed, so nothing was cancelled. {money}",
                       "Look at the new offer", ""),
    "not_cancellable": ("The airline does not take this booking back. {money}", "Contact us", ""),
    "quote_stale": ("The airline's cancellation offer has changed, so nothing was cancelled. {money}",
                    "Ask for a new one", ""),
    "already_cancelled": ("This booking is cancelled already. {money}", "Open the booking", ""),
    # the house
    "internal": ("Something went wrong on our side (code {id}). {money}", "Watch status", ""),
    "throttled": ("Please wait {wait}.", "Retry", ""),
    "network_lost": ("Connection lost. Your details are saved. {money}", "Resume", ""),
}


def say(code: str, **words: Any) -> Message:
    """The message of a code with `words` filled in; an unknown code reads as `internal` with the code as its id."""
    known = code in CATALOGUE
    text, action, tip = CATALOGUE[code if known else "internal"]
    given = {name: str(value) for name, value in words.items() if value not in (None, "")}
    values = {**_WORDS, **({} if known else {"id": code}), **given}
    return Message(code, " ".join(text.format(**values).split()), action.format(**values), tip)


# --- money ------------------------------------------------------------------------------------------------------


BACK_TO = {"bank_transfer": "your bank account", "cash": "you, in cash", "terminal": "the card that you used with us",
           "consolidator": "you, by the partner who took the payment"}
PAID_WITH = {"bank_transfer": "by bank transfer", "cash": "in cash", "terminal": "with your card at our terminal",
             "consolidator": "to the partner who issued the tickets"}


def card_words(payment: Payment | None) -> str:
    """"Visa ending 4242", or "your card" while it is not known; of money taken elsewhere, where it goes back to."""
    if payment is not None and payment.provider == DESK:
        return BACK_TO.get(payment.method, "you")
    if payment is None or not payment.card_last4:
        return "your card"
    return f"{(payment.card_brand or 'card').replace('_', ' ').title()} ending {payment.card_last4}"


def paid_with(payment: Payment | None) -> str:
    """By what the customer paid: the card, or the way that was recorded at our desk."""
    elsewhere = payment is not None and payment.provider == DESK
    return PAID_WITH.get(payment.method, "another way") if payment and elsewhere else f"with {card_words(payment)}"


def money_sentence(booking: Booking, payment: Payment | None, refund: Refund | None = None) -> str:
    """What has happened to the customer's money (ux.md 0), from the recorded state."""
    word = MoneyWord(booking.money)
    if word is MoneyWord.RESERVED:
        return "The amount is reserved on your card, not charged."
    if word is MoneyWord.CHARGED:
        paid = Money(payment.captured_minor, payment.currency) if payment else Money(
            booking.accepted_minor, booking.currency)
        return f"Your payment of {paid} is safe."
    if word in (MoneyWord.REFUNDING, MoneyWord.REFUNDED):
        amount = Money(refund.amount_minor, refund.currency) if refund else Money(
            booking.agreed_refund_minor or booking.accepted_minor, booking.currency)
        if word is MoneyWord.REFUNDING:
            return f"{amount} is on its way back to {card_words(payment)}."
        return f"{amount} has been sent back to {card_words(payment)}."
    return "You have not been charged."


def present_refund(refunds: list[Refund]) -> Refund | None:
    """The refund the money sentence speaks of: the newest that has not failed, else the newest."""
    alive = [refund for refund in refunds if refund.state != RefundState.FAILED]
    return (alive or refunds or [None])[-1]  # type: ignore[list-item]


# --- what to say about a booking --------------------------------------------------------------------------------


def code_for(booking: Booking, payment: Payment | None) -> str:
    """Which message this booking calls for now; "" when its status says it all."""
    status, progress = Status(booking.status), Progress(booking.progress)
    if status is Status.DRAFT or status is Status.CANCELLED and not booking.closing:
        return ""
    if booking.closing and status is not Status.CONFIRMED:
        return booking.closing
    if progress is Progress.CHECKING:
        return "supplier_timeout"
    if progress is Progress.CONSENT:
        return "price_changed"
    if progress is Progress.CARD and payment is not None and payment.declines:
        return payment.decline_kind or "card_declined"
    return booking.notice


def message_for(booking: Booking, payment: Payment | None = None, refund: Refund | None = None,
                **words: Any) -> Message | None:
    """The message to show with a booking, or None. `words` fill what the rows given here do not know."""
    code = code_for(booking, payment)
    if not code:
        return None
    detail: Mapping[str, Any] = booking.closing_detail if booking.closing else {}
    old = Money(booking.accepted_minor, booking.currency)
    known = booking.priced_minor not in (None, booking.accepted_minor)  # an airline may refuse a price and name none
    new = Money(booking.priced_minor or 0, booking.currency) if known else ""
    filled = {"money": money_sentence(booking, payment, refund), "old": old, "new": new, "amount": old,
              "field": _FIELDS.get(str(detail.get("field")), ""), "reason": detail.get("reason", ""),
              "name": _nth(detail.get("position", "")), "time": _time(booking.pay_by), "id": booking.reference}
    return say(code, **{**filled, **words})


def _nth(position: Any) -> str:
    try:
        return f"traveller {int(position) + 1}"
    except (TypeError, ValueError):
        return ""


def _time(moment: datetime | None) -> str:
    return f"{moment:%d %b %Y %H:%M} UTC" if moment else ""
