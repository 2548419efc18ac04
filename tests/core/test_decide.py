"""`decide` as a table: every combination of facts gets an answer, and no answer breaks a rule of the house."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

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

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CALLS = (
    CallFacts(),
    CallFacts(attempts=1, outcome="unavailable", code="supplier_down", retry_at=NOW + MINUTE,
              first_failed_at=NOW - MINUTE),
    CallFacts(attempts=1, outcome="refused", code="whatever"),
    CallFacts(attempts=6, outcome="unknown", code="supplier_timeout", first_failed_at=NOW - 60 * MINUTE),
)


def order(state: O, age: timedelta, call: CallFacts, *, hold: bool, refusal: str = "") -> OrderFacts:
    """An order that was asked for `age` ago."""
    return OrderFacts(
        state=state, hold=hold, total_minor=50_000, cost_minor=50_000, asked_at=NOW - age,
        known=state in LIVE | {O.CANCELLED, O.LAPSED}, looked_at=NOW - min(age, 2 * MINUTE),
        pay_by=NOW + timedelta(days=1), ticketed_at=NOW - age if state is O.TICKETED else None,
        has_tickets=True, refusal=refusal, create=call, pay=call, quote=call, cancel=call, look=call,
        watch_until=NOW + timedelta(hours=70) if refusal == "airline_no_answer" else None,
    )


def payment(state: P, age: timedelta, call: CallFacts) -> PaymentFacts:
    """A payment that was opened `age` ago."""
    taken = state is P.CAPTURED
    return PaymentFacts(
        state=state, amount_minor=50_000, captured_minor=50_000 if taken else 0, refunded_minor=0,
        asked_at=NOW - age, known=state is not P.NEW, looked_at=NOW - min(age, 2 * MINUTE),
        authorised_at=NOW - age if state in (P.AUTHORISED, P.CAPTURING, P.CAPTURED) else None,
        create=call, capture=call, void=call, look=call,
    )


def everything() -> Iterator[Facts]:
    """Every wish, route, end, order, payment, refund, age and last answer together."""
    ages = (MINUTE, timedelta(minutes=31), timedelta(hours=7, minutes=45))
    orders: list[tuple[O | None, str]] = [(None, "")] + [(s, "") for s in O if s is not O.NOT_CREATED]
    orders += [(O.NOT_CREATED, "sold_out"), (O.NOT_CREATED, "price_changed"), (O.NOT_CREATED, "airline_no_answer")]
    payments: list[P | None] = [None, *P]
    refunds: list[R | None] = [None, *R]
    told = frozenset({"unknown_outcome", "ticketed_unpaid", "orphaned_booking", "charged_without_order",
                      "compensation_failed", "refund_failed"})
    for wish, route, closing, age, call, cases in itertools.product(
        Wish, (Route.HOLD_FIRST, Route.AUTH_FIRST), ("", "payment_window"), ages, CALLS, (frozenset[str](), told)
    ):
        for (o, refusal), p, r in itertools.product(orders, payments, refunds):
            if r is not None and p is not P.CAPTURED:
                continue  # a refund is of captured money
            yield Facts(
                wish=wish, route=route, accepted_minor=50_000, wished_at=NOW - age,
                offer_expires_at=NOW + 20 * MINUTE, priced_minor=50_000, priced_at=NOW - MINUTE / 2, closing=closing,
                chose_hold=wish is Wish.HOLD, cases=cases, agreed_refund_minor=40_000 if wish is Wish.CANCEL else None,
                order=order(o, age, call, hold=route is Route.HOLD_FIRST, refusal=refusal) if o else None,
                payment=payment(p, age, call) if p else None,
                refunds=(RefundFacts(1, r, 40_000, True, "cancelled", NOW - age, sent_at=NOW - age, send=call),)
                if r else (),
            )


def changed_flights() -> Iterator[Facts]:
    """A ticket whose flights the airline changed: every answer, what became of it, call, quote, payment and wish."""
    known = frozenset({"change_to_accept", "change_unanswered", "refund_due"})
    quotes: tuple[tuple[str, int | None, str], ...] = (
        ("", None, ""), ("q", 50_000, "balance"), ("q", 49_999, "balance"), ("q", 50_000, "voucher"))
    for wish, closing, paid, wanted, cases, r in itertools.product(
            (Wish.BOOK, Wish.CANCEL), ("", "airline_cancelled"), (None, *P), (False, True), (frozenset[str](), known),
            (None, R.SENT)):
        if r is not None and paid is not P.CAPTURED:
            continue
        for said, taken, may, by, accept, quote, cancel, age in itertools.product(
                ("", "accept", "refund"), ("", "accepted", "cancelled", "changed"), (False, True),
                (None, NOW - MINUTE, NOW + MINUTE), (*CALLS, CallFacts(attempts=1, outcome="ok")), quotes,
                (CallFacts(), CALLS[2]), (MINUTE, 6 * MINUTE, 61 * MINUTE)):
            if (may and taken) or (by and (said or taken)) or (said != "accept" and accept.outcome) or (
                    said != "refund" and (cancel.outcome or quote[0])):
                continue  # what was dealt with can be accepted no more, and nobody waits for an answer
            base = replace(order(O.TICKETED, age, CallFacts(), hold=True), looked_at=NOW - age)
            yield Facts(
                wish=wish, route=Route.HOLD_FIRST, accepted_minor=50_000, wished_at=NOW - age, closing=closing,
                offer_expires_at=NOW + 20 * MINUTE, quote_wanted=wanted, cases=cases,
                agreed_refund_minor=40_000 if wish is Wish.CANCEL else None,
                payment=payment(paid, age, CallFacts()) if paid else None,
                refunds=(RefundFacts(1, r, 100, True, "staff", NOW - age, sent_at=NOW - age),) if r else (),
                order=replace(base, change_answer=said, change_taken=taken, change_acceptable=may, accept=accept,
                              change_answer_by=by, change_answered_at=NOW - age if said else None, quote_id=quote[0],
                              quote_refund_minor=quote[1], quote_refund_to=quote[2], cancel=cancel))


def money_of(f: Facts) -> P | None:
    return f.payment and f.payment.state


def change_complaint(f: Facts) -> str:
    """What is wrong with the decision about changed flights, "" when nothing is."""
    decision, o = decide(f, NOW), f.order
    assert o is not None
    money = money_of(f)
    if decision == Do(Step.ACCEPT_CHANGE):
        fine = (o.change_answer, o.change_taken, o.change_acceptable, money) == ("accept", "", True, P.CAPTURED)
        return "" if fine and o.accept.outcome not in ("ok", "refused") and not f.quote_wanted else "accepted unasked"
    if decision == Do(Step.CANCEL_CHANGED):
        full = (o.quote_refund_to, o.quote_refund_minor) == ("balance", 50_000)
        asked = o.change_answer == "refund" and not o.change_taken and money is P.CAPTURED
        back = decide(replace(f, order=replace(o, cancel=CALLS[2])), NOW)  # the airline refuses: not again
        return "" if full and asked and back != decision else "cancelled for less than everything, or for ever"
    if money is P.AUTHORISED and f.wish is Wish.BOOK and o.change_answer and not f.quote_wanted:
        return "" if decision == Do(Step.CAPTURE) else "the card waits for the airline"
    return complaint(f)


def test_every_combination_about_changed_flights_is_decided_and_breaks_no_rule() -> None:
    wrong, seen, reached = [], 0, set()
    for f in changed_flights():
        seen += 1
        decision = decide(f, NOW)
        reached.add(decision.step if isinstance(decision, Do) else decision.kind if isinstance(decision, Attention) else
                    decision.why if isinstance(decision, Wait) else "rest")
        if (what := change_complaint(f)) and len(wrong) < 10:
            wrong.append((what, decision, f.wish, f.closing, money_of(f), f.quote_wanted, f.cases, f.order))
    print(f"\n{seen} combinations about changed flights")
    assert not wrong, "\n".join(map(str, wrong))
    assert {Step.ACCEPT_CHANGE, Step.CANCEL_CHANGED, Step.QUOTE_CANCEL, Step.LOOK_ORDER, "change_to_accept",
            "change_unanswered", "new flights", "refund", "rest"} <= reached


def complaint(f: Facts) -> str:
    """What is wrong with the decision about `f`, "" when nothing is."""
    decision = decide(f, NOW)
    o, p = f.order and f.order.state, f.payment and f.payment.state
    match decision:
        case Wait(until):
            return "" if until > NOW else "a wait that is over"
        case Attention(kind):
            again = decide(replace(f, cases=f.cases | {kind}), NOW)
            return "the same case again" if again == decision else ""
        case Rest():
            settled = status.derive_status(f) in status.FINAL | {status.Status.DRAFT}
            return "" if settled or f.cases or any(r.state is R.FAILED for r in f.refunds) else "rests unfinished"
        case Do(Step.CAPTURE):
            if f.closing and f.wish is not Wish.BOOK:
                return "capture for a ticket that came after the booking was given up"
            return "" if (o, p) == (O.TICKETED, P.AUTHORISED) else "capture without a live order (I1)"
        case Do(Step.CREATE_ORDER):
            fresh = o is None or (o is O.NOT_CREATED and f.order and f.order.refusal == "price_changed")
            paid = f.route is Route.HOLD_FIRST or f.wish is Wish.HOLD or p is P.AUTHORISED
            return "" if fresh and paid and not f.closing and f.wish is not Wish.CANCEL else "order not to be made"
        case Do(Step.PAY_ORDER):
            return "" if o is O.HELD and p in (P.AUTHORISED, P.CAPTURED) else "order paid without money"
        case Do(Step.VOID):
            keep = o is O.TICKETED and f.wish is Wish.BOOK and p is P.AUTHORISED
            return "void of a payment that a ticket stands for" if keep else ""
        case Do(Step.CLOSE | Step.CONFIRM_CANCEL):
            return "closed while unknown" if o in (O.CREATING, O.UNKNOWN, O.PAYING) else ""
        case Do(Step.OPEN_PAYMENT):
            return "" if p in (None, P.NEW, P.VOIDED) else "a second payment"
        case Do(Step.GIVE_UP_ORDER | Step.ORDER_FAILED):
            return "" if o is O.UNKNOWN else "given up before anybody looked (reliability.md 4.5)"
    return ""


def test_every_combination_of_facts_is_decided_and_breaks_no_rule() -> None:
    """59,904 combinations; the first ten that break a rule are printed."""
    wrong, seen = [], 0
    for f in everything():
        seen += 1
        what = complaint(f)
        if what and len(wrong) < 10:
            wrong.append((what, decide(f, NOW), f.wish, f.closing, f.order and (f.order.state, f.order.refusal),
                          f.payment and f.payment.state, f.refunds and f.refunds[0].state,
                          f.order and f.order.create.outcome, f.route, NOW - f.wished_at))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen > 10_000


UNANSWERED = CallFacts(attempts=1, outcome="unknown", code="gateway_down", first_failed_at=NOW - 30 * MINUTE)
RECENT = replace(UNANSWERED, first_failed_at=NOW - 29 * MINUTE)
REFUSED = replace(RECENT, outcome="refused", code="gateway_refused", first_failed_at=NOW - MINUTE)


def underway(order_state: O, payment_state: P, deed: CallFacts, *, r: R | None = None, known: bool = True) -> Facts:
    """A booking in the midst of undoing or capturing, whose looks are not answered before the next hour."""
    call = replace(deed, retry_at=NOW + 60 * MINUTE)
    wish = Wish.BOOK if payment_state in (P.CAPTURING, P.AUTHORISED) else Wish.CANCEL
    return Facts(
        wish=wish, route=Route.AUTH_FIRST, accepted_minor=50_000, wished_at=NOW - 60 * MINUTE,
        offer_expires_at=NOW + 20 * MINUTE, order=order(order_state, 60 * MINUTE, call, hold=False),
        payment=payment(payment_state, 60 * MINUTE, call),
        refunds=(RefundFacts(1, r, 40_000, known, "cancelled", NOW - 60 * MINUTE, sent_at=NOW, send=call),) if r else ())


@pytest.mark.failure("S10")
def test_half_an_hour_of_failing_to_undo_or_to_capture_is_told() -> None:
    """Also while nobody can look whether it was done (reliability.md 11); before that, the wait ends in time."""
    for facts, kind in (
        (lambda c: underway(O.CANCELLED, P.VOIDING, c), "compensation_failed"),
        (lambda c: underway(O.CANCELLING, P.CAPTURED, c), "compensation_failed"),
        (lambda c: underway(O.CANCELLED, P.CAPTURED, c, r=R.SENT, known=False), "compensation_failed"),
        (lambda c: underway(O.TICKETED, P.CAPTURING, c), "ticketed_unpaid"),
        (lambda c: underway(O.TICKETED, P.AUTHORISED, c), "ticketed_unpaid"),
    ):
        assert decide(facts(UNANSWERED), NOW) == Attention(kind)
        early = decide(facts(RECENT), NOW)
        assert isinstance(early, Wait) and early.until == NOW + MINUTE
        told = decide(replace(facts(UNANSWERED), cases=frozenset({kind})), NOW)
        assert isinstance(told, Wait) and told.until == NOW + 60 * MINUTE  # and it goes on


def test_a_payment_that_cannot_be_opened_for_half_an_hour_is_told() -> None:
    """A wrong key or a silent gateway: the customer cannot pay, and somebody must know."""
    held = replace(underway(O.HELD, P.NEW, UNANSWERED), wish=Wish.BOOK)
    assert decide(held, NOW) == Attention("payment_unopened")
    told = replace(held, cases=frozenset({"payment_unopened"}))
    assert decide(told, NOW) == Wait(NOW + 60 * MINUTE, "retry")


@pytest.mark.failure("S16")
def test_a_card_is_released_in_time_also_while_the_airline_cannot_be_asked() -> None:
    """I7: the looks at the order fail, and the reservation still ends before its eighth hour."""
    call = replace(UNANSWERED, retry_at=NOW + 60 * MINUTE)
    last = timedelta(hours=7, minutes=30)
    for state, end in ((O.HELD, Do(Step.CLOSE, "airline_unreachable")), (O.PAYING, Do(Step.VOID)),
                       (O.UNKNOWN, Do(Step.VOID))):
        for early in (timedelta(0), 10 * MINUTE):
            age = last - early
            facts = Facts(
                wish=Wish.BOOK, route=Route.AUTH_FIRST, accepted_minor=50_000, wished_at=NOW - age,
                offer_expires_at=NOW + 20 * MINUTE, cases=frozenset({"unknown_outcome"}),
                payment=payment(P.AUTHORISED, age, CallFacts()),
                order=replace(order(state, age, call, hold=state is O.HELD), looked_at=NOW - 70 * MINUTE))
            decision = decide(facts, NOW)
            assert decision == (Wait(NOW + early, "release the card") if early else end), state
    closed = replace(facts, closing="airline_unreachable", order=order(O.HELD, last, call, hold=True))
    assert decide(closed, NOW) == Do(Step.VOID)


@pytest.mark.failure("S4")
def test_a_void_that_is_not_answered_goes_on_while_the_order_is_unknown() -> None:
    call = replace(UNANSWERED, retry_at=NOW + 60 * MINUTE)
    facts = Facts(
        wish=Wish.BOOK, route=Route.AUTH_FIRST, accepted_minor=50_000, wished_at=NOW - 460 * MINUTE,
        offer_expires_at=NOW + 20 * MINUTE, cases=frozenset({"unknown_outcome"}),
        payment=payment(P.VOIDING, 460 * MINUTE, CallFacts()),
        order=replace(order(O.UNKNOWN, 460 * MINUTE, call, hold=False), looked_at=NOW - 70 * MINUTE))
    assert decide(facts, NOW) == Do(Step.LOOK_PAYMENT)


@pytest.mark.failure("S8")
@pytest.mark.parametrize("money", [P.OPEN, P.AUTHORISED])
def test_a_held_order_that_became_dearer_is_not_paid_with_a_card_that_agreed_to_less(money: P) -> None:
    held = replace(order(O.HELD, MINUTE, CallFacts(), hold=True), looked_at=NOW)
    known = replace(underway(O.HELD, P.AUTHORISED, CallFacts()), route=Route.HOLD_FIRST,
                    payment=payment(money, MINUTE, CallFacts()))
    assert decide(replace(known, order=replace(held, total_minor=50_001)), NOW) == Do(Step.VOID)
    assert decide(replace(known, order=held), NOW) != Do(Step.VOID)


def test_a_capture_that_was_refused_is_told_at_once() -> None:
    assert decide(underway(O.TICKETED, P.AUTHORISED, REFUSED), NOW) == Attention("ticketed_unpaid")
    often = replace(RECENT, attempts=5)
    assert decide(underway(O.TICKETED, P.AUTHORISED, often), NOW) == Attention("ticketed_unpaid")


def test_status_is_never_closed_while_something_is_open_outside() -> None:
    """I5 for every combination of facts."""
    for f in everything():
        if status.derive_status(f) in status.CLOSED:
            assert f.order is None or f.order.state not in LIVE | {O.CREATING, O.UNKNOWN}
            assert f.payment is None or f.payment.state not in status.MONEY_ACTIVE
