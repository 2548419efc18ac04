"""What the customer sees, derived from the facts; nothing else writes `Booking.status`. Pure."""

from __future__ import annotations

from enum import StrEnum

from bookings.flow import Facts, PaymentFacts, Route, Wish
from bookings.undo import left_to_give, still_owed, unreturned
from payments.types import PaymentState as P
from payments.types import RefundState as R
from suppliers.types import LIVE
from suppliers.types import OrderState as O


class Status(StrEnum):
    """The words of reliability.md 3, and DRAFT before the wish."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    HOLD = "HOLD"
    PENDING_PAYMENT = "PENDING_PAYMENT"
    PENDING_TICKETING = "PENDING_TICKETING"
    CONFIRMED = "CONFIRMED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


# the short word for lists, papers and shared pages, and its tone
STATUS_WORDS = {
    Status.DRAFT: ("Not booked yet", ""), Status.PENDING: ("On its way", "wait"), Status.HOLD: ("Held", "wait"),
    Status.PENDING_PAYMENT: ("Waiting for payment", "wait"), Status.PENDING_TICKETING: ("Reserved", "wait"),
    Status.CONFIRMED: ("Confirmed", "good"), Status.CANCELLING: ("Being cancelled", "wait"),
    Status.CANCELLED: ("Cancelled", ""), Status.EXPIRED: ("Expired", "bad"), Status.FAILED: ("Not booked", "bad"),
}
FINAL = frozenset({Status.CONFIRMED, Status.CANCELLED, Status.EXPIRED, Status.FAILED})
CLOSED = FINAL - {Status.CONFIRMED}
DEADLINES = frozenset({"payment_window", "hold_lapsed", "reservation_lapsed", "offer_expired"})
IN_FLIGHT = frozenset({O.CREATING, O.UNKNOWN})
MONEY_OPEN = frozenset({P.OPEN, P.AUTHORISED, P.CAPTURING})
MONEY_ACTIVE = MONEY_OPEN | {P.NEW, P.VOIDING}


class MoneyWord(StrEnum):
    """What has happened to the customer's money, for the money sentence of ux.md 0."""

    NONE = "none"
    RESERVED = "reserved"
    CHARGED = "charged"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Progress(StrEnum):
    """Where a booking on its way stands, for the progress page."""

    RESERVING = "reserving"  # asking the airline
    CHECKING = "checking"  # the airline has not answered; we keep looking
    CONSENT = "consent"  # the price rose; the customer must agree
    CARD = "card"  # the customer's card is awaited
    BANK = "bank"  # 3-D Secure is waiting
    TICKET = "ticket"  # authorised, the ticket is being issued
    DONE = "done"
    HELD = "held"
    STAFF = "staff"  # tickets are issued by our team
    UNDOING = "undoing"
    CLOSED = "closed"


def open_outside(f: Facts) -> bool:
    """True while something is live at the airline or active at the gateway, or may be."""
    o, p = f.order, f.payment
    order_open = o is not None and (o.state in LIVE or o.state in IN_FLIGHT)
    money_open = p is not None and p.state in MONEY_ACTIVE
    owed = p is not None and p.state is P.CAPTURED and (
        f.closing and left_to_give(p, f.refunds) > 0 or _recorded_and_owed(f, p))
    refunding = any(r.state in (R.REQUESTED, R.SENT) for r in f.refunds)
    failed = bool(unreturned(f.refunds))
    return order_open or money_open or bool(owed) or refunding or failed


def _recorded_and_owed(f: Facts, p: PaymentFacts) -> bool:
    """Staff recorded the cancellation, and the refund that follows from it is not written down yet."""
    given = any(r.cause == "cancelled" for r in f.refunds)
    return f.route is Route.MANUAL and f.wish is Wish.CANCEL and not given and still_owed(f, p, "cancelled") > 0


def derive_status(f: Facts) -> Status:
    """The status of a booking. Never FAILED, EXPIRED or CANCELLED while anything is open outside (I5)."""
    o, p = f.order, f.payment
    if f.wish is Wish.DRAFT:
        return Status.DRAFT
    if f.wish is Wish.CANCEL:
        return Status.CANCELLING if open_outside(f) else Status.CANCELLED
    if o and o.state is O.TICKETED and p and p.state is P.CAPTURED:
        return Status.CONFIRMED
    if f.closing:
        if not open_outside(f):
            return _closed(f)
        return Status.PENDING if o and o.state in IN_FLIGHT else Status.CANCELLING
    if f.route is Route.MANUAL and o and o.state in (O.RESERVED, O.TICKETED) and not (p and p.state is P.OPEN):
        return Status.PENDING_TICKETING  # also while a card stands for it, or a ticket waits for its money
    if p and p.state in MONEY_OPEN:
        return Status.PENDING_PAYMENT
    if o and o.state is O.RESERVED:
        return Status.PENDING_TICKETING
    if o and o.state is O.HELD and (f.wish is Wish.HOLD or f.chose_hold):
        return Status.HOLD
    return Status.PENDING


def _closed(f: Facts) -> Status:
    if f.closing == "airline_cancelled":
        return Status.CANCELLED
    return Status.EXPIRED if f.closing in DEADLINES else Status.FAILED


def derive_money(f: Facts) -> MoneyWord:
    """What the money sentence must say."""
    p = f.payment
    if any(r.state in (R.REQUESTED, R.SENT) for r in f.refunds):
        return MoneyWord.REFUNDING
    if any(r.state is R.SUCCEEDED for r in f.refunds):
        return MoneyWord.REFUNDED
    if p and p.state is P.CAPTURED:
        return MoneyWord.CHARGED
    if p and p.state in (P.AUTHORISED, P.CAPTURING, P.VOIDING) and p.authorised_at:
        return MoneyWord.RESERVED
    return MoneyWord.NONE


def derive_progress(f: Facts) -> Progress:
    """Which step of the progress page is current."""
    status = derive_status(f)
    if wants_consent(f) is not None and status not in FINAL:
        return Progress.CONSENT
    fixed = {Status.CONFIRMED: Progress.DONE, Status.HOLD: Progress.HELD, Status.PENDING_TICKETING: Progress.STAFF,
             Status.CANCELLING: Progress.UNDOING}
    if status in fixed:
        return fixed[status]
    if status in CLOSED:
        return Progress.CLOSED
    o, p = f.order, f.payment
    if o and (o.state is O.UNKNOWN or (o.state is O.PAYING and o.pay.outcome == "unknown")):
        return Progress.CHECKING
    if p and p.state in MONEY_OPEN:
        if p.state is P.OPEN:
            return Progress.BANK if p.needs_customer else Progress.CARD
        return Progress.TICKET
    return Progress.RESERVING


def wants_consent(f: Facts) -> int | None:
    """The new total in minor units that the customer must agree to before anything goes on; None when none."""
    if f.closing or f.wish is not Wish.BOOK or (f.payment and f.payment.state in MONEY_ACTIVE):
        return None
    asked = f.priced_minor
    if f.order and (f.order.state is O.HELD or f.card_wanted and f.order.state is O.RESERVED):
        asked = f.order.total_minor
    elif f.order and f.order.state is not O.NOT_CREATED:
        return None
    return asked if asked is not None and asked > f.accepted_minor else None
