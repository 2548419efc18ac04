"""Ticket numbers typed or pasted: who gets which, whose tickets they may be, and what becomes of the money."""

from __future__ import annotations

import pytest

from bookings import desk
from bookings.decide import decide
from bookings.desk import stock
from bookings.desk.tickets import unnumbered
from bookings.facts import load
from bookings.flow import Do, Step
from bookings.invariants import check
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.console import rows
from tests.desk.pressing import Desk, filled, form_errors

MAIL = """Dear partner, please find below:
  ANGSTROEM/GRETA MRS   220-2345678901  EUR 450.00
  ANGSTROEM/EMIL CHD    220 2345678902
  conf. +49 30 1234567890123456
"""
FAMILY = ["ANGSTROEM / GRETA", "ANGSTROEM / EMIL"]


@pytest.mark.parametrize(("text", "dealt"), [
    (MAIL, {0: ["2202345678901"], 1: ["2202345678902"]}),
    ("220-2345678902 ANGSTROEM/EMIL\n220-2345678901", {1: ["2202345678902"], 0: ["2202345678901"]}),
    ("220-2345678901, 220-2345678902", {0: ["2202345678901"], 1: ["2202345678902"]}),
    ("ANGSTROEM/GRETAMRS 220-2345678901\nANGSTROEM/EMIL 220-2345678902 220-2345678903",
     {0: ["2202345678901"], 1: ["2202345678902", "2202345678903"]}),
    ("220-2345678901", None), ("one 220-2345678901\ntwo 220-2345678902\nthree 220-2345678903", None)])
def test_pasted_numbers_go_to_those_they_name_or_in_order(text: str, dealt: dict[int, list[str]] | None) -> None:
    assert stock.dealt(text, FAMILY) == dealt


def test_no_two_airlines_have_one_code() -> None:
    assert len(set(stock.CODES.values())) == len(stock.CODES)
    assert all(len(code) == 3 and code.isdecimal() for code in stock.CODES.values())


def family(**changes: object) -> Booking:
    b = rows.reserved(**changes)
    b.passengers.create(position=1, external_id="pas_infant", kind="infant", given_name="Emil", family_name="Ångström")
    return b


@pytest.mark.django_db
def test_a_pasted_mail_is_shown_dealt_out_before_it_is_done(at_desk: Desk) -> None:
    b = family()
    action, situation = desk.ACTIONS["enter_tickets"], desk.situation_of(booking=b)
    values = filled(action, situation, private_paste=MAIL)
    told = dict(action.plan(situation, values).amounts)
    assert told == {"AANGSTROEM / GRETA": "220-2345678901", "AANGSTROEM / EMIL": "220-2345678902"}
    assert action.danger, "nothing is done that the page had not shown"
    at_desk.press("enter_tickets", booking=b, params=values)
    order = b.orders.get()
    assert {ticket["passengers"][0]: ticket["number"] for ticket in order.tickets} == {
        b.passengers.get(position=0).external_id: "2202345678901", "pas_infant": "2202345678902"}
    assert order.state == "ticketed" and unnumbered(order, b.passengers.all()) == []
    assert "private_paste" in form_errors(action, desk.situation_of(booking=family()), private_paste="220-2345678901")


@pytest.mark.django_db
def test_only_who_lacks_a_number_is_asked_for_and_the_others_keep_theirs(at_desk: Desk) -> None:
    b = family()
    b.orders.update(state="ticketed", ticketed_at=rows.NOW, tickets=[
        {"kind": "ticket", "number": "2202345678901", "passengers": [b.passengers.get(position=0).external_id]}])
    kind = desk.ACTIONS["enter_tickets"].form(desk.situation_of(booking=b))
    assert kind is not None and [f.label for f in kind().fields.values()][1:] == ["Ticket of Emil Ångström"]
    at_desk.press("enter_tickets", booking=b, private_ticket_0="220-2345678902")
    assert [ticket["number"] for ticket in b.orders.get().tickets] == ["2202345678901", "2202345678902"]
    assert "told us" in at_desk.why_not("enter_tickets", booking=b)


@pytest.mark.django_db
def test_tickets_of_another_airline_are_taken_only_when_somebody_says_so(at_desk: Desk) -> None:
    b = rows.reserved()
    b.offer.searched = {"owner_code": "LH"}
    b.offer.save()
    action, situation = desk.ACTIONS["enter_tickets"], desk.situation_of(booking=b)
    assert form_errors(action, situation, private_ticket_0="169-2345678901") == {
        "private_ticket_0": ["Tickets of LH begin with 220. Check the number; if it is right, say so below."]}
    at_desk.press("enter_tickets", booking=b, private_ticket_0="169-2345678901", other_stock=True)
    assert b.orders.get().tickets[0]["number"] == "1692345678901"


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "wanted", "says"), [
    ("authorised", True, "card is reserved"), ("open", True, "has not paid"), ("", False, "TICKETED UNPAID opens at once")])
def test_the_page_says_what_becomes_of_the_money(state: str, wanted: bool, says: str) -> None:
    b = rows.reserved(card_wanted=wanted)
    if state:
        rows.payment(b, state)
    plan = desk.ACTIONS["enter_tickets"].plan(desk.situation_of(booking=b), {})
    assert any(says in sentence for sentence in plan.will)
    assert (dict(plan.amounts) == {"Taken from the card": "USD 500.00"}) == (state == "authorised")


@pytest.mark.django_db
def test_a_ticket_of_an_order_that_nobody_can_fetch_is_not_looked_at(at_desk: Desk) -> None:
    b = rows.reserved(locator="X4RT2K")
    at_desk.press("record_payment", booking=b, method="cash", receipt="K-1")
    at_desk.press("enter_tickets", booking=b, private_ticket_0="220-2345678901")
    assert b.orders.get().news_at is None
    assert decide(load(b).picture(), clock.now()) != Do(Step.LOOK_ORDER)


@pytest.mark.django_db
def test_a_reservation_goes_to_a_colleague_with_its_alert(at_desk: Desk) -> None:
    b = rows.reserved()
    case = rows.case(b, "ticketing_deadline")
    at_desk.press("take_ticketing", booking=b, reason="")
    case.refresh_from_db()
    assert b.orders.get().handler == case.taken_by == at_desk.operator
    colleague = Desk().operator
    at_desk.press("give_ticketing", booking=b, reason="", to=colleague.pk)
    case.refresh_from_db()
    assert b.orders.get().handler == case.taken_by == colleague
    b.orders.update(state="ticketed")
    with pytest.raises(Problem, match="No reservation"):
        at_desk.press("take_ticketing", booking=b, reason="")
    assert [found for found in check(clock.now()) if found.invariant == "I2"] == []
