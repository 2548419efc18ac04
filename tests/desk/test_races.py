"""Two people press the same or opposite buttons in the same moment: one thing is done. Real threads, real locks."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bookings import desk
from bookings.desk import doing
from bookings.facts import load
from bookings.models import Booking, Case, Diary, Proposal, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Refund
from tests.console import rows
from tests.desk.pressing import Desk, somebody

pytestmark = pytest.mark.django_db(transaction=True)
REFUND = {"amount_minor": 5_000, "again": 0, "seen": 0}
CANCEL = {"quote": "ore_1", "seen": 0}


def at_once(*presses: Callable[[], desk.Done]) -> list[str]:
    """What came of presses that start together: "done", "again" or the code of the refusal."""
    start = threading.Barrier(len(presses))

    def run(press: Callable[[], desk.Done]) -> str:
        try:
            start.wait(10)
            done = press()
            return "again" if done.again else "done"
        except Problem as problem:
            return problem.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(presses)) as pool:
        return sorted(pool.map(run, presses))


def pressing(name: str, booking: Booking, params: dict[str, Any], key: str = "") -> Callable[[], desk.Done]:
    """A press by somebody of their own."""
    by = desk.By(somebody("do_refund", "do_cancel", "do_capture", "do_void", "do_attach", "do_second"), "now",
                 key or secrets.token_urlsafe(12))
    return lambda: desk.do(desk.ACTIONS[name], by=by, params=params, booking_id=booking.pk)


def quoted() -> Booking:
    b = rows.confirmed()
    b.orders.update(quote_id="ore_1", quote_refund_minor=40_000, quote_refund_to="balance",
                    quote_expires_at=clock.now() + timedelta(hours=1))
    return b


def authorised(order: str) -> Booking:
    b = rows.booking()
    rows.order(b, order, ticketed_at=None, **({"external_id": ""} if order == "unknown" else {}))
    rows.payment(b, "authorised")
    return b


PAIRS: dict[str, tuple[Callable[[], Booking], tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "refund and refund": (rows.confirmed, ("refund", REFUND), ("refund", REFUND)),
    "refund and cancel": (quoted, ("refund", REFUND), ("cancel", CANCEL)),
    "cancel and refund": (quoted, ("cancel", CANCEL), ("refund", REFUND)),
    "cancel and cancel": (quoted, ("cancel", CANCEL), ("cancel", CANCEL)),
    "capture and void, held": (lambda: authorised("held"), ("capture", {}), ("void", {})),
    "void and capture, ticketed": (lambda: authorised("ticketed"), ("void", {}), ("capture", {})),
    "void and void": (lambda: authorised("held"), ("void", {}), ("void", {})),
    "attach and attach": (lambda: authorised("unknown"), ("attach_order", {"order_id": "ord_00000001"}),
                          ("attach_order", {"order_id": "ord_00000002"})),
}


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.failure("U2")
def test_of_two_presses_one_is_done(at_desk: Desk, pair: str) -> None:
    make, first, second = PAIRS[pair]
    for _ in range(2):
        b = make()
        ends = at_once(pressing(first[0], b, first[1]), pressing(second[0], b, second[1]))
        assert ends.count("done") == 1, ends
        assert StaffAction.objects.filter(booking=b).count() == 1
        written = Refund.objects.filter(payment__booking=b).count() + Diary.objects.filter(
            booking=b, event="wish.written", after="cancel").count()
        assert written <= 1


@pytest.mark.parametrize("pair", ["refund and cancel", "cancel and cancel"])
def test_the_control_without_the_lock_does_both(at_desk: Desk, monkeypatch: pytest.MonkeyPatch, pair: str) -> None:
    """The same presses where each reads how things stand before the other has written."""
    both_have_read = threading.Barrier(2)

    def unlocked(case_id: int | None, booking_id: int | None) -> desk.Situation:
        booking = Booking.objects.get(pk=booking_id)
        situation = desk.Situation(now=clock.now(), case=None, story=load(booking))
        both_have_read.wait(10)
        return situation

    monkeypatch.setattr(doing, "_locked", unlocked)
    make, first, second = PAIRS[pair]
    b = make()
    assert at_once(pressing(first[0], b, first[1]), pressing(second[0], b, second[1])) == ["done", "done"]


@pytest.mark.failure("U3")
def test_a_double_press_is_one_press(at_desk: Desk) -> None:
    for _ in range(2):
        b, key = rows.confirmed(), secrets.token_urlsafe(12)
        press = pressing("refund", b, REFUND, key)
        assert at_once(press, press, press) == ["again", "again", "done"]
        assert Refund.objects.filter(payment__booking=b).count() == 1


@pytest.mark.parametrize("second", [True, False])
def test_a_proposal_is_decided_once(at_desk: Desk, settings: Any, second: bool) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 1_000}
    for _ in range(2):
        b = rows.confirmed()
        assert at_desk.press("refund", booking=b, params=REFUND).proposed
        proposal = Proposal.objects.get(booking=b)

        def deciding(agreed: bool, of: int = proposal.pk) -> Callable[[], desk.Done]:
            by = desk.By(somebody("do_refund", "do_second"), "looked at", secrets.token_urlsafe(12))
            return lambda: desk.decide_proposal(of, agreed=agreed, by=by, actions=desk.ACTIONS)

        ends = at_once(deciding(True), deciding(second))
        assert ends == ["decided_already", "done"]
        proposal.refresh_from_db()
        assert Refund.objects.filter(payment__booking=b).count() == (proposal.decision == "agreed")


def test_two_proposals_of_the_same_are_one(at_desk: Desk, settings: Any) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 1_000}
    b = rows.confirmed()
    assert at_once(pressing("refund", b, REFUND), pressing("refund", b, REFUND)) == ["done", "proposed_already"]
    assert Proposal.objects.count() == StaffAction.objects.count() == 1 and not Case.objects.exists()
