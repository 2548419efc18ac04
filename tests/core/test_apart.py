"""Where money and order could come apart between changed flights, refunds and extras that are sold under new names."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from bookings import afterwards, drafts, services, twins
from bookings.advance import Drive, advance
from bookings.decide import decide
from bookings.drafts import booking as drafting
from bookings.flow import CallFacts, Do, Facts, Step, Wait, Wish
from bookings.models import Booking, Case, Passenger, Segment, Selection
from bookings.selectors import booking_view
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Refund
from payments.types import PaymentState as P
from suppliers.models import SupplierOrder
from suppliers.types import OrderState as O
from tests.core import test_decide as table
from tests.core.test_changes import SIGNIFICANT, SMALL, answer, confirmed, free, hear, mails, move
from tests.core.test_extras_again import shop
from tests.world import HOLDABLE, TICKS, World, age

NEVER = CallFacts(attempts=1, outcome="unavailable", retry_at=table.NOW + timedelta(hours=1))


def ticketed(payment: P, **words: Any) -> Facts:
    """A ticket whose flights were changed, with the payment in some state."""
    facts = next(f for f in table.everything() if f.wish is Wish.BOOK and not f.closing and not f.refunds and f.order
                 and f.order.state is O.TICKETED and f.payment and f.payment.state is payment)
    assert facts.order is not None
    return replace(facts, order=replace(facts.order, change_acceptable=True, **words))


@pytest.mark.parametrize("answered", ["accept", "refund"])
def test_a_reserved_card_is_charged_before_changed_flights_are_answered(answered: str) -> None:
    """An airline that cannot take the answer must not keep us from the money for the ticket."""
    facts = ticketed(P.AUTHORISED, change_answer=answered, accept=NEVER)
    assert decide(facts, table.NOW) == Do(Step.CAPTURE)


def test_what_a_cancellation_gives_back_is_asked_while_new_flights_are_being_accepted() -> None:
    facts = replace(ticketed(P.CAPTURED, change_answer="accept", accept=NEVER), quote_wanted=True)
    assert decide(facts, table.NOW) == Do(Step.QUOTE_CANCEL)


def test_new_flights_and_a_refund_under_way_wait_for_whichever_is_first() -> None:
    refund = table.RefundFacts(1, table.R.SENT, 100, True, "staff", table.NOW, sent_at=table.NOW)
    facts = replace(ticketed(P.CAPTURED, change_answer="accept"), refunds=(refund,))
    assert decide(facts, table.NOW) == Do(Step.ACCEPT_CHANGE)
    unanswered = replace(ticketed(P.CAPTURED, change_answer_by=table.NOW + timedelta(minutes=9)), refunds=(refund,))
    assert decide(unanswered, table.NOW) == Wait(table.NOW + timedelta(minutes=9), "new flights")


@pytest.mark.failure("D18")
def test_an_airline_that_quotes_all_and_then_refuses_to_cancel_leaves_the_refund_to_staff(world: World) -> None:
    """The driver used to cancel and to take it back for ever, until the booking was parked."""
    booking = confirmed(world, SIGNIFICANT, choose=free)
    world.sandbox.fault("duffel.confirm_cancellation", "status", status=422, code="order_not_cancellable", count=9)
    answer(booking, "refund")
    for _ in range(3):
        assert advance(booking.pk) is Drive.SLEEPS
        age(booking, timedelta(minutes=20))
    booking.refresh_from_db()
    assert (booking.status, booking.wish, booking.parked_at) == ("CONFIRMED", "book", None)
    assert Case.objects.filter(kind="refund_due", closed_at=None).count() == 1
    assert world.payment(booking).refunded_minor == 0 and world.order(booking).state == "ticketed"


def test_a_refund_asked_for_stays_asked_for_when_the_airline_changes_the_flights_again(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT, choose=lambda info: not free(info) and not info.instant_only)
    booking.orders.update(quote_id="q", quote_refund_minor=1, quote_refund_to="balance")  # not everything: staff do it
    answer(booking, "refund")
    move(world, booking, SMALL)
    order = world.order(booking)
    assert (order.change_answer, order.change_answer_by) == ("refund", None)
    assert mails(booking)["flights_changed"] == 1  # they have answered; nobody asks them again
    assert Case.objects.filter(kind="refund_due", closed_at=None).count() == 1


def test_a_refund_of_something_else_does_not_end_the_case_of_the_legal_date(world: World) -> None:
    """Somebody got 1.00 back for a seat before: the money for the changed flights is still due."""
    booking = confirmed(world, SIGNIFICANT, choose=lambda info: not free(info) and not info.instant_only)
    booking.orders.update(quote_id="q", quote_refund_minor=1, quote_refund_to="balance")
    answer(booking, "refund")
    payment = world.payment(booking)
    Refund.objects.create(payment=payment, cause="staff", amount_minor=100, currency=payment.currency,
                          state="succeeded", requested_at=clock.now())
    payment.refunded_minor = 100
    payment.save()
    hear(booking)
    assert Case.objects.filter(kind="refund_due", closed_at=None).count() == 1


@pytest.mark.parametrize("taken", ["accepted", "changed"])
def test_flights_agreed_elsewhere_are_told_and_stand_in_our_rows(world: World, taken: str) -> None:
    """Staff took the change at the airline before we saw it: the customer hears of it, the reminders follow."""
    booking = world.drive(world.booked())
    world.pay(booking)
    order = world.order(world.drive(booking))
    world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/schedule_change", json={"minutes": SIGNIFICANT})
    (change,) = world.sandbox.http.get("/_state", params={"kind": "airline_initiated_change"}).json()["docs"]
    told = world.sandbox.http.patch(f"/duffel/air/airline_initiated_changes/{change['id']}", json={"data": {
        "action_taken": taken}}, headers={"authorization": "Bearer duffel_test_sandbox", "duffel-version": "v2"})
    assert told.status_code == 200, told.text
    hear(booking)
    order = world.order(booking)
    assert order.flight_change["taken"] == taken
    assert mails(booking) == {"flights_changed": 0, "flights_accepted": 1, "cancelled": 0}
    assert booking.segments.get().departing_local == order.itinerary[0]["segments"][0]["departing_local"]


# --- extras under other names -----------------------------------------------------------------------------------


def with_bag(world: World) -> Booking:
    offer = world.offer(HOLDABLE, origin="LHR", destination="MAD", bags=1)
    booking = world.draft(offer)
    bag = next(item for item in offer.priced["services"] if item["kind"] == "baggage")
    return drafts.customize(booking=booking, now=clock.now(), choices=[{"serviceId": bag["external_id"],
                                                                       "quantity": 1}])


@pytest.mark.failure("D24")
def test_an_id_that_names_another_extra_today_buys_nothing_else(world: World) -> None:
    """The stored id belongs to something else now: what was chosen is found by what it is, or the trip is not made."""
    booking = with_bag(world)
    chosen = Selection.objects.get(booking=booking)
    chosen.detail = "another bag 99"
    chosen.save()
    done = services.book(booking=booking, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                         now=clock.now()).booking
    Booking.objects.filter(pk=done.pk).update(priced_at=None)
    done = world.drive(done)
    assert (done.status, done.closing, world.payment(done)) == ("FAILED", "services_unavailable", None)


@pytest.mark.failure("C5")
def test_an_extra_dearer_at_the_press_is_asked_about_before_the_card(world: World) -> None:
    booking = with_bag(world)
    shop(world, booking, percent="50", renumber="each")
    done = services.book(booking=booking, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                         now=clock.now()).booking
    Booking.objects.filter(pk=done.pk).update(priced_at=None)
    done = world.drive(done)
    assert done.progress == "consent" and world.payment(done) is None
    services.accept_price(booking=done, total_minor=done.priced_minor, now=clock.now())
    world.pay(world.drive(done))
    done = world.drive(done)
    view = booking_view(done)["price"]
    assert done.status == "CONFIRMED"
    assert world.payment(done).captured_minor == done.accepted_minor == view["total"]["minor"]


@pytest.mark.failure("C7")
def test_a_price_seen_by_another_tab_is_not_taken_for_the_drafts(world: World) -> None:
    """The offer was priced anew elsewhere: the draft's older sum is no fresh price, so the worker asks."""
    offer = world.offer(HOLDABLE)
    booking = world.draft(offer)
    type(offer).objects.filter(pk=offer.pk).update(total_minor=offer.total_minor + 500, priced_at=clock.now())
    booking.refresh_from_db()
    done = services.book(booking=booking, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                         now=clock.now()).booking
    assert (done.priced_minor, done.priced_at) == (None, None)


def test_a_free_seat_cannot_be_held_either(world: World) -> None:
    """Hold orders take no extras at all; the refusal comes before anything is asked for."""
    booking = world.draft(world.offer(HOLDABLE))
    Selection.objects.create(booking=booking, kind="seat", detail="14C", unit_minor=0, passenger_position=0,
                             segment_positions=[0], service_external_id="ase_free")
    with pytest.raises(Problem) as refused:
        services.book(booking=booking, hold=True, accepted_minor=None, acknowledgements=TICKS, again=False,
                      now=clock.now())
    assert refused.value.code == "hold_not_possible"


# --- what is shown of money that was taken -----------------------------------------------------------------------


def test_the_page_says_what_was_charged_whatever_the_airline_says_later(world: World) -> None:
    booking = world.drive(world.booked())
    world.pay(booking)
    booking = world.drive(booking)
    SupplierOrder.objects.filter(booking=booking).update(total_minor=100)
    assert booking_view(booking)["price"]["total"]["minor"] == world.payment(booking).captured_minor


# --- the same people twice, in two tabs --------------------------------------------------------------------------


def flying(world: World) -> Booking:
    """A draft of the same person on the same flights, from a search of its own."""
    booking = world.draft(world.offer(HOLDABLE))
    person = Passenger.objects.get(booking=booking)
    person.digest = twins.person_digest(person.given_name, person.family_name, person.born_on)
    person.save()
    leaves = clock.now().replace(microsecond=0) + timedelta(days=40)
    Segment.objects.create(booking=booking, position=0, direction=0, carrier_code="ZZ", carrier_name="Duffel Airways",
                           flight_number="1", origin="JFK", destination="LAX", departs_at=leaves,
                           arrives_at=leaves + timedelta(hours=6))
    return booking


def together(first: Booking, second: Booking, monkeypatch: pytest.MonkeyPatch, *, both_looked: bool) -> list[str]:
    """Press both at once: each has claimed its offer before either goes on. What each customer was told.

    `both_looked`: neither writes before both have looked for the other, as may happen where nothing keeps them apart.
    """
    told: list[str] = []
    claimed, looked = threading.Barrier(2, timeout=10), threading.Barrier(2, timeout=10)
    limits, twin = services._check_limits, twins.flying_already

    def check(*values: Any) -> None:
        claimed.wait()
        limits(*values)

    def look(*values: Any) -> Booking | None:
        found = twin(*values)
        if both_looked:
            looked.wait()
        return found

    def press(draft: Booking) -> None:
        try:
            services.book(booking=draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                          now=clock.now())
            told.append("booked")
        except Problem as problem:
            told.append(problem.code)
        finally:
            connection.close()

    monkeypatch.setattr(services, "_check_limits", check)
    monkeypatch.setattr(twins, "flying_already", look)
    threads = [threading.Thread(target=press, args=(draft,)) for draft in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(told)


def test_two_tabs_with_two_fares_of_one_person_book_once_and_are_asked(world: World,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    told = together(flying(world), flying(world), monkeypatch, both_looked=False)
    assert told == ["booked", "same_trip"]
    assert Booking.objects.exclude(wish="draft").count() == 1


def test_without_the_lock_on_the_travellers_both_are_booked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the race is real."""
    monkeypatch.setattr(services, "_one_at_a_time", lambda *_: None)
    assert together(flying(world), flying(world), monkeypatch, both_looked=True) == ["booked", "booked"]


# --- accepting while others act ----------------------------------------------------------------------------------


def test_accepting_flights_of_an_order_that_the_airline_has_cancelled_gives_the_money_back(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT)
    answer(booking, "accept")
    world.sandbox.http.post(f"/_duffel/orders/{world.order(booking).external_id}/cancel_by_airline", json={})
    for _ in range(3):
        world.drive(booking)
        age(booking, timedelta(minutes=2))
    payment = world.payment(booking)
    assert (booking.status, payment.refunded_minor) == ("CANCELLED", payment.captured_minor)


def test_accepting_loses_against_a_cancellation_that_was_agreed_to(world: World) -> None:
    booking = confirmed(world, SIGNIFICANT, choose=free)
    services.ask_quote(booking=booking, now=clock.now())
    world.drive(booking)
    shown = world.order(booking).quote_refund_minor
    services.cancel(booking=booking, refund_minor=shown, now=clock.now())
    with pytest.raises(Problem) as late:
        answer(booking, "accept")
    assert late.value.code == "already_cancelled"
    world.drive(booking, 2)
    assert (booking.status, world.payment(booking).refunded_minor) == ("CANCELLED", shown)
    assert not [row for row in world.events("duffel", "request") if "accept" in row["operation"]]


@pytest.mark.failure("U11")
def test_an_answer_and_a_cancellation_pressed_at_once_leave_one_of_two_ends(world: World) -> None:
    """The booking's row lock puts them in line; whichever is first, nothing is half done."""
    booking = confirmed(world, SIGNIFICANT, choose=free)
    services.ask_quote(booking=booking, now=clock.now())
    shown = world.order(world.drive(booking)).quote_refund_minor
    change_id = world.order(booking).flight_change["external_id"]
    presses = [lambda: afterwards.answer_change(booking=booking, change_id=change_id, answer="refund", now=clock.now()),
               lambda: services.cancel(booking=booking, refund_minor=shown, now=clock.now()),
               lambda: services.cancel(booking=booking, refund_minor=shown, now=clock.now())]

    def run(press: Any) -> None:
        try:
            press()
        except Problem:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(press,)) for press in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    world.drive(booking, 3)
    assert (booking.status, world.payment(booking).refunded_minor) == ("CANCELLED", shown)
    assert len(world.events("duffel", "order.cancelled")) == 1
    assert len(world.events("stripe", "refund.created")) == 1


# --- two fares of one search -------------------------------------------------------------------------------------


def siblings_of_one_search(world: World) -> tuple[Booking, Booking]:
    """Two drafts of one person: two fares that one search found."""
    first, second = world.offer(HOLDABLE), world.offer(HOLDABLE)
    second.request_id = first.request_id
    second.save()
    return world.draft(first), world.draft(second)


def at_once(*presses: Any) -> list[Any]:
    """Run presses at the same time; what each returned, or the code it was refused with."""
    told: list[Any] = []

    def run(press: Any) -> None:
        try:
            told.append(press())
        except Problem as problem:
            told.append(problem.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(press,)) for press in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return told


def paying(draft: Booking) -> Any:
    return lambda: services.book(booking=draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=False,
                                 now=clock.now()).booking.reference


def test_two_fares_of_one_search_are_one_booking(world: World) -> None:
    first, second = siblings_of_one_search(world)
    told = at_once(paying(first), paying(second))
    assert len(set(told)) == 1 and Booking.objects.exclude(wish="draft").count() == 1


def test_without_the_claim_on_the_search_both_fares_are_booked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(services, "_claim_keys", lambda offer: [f"offer:{offer.external_id}"])
    first, second = siblings_of_one_search(world)
    assert len(set(at_once(paying(first), paying(second)))) == 2


def test_another_fare_chosen_in_one_tab_and_the_old_one_paid_in_the_other(world: World,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever comes first, one trip is booked; paying for the other fare as well leads to it."""
    first, other = siblings_of_one_search(world)
    offer = other.offer
    other.delete()
    monkeypatch.setattr(drafting, "family", lambda _: [first.offer, offer])

    def change() -> Booking:
        return drafts.change_fare(booking=first, offer_id=offer.pk, choices=[], user=None, now=clock.now())

    told = at_once(paying(first), change)
    assert first.reference in told
    made = [found for found in told if isinstance(found, Booking)]
    assert made or {"not_a_draft", "already_booked"} & set(told)
    for draft in made:
        draft.contact_email = "ada@example.com"
        draft.save()
        Passenger.objects.create(booking=draft, position=0, external_id="pas_1", kind="adult", title="ms", gender="f",
                                 given_name="Ada", family_name="Lovelace", born_on=first.passengers.get().born_on)
        assert paying(draft)() == first.reference
    world.drive(first)
    assert len(world.events("duffel", "order.created")) == 1


# --- our fee -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 10, -10])
@pytest.mark.parametrize("fee", [0, 500])
@pytest.mark.parametrize("bags", [0, 1])
def test_authorised_captured_and_shown_are_one_amount(world: World, fee: int, percent: int, bags: int) -> None:
    """With and without our fee and a bag, the fare as it was, dearer and cheaper between the press and the order."""
    booking = world.draft(world.offer("instant", bags=bags) if not bags else world.offer(
        HOLDABLE, origin="LHR", destination="MAD", bags=1), bags)
    booking.fee_minor = fee
    booking.save()
    agreed = booking.fare_minor + booking.services_minor + fee
    booking = world.drive(services.book(booking=booking, hold=False, accepted_minor=agreed, acknowledgements=TICKS,
                                        again=False, now=clock.now()).booking)
    assert world.payment(booking).amount_minor == agreed == booking_view(booking)["price"]["total"]["minor"]
    age(booking, timedelta(minutes=2))
    world.sandbox.http.post(f"/_duffel/offers/{booking.offer_external_id}/reprice", json={"percent": percent})
    world.pay(booking)
    world.drive(booking)
    if percent > 0:
        services.accept_price(booking=booking, total_minor=booking.priced_minor, now=clock.now())
        world.pay(world.drive(booking))
        world.drive(booking)
    payment, total = world.payment(booking), booking_view(booking)["price"]["total"]["minor"]
    assert booking.status == "CONFIRMED"
    assert payment.captured_minor == total == world.order(booking).total_minor + fee <= booking.accepted_minor
    assert (total > agreed) == (percent > 0) and (total < agreed) == (percent < 0)
    assert [row["amount"] for row in world.events("stripe", "payment_intent.captured")] == [total]
