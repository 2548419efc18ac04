"""What a picture of the airline means where our own books have lost what led to it (`bookings.restoring`)."""

from __future__ import annotations

from bookings import cases, copies
from bookings.flow import Wish
from bookings.steps.plan import Moment
from suppliers.types import OrderInfo


def cancelled(moment: Moment, info: OrderInfo) -> None:
    """Cancelled while our books were lost: perhaps as the customer wished and agreed. Staff say what is still owed."""
    booking, payment = moment.story.booking, moment.story.payment
    if booking.wish != Wish.BOOK or not copies.in_gap(info.cancelled_at):
        return
    booking.wish = Wish.CANCEL
    booking.agreed_refund_minor = payment.refunded_minor if payment else 0
    moment.note("wish.taken_back", cause="cancelled at the airline in a time that a restore has cost")
    cases.open_case(kind="ledgers_differ", subject=f"restored:{booking.reference}", booking=booking, now=moment.now,
                    facts={"ours": "ticketed", "airline": "cancelled while our books were lost",
                           "given back": booking.agreed_refund_minor})
