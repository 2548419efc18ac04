"""Rules of customers: search, book (again, with a key, with extras), pay, agree, cancel, answer, write."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.test import Client

from bookings import services
from bookings.facts import load
from bookings.models import Booking
from bookings.status import CLOSED, wants_consent
from fly2any.kernel import clock
from payments.models import Payment
from suppliers.models import Offer, SupplierOrder
from tests.api.shop import body
from tests.property.steps import MOST_OFFERS, Steps, deed
from tests.world import HOLDABLE, INSTANT, TICKS

GOOD = ("4242424242424242", "5555555555554444", "378282246310005")
CHALLENGED = ("4000002500003155", "4000000000003220", "4000008400001629")
REFUSED = ("4000000000000002", "4000000000009995", "4000000000000069", "4000000000000127", "4000000000000119",
           "4100000000000019")
TROUBLE_LATER = ("4000000000000259", "4000000000001976", "4000000000007726", "4000000000005126")
MANUAL = "manual"
ROUTES = (HOLDABLE, HOLDABLE, HOLDABLE, INSTANT, INSTANT, MANUAL, MANUAL)


class Customers(Steps):
    """Everybody who books, each in the browser of one of three guests."""

    def __init__(self) -> None:
        super().__init__()
        self.browsers = [Client() for _ in range(3)]
        self.answers = dict[tuple[int, str, str], tuple[int, Any]]()

    def found(self) -> Offer:
        """A search, and the offer that is taken from it; from the seventh on one that is known."""
        known = list(Offer.objects.order_by("created_at", "pk"))
        if len(known) >= MOST_OFFERS:
            return self.dice.choice(known)
        kind, ahead = self.dice.choice(ROUTES), self.dice.choice((40, 60, 80))
        if kind == MANUAL:
            return self.world.reservable(adults=self.dice.choice((1, 1, 2)), ahead=ahead)
        return self.world.offer(kind, day=(clock.now() + timedelta(days=ahead)).date())

    def book(self, offer: Offer, *, hold: bool = False, bags: int = 0, principal: str = "") -> str:
        """The last press of a checkout."""
        draft = self.world.draft(offer, bags)
        if principal:
            Booking.objects.filter(pk=draft.pk).update(principal=principal)
            draft.refresh_from_db()
        done = services.book(booking=draft, hold=hold, accepted_minor=None, acknowledgements=TICKS, again=False,
                             now=clock.now())
        how = "again" if done.duplicate else f"{done.booking.route}{' hold' * hold}"
        return f"{how} {self.driven(done.booking, 0.8)}"

    @deed(8)
    def wish(self) -> str:
        """A new booking."""
        offer, hold = self.found(), self.dice.random() < 0.25
        return self.book(offer, hold=hold and offer.supplier == "duffel",
                          bags=self.dice.choice((0, 0, 1)) if offer.supplier == "duffel" else 0,
                         principal=f"guest:{self.dice.randrange(6)}")

    @deed(2)
    def wish_again(self) -> str:
        """Somebody books an offer that somebody has booked: the same customer, or another."""
        known = list(Offer.objects.order_by("created_at", "pk"))
        if not known:
            return "nothing known"
        return self.book(self.dice.choice(known), principal=self.dice.choice(("", "", "guest:1", "guest:2")))

    @deed(2)
    def post_with_a_key(self) -> str:
        """`POST /api/bookings` under a key that may be used: same body, other body, other customer; a replay is the answer."""
        offer, who, key = self.found(), self.dice.randrange(len(self.browsers)), f"key-{self.dice.randrange(3)}"
        wanted = body(offer, isHold=self.dice.random() < 0.2, bookAgain=self.dice.random() < 0.5)
        answer = self.browsers[who].post("/api/bookings", json.dumps(wanted), content_type="application/json", headers={
            "Prefer": "respond-async", "Idempotency-Key": key})
        told = (answer.status_code, answer.json())
        if answer.status_code in (500, 502):
            self.check([f"the API answered {told}"])
        first = self.answers.setdefault((who, key, json.dumps(wanted)), told) if answer.status_code < 300 else told
        if answer.headers.get("Idempotent-Replayed") and first != told:
            self.check([f"a replay differs: {told}, {first}"])
        newest = Booking.objects.exclude(wish="draft").order_by("-pk").first()
        return f"{told[0]} {told[1].get('code', '')} {self.driven(newest, 0.5) if newest else ''}"

    @deed(2)
    def wish_with_extras(self) -> str:
        """A draft with a bag, whose shop changes before the press, after it, or both."""
        draft = self.world.draft(self.world.offer(self.dice.choice((HOLDABLE, INSTANT)), day=(
            clock.now() + timedelta(days=40)).date()))
        told = self.trips.choose(draft)
        draft.refresh_from_db()
        booking = self.trips.press(draft)
        if self.dice.random() < 0.4:
            told += f"; then {self.trips.shop(booking)}"
        return f"{told}; {self.driven(booking)}"

    @deed(1)
    def correct(self) -> str:
        """A customer corrects what the airline refused."""
        refused = Booking.objects.filter(status="FAILED", closing="passenger_rejected").order_by("-pk").first()
        return self.driven(self.trips.correct(refused)) if refused else self.forward(self.one())

    # --- paying -------------------------------------------------------------------------------------------------

    def confirm(self, payment: Payment, card: str, **more: Any) -> int:
        """The browser confirms at Stripe."""
        answer = self.http.post(f"/_stripe/payment_intents/{payment.external_id}/authorise", json={"card": card, **more})
        return answer.status_code

    def perhaps_look(self, booking: Booking) -> str:
        """The browser may come back and say so; else a webhook, or nobody, tells us."""
        if self.dice.random() < 0.7:
            services.look_now(booking=booking, now=clock.now())
            return self.driven(booking, 0.8)
        return self.said(booking)

    @deed(10)
    def pay(self) -> str:
        """The customer confirms in the browser: good cards, refused ones, 3-D Secure done, failed or abandoned."""
        payments = list(Payment.objects.filter(state__in=["open", "authorised", "voiding"]).exclude(external_id="")
                        .order_by("pk"))
        if not payments:
            return self.forward(self.one())
        payment, draw = self.dice.choice(payments), self.dice.random()
        card = self.dice.choice(GOOD if draw < 0.5 else CHALLENGED if draw < 0.75 else REFUSED if draw < 0.9 else TROUBLE_LATER)
        more = {"challenge": self.dice.random() < 0.7} if card in CHALLENGED and self.dice.random() < 0.7 else {}
        status = self.confirm(payment, card, **more)
        return f"{card} {more or ''} {status} {self.perhaps_look(payment.booking)}"

    @deed(2)
    def back_from_the_bank(self) -> str:
        """A customer comes back from the bank after all."""
        waiting = list(Payment.objects.filter(needs_customer=True).order_by("pk"))
        if not waiting:
            return self.forward(self.one())
        payment = self.dice.choice(waiting)
        answer = self.http.post(f"/_stripe/payment_intents/{payment.external_id}/complete_3ds",
                                json={"success": self.dice.random() < 0.7})
        return f"{answer.status_code} {self.perhaps_look(payment.booking)}"

    # --- onward -------------------------------------------------------------------------------------------------

    def forward(self, booking: Booking) -> str:
        """An ordinary customer does what the page asks for next; whose trip is over books another."""
        if booking.status in CLOSED and Offer.objects.count() < MOST_OFFERS:
            return self.wish()
        asked = wants_consent(load(booking).picture())
        payment = booking.payments.order_by("-pk").first()
        if asked is not None:
            services.accept_price(booking=booking, total_minor=asked, now=clock.now())
        elif payment and payment.state == "open" and payment.external_id:
            self.confirm(payment, self.dice.choice(GOOD))
            services.look_now(booking=booking, now=clock.now())
        elif booking.status == "HOLD":
            services.pay_later(booking=booking, now=clock.now())
        elif booking.status == "CONFIRMED" and self.dice.random() < 0.5:
            order = booking.orders.order_by("-pk").first()
            if order and order.quote_id and self.dice.random() < 0.7:
                return self.give_up(booking)
            services.ask_quote(booking=booking, now=clock.now())
        return self.driven(booking)

    def give_up(self, booking: Booking) -> str:
        """A customer cancels, as the page would: with the refund they were shown."""
        order = SupplierOrder.objects.filter(booking=booking, state="ticketed").first()
        shown = (order.quote_refund_minor if order.quote_refund_to == "balance" else 0) if order else None
        services.cancel(booking=booking, refund_minor=shown, now=clock.now())
        return f"refund {shown} {self.driven(booking, 0.7)}"

    @deed(16)
    def onward(self) -> str:
        """One of them goes on."""
        return self.forward(self.one())


    @deed(1)
    def look_now(self) -> str:
        """"Please look now", and nobody does yet."""
        booking = self.one()
        services.look_now(booking=booking, now=clock.now())
        return self.driven(booking, 0.5)

    @deed(2)
    def pay_later(self) -> str:
        """A held booking is to be paid."""
        booking = Booking.objects.filter(status="HOLD").order_by("-pk").first() or self.one()
        services.pay_later(booking=booking, now=clock.now())
        return self.driven(booking)

    @deed(2)
    def accept_price(self) -> str:
        """Whoever is asked agrees to the new price."""
        for booking in Booking.objects.filter(wish="book").order_by("-pk"):
            asked = wants_consent(load(booking).picture())
            if asked is not None:
                services.accept_price(booking=booking, total_minor=asked, now=clock.now())
                return f"{asked} {self.driven(booking, 0.7)}"
        return self.forward(self.one())

    @deed(3)
    def ask_quote(self) -> str:
        """What would come back?"""
        booking = Booking.objects.filter(status="CONFIRMED").order_by("-pk").first() or self.one()
        services.ask_quote(booking=booking, now=clock.now())
        return self.driven(booking)

    @deed(3)
    def cancel(self) -> str:
        """A customer cancels."""
        return self.give_up(self.one())


    @deed(1)
    def let_go(self) -> str:
        """The unpaid booking is given up for a cheaper fare; pressed twice."""
        booking = self.one()
        told = self.trips.let_go(booking)
        return f"{told} {self.driven(booking)}"

    @deed(2)
    def answer(self) -> str:
        """A customer answers changed flights."""
        booking = self.one()
        return f"{self.trips.answer(booking)} {self.driven(booking)}"

    @deed(1)
    def write(self) -> str:
        """Words to us, another address, the mail once more: nothing of it moves money."""
        booking = self.one()
        return f"{self.trips.write(booking)} {self.driven(booking, 0.6)}"


