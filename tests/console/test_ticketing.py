"""The ticketing worklist: what stands in it and in which order, whose it is, what is found, and that it costs the same."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.admin.ticketing.lines import first_of, lines_of, money_of
from bookings.admin.ticketing.reading import Asked, page
from bookings.models import Booking
from tests.console import rows
from tests.console.rows import NOW
from tests.desk.pressing import somebody

pytestmark = pytest.mark.django_db
LIST = "/admin/bookings/booking/ticketing/"
H = timedelta(hours=1)


def due(hours: float | None, **changes: Any) -> Booking:
    b = rows.reserved(**changes)
    b.orders.update(pay_by=None if hours is None else NOW + hours * H)
    return b


def listed(user: User, **values: str) -> list[Booking]:
    return [order.booking for order in page(Asked.read(values), user, NOW).orders]


def operator() -> User:
    user = somebody("do_tickets", "view_booking", "view_case", "do_pay_link")
    user.user_permissions.add(Permission.objects.get(codename="view_case"))
    return user


def test_the_nearest_deadline_comes_first_and_what_has_tickets_is_not_there() -> None:
    user = operator()
    late, soon, far, never = due(-1), due(3), due(40), due(None)
    due(2).orders.update(state="ticketed")
    missing = due(-9)
    missing.orders.update(state="ticketed", ticketed_at=NOW)
    rows.case(missing, "tickets_missing")
    assert listed(user) == [missing, late, soon, far, never]
    assert listed(user, which="soon") == [missing, late, soon]
    soon.orders.update(handler=user)
    assert listed(user, which="mine") == [soon]


def test_pages_follow_one_another_without_a_line_lost_or_doubled() -> None:
    user, made = operator(), [due(hours) for hours in (1, 1, 2, None, None)]
    seen, after = [], ""
    while True:
        found = page(Asked(after=after), user, NOW, size=2)
        seen += [order.booking for order in found.orders]
        after = found.after
        if not after:
            break
    assert seen == made
    assert Asked.read({"after": "99999999999999999.1'"}).after == "" and Asked.read({"which": "x"}).which == "all"
    assert page(Asked(after="99999999999999999.1"), user, NOW).orders == []


def test_a_reservation_is_found_by_our_reference_its_locator_and_the_airlines_own() -> None:
    user, one, other = operator(), due(1), due(2)
    order = one.orders.get()
    order.locators = [["GDS", order.pnr], ["LH", "AIRLOC"]]
    order.save()
    for words in (one.reference, one.reference.removeprefix("FLY2A-").lower(), order.pnr, "airloc", order.external_id):
        assert listed(user, q=words) == [one], words
    assert listed(user, q="LH") == [] and other in listed(user)


@pytest.mark.parametrize(("wanted", "payment", "changes", "says", "first"), [
    (False, "", {}, "Nothing yet", "send_pay_link"), (True, "", {}, "Link sent", "enter_tickets"),
    (True, "authorised", {"authorised_at": NOW - H}, "Card reserved", "enter_tickets"),
    (False, "voided", {"authorised_at": NOW - 9 * H}, "Card released", "send_pay_link"),
    (False, "captured", {"provider": "desk", "method": "cash"}, "Paid elsewhere", "enter_tickets")])
def test_a_line_says_where_the_money_stands_and_what_comes_first(wanted: bool, payment: str, changes: dict[str, Any],
                                                                 says: str, first: str) -> None:
    b = due(5, card_wanted=wanted)
    paid = rows.payment(b, payment, **changes) if payment else None
    order = b.orders.get()
    assert (money_of(order, paid, NOW)[0], first_of(order, paid, NOW)) == (says, first)
    assert first_of(order, paid, NOW + 6 * H) == "look_again", "past the deadline the airline is asked first"


def test_a_line_names_everybody_as_sent_and_the_time_left_in_words() -> None:
    b = due(3 + 1 / 3)
    b.passengers.create(position=1, external_id="p2", kind="infant", given_name="Bo", family_name="Ångström")
    rows.case(b, "ticketing_deadline")
    (line,) = lines_of([b.orders.get()], operator(), NOW)
    assert line.people == ("AANGSTROEM / GRETA", "AANGSTROEM / BO (infant)")
    assert (line.left, line.urgency, line.about) == ("3 h 20 min", "hurry", "the case")
    assert line.flights == (("FRA → LHR", "LH 123", "20 Dec 2026, 09:00"),)
    b.orders.update(pay_by=NOW - 0.5 * H)
    assert lines_of([b.orders.get()], operator(), NOW)[0].left == "overdue by 30 min"


def test_only_who_may_enter_tickets_sees_it_and_it_costs_the_same_however_long(client: Client) -> None:
    client.force_login(somebody("view_booking", "view_case"))
    assert client.get(LIST).status_code == 403
    client.force_login(operator())
    assert "Every reservation has its tickets" in client.get(LIST).content.decode()

    def queries() -> int:
        with CaptureQueriesContext(connection, ) as seen:
            assert client.get(LIST).status_code == 200
        return len(seen)

    due(1)
    one = queries()
    for hours in range(2, 7):
        due(hours)
    assert queries() == one and client.post(LIST).status_code == 405


def test_it_is_taken_with_one_press_and_leads_back_to_the_list(client: Client) -> None:
    user, b = operator(), due(5)
    client.force_login(user)
    shown = client.get(LIST).content.decode()
    key = shown.partition(f'booking/{b.pk}/do/take_ticketing/')[2].partition('name="key" value="')[2].partition('"')[0]
    answer = client.post(f"/admin/bookings/booking/{b.pk}/do/take_ticketing/?from=ticketing", {"key": key})
    assert answer.status_code == 302 and answer["Location"] == LIST and b.orders.get().handler == user
    assert "<strong>me</strong>" in client.get(LIST).content.decode()
    assert 'To ticket: <strong>1</strong>' in client.get("/admin/").content.decode()


@pytest.mark.parametrize(("asked", "index"), [
    (Asked(), "order_to_ticket"), (Asked(which="soon"), "order_to_ticket"), (Asked(which="mine"), "order_to_ticket_owned"),
    (Asked(after="1795305600000000.5"), "order_to_ticket")])
def test_each_list_is_read_through_its_index(asked: Asked, index: str) -> None:
    """Among ten thousand orders that have ended, none of which is touched."""
    b, user = due(5), operator()
    b.orders.update(handler=user)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO suppliers_supplierorder (booking_id, supplier, external_id, offer_external_id, state, hold, "
                       "pnr, total_minor, currency, asked_at, attach_id, refusal, refusal_detail, changed, tickets, actions, "
                       "itinerary, flight_change, change_answer, quote_id, quote_refund_to, created_at) SELECT booking_id, "
                       "'amadeus', 'x' || n, 'o' || n, 'cancelled', false, '', 1, 'USD', asked_at, '', '', '{}', false, '[]', "
                       "'[]', '[]', '{}', '', '', '', now() FROM suppliers_supplierorder, generate_series(1, 10000) n")
        cursor.execute("ANALYZE suppliers_supplierorder")
        with CaptureQueriesContext(connection) as seen:
            page(asked, user, NOW)
        cursor.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + seen[0]["sql"])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert index in plan and "Seq Scan on suppliers_supplierorder" not in plan, plan
    assert "Rows Removed" not in plan or max(map(int, re.findall(r"Rows Removed by Filter: (\d+)", plan))) < 10, plan
