"""The manual route as a table: every combination of its facts gets an answer, and no answer breaks a rule of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from bookings import status
from bookings.decide import decide
from bookings.flow import (
    Attention,
    CallFacts,
    Do,
    Facts,
    OrderFacts,
    PaymentFacts,
    RefundFacts,
    Rest,
    Route,
    Step,
    Wait,
    Wish,
)
from payments.types import PaymentState as P
from payments.types import RefundState as R
from suppliers.types import LIVE
from suppliers.types import OrderState as O
from tests.core.test_decide import CALLS, MINUTE, NOW, order, payment

STATES = (None, O.CREATING, O.UNKNOWN, O.RESERVED, O.TICKETED, O.CANCELLING, O.CANCELLED, O.LAPSED, O.NOT_CREATED)
ASKS_AIRLINE = frozenset({Step.LOOK_ORDER, Step.QUOTE_CANCEL, Step.CONFIRM_CANCEL})
ASKS_GATEWAY = frozenset({Step.LOOK_PAYMENT, Step.CAPTURE, Step.VOID, Step.SEND_REFUND, Step.LOOK_REFUND})
KNOWN = frozenset({"unknown_outcome", "ticketed_unpaid", "orphaned_booking", "charged_without_order",
                   "compensation_failed", "refund_failed", "refund_by_hand", "cancel_by_hand"})


def reservation(state: O, age: timedelta, call: CallFacts, *, by_locator: bool = False, deadline: timedelta,
                refusal: str = "") -> OrderFacts:
    """An order of this route, whose end lies `deadline` away and that is gone for certain a day later."""
    return replace(order(state, age, call, hold=True, refusal=refusal), by_locator=by_locator, watch_until=None,
                   pay_by=NOW + deadline, lapses_at=NOW + deadline + timedelta(days=1))


def everything() -> Iterator[Facts]:
    """Every wish, end, order, way of knowing it, payment (card, desk), link, refund, age and last answer together."""
    ages = (MINUTE, timedelta(hours=7, minutes=45))
    deadlines = (timedelta(hours=9), timedelta(minutes=-1), timedelta(hours=-25))
    payments: list[tuple[P | None, bool]] = [(None, False), *((p, False) for p in P), (P.CAPTURED, True)]
    for wish, closing, age, call, cases, deadline, link in itertools.product(
            (Wish.BOOK, Wish.CANCEL), ("", "reservation_lapsed"), ages, CALLS[::3], (frozenset[str](), KNOWN), deadlines,
            (False, True)):
        for state, by_locator, (paid, desk), r in itertools.product(STATES, (False, True), payments, (None, *R)):
            if (r and paid is not P.CAPTURED) or (by_locator and state not in (O.RESERVED, O.TICKETED, O.LAPSED)):
                continue  # a refund is of captured money; what is known by its locator was reserved
            refusals = ("sold_out", "price_changed", "not_created") if state is O.NOT_CREATED else ("",)
            for refusal in refusals:
                base = payment(paid, age, call) if paid else None
                yield Facts(
                    wish=wish, route=Route.MANUAL, accepted_minor=50_000, wished_at=NOW - age, card_wanted=link,
                    offer_expires_at=NOW + 20 * MINUTE, priced_minor=50_000, priced_at=NOW - MINUTE / 2,
                    closing=closing, cases=cases, agreed_refund_minor=40_000 if wish is Wish.CANCEL and r else None,
                    order=reservation(state, age, call, by_locator=by_locator, deadline=deadline, refusal=refusal)
                    if state else None, payment=replace(base, desk=desk) if base else None,
                    refunds=(RefundFacts(1, r, 40_000, True, "cancelled", NOW - age, sent_at=NOW - age, send=call),)
                    if r else ())


def shown_wrong(f: Facts) -> str:
    """What is wrong with the status: closed while something is open outside (I5), or asking for money without a link."""
    shown, o, p = status.derive_status(f), f.order, f.payment
    if shown in status.CLOSED and (o is not None and o.state in LIVE | {O.CREATING, O.UNKNOWN} or (
            p is not None and p.state in status.MONEY_ACTIVE)):
        return f"{shown} while something is open outside"
    asks = shown is status.Status.PENDING_PAYMENT and not (p is not None and p.state in status.MONEY_OPEN)
    return "asks for money without a payment" if asks else ""


def complaint(f: Facts) -> str:
    """What is wrong with the decision about `f`, "" when nothing is."""
    decision, o, p = decide(f, NOW), f.order, f.payment
    state, money = o and o.state, p and p.state
    match decision:
        case Wait(until):
            return _of_waiting(f, until)
        case Attention(kind):
            return "the same case again" if decide(replace(f, cases=f.cases | {kind}), NOW) == decision else ""
        case Rest():
            settled = status.derive_status(f) in status.FINAL or any(r.state is R.FAILED for r in f.refunds)
            return "" if settled or f.cases else "rests unfinished"
        case Do(Step.FIND_ORDER | Step.PAY_ORDER | Step.LOOK_PAID | Step.BACK_TO_HOLD):
            return "a step of other routes"
        case Do(step) if step in ASKS_AIRLINE and o is not None and not o.readable:
            return "the airline is asked for what it cannot know"
        case Do(step) if step in ASKS_GATEWAY and p is not None and p.desk:
            return "a gateway is asked for money it never saw"
        case Do(Step.QUOTE_CANCEL | Step.CONFIRM_CANCEL):
            return "" if state is O.RESERVED and money not in (P.OPEN, P.AUTHORISED) else "cancelled by machine"
        case Do(Step.CREATE_ORDER):
            fresh = state is None or (state is O.NOT_CREATED and o is not None and o.refusal == "price_changed")
            return "" if fresh and not f.closing and f.wish is Wish.BOOK else "order not to be made"
        case Do(Step.OPEN_PAYMENT):
            if money is P.NEW:
                return ""  # the same payment again under its key
            fine = f.card_wanted and state in (O.RESERVED, O.TICKETED) and money in (None, P.VOIDED)
            return "" if fine and f.wish is Wish.BOOK else "a card that nobody wants"
        case Do(Step.CAPTURE):
            if not f.card_wanted:
                return "a card that was let go is charged"
            return "" if (state, money) == (O.TICKETED, P.AUTHORISED) else "capture without a ticket (I1)"
        case Do(Step.VOID):
            keep = state is O.TICKETED and f.wish is Wish.BOOK and money is P.AUTHORISED and f.card_wanted
            return "void of a payment that a ticket stands for" if keep else ""
        case Do(Step.CLOSE):
            return "closed while unknown" if state in (O.CREATING, O.UNKNOWN, O.TICKETED) else ""
        case Do(Step.LAPSE):
            return "" if o is not None and o.by_locator and o.lapses_at and o.lapses_at <= NOW else "lapsed early"
        case Do(Step.GIVE_UP_ORDER):
            return "" if o is not None and o.lapses_at and o.lapses_at <= NOW else "given up early"
    return ""


def _of_waiting(f: Facts, until: object) -> str:
    p, o = f.payment, f.order
    assert isinstance(until, type(NOW))
    if until <= NOW:
        return "a wait that is over"
    finished = o is not None and o.state is O.TICKETED
    if p and p.state is P.AUTHORISED and p.authorised_at and not finished and (
            not p.void.outcome) and until > p.authorised_at + timedelta(hours=7, minutes=30):
        return "a card that is reserved for too long (I7)"
    return ""


def test_every_combination_of_the_manual_route_is_decided_and_breaks_no_rule() -> None:
    wrong, seen, reached = [], 0, set[object]()
    for f in everything():
        seen += 1
        decision = decide(f, NOW)
        reached.add(decision.step if isinstance(decision, Do) else decision.kind if isinstance(decision, Attention)
                    else type(decision))
        what = complaint(f) or shown_wrong(f)
        if what and len(wrong) < 10:
            wrong.append((what, decision, f.wish, f.closing, f.card_wanted, f.order and (
                f.order.state, f.order.refusal, f.order.by_locator, f.order.pay_by), f.payment and (
                f.payment.state, f.payment.desk), f.refunds, f.order and f.order.create.outcome, NOW - f.wished_at))
    print(f"\n{seen} combinations of the manual route")
    assert not wrong, "\n".join(map(str, wrong))
    assert {Step.CREATE_ORDER, Step.ANSWER_LOST, Step.GIVE_UP_ORDER, Step.LOOK_ORDER, Step.OPEN_PAYMENT, Step.STOP_CARD,
            Step.LAPSE, Step.CLOSE, Step.QUOTE_CANCEL, Step.KEEP_BOOKED, Step.CAPTURE, Step.VOID, Step.REQUEST_REFUND,
            "unknown_outcome", "ticketed_unpaid", "refund_by_hand", "cancel_by_hand"} <= reached


BASE = Facts(wish=Wish.BOOK, route=Route.MANUAL, accepted_minor=50_000, wished_at=NOW - MINUTE,
             offer_expires_at=NOW + 20 * MINUTE, order=reservation(
                 O.RESERVED, MINUTE, CallFacts(), deadline=timedelta(hours=20)))


def held(o: O = O.RESERVED, **more: object) -> OrderFacts:
    """The reservation of BASE, otherwise."""
    assert BASE.order is not None
    return replace(BASE.order, state=o, **more)  # type: ignore[arg-type]


def card(state: P, age: timedelta = MINUTE, **more: object) -> PaymentFacts:
    """A card payment that was reserved `age` ago and looked at just now."""
    return replace(payment(state, age, CallFacts()), looked_at=NOW, **more)  # type: ignore[arg-type]


def test_a_reservation_is_looked_at_every_quarter_of_an_hour_then_hourly_and_at_its_deadline() -> None:
    for asked, seen, due in ((0, 0, 15), (5, 5, 20), (350, 350, 365), (370, 370, 430), (1190, 1190, 1200)):
        o = held(asked_at=NOW - MINUTE * asked, looked_at=NOW, pay_by=NOW + MINUTE * (1200 - seen))
        assert decide(replace(BASE, order=o), NOW) == Wait(NOW + MINUTE * (due - seen), "ticketing by staff")
        later = replace(o, looked_at=NOW - MINUTE * (due - seen), asked_at=o.asked_at - MINUTE * (due - seen),
                        pay_by=(o.pay_by or NOW) - MINUTE * (due - seen))
        assert decide(replace(BASE, order=later), NOW) == Do(Step.LOOK_ORDER)
    by_locator = held(by_locator=True, looked_at=NOW - MINUTE * 600)
    assert decide(replace(BASE, order=by_locator), NOW) == Wait(NOW + timedelta(hours=44), "ticketing by staff")


def test_an_unknown_reservation_waits_for_staff_from_the_first_moment_to_its_last() -> None:
    unknown = replace(BASE, order=held(O.UNKNOWN, known=False))
    assert decide(unknown, NOW) == Attention("unknown_outcome")
    told = replace(unknown, cases=frozenset({"unknown_outcome"}))
    assert decide(told, NOW) == Wait(NOW + timedelta(hours=44), "staff look for the reservation")
    assert decide(told, NOW + timedelta(hours=44)) == Do(Step.GIVE_UP_ORDER)
    said = replace(told, order=held(O.UNKNOWN, known=False, failed_notice_at=NOW))
    assert decide(said, NOW) == Do(Step.ORDER_FAILED)
    assert decide(replace(BASE, order=held(O.CREATING, known=False)), NOW) == Do(Step.ANSWER_LOST)
    assert decide(replace(BASE, order=held(O.CREATING)), NOW) == Do(Step.LOOK_ORDER)  # a driver saved its id


def test_the_card_of_a_pay_link() -> None:
    link = replace(BASE, card_wanted=True, order=held(looked_at=NOW))
    hours = timedelta(hours=1)
    for facts, at, decision in (
        (replace(link, card_wanted=False), NOW, Wait(NOW + MINUTE * 15, "ticketing by staff")),
        (link, NOW, Do(Step.OPEN_PAYMENT)),
        (replace(link, order=held(looked_at=NOW - MINUTE)), NOW, Do(Step.LOOK_ORDER)),
        (replace(link, order=held(looked_at=NOW, total_minor=50_001)), NOW, Wait(NOW + MINUTE * 15, "ticketing by staff")),
        (replace(link, payment=card(P.OPEN)), NOW, Wait(NOW + MINUTE * 5, "ticketing by staff")),
        (replace(link, payment=card(P.OPEN, declines=5)), NOW, Do(Step.STOP_CARD, "too_many_attempts")),
        (replace(link, payment=card(P.OPEN), card_wanted=False), NOW, Do(Step.VOID)),
        (replace(link, payment=card(P.OPEN), order=held(looked_at=NOW, total_minor=50_001)), NOW, Do(Step.VOID)),
        (replace(link, payment=card(P.OPEN)), NOW + 20 * hours - 10 * MINUTE, Do(Step.LOOK_PAYMENT)),
        (replace(link, payment=card(P.AUTHORISED, 7.5 * hours)), NOW, Do(Step.STOP_CARD, "not_ticketed")),
        (replace(link, payment=card(P.AUTHORISED, 7.5 * hours - MINUTE)), NOW, Wait(NOW + MINUTE, "ticketing by staff")),
        (replace(link, payment=card(P.AUTHORISED), card_wanted=False), NOW, Do(Step.VOID)),
        (replace(link, payment=card(P.AUTHORISED), order=held(O.TICKETED, looked_at=NOW)), NOW, Do(Step.CAPTURE)),
        (replace(link, payment=card(P.AUTHORISED), order=held(O.TICKETED, looked_at=NOW - MINUTE)), NOW, Do(Step.LOOK_ORDER)),
        (replace(link, payment=replace(card(P.VOIDED), declines=5)), NOW, Do(Step.STOP_CARD, "too_many_attempts")),
    ):
        assert decide(facts, at) == decision, (facts.payment, at)
    failing = CallFacts(attempts=3, outcome="unavailable", code="supplier_down", retry_at=NOW + hours)
    silent = replace(link, payment=card(P.AUTHORISED, 7.5 * hours), order=held(
        looked_at=NOW - hours, news_at=NOW - MINUTE, look=failing))
    assert decide(silent, NOW) == Do(Step.STOP_CARD, "not_ticketed"), "I7, though the airline cannot be asked"


def test_nobody_is_charged_or_given_back_by_machine_what_was_paid_at_the_desk() -> None:
    desk = replace(card(P.CAPTURED), desk=True, news_at=NOW, captured_minor=50_000)
    assert isinstance(decide(replace(BASE, order=held(looked_at=NOW), payment=desk), NOW), Wait)
    assert decide(replace(BASE, order=held(O.TICKETED), payment=desk), NOW) == Rest()
    gone = replace(BASE, order=held(O.LAPSED), payment=desk)
    assert decide(gone, NOW) == Do(Step.CLOSE, "reservation_lapsed")
    closed = replace(gone, closing="reservation_lapsed")
    assert decide(closed, NOW) == Do(Step.REQUEST_REFUND, "no_order")
    owed = replace(closed, refunds=(RefundFacts(1, R.REQUESTED, 50_000, False, "no_order", NOW),))
    assert decide(owed, NOW) == Attention("refund_by_hand")
    told = replace(owed, cases=frozenset({"refund_by_hand"}))
    assert isinstance(decide(told, NOW), Wait) and status.derive_status(told) is status.Status.CANCELLING
    agreed = replace(BASE, wish=Wish.CANCEL, agreed_refund_minor=1000, order=held(O.CANCELLED), payment=desk)
    assert status.derive_status(agreed) is status.Status.CANCELLING, "recorded by staff; its refund is not written down"
    assert decide(agreed, NOW) == Do(Step.REQUEST_REFUND, "cancelled")
    given = replace(told, refunds=(replace(owed.refunds[0], state=R.SUCCEEDED),), payment=replace(
        desk, refunded_minor=50_000))
    assert (decide(given, NOW), status.derive_status(given)) == (Rest(), status.Status.EXPIRED)


def test_what_the_customer_reads() -> None:
    shown = status.Status
    for facts, word, step in (
        (BASE, shown.PENDING_TICKETING, status.Progress.STAFF),
        (replace(BASE, order=held(O.UNKNOWN)), shown.PENDING, status.Progress.CHECKING),
        (replace(BASE, card_wanted=True, payment=card(P.OPEN)), shown.PENDING_PAYMENT, status.Progress.CARD),
        (replace(BASE, card_wanted=True, payment=card(P.AUTHORISED)), shown.PENDING_TICKETING, status.Progress.STAFF),
        (replace(BASE, payment=replace(card(P.CAPTURED), desk=True)), shown.PENDING_TICKETING, status.Progress.STAFF),
        (replace(BASE, order=held(O.TICKETED)), shown.PENDING_TICKETING, status.Progress.STAFF),
        (replace(BASE, order=held(O.TICKETED), payment=card(P.CAPTURED)), shown.CONFIRMED, status.Progress.DONE),
        (replace(BASE, order=held(O.LAPSED), closing="reservation_lapsed"), shown.EXPIRED, status.Progress.CLOSED),
        (replace(BASE, order=held(O.CANCELLED), closing="airline_cancelled"), shown.CANCELLED, status.Progress.CLOSED),
        (replace(BASE, order=held(O.NOT_CREATED, refusal="sold_out"), closing="sold_out"), shown.FAILED,
         status.Progress.CLOSED),
        (replace(BASE, card_wanted=True, order=held(total_minor=50_001)), shown.PENDING_TICKETING,
         status.Progress.CONSENT),
    ):
        assert (status.derive_status(facts), status.derive_progress(facts)) == (word, step), facts
