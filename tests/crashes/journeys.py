"""The scenes of customers: every route, its end, and what the airline, the bank and the price do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
from django.db import connection

from bookings import afterwards, services
from bookings.advance import advance
from bookings.facts import load
from bookings.models import Booking
from bookings.status import wants_consent
from fly2any.kernel import clock, faultpoints
from suppliers.types import OfferInfo
from tests.crashes.stage import Piece, Stage, drive, outside, press
from tests.world import HOLDABLE, INSTANT, TICKS

Scene = Callable[[Stage], list[Piece]]
SCENES: dict[str, Scene] = {}


def scene(build: Scene) -> Scene:
    """Add a scene under its function's name."""
    SCENES[build.__name__] = build
    return build


def free(info: OfferInfo) -> bool:
    """A fare that gives everything back, which may be held."""
    return bool(info.refund.allowed and info.refund.fee and not info.refund.fee.minor and not info.instant_only)


class Trip:
    """One customer and their booking."""

    def __init__(self, stage: Stage, kind: str = HOLDABLE, *, hold: bool = False, bags: int = 0, manual: bool = False,
                 **where: Any) -> None:
        self.stage, self.world, self.hold = stage, stage.world, hold
        offer = self.world.reservable() if manual else self.world.offer(kind, bags=bags, **where)
        if kind == INSTANT or manual:  # seen long ago: the worker asks for the price itself
            offer.priced_at = None
            offer.save(update_fields=["priced_at"])
        self.pk = self.world.draft(offer, bags).pk
        self.typed: dict[str, Any] = {}

    @property
    def booking(self) -> Booking:
        """The row as it is now."""
        return Booking.objects.get(pk=self.pk)

    @property
    def order(self) -> Any:
        """Its last order."""
        return self.world.order(self.booking)

    def book(self) -> None:
        """The final press."""
        services.book(booking=self.booking, hold=self.hold, accepted_minor=None, acknowledgements=TICKS, again=False,
                      now=clock.now())

    def drive(self) -> None:
        """The worker hears of it."""
        advance(self.pk)

    def pay(self) -> None:
        """The customer confirms at the bank, and the page says so."""
        if self.booking.payments.filter(state="open").exists():
            self.world.pay(self.booking)

    def declined(self) -> None:
        """A card that the bank refuses."""
        if self.booking.payments.filter(state="open").exists():
            self.world.pay(self.booking, "4000000000000002")

    def pay_later(self) -> None:
        """A held booking shall be paid now."""
        services.pay_later(booking=self.booking, now=clock.now())

    def ask_quote(self) -> None:
        """What would a cancellation give back?"""
        services.ask_quote(booking=self.booking, now=clock.now())

    def cancel(self) -> None:
        """Cancel at what was shown."""
        shown = self.order.quote_refund_minor if self.order is not None and self.order.state == "ticketed" else None
        services.cancel(booking=self.booking, refund_minor=shown, now=clock.now())

    def accept_price(self) -> None:
        """The customer agrees to the new total."""
        asked = wants_consent(load(self.booking).picture())
        if asked is not None:
            services.accept_price(booking=self.booking, total_minor=asked, now=clock.now())

    def look_now(self) -> None:
        """The browser says that the customer is back."""
        services.look_now(booking=self.booking, now=clock.now())

    def later(self, **time: float) -> Piece:
        """Time passes."""
        return outside(lambda: self.stage.pass_by(**time))

    def at_the_airline(self, deed: str, **more: Any) -> Piece:
        """The airline does something to the order, and tells us."""
        def work() -> None:
            if self.order is None or not self.order.external_id:
                return
            self.world.sandbox.http.post(f"/_duffel/orders/{self.order.external_id}/{deed}", json=more)
            self.booking.orders.update(news_at=clock.now())
            Booking.objects.filter(pk=self.pk).update(due_at=clock.now())
        return outside(work)

    def answer(self, word: str) -> Callable[[], None]:
        """The customer's answer to changed flights."""
        def work() -> None:
            change = self.order.flight_change
            if change:
                afterwards.answer_change(booking=self.booking, change_id=change["external_id"], answer=word,
                                         now=clock.now())
        return work

    def troubled(self, operation: str, kind: str, **more: Any) -> Piece:
        """The sandbox misbehaves in what follows, fault or no fault."""
        return outside(lambda: self.world.sandbox.fault(operation, kind, **more))

    def booked(self) -> list[Piece]:
        """Book and drive."""
        return [press(self.book), drive(self.drive)]

    def quietly(self, *deeds: Callable[[], None]) -> list[Piece]:
        """The way there, where no fault happens: another scene is about it."""
        return [outside(deed) for deed in deeds]

    def ticketed(self) -> list[Piece]:
        """A confirmed booking."""
        return self.quietly(self.book, self.drive, self.pay, self.drive)


@scene
def hold_first(stage: Stage) -> list[Piece]:
    """Reserve, authorise, pay the order, capture; then quote and cancel."""
    trip = Trip(stage)
    return [*trip.booked(), outside(trip.pay), drive(trip.drive), press(trip.ask_quote), drive(trip.drive),
            press(trip.cancel), drive(trip.drive)]


@scene
def instant(stage: Stage) -> list[Piece]:
    """Authorise, price again, order, capture; then quote and cancel."""
    trip = Trip(stage, INSTANT)
    return [*trip.booked(), outside(trip.pay), drive(trip.drive), outside(trip.ask_quote), drive(trip.drive),
            outside(trip.cancel), drive(trip.drive)]


@scene
def with_a_bag(stage: Stage) -> list[Piece]:
    """Paid extras cannot be held: the card comes first."""
    trip = Trip(stage, bags=1, origin="LHR", destination="MAD")
    return [*trip.booked(), outside(trip.pay), drive(trip.drive)]


@scene
def hold(stage: Stage) -> list[Piece]:
    """Reserved without payment, paid later, cancelled in the end."""
    trip = Trip(stage, hold=True)
    return [*trip.booked(), trip.later(minutes=2), press(trip.pay_later), drive(trip.drive), outside(trip.pay),
            drive(trip.drive), outside(trip.ask_quote), drive(trip.drive), outside(trip.cancel), drive(trip.drive)]


@scene
def hold_cancelled(stage: Stage) -> list[Piece]:
    """A hold that the customer gives up before paying."""
    trip = Trip(stage, hold=True)
    return [*trip.quietly(trip.book, trip.drive), press(trip.cancel), drive(trip.drive)]


@scene
def unpaid(stage: Stage) -> list[Piece]:
    """Nobody pays: the card is closed and the seats go back."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book, trip.drive), trip.later(minutes=31), drive(trip.drive)]


@scene
def declined(stage: Stage) -> list[Piece]:
    """A refused card, then a good one."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book, trip.drive), outside(trip.declined), drive(trip.drive), outside(trip.pay),
            trip.later(seconds=6), press(trip.look_now), drive(trip.drive)]


@scene
def order_answer_lost(stage: Stage) -> list[Piece]:
    """The order was made and nobody heard it: it is looked for."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book), trip.troubled("duffel.create_order", "reset_after"), drive(trip.drive),
            trip.later(seconds=6), drive(trip.drive), outside(trip.pay), drive(trip.drive)]


@scene
def ticket_answer_lost(stage: Stage) -> list[Piece]:
    """The airline took our payment and nobody heard it: it is looked for."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book, trip.drive, trip.pay), trip.troubled("duffel.create_payment", "reset_after"),
            drive(trip.drive), trip.later(seconds=6), drive(trip.drive)]


@scene
def refund_answer_lost(stage: Stage) -> list[Piece]:
    """Money went back and nobody heard it: it is looked for."""
    trip = Trip(stage, choose=free)
    return [*trip.ticketed(), *trip.quietly(trip.ask_quote, trip.drive, trip.cancel),
            trip.troubled("stripe.refund", "reset_after", count=3), drive(trip.drive), trip.later(seconds=13),
            drive(trip.drive)]


@scene
def flights_accepted(stage: Stage) -> list[Piece]:
    """The airline moves the flights, and the customer takes them."""
    trip = Trip(stage)
    return [*trip.ticketed(), trip.at_the_airline("schedule_change", minutes=200), drive(trip.drive),
            press(trip.answer("accept")), drive(trip.drive)]


@scene
def flights_refunded(stage: Stage) -> list[Piece]:
    """The airline moves the flights, and the customer wants the money."""
    trip = Trip(stage, choose=free)
    return [*trip.ticketed(), trip.at_the_airline("schedule_change", minutes=200), drive(trip.drive),
            press(trip.answer("refund")), drive(trip.drive)]


@scene
def cancelled_by_the_airline(stage: Stage) -> list[Piece]:
    """The airline ends a paid order."""
    trip = Trip(stage)
    return [*trip.ticketed(), trip.at_the_airline("cancel_by_airline"), drive(trip.drive)]


@scene
def dearer_and_taken(stage: Stage) -> list[Piece]:
    """The fare rises before it is ordered; the customer agrees and pays again."""
    trip = Trip(stage, INSTANT)
    return [*trip.quietly(trip.book), _reprice(trip, "10"), drive(trip.drive), press(trip.accept_price),
            drive(trip.drive), outside(trip.pay), drive(trip.drive)]


@scene
def dearer_after_the_card(stage: Stage) -> list[Piece]:
    """The fare rises when the card is reserved already: released, asked, paid anew."""
    trip = Trip(stage, INSTANT)
    return [*trip.quietly(trip.book, trip.drive, trip.pay), trip.later(minutes=2), _reprice(trip, "10"),
            drive(trip.drive), press(trip.accept_price), drive(trip.drive), outside(trip.pay), drive(trip.drive)]


@scene
def dearer_and_refused(stage: Stage) -> list[Piece]:
    """The fare rises and the customer does not want it any more."""
    trip = Trip(stage, INSTANT)
    return [*trip.quietly(trip.book, trip.drive, trip.pay), trip.later(minutes=2), _reprice(trip, "10"),
            drive(trip.drive), press(trip.cancel), drive(trip.drive)]


def _reprice(trip: Trip, percent: str) -> Piece:
    """The airline asks more for this offer."""
    def work() -> None:
        answer = trip.world.sandbox.http.post(f"/_duffel/offers/{trip.booking.offer_external_id}/reprice",
                                              json={"percent": percent})
        assert answer.status_code == 200, answer.text
    return outside(work)


def broken_off(trip: Trip, what: Callable[[], None]) -> Callable[[], None]:
    """A drive to which `what` happens the moment the airline has answered."""
    def work() -> None:
        watcher = faultpoints._watcher

        def strike(point: str) -> None:
            if watcher is not None:
                watcher(point)
            if point == "call.create_order.answered":
                what()

        faultpoints.watch(strike)
        try:
            trip.drive()
        finally:
            faultpoints.watch(watcher)
    return work


def _lose_the_connection() -> None:
    own, address = connection.connection, connection.get_connection_params()
    with psycopg.connect(**{name: address[name] for name in ("dbname", "user", "host", "port") if address.get(name)},
                         autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 2000)", [own.info.backend_pid])


def _stumble() -> None:
    raise RuntimeError("a bug of ours")


@scene
def connection_lost(stage: Stage) -> list[Piece]:
    """The driver's connection goes while the airline works: the bare answer is saved and merged later."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book), drive(broken_off(trip, _lose_the_connection)), drive(trip.drive)]


@scene
def connection_lost_manual(stage: Stage) -> list[Piece]:
    """The same where nobody can look for the reservation: only the saved answer tells of it."""
    trip = Trip(stage, manual=True)
    return [*trip.quietly(trip.book), drive(broken_off(trip, _lose_the_connection)), drive(trip.drive)]


@scene
def a_bug(stage: Stage) -> list[Piece]:
    """A bug of ours breaks a drive off: counted, and tried again."""
    trip = Trip(stage)
    return [*trip.quietly(trip.book), drive(broken_off(trip, _stumble)), trip.later(seconds=20), drive(trip.drive)]


@scene
def requested(stage: Stage) -> list[Piece]:
    """A customer asks our staff for something."""
    trip = Trip(stage)
    return [*trip.ticketed(), press(lambda: afterwards.ask(
        booking=trip.booking, topic="other", words="Please a window seat", now=clock.now()))]


def ticketed_by_staff(trip: Trip) -> Callable[[], None]:
    """The consolidator issues the tickets, which only a look shows."""
    def work() -> None:
        if trip.order is not None and trip.order.state == "reserved":
            trip.world.consolidator(trip.order, "ticket")
        trip.stage.pass_by(minutes=16)
    return work


def link(trip: Trip) -> Callable[[], None]:
    """Staff send the link to pay."""
    def work() -> None:
        if not trip.booking.card_wanted:
            trip.stage.manager.press("send_pay_link", booking=trip.booking)
        trip.stage.clock.pass_by(timedelta(minutes=2))  # so that the reservation is looked at before the card is asked
    return work


@scene
def manual_given_back(stage: Stage) -> list[Piece]:
    """Reserved, paid by the link, ticketed by staff, cancelled at the consolidator's: money goes back."""
    trip = Trip(stage, manual=True)

    def given_back() -> None:
        if trip.booking.wish != "cancel" and trip.order is not None and trip.order.state == "ticketed":
            stage.world.consolidator(trip.order, "cancel_by_airline")  # at the terminal, as staff asked
            stage.manager.press("record_cancellation", booking=trip.booking, amount="20")

    return [*trip.booked(), outside(link(trip)), drive(trip.drive), outside(trip.pay),
            outside(ticketed_by_staff(trip)), drive(trip.drive), outside(given_back), drive(trip.drive)]


@scene
def manual_cancelled(stage: Stage) -> list[Piece]:
    """Before any ticket: the card is released, then the reservation goes."""
    trip = Trip(stage, manual=True)
    return [*trip.quietly(trip.book, trip.drive, link(trip)), drive(trip.drive), outside(trip.pay), drive(trip.drive),
            press(trip.cancel), drive(trip.drive)]
