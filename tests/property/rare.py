"""Rules that lead to the rare edges: an answer is lost, looks fail as well, and meanwhile somebody acts outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bookings import services
from bookings.models import Booking
from bookings.reconcile.differences import news
from fly2any.kernel import clock
from payments.models import Payment
from suppliers.models import SupplierOrder
from tests.property.others import STAFF_KEY
from tests.property.staff import Staff
from tests.property.steps import deed
from tests.property.weather import Died
from tests.world import HOLDABLE, INSTANT, TICKS

UNDONE, DONE = {"kind": "reset_before"}, {"kind": "reset_after"}
DOWN: dict[str, Any] = {"kind": "status", "status": 503}
Faults = dict[str, dict[str, Any]]


def nothing() -> None:
    """Nobody acts."""


class Rare(Staff):
    """Each looks for a booking at the right moment; where there is none, somebody goes on as usual."""

    def between(self, booking: Booking, faults: Faults, act: Callable[[], object] = nothing) -> str:
        """The worker works while these calls fail; somebody acts; the vendors answer again, and the worker looks."""
        for operation, fault in faults.items():
            self.weather.arm({"operation": operation, "count": 9, **fault})
        told = self.driven(booking)
        self.weather.clear()
        act()
        self.clock.pass_by(timedelta(minutes=2))
        self.swept()
        return f"{told}, then {self.driven(booking)}"

    def there(self, order: SupplierOrder, *deeds: str) -> Callable[[], object]:
        """The airline, or the consolidator, does one of these to it."""
        what = self.dice.choice(deeds)
        vendor, name = ("amadeus", order.pnr) if order.supplier == "amadeus" else ("duffel", order.external_id)
        what = {"expire": "expire_hold"}.get(what, what) if vendor == "duffel" else what
        if what == "cancel_by_airline":
            self.ended.add(name)
        return lambda: self.http.post(f"/_{vendor}/orders/{name}/{what}", json={})

    def captured_in_the_dashboard(self, intent: str) -> None:
        """Our own people take the money there."""
        self.promises.by_staff.add(intent)
        self.http.post(f"/stripe/v1/payment_intents/{intent}/capture", data={}, headers=STAFF_KEY)

    @deed(2)
    def lost_release(self) -> str:
        """The card is being released, nobody knows whether it was, and perhaps it is charged in between."""
        payment = Payment.objects.filter(state__in=["open", "authorised"], external_id__startswith="pi",
                                         booking__wish="book").order_by("-pk").first()
        if payment is None:
            return self.forward(self.one())
        intent, charged = payment.external_id, self.dice.random() < 0.5
        if self.dice.random() < 0.6:
            self.confirm(payment, "4242424242424242")
            services.look_now(booking=payment.booking, now=clock.now())
        services.cancel(booking=payment.booking, refund_minor=None, now=clock.now())

        def act() -> None:
            if charged:
                self.confirm(payment, "4242424242424242")
                self.captured_in_the_dashboard(intent)

        looks = {"stripe.retrieve_payment_intent": DOWN} if charged else {}
        return self.between(payment.booking, {"stripe.cancel": UNDONE, **looks}, act)

    @deed(2)
    def lost_capture(self) -> str:
        """The money is being taken: nobody answers, or the bank has let the card go."""
        payment = Payment.objects.filter(state="open", external_id__startswith="pi").order_by("-pk").first()
        if payment is None:
            return self.forward(self.one())
        self.confirm(payment, "4242424242424242")
        services.look_now(booking=payment.booking, now=clock.now())
        if self.dice.random() < 0.5:
            return self.between(payment.booking, {"stripe.capture": UNDONE})
        self.http.post("/_stripe/capture_fails", json={"code": "charge_expired_for_capture"})
        return self.driven(payment.booking)

    @deed(2)
    def lost_intent(self) -> str:
        """Nobody heard that an intent was made, and its card is good already: as after a restore from a backup."""
        known = set(Payment.objects.values_list("external_id", flat=True))
        draft = self.world.draft(self.world.offer(INSTANT, day=(clock.now() + timedelta(days=30)).date()))
        booking = services.book(booking=draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=True,
                                now=clock.now()).booking
        captured = self.dice.random() < 0.5

        def act() -> None:
            for doc in self.docs("stripe.payment_intent"):
                if doc["id"] not in known:
                    self.http.post(f"/_stripe/payment_intents/{doc['id']}/authorise", json={"card": "4242424242424242"})
                    if captured:
                        self.captured_in_the_dashboard(doc["id"])

        if self.dice.random() < 0.5:
            return self.between(booking, {"stripe.create_payment_intent": DONE}, act)
        self.weather.arm({"operation": "stripe.create_payment_intent", "count": 9, **DONE})
        told = self.driven(booking)
        self.weather.clear()
        act()
        self.closed_for(timedelta(hours=21))  # the gateway has forgotten the key: it is looked for by what it says of us
        return f"{told}, and a day later {self.driven(booking)}"

    @deed(3)
    def lost_order(self) -> str:
        """An order is made and nobody here knows; it is paid, cancelled or let go there before we look, or found too late."""
        draft = self.world.draft(self.world.offer(HOLDABLE, day=(clock.now() + timedelta(days=30)).date()))
        booking = services.book(booking=draft, hold=False, accepted_minor=None, acknowledgements=TICKS, again=True,
                                now=clock.now()).booking
        how = self.dice.choice(("died", "silence", "not listed"))
        if how == "died":
            self.weather.die_at("call.create_order.answered")
        else:
            self.weather.arm({"operation": "duffel.create_order", "count": 1, **DONE})
            self.weather.arm({"operation": "duffel.list_orders", "kind": "listing_lag", "seconds": 5400, "count": 1})
        self.driven_to_its_death(booking)
        order = SupplierOrder.objects.filter(booking=booking).first()
        made = next((doc for doc in reversed(self.docs("order")) if doc["offer_id"] == booking.offer_external_id), None)
        if order is None or made is None:
            return self.said(booking)
        if how == "not listed":
            self.live(timedelta(minutes=40), 12)
        act = self.dice.choice(("expire_hold", "cancel_by_airline", "pay", "nothing"))
        if act == "pay":
            self.pay_in_duffels_dashboard(made["id"])
        elif act != "nothing":
            self.http.post(f"/_duffel/orders/{made['id']}/{act}", json={})
        self.weather.clear()
        self.live(timedelta(hours=3), 6)
        return f"{how}, {act}, {self.driven(booking)}"

    def driven_to_its_death(self, booking: Booking) -> None:
        """A drive that may end the process."""
        try:
            self.drive(booking.pk)
        except Died:
            self.universe.rebuild()

    @deed(2)
    def lost_payment(self) -> str:
        """Our payment for the ticket is under way when the airline lets the seats go, or cancels."""
        payment = Payment.objects.filter(state="open", external_id__startswith="pi", booking__orders__state="held",
                                         booking__wish="book").order_by("-pk").first()
        if payment is None:
            return self.forward(self.one())
        order = SupplierOrder.objects.filter(booking=payment.booking, state="held").latest("pk")
        self.confirm(payment, "4242424242424242")
        services.look_now(booking=payment.booking, now=clock.now())
        paying = self.dice.choice((UNDONE, {"kind": "202", "then": "nothing", "count": 1}))
        return self.between(payment.booking, {
            "duffel.create_payment": paying, "duffel.list_payments": DOWN, "duffel.get_order": DOWN},
            self.there(order, "expire", "cancel_by_airline", "expire"))

    @deed(3)
    def lost_cancellation(self) -> str:
        """We cancel, nobody knows whether it was done, and looks fail; meanwhile it may lapse."""
        order = SupplierOrder.objects.filter(state__in=["held", "reserved", "ticketed"]).exclude(
            booking__wish="cancel").order_by("-pk")[self.dice.randrange(2):].first()
        if order is None:
            return self.forward(self.one())
        booking = order.booking
        if order.state == "ticketed":
            services.ask_quote(booking=booking, now=clock.now())
            self.drive(booking.pk)
            order.refresh_from_db()
        shown = order.quote_refund_minor if order.quote_refund_to == "balance" else 0
        services.cancel(booking=booking, refund_minor=shown if order.state == "ticketed" else None, now=clock.now())
        act = self.there(order, "expire", "cancel_by_airline") if self.dice.random() < 0.5 else nothing
        return self.between(booking, {
            "duffel.confirm_cancellation": UNDONE, "duffel.get_order": DOWN, "duffel.list_cancellations": DOWN,
            "amadeus.cancel_order": UNDONE, "amadeus.get_order": DOWN}, act)

    @deed(1)
    def void_and_issued_anew(self) -> str:
        """The consolidator makes tickets void that nobody has paid, and perhaps issues others."""
        order = SupplierOrder.objects.filter(supplier="amadeus", state__in=["reserved", "ticketed"], payments=None).exclude(
            booking__wish="cancel").order_by("-pk").first()
        if order is None or order.pnr in self.ended:
            return self.forward(self.one())
        told = ""
        for deed_ in ("ticket", "void_tickets", self.dice.choice(("ticket", "expire"))):
            self.http.post(f"/_amadeus/orders/{order.pnr}/{deed_}", json={})
            news(order.booking_id, clock.now(), order_id=order.pk)  # as the looks of reconciliation do
            told += f"{deed_} {self.driven(order.booking, 0.8)}; "
            self.clock.pass_by(timedelta(minutes=1))
            self.swept()
        return told

    @deed(1)
    def lapsed_is_cancelled(self) -> str:
        """The airline cancels what has lapsed already."""
        order = SupplierOrder.objects.filter(state="lapsed", supplier="duffel").order_by("-pk").first()
        if order is None:
            return self.forward(self.one())
        self.http.post(f"/_duffel/orders/{order.external_id}/cancel_by_airline", json={})
        self.last_words()
        return self.driven(order.booking)

    @deed(2)
    def lost_refund(self) -> str:
        """A trip is cancelled, and Stripe refuses the refund or is too busy for it."""
        booking = Booking.objects.filter(status="CONFIRMED", supplier="duffel").order_by("-pk").first()
        if booking is None:
            return self.forward(self.one())
        services.ask_quote(booking=booking, now=clock.now())
        self.drive(booking.pk)
        self.weather.arm({"operation": "stripe.refund", "kind": "status", "status": self.dice.choice((400, 429)), "count": 3})
        told = self.give_up(Booking.objects.get(pk=booking.pk))
        self.weather.clear()
        return f"{told}, then {self.driven(booking)}"
