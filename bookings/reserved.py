"""What `decide` says of a booking that our staff ticket: the manual route (reliability.md 2, decision 0008). Pure.

The airline keeps the seats without money until a deadline, lists nothing and tells nothing. Tickets come from staff, or
are seen by looking; money comes from staff ("desk") or from the customer's card, once staff have sent a link to pay.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bookings.flow import (
    AUTHORISATION_LIFE,
    HOLD_MARGIN,
    HOUR,
    MAX_DECLINES,
    POLL_PAYMENT,
    STUCK_UNDOING,
    Attention,
    Decision,
    Do,
    Facts,
    OrderFacts,
    PaymentFacts,
    Step,
    Wait,
    Wish,
)
from bookings.undo import heard, ready, stale, undoing, unfinished
from payments.types import PaymentState as P
from suppliers.types import OrderState as O

EAGER_LOOKS = timedelta(hours=6)  # tickets mostly come within hours: looked for every quarter of an hour, then hourly
QUARTER = timedelta(minutes=15)
MOVING = frozenset({P.NEW, P.OPEN, P.CAPTURING, P.VOIDING})  # states of a payment that does not rest
LONGEST = timedelta(days=7)  # a reservation whose end nobody wrote down


def last_day(o: OrderFacts) -> datetime:
    """When a reservation that nobody ticketed has cancelled itself for certain, UTC."""
    return o.lapses_at or o.asked_at + LONGEST


# --- no answer --------------------------------------------------------------------------------------------------


def in_doubt(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    """Reserved or not? It cannot be looked for and is never sent again: staff find it, or it cancels itself."""
    if o.readable:  # the answer was saved by a driver that had lost its connection
        return ready(o.look, Do(Step.LOOK_ORDER), now)
    if o.state is O.CREATING:
        return Do(Step.ANSWER_LOST)
    if o.failed_notice_at:
        return Do(Step.ORDER_FAILED)
    if "unknown_outcome" not in f.cases:
        return Attention("unknown_outcome")
    return Do(Step.GIVE_UP_ORDER) if now >= last_day(o) else Wait(last_day(o), "staff look for the reservation")


# --- reserved ---------------------------------------------------------------------------------------------------


def reserved(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    """Staff issue the tickets: the card first, as it may not stay reserved (I7), then the looks, then the end."""
    card, look = _card(f, o, now), _look(o, now)
    for decision in (card, look):
        if decision is not None and not isinstance(decision, Wait):
            return decision
    if now >= last_day(o) and _present(f) is None:  # with money for it, staff end it: ticketing_deadline is open
        return _gone(o, now)
    waits = [wait.until for wait in (card, look) if isinstance(wait, Wait)]
    ends = last_day(o) if now < last_day(o) else now + HOUR
    return Wait(min([*waits, ends]), "ticketing by staff")


def _gone(o: OrderFacts, now: datetime) -> Decision:
    """The reservation should have cancelled itself: ask it once more, then let it go."""
    if not o.readable:
        return Do(Step.LAPSE)
    return ready(o.look, Do(Step.LOOK_ORDER), now) if stale(o.looked_at, now) else Do(Step.CLOSE, "reservation_lapsed")


def _look(o: OrderFacts, now: datetime) -> Decision | None:
    """Tickets issued at the consolidator, and a reservation that is gone, are seen by looking only."""
    if not o.readable:
        return None
    seen = o.looked_at or o.asked_at
    due = seen + (QUARTER if seen - o.asked_at < EAGER_LOOKS else HOUR)
    if o.pay_by and seen < o.pay_by:
        due = min(due, o.pay_by)
    if heard(o.news_at, o.looked_at):
        due = now
    return ready(o.look, Do(Step.LOOK_ORDER), now) if now >= due else Wait(due, "look")


def _present(f: Facts) -> PaymentFacts | None:
    return None if f.payment is None or f.payment.state is P.VOIDED else f.payment


def _card(f: Facts, o: OrderFacts, now: datetime) -> Decision | None:
    """The card of a customer who was sent a link: awaited until the deadline, reserved for 7.5 hours at most."""
    p, ends = _present(f), (o.pay_by or last_day(o)) - HOLD_MARGIN
    if p is None:
        return _open(f, o, ends, now) if f.card_wanted else None
    if p.state not in (P.OPEN, P.AUTHORISED):
        return None
    if not f.card_wanted or o.total_minor > p.amount_minor:
        return undoing(p.void, Do(Step.VOID), f, now)
    if p.state is P.AUTHORISED:
        release_at = (p.authorised_at or now) + AUTHORISATION_LIFE - STUCK_UNDOING
        return Do(Step.STOP_CARD, "not_ticketed") if now >= release_at else Wait(release_at, "release the card")
    if p.declines >= MAX_DECLINES:
        return Do(Step.STOP_CARD, "too_many_attempts")
    if now >= ends and not stale(p.looked_at, now):
        return Do(Step.STOP_CARD, "payment_window")
    if now >= ends or stale(p.looked_at, now, POLL_PAYMENT):
        return ready(p.look, Do(Step.LOOK_PAYMENT), now)
    return Wait(min(ends, (p.looked_at or now) + POLL_PAYMENT), "card")


def _open(f: Facts, o: OrderFacts, ends: datetime, now: datetime) -> Decision:
    """Staff want the customer's card: the reservation is looked at first, and a higher price agreed to."""
    last = f.payment
    if last and last.declines >= MAX_DECLINES:
        return Do(Step.STOP_CARD, "too_many_attempts")
    if last and last.create.outcome == "refused":
        return Do(Step.STOP_CARD, "payment_unavailable")
    if now >= ends:
        return Do(Step.STOP_CARD, "payment_window")
    if o.readable and stale(o.looked_at, now):
        return ready(o.look, Do(Step.LOOK_ORDER), now)
    if o.total_minor > f.accepted_minor:
        return Wait(ends, "consent to the new price")
    return Do(Step.OPEN_PAYMENT)


# --- ticketed, and money that no machine moves ------------------------------------------------------------------


def unseen(f: Facts, o: OrderFacts, look: Wait, now: datetime) -> Decision | None:
    """There is news of the order, and the airline does not show it: a card does not wait for that (I7). None: go on.

    Tickets that staff entered are charged only once the order has been seen; without that the card is let go in time.
    """
    p = _present(f)
    if o.state is O.RESERVED or f.wish is Wish.CANCEL or (p is not None and p.state in MOVING):
        return None
    if p is None or p.state is not P.AUTHORISED or o.state is not O.TICKETED:
        return look
    if not f.card_wanted:
        return None
    release_at = (p.authorised_at or now) + AUTHORISATION_LIFE - STUCK_UNDOING
    if now >= release_at:
        return Do(Step.STOP_CARD, "not_ticketed")
    return unfinished(Wait(min(look.until, release_at), look.why), "ticketed_unpaid", f, now, o.look)


def ticketed(f: Facts, o: OrderFacts, p: PaymentFacts | None, now: datetime) -> Decision | None:
    """A ticket without money: staff hear of it at once; a card is asked only by their link. None: as elsewhere.

    A link that was taken back, or a card that was to be let go, is not charged because the tickets came first. Nor is
    any card for tickets that were not seen in this minute: staff may have made them void since.
    """
    if p is not None and p.state is P.AUTHORISED and not f.card_wanted:
        return undoing(p.void, Do(Step.VOID), f, now)
    if p is not None and p.state is P.AUTHORISED and o.readable and stale(o.looked_at, now):
        look = ready(o.look, Do(Step.LOOK_ORDER), now)
        return unseen(f, o, look, now) if isinstance(look, Wait) else look
    if p is not None and p.state is not P.OPEN:
        return None
    if "ticketed_unpaid" not in f.cases:
        return Attention("ticketed_unpaid")
    if not f.card_wanted:
        return undoing(p.void, Do(Step.VOID), f, now) if p else Wait(now + HOUR, "staff")
    if p is None and o.total_minor > f.accepted_minor:
        return Wait(now + HOUR, "staff")
    return None
