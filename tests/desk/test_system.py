"""A stored message heard again, and sales paused and resumed."""

from __future__ import annotations

from typing import Any

import pytest

from bookings import desk
from bookings.models import StaffAction
from fly2any.kernel.errors import Problem
from payments.models import GatewayEvent
from suppliers import pause
from suppliers.models import SalesPause, SupplierEvent
from tests.console import rows
from tests.desk.pressing import Desk, somebody

pytestmark = pytest.mark.django_db


def message(**changes: Any) -> GatewayEvent:
    return GatewayEvent.objects.create(**{
        "provider": "stripe", "event_id": "evt_1", "kind": "payment.changed", "raw_kind": "payment_intent.succeeded",
        "intent_id": "pi_x", "fate": "unmatched", "received_at": rows.NOW, **changes})


def test_a_message_that_named_nothing_finds_its_booking_and_heals_the_case(at_desk: Desk) -> None:
    b = rows.confirmed()
    event = message(fate="given_up", intent_id="pi_gone")
    case = rows.case(None, "unmatched_event", subject="stripe:evt_1")
    at_desk.press("replay", case=case)
    case.refresh_from_db()
    assert case.closed_at is None and "nothing that we know" in StaffAction.objects.get().said
    GatewayEvent.objects.update(intent_id=b.payments.get().external_id)
    before = b.wakes
    at_desk.press("replay", case=case)
    b.refresh_from_db()
    case.refresh_from_db()
    event.refresh_from_db()
    assert (b.wakes, event.fate, event.booking_id) == (before + 1, "heard", b.pk) and case.closed_at is not None
    assert b.payments.get().news_at is not None


def test_an_airlines_message_is_heard_again_from_its_booking(at_desk: Desk) -> None:
    b = rows.confirmed()
    assert "No message" in at_desk.why_not("replay", booking=b)
    SupplierEvent.objects.create(provider="duffel", event_id="wev_1", kind="order.changed", raw_kind="order.updated",
                                 order_id=b.orders.get().external_id, fate="heard", booking=b, received_at=rows.NOW)
    at_desk.press("replay", booking=b)
    assert b.orders.get().news_at is not None


def test_a_message_is_replayed_by_its_id(at_desk: Desk) -> None:
    b = rows.confirmed()
    message(intent_id=b.payments.get().external_id, fate="heard", booking=b)
    at_desk.press("replay", event="evt_1")
    at_desk.press("replay", event="stripe:evt_1")
    assert StaffAction.objects.count() == 2
    with pytest.raises(Problem, match="No such message"):
        at_desk.press("replay", event="evt_2")
    GatewayEvent.objects.update(kind="ping")
    with pytest.raises(Problem, match="listens"):
        at_desk.press("replay", event="evt_1")


@pytest.mark.failure("O10")
def test_sales_are_paused_once_and_resumed(at_desk: Desk) -> None:
    assert "Nobody" in at_desk.why_not("resume_sales")
    at_desk.press("pause_sales", supplier="duffel", reason="They answer nonsense.")
    assert pause.paused("duffel") == "They answer nonsense."
    with pytest.raises(Problem, match="already"):
        at_desk.press("pause_sales", params={"supplier": "duffel"})
    at_desk.press("pause_sales", supplier="all", reason="Everything is strange.")
    assert "everything" in at_desk.why_not("pause_sales")
    said = at_desk.press("resume_sales", supplier="duffel", reason="They are well.").said
    assert "another stands" in said and pause.paused("duffel") == "Everything is strange."
    at_desk.press("resume_sales", supplier="all", reason="All is well.")
    assert pause.paused("duffel") is None
    with pytest.raises(Problem):
        at_desk.press("resume_sales", params={"supplier": "duffel"})
    row = SalesPause.objects.get(supplier="duffel")
    assert (row.by, row.lifted_by, row.lifted_because) == (at_desk.operator, at_desk.operator, "They are well.")


def test_what_the_machine_paused_is_not_resumed_by_staff(at_desk: Desk) -> None:
    pause.pause(supplier="duffel", cause=pause.BALANCE, reason="The balance is used up.", now=rows.NOW)
    assert "Nobody of us" in at_desk.why_not("resume_sales")
    with pytest.raises(Problem):
        at_desk.press("resume_sales", params={"supplier": "duffel"})
    assert pause.paused("duffel") is not None


@pytest.mark.parametrize("name", ["replay", "pause_sales", "resume_sales"])
def test_the_house_is_steered_by_permission_only(at_desk: Desk, name: str) -> None:
    with pytest.raises(Problem) as refused:
        at_desk.press(name, by=somebody("do_refund", "do_note"), params={})
    assert refused.value.code == "forbidden" and desk.ACTIONS[name].group == "system"
