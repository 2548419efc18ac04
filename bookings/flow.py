"""The words and pictures that `decide` and `status` work on: wishes, routes, steps, facts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zlib import crc32

from payments.types import PaymentState, RefundState
from suppliers.types import OrderState


class Wish(StrEnum):
    """What the customer or staff want."""

    DRAFT = "draft"
    BOOK = "book"
    HOLD = "hold"
    CANCEL = "cancel"


class Route(StrEnum):
    """Which comes first (reliability.md 2). MANUAL: reserved, ticketed by staff, no online payment."""

    HOLD_FIRST = "hold_first"
    AUTH_FIRST = "auth_first"
    MANUAL = "manual"


class Step(StrEnum):
    """One thing to do. The first group asks the outside world, the second only writes down."""

    REPRICE = "reprice"
    CREATE_ORDER = "create_order"
    FIND_ORDER = "find_order"
    LOOK_ORDER = "look_order"
    PAY_ORDER = "pay_order"
    LOOK_PAID = "look_paid"
    QUOTE_CANCEL = "quote_cancel"
    CONFIRM_CANCEL = "confirm_cancel"
    ACCEPT_CHANGE = "accept_change"
    OPEN_PAYMENT = "open_payment"
    LOOK_PAYMENT = "look_payment"
    CAPTURE = "capture"
    VOID = "void"
    SEND_REFUND = "send_refund"
    LOOK_REFUND = "look_refund"
    ATTACH_ORDER = "attach_order"  # fetch the order that staff say is ours, and adopt it if it is

    CLOSE = "close"  # the wish cannot be met: undo what is open (value: the reason)
    GIVE_UP_ORDER = "give_up_order"  # an unknown order is declared not created, and watched for 72 h
    ORDER_FAILED = "order_failed"  # the supplier has told us that it was not created
    REQUEST_REFUND = "request_refund"  # value: cause
    KEEP_BOOKED = "keep_booked"  # a cancellation that cannot be done as agreed is taken back (value: reason)
    CANCEL_CHANGED = "cancel_changed"  # the customer wants the money back for changed flights, and all of it comes
    BACK_TO_HOLD = "back_to_hold"  # paying later did not work out; the seats stay held
    ANSWER_LOST = "answer_lost"  # the answer to a reservation did not come back, and nothing can be looked for
    STOP_CARD = "stop_card"  # the card for a reservation is no longer wanted; the seats stay reserved (value: why)
    LAPSE = "lapse"  # a reservation that cannot be read has cancelled itself by now


LOCAL = frozenset({Step.CLOSE, Step.GIVE_UP_ORDER, Step.ORDER_FAILED, Step.REQUEST_REFUND, Step.KEEP_BOOKED,
                   Step.BACK_TO_HOLD, Step.CANCEL_CHANGED, Step.ANSWER_LOST, Step.STOP_CARD, Step.LAPSE})
ASKING = tuple(step for step in Step if step not in LOCAL)


@dataclass(frozen=True)
class Do:
    """Take this step now. `value` is a reason, a cause or an id where the step needs one."""

    step: Step
    value: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until` (UTC) unless news arrives."""

    until: datetime
    why: str = ""


@dataclass(frozen=True)
class Rest:
    """Finished: nothing to do unless a wish or news changes the facts."""


@dataclass(frozen=True)
class Attention:
    """Open a case of this kind (once), then look again."""

    kind: str


Decision = Do | Wait | Rest | Attention


@dataclass(frozen=True)
class CallFacts:
    """The last attempt of one kind of call about the present order, payment or refund."""

    attempts: int = 0
    outcome: str = ""  # "", ok, refused, unavailable, unknown
    code: str = ""
    retry_at: datetime | None = None
    first_failed_at: datetime | None = None


@dataclass(frozen=True)
class OrderFacts:
    """The airline order. Times UTC."""

    state: OrderState
    hold: bool
    total_minor: int  # what the customer pays for it: the airline's total and our fee
    cost_minor: int  # the airline's total
    asked_at: datetime
    known: bool  # the airline's id is stored
    by_locator: bool = False  # and is only the locator that staff found: the order cannot be asked for by it
    looked_at: datetime | None = None
    news_at: datetime | None = None
    pay_by: datetime | None = None
    lapses_at: datetime | None = None  # a reservation that nobody tickets has cancelled itself by then
    void_until: datetime | None = None
    ticketed_at: datetime | None = None
    failed_notice_at: datetime | None = None
    watch_until: datetime | None = None
    has_tickets: bool = False
    refusal: str = ""
    changed: bool = False
    quote_id: str = ""
    quote_refund_minor: int | None = None
    quote_refund_to: str = ""
    quote_expires_at: datetime | None = None
    quote_refusal: str = ""
    change_answer: str = ""  # what the customer said to the airline's new flights: accept, refund
    change_taken: str = ""  # what became of them at the airline: accepted, cancelled, changed
    change_acceptable: bool = False
    change_answer_by: datetime | None = None
    change_answered_at: datetime | None = None
    accept: CallFacts = CallFacts()
    create: CallFacts = CallFacts()
    pay: CallFacts = CallFacts()
    quote: CallFacts = CallFacts()
    cancel: CallFacts = CallFacts()
    look: CallFacts = CallFacts()
    attach: CallFacts | None = None  # staff named an order that is to be fetched

    @property
    def readable(self) -> bool:
        """Whether the airline can be asked for this order."""
        return self.known and not self.by_locator


@dataclass(frozen=True)
class PaymentFacts:
    """The present payment. Amounts in minor units."""

    state: PaymentState
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    asked_at: datetime
    known: bool
    looked_at: datetime | None = None
    news_at: datetime | None = None
    authorised_at: datetime | None = None
    declines: int = 0
    needs_customer: bool = False
    disputed: bool = False
    elsewhere: bool = False
    has_order: bool = False
    desk: bool = False  # staff recorded money that was taken elsewhere; no gateway knows it
    by_hand_minor: int = 0  # given back at the gateway by hand, with no refund of ours
    by_hand_before_minor: int = 0  # of it: when the cancellation was agreed
    create: CallFacts = CallFacts()
    capture: CallFacts = CallFacts()
    void: CallFacts = CallFacts()
    look: CallFacts = CallFacts()


@dataclass(frozen=True)
class RefundFacts:
    """One refund."""

    id: int
    state: RefundState
    amount_minor: int
    known: bool
    cause: str
    requested_at: datetime
    looked_at: datetime | None = None
    news_at: datetime | None = None
    sent_at: datetime | None = None
    send: CallFacts = CallFacts()


@dataclass(frozen=True)
class Facts:
    """Everything `decide` may know about one booking."""

    wish: Wish
    route: Route
    accepted_minor: int
    wished_at: datetime
    offer_expires_at: datetime
    priced_minor: int | None = None
    priced_at: datetime | None = None
    offer_gone: str = ""  # a supplier's definite word about the offer: offer_expired, sold_out, ...
    closing: str = ""
    window_ends_at: datetime | None = None
    chose_hold: bool = False
    agreed_refund_minor: int | None = None  # what the customer was told they get back
    quote_wanted: bool = False  # the customer asked what a cancellation would give back
    card_wanted: bool = False  # staff sent the customer of a reservation a link to pay
    reprice: CallFacts = CallFacts()
    order: OrderFacts | None = None
    payment: PaymentFacts | None = None
    refunds: tuple[RefundFacts, ...] = ()
    cases: frozenset[str] = frozenset()  # kinds that are open or were handled for this booking


# --- numbers of reliability.md 4 and 7 -------------------------------------------------------------------------

LOOKS = tuple(timedelta(seconds=s) for s in (5, 15, 30, 60, 120, 300, 600, 900))
RETRIES = tuple(timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1800))
HOUR = timedelta(hours=1)
FRESH = timedelta(seconds=60)
PAYMENT_WINDOW = timedelta(minutes=30)
HOLD_MARGIN = timedelta(minutes=10)
INSTANT_START = timedelta(minutes=10)  # an instant-ticket payment starts only while the offer lives this long
INSTANT_LAST = timedelta(seconds=60)
GIVE_UP_HOLD = timedelta(minutes=30)
GIVE_UP_INSTANT = timedelta(hours=6)
AUTHORISATION_LIFE = timedelta(hours=8)
WATCH = timedelta(hours=72)
UNKNOWN_CASE = timedelta(minutes=5)
POLL_PAYMENT = timedelta(minutes=5)
STUCK_UNDOING = timedelta(minutes=30)
MAX_DECLINES = 5
LOOK_AGAIN = frozenset({"price_changed", "schedule_changed", "past_pay_by", "already_paid"})  # a look explains them
# definite noes after which the same booking asks for its order again, and so keeps its offer
ASK_AGAIN = frozenset({"price_changed", "supplier_busy", "supplier_down", "insufficient_balance"})
PAY_TRIES = 10
CAPTURE_TRIES = 5  # failed captures of a ticket that is issued before staff hear of it
CREATE_TRIES = 3  # definite "did not happen" answers before we tell the customer that the airline is not reachable
TICKET_LOOKS = tuple(timedelta(minutes=m) for m in (2, 10, 60, 360, 1440))  # ticket numbers may come later
SAME_KEY_TRIES = 3  # without an answer that can be read, until the payment is looked for by its metadata
KEY_MEMORY = timedelta(hours=20)  # the gateway forgets keys after 24 h; past 20 h we look instead (stripe.md 3)


def next_look(asked_at: datetime, looked_at: datetime | None) -> datetime:
    """When to look for an order whose creation is unknown: 5, 15, 30, 60 s, 2, 5, 10, 15 min, then hourly."""
    for offset in LOOKS:
        if looked_at is None or asked_at + offset > looked_at:
            return asked_at + offset
    return (looked_at or asked_at) + HOUR


def retry_after(attempts: int, of: str = "") -> timedelta:
    """How long to wait after the n-th failed attempt: 10 s, 30 s, 1, 2, 5, 10, 30 min, then hourly.

    `of` names the deed and spreads the waits of many by up to 20 % to either side, always the same for one deed.
    """
    wait = RETRIES[attempts - 1] if 0 < attempts <= len(RETRIES) else HOUR
    return wait * (0.8 + crc32(f"{of} {attempts}".encode()) % 401 / 1000) if of else wait
