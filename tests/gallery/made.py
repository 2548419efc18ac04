"""States that take days, staff or a failing bank: their rows are written into the stack's database, as tests/pages does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from bookings.models import Booking, ChangeRequest, Passenger, Selection
from fly2any.kernel import clock
from tests.customer import Guest
from tests.journeys.visitor import Visitor
from tests.pages.travel import make
from tests.stack import Stack
from tests.trail import rows

Steps = Iterator[str]
CLOSED = ("sold_out", "offer_expired", "too_many_attempts", "airline_no_answer", "captured_without_order")
DECLINES = ("card_declined", "insufficient_funds", "expired_card", "incorrect_cvc", "auth_failed", "card_limit",
            "processing_error")
LONG = ("Maximiliana Theodora", "Wolfeschlegelsteinha", "Anna-Sophia Charlotte", "Featherstonehaugh")


@contextmanager
def rows_of(stack: Stack) -> Iterator[None]:
    """Within, this process's models are the rows of the running site."""
    from django.db import connection

    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = urlsplit(stack.database_url).path.strip("/")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


def guest_of(visitor: Visitor) -> str:
    """Make the visitor a guest we know; returns how rows name them."""
    guest = Guest()
    name, _, value = guest.headers["Cookie"].partition("=")
    visitor.page.context.add_cookies([{"name": name, "value": value, "url": visitor.stack.url}])
    return guest.principal


def paid(booking: Booking, **order: Any) -> Any:
    """A ticketed order and its captured payment."""
    tickets = [{"kind": "ticket", "number": "125-7001122334"}]
    made = rows.order(booking, **{"external_id": f"ord_{booking.pk}", "pnr": "X7K2PQ", "actions": ["cancel"],
                                  "tickets": tickets, **order})
    return rows.payment(booking, state="captured", captured_minor=59999, card_brand="visa", card_last4="4242", order=made)


def crowd(booking: Booking, number: int = 9) -> None:
    """Nine travellers with names as long as airlines print them."""
    booking.passengers.all().delete()
    for at in range(number):
        Passenger.objects.create(
            booking=booking, position=at, external_id=f"pas_{at + 1}", kind="adult", title="ms", gender="f",
            given_name=LONG[at % 2 * 2], family_name=LONG[at % 2 * 2 + 1], born_on=date(1990, 5, 17))


def on_the_way(visitor: Visitor) -> Steps:
    """Bookings that are being made: each step of the progress page, and what the customer must decide."""
    who = guest_of(visitor)
    now = clock.now()
    with rows_of(visitor.stack):
        for name, where, state in (
                ("progress-reserving", "progress", {"status": "PENDING", "progress": "reserving"}),
                ("progress-checking", "progress", {"status": "PENDING", "progress": "checking", "route": "hold_first"}),
                ("progress-late", "progress", {"status": "PENDING", "progress": "checking", "route": "hold_first",
                                               "wished_at": now - timedelta(seconds=90)}),
                ("progress-ticket", "progress", {"status": "PENDING_PAYMENT", "progress": "ticket",
                                                 "route": "hold_first", "money": "reserved"}),
                ("price-rose", "price", {"status": "PENDING", "progress": "consent", "priced_minor": 65000})):
            booking = make(who, **state)
            visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}/{where}")
            yield name
        booking = make(who, status="PENDING_PAYMENT", progress="card")
        low = rows.order(booking, external_id="ord_low", state="held", hold=True, total_minor=58000)
        rows.payment(booking, amount_minor=58000, order=low)
        visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}/pay")
        yield "pay-cheaper"


def declines(visitor: Visitor) -> Steps:
    """Every way in which a bank says no, the last minutes, and the end of all attempts."""
    who = guest_of(visitor)
    with rows_of(visitor.stack):
        for kind in DECLINES:
            booking = make(who, status="PENDING_PAYMENT", progress="card", accepted_minor=62499, services_minor=2500,
                           window_ends_at=clock.now() + timedelta(minutes=11))
            Selection.objects.create(booking=booking, kind="seat", detail="14C", unit_minor=2500, passenger_position=0,
                                     service_external_id="ase_seat")
            rows.payment(booking, declines=2, decline_kind=kind)
            visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}/pay")
            yield f"declined-{kind}"


def at_rest(visitor: Visitor) -> Steps:
    """The page of a booking, however it ended."""
    who = guest_of(visitor)
    with rows_of(visitor.stack):
        for name, booking in _ends(who):
            visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}")
            yield name
        visitor.page.goto(f"{visitor.stack.url}/trips")
        yield "trips-20"


def _ends(who: str) -> Iterator[tuple[str, Booking]]:
    now = clock.now()
    many = [{"external_id": f"pas_{at + 1}", "kind": "adult", "age": None} for at in range(9)]
    crowded = make(who, offer={"passengers": many}, status="CONFIRMED", progress="done", money="charged")
    crowd(crowded)
    paid(crowded)
    yield "trip-nine-people", crowded
    yield "trip-hold", make(who, status="HOLD", progress="held", wish="hold", route="hold_first",
                            pay_by=now + timedelta(hours=20))
    yield "trip-pending-ticket", make(who, status="PENDING_TICKETING", progress="staff", route="manual")
    for code in CLOSED:
        yield f"trip-not-booked-{code}", make(who, status="FAILED", progress="closed", closing=code)
    yield "trip-detail-refused", make(
        who, status="FAILED", progress="closed", closing="passenger_rejected",
        closing_detail={"field": "family_name", "position": "0", "reason": "it is too long"})
    yield "trip-expired", make(who, status="EXPIRED", progress="closed", closing="payment_window")
    yield "trip-hold-lapsed", make(who, status="EXPIRED", progress="closed", closing="hold_lapsed", wish="hold")
    yield "trip-undoing", make(who, status="CANCELLING", progress="undoing", closing="sold_out", money="reserved")
    for state in ("requested", "sent", "succeeded", "failed"):
        booking = make(who, status="CANCELLED" if state == "succeeded" else "CANCELLING", wish="cancel", money="refunding",
                       progress="closed" if state == "succeeded" else "undoing", agreed_refund_minor=40000)
        rows.refund(paid(booking, state="cancelled"), amount_minor=40000, state=state, requested_at=now,
                    sent_at=None if state == "requested" else now, done_at=now if state == "succeeded" else None)
        yield f"trip-refund-{state}", booking
    booking = make(who, status="CANCELLING", progress="undoing", money="refunding", closing="airline_cancelled")
    rows.refund(paid(booking, state="cancelled"), amount_minor=59999, cause="no_order", state="requested", requested_at=now)
    yield "trip-airline-cancelled", booking


def afterwards(visitor: Visitor) -> Steps:
    """Flights that the airline changes, and what our team answers."""
    who = guest_of(visitor)
    with rows_of(visitor.stack):
        for name, leaves, arrives, taken in (
                ("change-significant", "2026-12-20T09:00:00", "2026-12-20T21:05:00", ""),
                ("change-small", "2026-12-20T19:40:00", "2026-12-21T07:45:00", ""),
                ("change-accepted", "2026-12-20T19:40:00", "2026-12-21T07:45:00", "accepted")):
            booking = make(who, status="CONFIRMED", progress="done", money="charged")
            _changed(booking, leaves, arrives, taken)
            if not taken:
                visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}")
                yield f"trip-{name}"
            visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}/flights")
            yield name
        booking = make(who, status="CONFIRMED", progress="done", money="charged")
        paid(booking)
        now = clock.now()
        ChangeRequest.objects.create(
            booking=booking, topic="date", words="Please move the flight home to 22 December.", asked_at=now,
            answer_by=now + timedelta(hours=24), answered_at=now + timedelta(hours=2),
            answer="The airline moves it for USD 75.00. Shall we?")
        visitor.page.goto(f"{visitor.stack.url}/trips/{booking.reference}")
        yield "trip-request-answered"


def _changed(booking: Booking, leaves: str, arrives: str, taken: str) -> None:
    before = booking.offer.searched["slices"]
    after = copy.deepcopy(before)
    after[0]["segments"][0].update(departing_local=leaves, arriving_local=arrives)
    change = {"external_id": "aic_1", "before": before, "after": after, "actions": ["accept"], "taken": taken}
    paid(booking, itinerary=before, flight_change=change, change_seen_at=clock.now(),
         change_answer_by=clock.now() + timedelta(days=3))


MAILS: dict[str, dict[str, Any]] = {
    "confirmed": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
    "received": {"status": "PENDING", "progress": "reserving"}, "checking": {"status": "PENDING", "progress": "checking"},
    "price_changed": {"status": "PENDING", "progress": "consent", "priced_minor": 65000},
    "hold_created": {"status": "HOLD", "progress": "held", "wish": "hold"},
    "hold_reminder_2": {"status": "HOLD", "progress": "held", "wish": "hold"},
    "reserved": {"status": "PENDING_TICKETING", "progress": "staff", "route": "manual"},
    "card_released": {"status": "PENDING_TICKETING", "progress": "staff", "route": "manual"},
    "pay_needed": {"status": "PENDING_PAYMENT", "progress": "card"},
    "pay_link": {"status": "PENDING_PAYMENT", "progress": "card"},
    "not_booked": {"status": "FAILED", "progress": "closed", "closing": "sold_out"},
    "expired": {"status": "EXPIRED", "progress": "closed", "closing": "payment_window"},
    "cancelled": {"status": "CANCELLED", "progress": "closed", "wish": "cancel"},
    "airline_cancelled": {"status": "CANCELLING", "progress": "undoing", "closing": "airline_cancelled"},
    "flights_changed": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
    "lookup_link": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
}


def letters(visitor: Visitor) -> Steps:
    """Every mail of a booking as its reader sees it."""
    who = guest_of(visitor)
    with rows_of(visitor.stack):
        for kind, state in MAILS.items():
            booking = make(who, **state, **({"pay_by": clock.now() + timedelta(hours=20)} if "hold" in kind else {}))
            if kind == "flights_changed":
                _changed(booking, "2026-12-20T09:00:00", "2026-12-20T21:05:00", "")
            elif state["status"] in ("CONFIRMED", "CANCELLED", "CANCELLING"):
                paid(booking)
            visitor.page.goto("about:blank")  # none of our policy on the mail's own styles
            visitor.page.set_content(_html(kind, booking))
            yield f"mail-{kind}"


def _html(kind: str, booking: Booking) -> str:
    from bookings import mail
    from bookings.models import Outbox

    message = mail._message(Outbox(pk=1, kind=kind, booking=booking, version="1", due_at=clock.now()), booking, clock.now())
    return next(str(body) for body, kind in message.alternatives)


MADE: tuple[Callable[[Visitor], Steps], ...] = (on_the_way, declines, at_rest, afterwards, letters)
