"""What to do next for one booking: a pure function from facts and time to one decision.

Read it top down: `decide` asks each rule in turn, and the first that has an answer wins. A rule that has nothing
to say returns None. Rules of reliability.md 2 and 4 are named where they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bookings.flow import (
    ASK_AGAIN,
    AUTHORISATION_LIFE,
    CAPTURE_TRIES,
    CREATE_TRIES,
    GIVE_UP_HOLD,
    GIVE_UP_INSTANT,
    HOLD_MARGIN,
    HOUR,
    INSTANT_LAST,
    INSTANT_START,
    KEY_MEMORY,
    LOOK_AGAIN,
    MAX_DECLINES,
    PAY_TRIES,
    POLL_PAYMENT,
    SAME_KEY_TRIES,
    STUCK_UNDOING,
    TICKET_LOOKS,
    UNKNOWN_CASE,
    Attention,
    CallFacts,
    Decision,
    Do,
    Facts,
    OrderFacts,
    PaymentFacts,
    Rest,
    Route,
    Step,
    Wait,
    Wish,
    next_look,
)
from bookings.reserved import in_doubt, reserved, ticketed, unseen
from bookings.undo import heard, ready, refunds_in_flight, stale, undoing, unfinished, unreturned, unwind
from payments.types import PaymentState as P
from suppliers.types import OrderState as O


def decide(f: Facts, now: datetime) -> Decision:
    """The next thing to do. `now` is the database's clock (UTC). Total: every combination gets an answer."""
    if f.wish is Wish.DRAFT:
        return Rest()
    for rule in RULES:
        decision = rule(f, now)
        if decision is not None:
            return _fetched_in_time(f, decision)
    return _fetched_in_time(f, Rest())


# --- small words ------------------------------------------------------------------------------------------------


def _present_order(f: Facts) -> OrderFacts | None:
    """The order that counts: a definite no that may be asked again counts as none."""
    o = f.order
    return None if o and o.state is O.NOT_CREATED and o.refusal in ASK_AGAIN and not f.closing else o


def _present_payment(f: Facts) -> PaymentFacts | None:
    return None if f.payment is None or f.payment.state is P.VOIDED else f.payment


# --- what is in flight ------------------------------------------------------------------------------------------


def order_in_flight(f: Facts, now: datetime) -> Decision | None:
    """A call about the order whose answer we do not have: look first (reliability.md 4.5)."""
    o = f.order
    if o is None:
        return None
    match o.state:
        case O.CREATING | O.UNKNOWN if f.route is Route.MANUAL:
            return _released_in_time(f, in_doubt(f, o, now), now)
        case O.CREATING if o.known:
            return ready(o.look, Do(Step.LOOK_ORDER), now)
        case O.CREATING:
            return ready(o.look, Do(Step.FIND_ORDER), now)
        case O.UNKNOWN:
            return _unknown_order(f, o, now)
        case O.PAYING:
            return _paying_order(f, o, now)
        case O.CANCELLING:
            look = ready(o.cancel, ready(o.look, Do(Step.LOOK_ORDER), now), now)
            return unfinished(look, "compensation_failed", f, now, o.cancel, o.look)
    return None


def _unknown_order(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    give_up = o.asked_at + GIVE_UP_HOLD if o.hold else f.offer_expires_at + GIVE_UP_INSTANT
    if not o.hold and f.payment and f.payment.authorised_at:
        give_up = min(give_up, f.payment.authorised_at + AUTHORISATION_LIFE - STUCK_UNDOING)  # I7
    if o.failed_notice_at and o.looked_at and o.looked_at >= o.failed_notice_at:
        return Do(Step.ORDER_FAILED)
    if heard(o.news_at, o.looked_at) or heard(o.failed_notice_at, o.looked_at):
        return ready(o.look, Do(Step.FIND_ORDER), now)
    if o.looked_at and o.looked_at >= give_up:
        return Do(Step.GIVE_UP_ORDER)
    if now - o.asked_at >= UNKNOWN_CASE and "unknown_outcome" not in f.cases:
        return Attention("unknown_outcome")
    look_at = min(next_look(o.asked_at, o.looked_at), max(give_up, o.looked_at or give_up))
    if now >= look_at or now >= give_up:
        return _released_in_time(f, ready(o.look, Do(Step.FIND_ORDER), now), now)
    case_at = o.asked_at + UNKNOWN_CASE
    look = Wait(min(look_at, case_at) if now < case_at else look_at, "unknown order")
    return _released_in_time(f, look, now)


def _paying_order(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    """Was our payment for the ticket taken? The card never stays reserved for longer than it may (I7)."""
    doubt = o.pay.first_failed_at
    case_at = doubt + UNKNOWN_CASE if doubt and "unknown_outcome" not in f.cases else None
    if case_at and now >= case_at:
        return Attention("unknown_outcome")
    look = ready(o.pay, Do(Step.LOOK_PAID), now)
    if isinstance(look, Wait) and case_at and case_at < look.until:
        look = Wait(case_at, "tell somebody")
    return _released_in_time(f, look, now)


def _released_in_time(f: Facts, look: Decision, now: datetime) -> Decision:
    """The look at the order, unless it comes too late for the card: a reservation ends in time in any case (I7)."""
    p = f.payment
    if p is None or not isinstance(look, Wait):
        return look
    also: Decision | None = payment_in_flight(f, now) if p.state is P.VOIDING else None
    if p.state is P.AUTHORISED and p.authorised_at:
        release_at = p.authorised_at + AUTHORISATION_LIFE - STUCK_UNDOING
        if now >= release_at:
            return undoing(p.void, Do(Step.VOID), f, now)
        also = Wait(release_at, "release the card")
    return look if also is None or (isinstance(also, Wait) and also.until >= look.until) else also


def payment_in_flight(f: Facts, now: datetime) -> Decision | None:
    """A call about the payment whose answer we do not have: the same key again, or look and believe."""
    p = f.payment
    if p is None:
        return None
    match p.state:
        case P.NEW if now - p.asked_at < KEY_MEMORY and not p.known:
            again = ready(p.look, Do(Step.LOOK_PAYMENT), now) if _same_again(p.create) else Do(Step.OPEN_PAYMENT)
            return unfinished(ready(p.create, again, now), "payment_unopened", f, now, p.create, p.look)
        case P.NEW:
            return unfinished(ready(p.look, Do(Step.LOOK_PAYMENT), now), "payment_unopened", f, now, p.look)
        case P.CAPTURING:
            look = ready(p.capture, ready(p.look, Do(Step.LOOK_PAYMENT), now), now)
            return unfinished(look, "ticketed_unpaid", f, now, p.capture, p.look)
        case P.VOIDING:
            look = ready(p.void, ready(p.look, Do(Step.LOOK_PAYMENT), now), now)
            return unfinished(look, "compensation_failed", f, now, p.void, p.look)
    return None


def _same_again(create: CallFacts) -> bool:
    """Whether the gateway, which keeps a 500 under its key for a day, has said the same often enough: then we look."""
    return create.outcome == "unknown" and create.attempts >= SAME_KEY_TRIES


def news(f: Facts, now: datetime) -> Decision | None:
    """Somebody says that something changed outside: fetch the object and believe that (reliability.md 8.3)."""
    p, o = f.payment, f.order
    if p and p.known and not p.desk and p.state is not P.VOIDED and heard(p.news_at, p.looked_at):
        return ready(p.look, Do(Step.LOOK_PAYMENT), now)
    if o and o.readable and o.state is not O.CANCELLED and heard(o.news_at, o.looked_at):
        look = ready(o.look, Do(Step.LOOK_ORDER), now)
        waits = unseen(f, o, look, now) if f.route is Route.MANUAL and isinstance(look, Wait) else look
        if waits is not None:
            return waits
    for r in f.refunds:
        if r.known and heard(r.news_at, r.looked_at):
            return ready(r.send, Do(Step.LOOK_REFUND, str(r.id)), now)
    return None


def alarms(f: Facts, now: datetime) -> Decision | None:
    """Mismatches that a person must see although nothing is left to do by machine."""
    p, o = f.payment, f.order
    taken = p is not None and p.elsewhere and p.state is P.CAPTURED and p.refunded_minor < p.captured_minor
    raised = {
        "dispute": p is not None and p.disputed,
        "refund_failed": bool(unreturned(f.refunds)),
        "charged_without_order": taken and not (o and o.state is O.TICKETED),
    }
    for kind, true in raised.items():
        if true and kind not in f.cases:
            return Attention(kind)
    if p and p.state is P.CAPTURED and o and o.state is O.TICKETED and 0 < p.captured_minor <= p.refunded_minor and (
            f.wish is not Wish.CANCEL and "refunded_but_live" not in f.cases):
        return Attention("refunded_but_live")
    return None


def attaching(f: Facts, now: datetime) -> Decision | None:
    """Staff say which order is ours: fetch that one before anything else is decided. Only a missing order may be named.

    Nothing is ever sent again because of it; a wait for the airline holds up neither the looks nor the card (I7).
    """
    call = _named_order(f)
    return None if call is None or (call.retry_at and now < call.retry_at) else Do(Step.ATTACH_ORDER)


def _named_order(f: Facts) -> CallFacts | None:
    """The fetching that staff asked for, while the order is still missing."""
    o = f.order
    return None if o is None or o.known or o.state not in (O.CREATING, O.UNKNOWN, O.NOT_CREATED) else o.attach


def _fetched_in_time(f: Facts, decision: Decision) -> Decision:
    """The decision, waiting no longer than the next try to fetch the order that staff named."""
    due = call.retry_at if (call := _named_order(f)) else None
    sleeps = isinstance(decision, Rest) or (isinstance(decision, Wait) and due is not None and decision.until > due)
    return Wait(due, "fetch the named order") if due and sleeps else decision


# --- going towards the wish -------------------------------------------------------------------------------------


def pursue(f: Facts, now: datetime) -> Decision | None:
    """Towards a booked (or held) trip. None when we are closing or cancelling."""
    o = _present_order(f)
    if f.wish is Wish.CANCEL or (f.closing and not _success_beats_failure(f)):
        return None
    if f.quote_wanted and o and (o.state in (O.HELD, O.TICKETED) or f.route is Route.MANUAL and o.state is O.RESERVED):
        return ready(o.quote, Do(Step.QUOTE_CANCEL), now)
    if o is None:
        return _before_order(f, now)
    match o.state:
        case O.NOT_CREATED:
            return Do(Step.CLOSE, o.refusal or "not_created")
        case O.CANCELLED:
            return Do(Step.CLOSE, "airline_cancelled")
        case O.LAPSED:
            return Do(Step.CLOSE, "reservation_lapsed" if f.route is Route.MANUAL else "hold_lapsed")
        case O.RESERVED if f.route is Route.MANUAL:
            return reserved(f, o, now)
        case O.RESERVED:
            return Wait(o.pay_by or now + HOUR, "ticketing by staff")
        case O.HELD:
            return _held(f, o, now)
        case O.TICKETED:
            return _ticketed(f, o, now)
    return None


def _success_beats_failure(f: Facts) -> bool:
    """We were closing, and the ticket turns out to exist while the money is still reserved or taken."""
    return bool(f.order and f.order.state is O.TICKETED and f.payment
                and f.payment.state in (P.AUTHORISED, P.CAPTURED) and f.wish is Wish.BOOK)


def _flights_changed(f: Facts, o: OrderFacts, now: datetime) -> Decision | None:
    """The airline's new flights: wait for the customer's answer; accept them there, or give the money back."""
    if o.change_taken or f.closing:
        return None
    if o.change_answer == "refund":
        return _money_for_changed_flights(o, now)
    told = "change_to_accept" in f.cases
    if not o.change_answer:
        return _unanswered_change(f, o, now)
    if not o.change_acceptable or o.accept.outcome == "refused":
        return None if told else Attention("change_to_accept")
    if o.accept.outcome == "ok":  # it said yes, and its order does not show it yet
        if not told and o.change_answered_at and now - o.change_answered_at >= STUCK_UNDOING:
            return Attention("change_to_accept")
        due = (o.looked_at or now) + (HOUR if told else POLL_PAYMENT)
        return ready(o.look, Do(Step.LOOK_ORDER), now) if now >= due else Wait(due, "new flights")
    return unfinished(ready(o.accept, Do(Step.ACCEPT_CHANGE), now), "change_to_accept", f, now, o.accept)


def _money_for_changed_flights(o: OrderFacts, now: datetime) -> Decision | None:
    """Cancel by machine only where the airline gives everything back; else staff do it, whose case is open."""
    if o.quote_refusal or o.cancel.outcome == "refused":
        return None
    full = o.quote_refund_to == "balance" and (o.quote_refund_minor or 0) >= o.cost_minor
    if not o.quote_id or (full and o.quote_expires_at and now >= o.quote_expires_at):
        return ready(o.quote, Do(Step.QUOTE_CANCEL), now)
    return Do(Step.CANCEL_CHANGED) if full else None


def _unanswered_change(f: Facts, o: OrderFacts, now: datetime) -> Decision | None:
    """New flights that the customer has not answered: staff call them after the deadline."""
    if not o.change_answer_by or "change_unanswered" in f.cases:
        return None
    return Attention("change_unanswered") if now >= o.change_answer_by else Wait(o.change_answer_by, "new flights")


def _before_order(f: Facts, now: datetime) -> Decision:
    p = _present_payment(f)
    if f.offer_gone:
        return Do(Step.CLOSE, f.offer_gone)
    if f.order and f.order.create.attempts >= CREATE_TRIES:
        return Do(Step.CLOSE, f.order.refusal)
    if f.route is Route.AUTH_FIRST:
        early = _before_order_auth_first(f, p, now)
        if early is not None:
            return early
    elif now >= f.offer_expires_at - INSTANT_LAST:
        return Do(Step.CLOSE, "offer_expired")
    if stale(f.priced_at, now):
        return ready(f.reprice, Do(Step.REPRICE), now)
    if f.priced_minor is not None and f.priced_minor > (p.amount_minor if p else f.accepted_minor):
        return Do(Step.VOID) if p else Wait(f.offer_expires_at - INSTANT_LAST, "consent to the new price")
    create = f.order.create if f.order else CallFacts()
    return ready(create, Do(Step.CREATE_ORDER), now)


def _before_order_auth_first(f: Facts, p: PaymentFacts | None, now: datetime) -> Decision | None:
    """Authorise first. None when the card is good and the order may go out."""
    ends = f.offer_expires_at - INSTANT_LAST
    if p is None:
        refused = _payment_refused(f)
        if refused:
            return refused
        if now > f.offer_expires_at - INSTANT_START:
            return Do(Step.CLOSE, "offer_expired")
        if stale(f.priced_at, now):
            return ready(f.reprice, Do(Step.REPRICE), now)
        if f.priced_minor is not None and f.priced_minor > f.accepted_minor:
            return Wait(f.offer_expires_at - INSTANT_START, "consent to the new price")
        return Do(Step.OPEN_PAYMENT)
    if p.state is P.CAPTURED:  # somebody else took the money: no order, so it goes back
        return Do(Step.CLOSE, "captured_without_order")
    if now >= ends:
        return Do(Step.CLOSE, "offer_expired")
    return _waiting_for_card(f, p, min(ends, f.window_ends_at or ends), now) if p.state is P.OPEN else None


def _payment_refused(f: Facts) -> Decision | None:
    last = f.payment
    if last and last.state is P.VOIDED and last.create.outcome == "refused":
        return Do(Step.CLOSE, "payment_unavailable")
    return None


def _waiting_for_card(f: Facts, p: PaymentFacts, ends: datetime, now: datetime) -> Decision:
    """The customer is at the bank. Decided by looking, not by the browser."""
    if p.declines >= MAX_DECLINES:
        return Do(Step.VOID) if f.chose_hold else Do(Step.CLOSE, "too_many_attempts")
    if now >= ends:
        if stale(p.looked_at, now):  # a last look: they may have paid in this very minute
            return ready(p.look, Do(Step.LOOK_PAYMENT), now)
        return Do(Step.CLOSE, "hold_lapsed" if f.chose_hold else "payment_window")
    if stale(p.looked_at, now, POLL_PAYMENT):
        return ready(p.look, Do(Step.LOOK_PAYMENT), now)
    return Wait(min(ends, (p.looked_at or now) + POLL_PAYMENT), "card")


def _held(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    p = _present_payment(f)
    last_moment = (o.pay_by or o.asked_at + HOUR) - HOLD_MARGIN
    if o.changed:
        return Do(Step.CLOSE, "schedule_changed")
    if f.wish is Wish.HOLD:
        ends = o.pay_by or last_moment
        return Do(Step.CLOSE, "hold_lapsed") if now >= ends else Wait(ends, "held")
    ends = min(last_moment, f.window_ends_at or last_moment)
    if p is None:
        return _held_without_payment(f, o, ends, now)
    if p.state is P.OPEN:
        return Do(Step.VOID) if o.total_minor > p.amount_minor else _waiting_for_card(f, p, ends, now)
    if p.authorised_at and now - p.authorised_at >= AUTHORISATION_LIFE - STUCK_UNDOING:  # I7
        return Do(Step.CLOSE, "airline_unreachable")
    if stale(o.looked_at, now):
        return _released_in_time(f, ready(o.look, Do(Step.LOOK_ORDER), now), now)
    if p.state is P.AUTHORISED and o.total_minor > p.amount_minor:
        return Do(Step.VOID)
    refused = o.pay.outcome == "refused" and o.pay.code not in LOOK_AGAIN
    if refused or o.pay.attempts >= PAY_TRIES:
        return Do(Step.CLOSE, o.pay.code or "airline_unreachable")
    return _released_in_time(f, ready(o.pay, Do(Step.PAY_ORDER), now), now)


def _held_without_payment(f: Facts, o: OrderFacts, ends: datetime, now: datetime) -> Decision:
    last = f.payment
    if f.chose_hold and last and last.declines >= MAX_DECLINES:
        return Do(Step.BACK_TO_HOLD)
    refused = _payment_refused(f)
    if refused:
        return Do(Step.BACK_TO_HOLD) if f.chose_hold else refused
    if now >= ends:
        return Do(Step.BACK_TO_HOLD) if f.chose_hold else Do(Step.CLOSE, "payment_window")
    if stale(o.looked_at, now):
        return ready(o.look, Do(Step.LOOK_ORDER), now)
    if o.total_minor > f.accepted_minor:
        return Wait(ends, "consent to the new price")
    return Do(Step.OPEN_PAYMENT)


def _ticketed(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    p = _present_payment(f)
    if f.route is Route.MANUAL and (unpaid := ticketed(f, o, p, now)):
        return unpaid
    if p is None:
        if "ticketed_unpaid" not in f.cases:
            return Attention("ticketed_unpaid")
        return _payment_refused(f) and Wait(now + HOUR, "staff") or Do(Step.OPEN_PAYMENT)
    match p.state:
        case P.AUTHORISED:
            refused = p.capture.outcome == "refused" or p.capture.attempts >= CAPTURE_TRIES
            if refused and p.capture.outcome not in ("", "ok") and "ticketed_unpaid" not in f.cases:
                return Attention("ticketed_unpaid")
            return unfinished(ready(p.capture, Do(Step.CAPTURE), now), "ticketed_unpaid", f, now, p.capture)
        case P.OPEN:
            due = (p.looked_at or p.asked_at) + POLL_PAYMENT
            return ready(p.look, Do(Step.LOOK_PAYMENT), now) if now >= due else Wait(due, "pay for the ticket")
    side_by_side = (_ticket_numbers(o, now), refunds_in_flight(f, now), _flights_changed(f, o, now))
    found = [decision for decision in side_by_side if decision is not None]
    waits = [decision for decision in found if isinstance(decision, Wait)]
    deeds = [decision for decision in found if not isinstance(decision, Wait)]
    return deeds[0] if deeds else min(waits, key=lambda wait: wait.until, default=Rest())


def _ticket_numbers(o: OrderFacts, now: datetime) -> Decision | None:
    """They may come later than the ticket."""
    if o.ticketed_at is None or o.has_tickets:
        return None
    for offset in TICKET_LOOKS:
        at = o.ticketed_at + offset
        if o.looked_at is None or at > o.looked_at:
            return ready(o.look, Do(Step.LOOK_ORDER), now) if now >= at else Wait(at, "ticket numbers")
    return None


Rule = Callable[[Facts, datetime], Decision | None]
RULES: tuple[Rule, ...] = (news, alarms, attaching, order_in_flight, payment_in_flight, pursue, unwind)
