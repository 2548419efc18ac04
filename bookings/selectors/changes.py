"""Flights that the airline changed, for pages and mails: both sides, what differs, and what may be answered."""

from __future__ import annotations

from typing import Any

from bookings.flight_changes import differences
from bookings.flow import Wish
from bookings.models import Booking
from bookings.selectors import words
from suppliers.models import SupplierOrder
from suppliers.types import OrderState

Raw = dict[str, Any]


def flight_change(booking: Booking, order: SupplierOrder | None) -> Raw | None:
    """The airline's newest change of a standing ticket, None when there is none. No query.

    `state`: open (the customer is asked), accept or refund (answered, on its way), accepted, or staff.
    """
    if order is None or order.state != OrderState.TICKETED or not order.flight_change or booking.wish == Wish.CANCEL:
        return None
    raw = order.flight_change
    found = differences(raw["before"], raw["after"])
    line = words.line_of((booking.offer.priced or booking.offer.searched)["passengers"])
    return {
        "id": raw["external_id"], "state": raw["taken"] or order.change_answer or "open",
        "before": [words.flight_slice(part, line) for part in raw["before"]],
        "after": [words.flight_slice(part, line) for part in raw["after"]],
        "lines": list(found.lines), "reasons": list(found.reasons), "significant": found.significant,
        "answerBy": words.iso(order.change_answer_by), "answeredAt": words.iso(order.change_answered_at),
        "seenAt": words.iso(order.change_seen_at)}
