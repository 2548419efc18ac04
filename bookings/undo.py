"""Undoing: what `decide` does when a wish cannot be met or was taken back, and the words both halves share. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bookings.flow import (
    FRESH,
    HOUR,
    MAX_DECLINES,
    STUCK_UNDOING,
    WATCH,
    Attention,
    CallFacts,
    Decision,
    Do,
    Facts,
    OrderFacts,
    PaymentFacts,
    RefundFacts,
    Route,
    Step,
    Wait,
    Wish,
)
from payments.types import PaymentState as P
from payments.types import RefundState as R
from suppliers.types import OrderState as O

OPEN_MONEY = frozenset({P.OPEN, P.AUTHORISED})
PRESENT = "staff:"  # the cause of money that staff gave back besides what is owed


# --- small words ------------------------------------------------------------------------------------------------


def ready(call: CallFacts, decision: Decision, now: datetime) -> Decision:
    """The decision, or a wait while the last failure of this call asks for patience."""
    return Wait(call.retry_at, "retry") if call.retry_at and now < call.retry_at else decision


def undoing(call: CallFacts, decision: Decision, f: Facts, now: datetime) -> Decision:
    """A step that undoes something: refused once, 5 failures or 30 minutes of them raise a critical case."""
    failing = call.first_failed_at is not None and now - call.first_failed_at >= STUCK_UNDOING
    if (call.outcome == "refused" or call.attempts >= MAX_DECLINES or failing) and (
            "compensation_failed" not in f.cases) and call.outcome not in ("", "ok"):
        return Attention("compensation_failed")
    return ready(call, decision, now)


def unfinished(decision: Decision, kind: str, f: Facts, now: datetime, *calls: CallFacts) -> Decision:
    """A deed under way or looked for: its decision, and a case of `kind` once its calls have failed for 30 minutes."""
    since = min((c.first_failed_at for c in calls if c.first_failed_at and c.outcome not in ("", "ok")), default=None)
    if since is None or kind in f.cases:
        return decision
    if now - since >= STUCK_UNDOING:
        return Attention(kind)
    return Wait(min(decision.until, since + STUCK_UNDOING), decision.why) if isinstance(decision, Wait) else decision


def stale(looked_at: datetime | None, now: datetime, age: timedelta = FRESH) -> bool:
    """True when the last look is older than `age`."""
    return looked_at is None or now - looked_at >= age


def heard(news_at: datetime | None, looked_at: datetime | None) -> bool:
    """True when there is news since the last look."""
    return news_at is not None and (looked_at is None or news_at > looked_at)


# --- undoing ----------------------------------------------------------------------------------------------------


def unwind(f: Facts, now: datetime) -> Decision | None:
    """Close what is open: the card first, then the order, then money back (reliability.md 2)."""
    o, p = f.order, f.payment
    agreed = f.wish is Wish.CANCEL and not f.closing
    if agreed and o and o.state is O.TICKETED and f.route is Route.MANUAL:  # staff cancel it; nothing is charged
        return undoing(p.void, Do(Step.VOID), f, now) if p and p.state in OPEN_MONEY else Do(
            Step.KEEP_BOOKED, "not_cancellable")
    if agreed and o and o.state is O.TICKETED and p and p.state is P.AUTHORISED:
        if f.agreed_refund_minor is None:  # they were told that nothing is charged
            return _cancel(f, o, agreed, now)
        return ready(p.capture, Do(Step.CAPTURE), now)  # the ticket is bought; cancelling it follows the fare rules
    if o and o.state is O.TICKETED and not agreed:
        return _late_ticket(f, o, now)
    if p and p.state in OPEN_MONEY:
        return undoing(p.void, Do(Step.VOID), f, now)
    if o and o.state in (O.HELD, O.RESERVED, O.TICKETED):
        return _cancel(f, o, agreed, now)
    if p and p.state is P.CAPTURED:
        return _give_back(f, p, agreed, now)
    return refunds_in_flight(f, now) or _watch(f, now)


def _cancel(f: Facts, o: OrderFacts, agreed: bool, now: datetime) -> Decision:
    if f.route is Route.MANUAL:
        if o.by_locator:
            return _cancelled_by_hand(f, o, now)
        agreed = False  # nobody takes the wish to give up seats back: staff are told what goes wrong
    if o.quote_refusal:
        if agreed:
            return Do(Step.KEEP_BOOKED, o.quote_refusal)
        return Attention("compensation_failed") if "compensation_failed" not in f.cases else ready(
            o.quote, Do(Step.QUOTE_CANCEL), now)
    if agreed and o.cancel.outcome == "refused":
        return Do(Step.KEEP_BOOKED, o.cancel.code)
    if not o.quote_id or (o.quote_expires_at and now >= o.quote_expires_at):
        return undoing(o.quote, Do(Step.QUOTE_CANCEL), f, now)
    if agreed and o.state is O.TICKETED:
        told = o.cost_minor if f.agreed_refund_minor is None else f.agreed_refund_minor
        if (o.quote_refund_minor or 0 if o.quote_refund_to == "balance" else 0) < told:
            return Do(Step.KEEP_BOOKED, "refund_changed")
    return undoing(o.cancel, Do(Step.CONFIRM_CANCEL), f, now)


def _cancelled_by_hand(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    """Only its locator is known: staff cancel it at the consolidator, or it cancels itself."""
    if "cancel_by_hand" not in f.cases:
        return Attention("cancel_by_hand")
    ends = o.lapses_at or o.asked_at + WATCH
    return Do(Step.LAPSE) if now >= ends else Wait(ends, "staff cancel it")


def _late_ticket(f: Facts, o: OrderFacts, now: datetime) -> Decision:
    """A ticket nobody paid for: told to staff at once; cancelled when it costs nothing, or when they agree to less."""
    p = f.payment
    kind = "ticketed_unpaid" if p and p.state in OPEN_MONEY else "orphaned_booking"
    if kind not in f.cases:
        return Attention(kind)
    if p and p.state in OPEN_MONEY:
        return undoing(p.void, Do(Step.VOID), f, now)
    if o.quote_refusal or f.route is Route.MANUAL:
        return Wait(now + HOUR, "staff")
    if not o.quote_id or (o.quote_expires_at and now >= o.quote_expires_at):
        return ready(o.quote, Do(Step.QUOTE_CANCEL), now)
    enough = o.cost_minor if f.agreed_refund_minor is None else f.agreed_refund_minor  # staff may agree to less
    if (o.quote_refund_minor or 0 if o.quote_refund_to == "balance" else 0) >= enough:
        return undoing(o.cancel, Do(Step.CONFIRM_CANCEL), f, now)
    return Wait(now + HOUR, "staff")


def _give_back(f: Facts, p: PaymentFacts, agreed: bool, now: datetime) -> Decision | None:
    cause = "cancelled" if agreed else "no_order"
    kind = "refund_due" if f.order and f.order.state is O.CANCELLED and f.order.ticketed_at else "charged_without_order"
    if not agreed and not p.desk and kind not in f.cases:
        return Attention(kind)
    if still_owed(f, p, cause) > 0 and not any(r.cause == cause for r in f.refunds):
        return Do(Step.REQUEST_REFUND, cause)
    return refunds_in_flight(f, now) or _watch(f, now)


def still_owed(f: Facts, p: PaymentFacts, cause: str) -> int:
    """What is due by itself, minor units: all that is left, or for "cancelled" what was agreed.

    What staff gave besides ("staff:...", or by hand before the cancellation was agreed) is a present: it is not taken
    off what the cancellation gives back, and only what was captured can be given.
    """
    left = left_to_give(p, f.refunds)
    if cause != "cancelled" or f.agreed_refund_minor is None:
        return left
    alive = [r for r in f.refunds if r.state is not R.FAILED]
    present = p.by_hand_before_minor + sum(r.amount_minor for r in alive if r.cause.startswith(PRESENT))
    given = max(p.by_hand_minor + sum(r.amount_minor for r in alive), p.refunded_minor) - present
    return min(f.agreed_refund_minor - given, left)


def left_to_give(p: PaymentFacts, refunds: tuple[RefundFacts, ...]) -> int:
    """What of the captured money is neither back nor on its way, minor units."""
    sent = sum(r.amount_minor for r in refunds if r.state in (R.SENT, R.SUCCEEDED))
    return p.captured_minor - max(p.refunded_minor, p.by_hand_minor + sent) - sum(
        r.amount_minor for r in refunds if r.state is R.REQUESTED)


def unreturned(refunds: tuple[RefundFacts, ...]) -> list[RefundFacts]:
    """Refunds that failed and that nobody has sent again (the new one names the old: "...~<id>")."""
    again = {r.cause.rpartition("~")[2] for r in refunds if "~" in r.cause}
    return [r for r in refunds if r.state is R.FAILED and str(r.id) not in again]


def refunds_in_flight(f: Facts, now: datetime) -> Decision | None:
    """Send what is owed, look at what was sent, wait for what is on its way."""
    waits = []
    for r in f.refunds:
        if r.state in (R.REQUESTED, R.SENT) and f.payment and f.payment.desk:
            if "refund_by_hand" not in f.cases:
                return Attention("refund_by_hand")
            waits.append(now + HOUR)
            continue
        if r.state is R.REQUESTED:
            return undoing(r.send, Do(Step.SEND_REFUND, str(r.id)), f, now)
        if r.state is R.SENT and not r.known:
            look = ready(r.send, Do(Step.LOOK_REFUND, str(r.id)), now)
            return unfinished(look, "compensation_failed", f, now, r.send)
        if r.state is R.SENT:
            due = (r.looked_at or r.sent_at or r.requested_at) + HOUR
            if now >= due:
                return ready(r.send, Do(Step.LOOK_REFUND, str(r.id)), now)
            waits.append(due)
    return Wait(min(waits), "refund") if waits else None


def _watch(f: Facts, now: datetime) -> Decision | None:
    """Keep watching for a late order for 72 h after giving up."""
    o = f.order
    if o is None or o.state is not O.NOT_CREATED or o.watch_until is None:
        return None
    if heard(o.news_at, o.looked_at):
        return ready(o.look, Do(Step.FIND_ORDER), now)
    due = (o.looked_at or o.asked_at) + HOUR
    if due > o.watch_until:
        return None
    return ready(o.look, Do(Step.FIND_ORDER), now) if now >= due else Wait(due, "watching for a late order")
