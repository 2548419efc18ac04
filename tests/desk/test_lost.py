"""A reservation whose answer was lost: found by its id or its locator, or nothing was made; the page says by what to look."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from bookings import desk
from bookings.admin.queue.lines import line_of
from bookings.models import Booking, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.console import rows
from tests.desk.pressing import Desk, form_errors

pytestmark = pytest.mark.django_db


def lost(**changes: Any) -> Booking:
    b = rows.reserved(status="PENDING", **changes)
    b.orders.update(state="unknown", external_id="", pnr="", locators=[], pay_by=None)
    return b


def by(hours: float = 20) -> str:
    return f"{clock.now() + timedelta(hours=hours):%Y-%m-%dT%H:%M}"


def test_by_its_locator_alone_it_is_reserved_until_the_deadline_that_staff_read(at_desk: Desk) -> None:
    b = lost()
    case = rows.case(b, "unknown_outcome")
    action, here = desk.ACTIONS["attach_order"], desk.situation_of(booking=b)
    assert list(form_errors(action, here, order_id="x4rt2k")) == ["ticket_by"], "nobody can ask for its deadline"
    assert list(form_errors(action, here, order_id="X4RT2K", ticket_by=by(-1))) == ["ticket_by"]
    assert "cannot be fetched" in " ".join(action.plan(here, {"order_id": "X4RT2K"}).will)
    at_desk.press("attach_order", booking=b, order_id="x4rt2k", ticket_by=by())
    order = b.orders.get()
    assert (order.state, order.external_id, order.pnr) == ("reserved", "locator:X4RT2K", "X4RT2K")
    assert order.pay_by is not None and order.attach_id == "" and b.diary.get(event="order.moved", after="reserved",
                                                                              cause="record locator X4RT2K")
    case.refresh_from_db()
    assert case.closed_because == "staff found the order"
    with pytest.raises(Problem, match=b.reference):
        at_desk.press("attach_order", booking=lost(), order_id="X4RT2K", ticket_by=by())


def test_an_id_is_one_order_however_it_is_written(at_desk: Desk) -> None:
    known, b = rows.reserved().orders.get().external_id, lost()
    assert "%" in known
    for written in (known, unquote(known)):
        with pytest.raises(Problem, match="belongs to"):
            at_desk.press("attach_order", booking=b, order_id=written)
    at_desk.press("attach_order", booking=b, order_id="eJzTd9f3NjIJdzUGAAp/AiY=")
    assert b.orders.get().attach_id == "eJzTd9f3NjIJdzUGAAp/AiY=" and b.orders.get().state == "unknown"


def test_a_failed_booking_gets_no_reservation_that_nobody_can_cancel(at_desk: Desk) -> None:
    with pytest.raises(Problem, match="by hand"):
        at_desk.press("attach_order", booking=lost(closing="creation_failed"), order_id="X4RT2K", ticket_by=by())


def test_nothing_was_made_is_said_once_after_looking_twice(at_desk: Desk) -> None:
    b = lost()
    action = desk.ACTIONS["not_made"]
    assert set(form_errors(action, desk.situation_of(booking=b))) == {"by_name", "by_remark"}
    at_desk.press("not_made", booking=b, by_name=True, by_remark=True)
    assert b.orders.get().failed_notice_at is not None and b.orders.get().state == "unknown", "the worker ends it"
    assert "said so already" in at_desk.why_not("not_made", booking=b)
    assert StaffAction.objects.get().params == {"by_name": True, "by_remark": True}
    other = rows.booking()
    rows.order(other, "unknown", external_id="")
    assert "airline itself says" in at_desk.why_not("not_made", booking=other)
    assert "is known" in at_desk.why_not("not_made", booking=rows.reserved())


def test_the_case_says_by_what_to_look_and_offers_both_answers(client: Client, at_desk: Desk) -> None:
    b = lost()
    case = rows.case(b, "unknown_outcome")
    client.force_login(at_desk.operator)
    for address in (f"/admin/bookings/case/{case.pk}/change/", f"/admin/bookings/booking/{b.pk}/change/"):
        page = client.get(address).content.decode()
        section = page.partition('class="look-for"')[2].partition("</section>")[0]
        assert "<strong>AANGSTROEM / GRETA</strong>" in section and f"FLY2ANY {b.reference}" in section
        assert "/do/attach_order/" in section and "/do/not_made/" in section
    assert line_of(case, at_desk.operator, clock.now()).action_address.endswith("/do/attach_order/")
    assert "look-for" not in client.get(f"/admin/bookings/booking/{rows.confirmed().pk}/change/").content.decode()
