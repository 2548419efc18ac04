"""One walk: customers, banks, airlines, faults and time act at random on several bookings at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import httpx
from django.contrib.auth import get_user_model
from django.db.models import Min

import bookings.advance
from bookings import desk, reconcile, services, sweep
from bookings.advance import Drive, advance
from bookings.facts import load
from bookings.models import Booking, Case, Diary
from bookings.status import wants_consent
from fly2any.kernel import clock
from fly2any.kernel.errors import Outside, Problem
from payments import inbox as gateway_inbox
from payments.gateways.stripe import mapping
from payments.models import Payment
from suppliers import inbox as supplier_inbox
from suppliers.duffel import webhook
from suppliers.models import Offer, SupplierOrder
from tests.property.story import story
from tests.storm import promises, weather
from tests.storm.clockwork import Clockwork
from tests.storm.tally import Tally
from tests.storm.trips import Trips
from tests.world import HOLDABLE, INSTANT, TICKS, World

GOOD = ("4242424242424242", "5555555555554444", "378282246310005")
CHALLENGED = ("4000002500003155", "4000000000003220", "4000008400001629")
REFUSED = ("4000000000000002", "4000000000009995", "4000000000000069", "4000000000000127", "4000000000000119",
           "4100000000000019")
TROUBLE_LATER = ("4000000000000259", "4000000000001976", "4000000000007726", "4000000000005126")
TIMES = {"seconds": (1, 90), "minutes": (120, 2400), "hours": (3600, 43_200), "days": (86_400, 691_200)}
BY_OTHERS = {"order_cancellation.confirmed", "order.airline_initiated_change_detected", "charge.refunded",
             "refund.failed", "refund.updated", "charge.dispute.created", "payment_intent.canceled", "charge.expired"}
STAFF_KEY = {"authorization": "Bearer sk_test_dashboard"}


class Complaints(logging.Handler):
    """What the core says in its log when something inside it went wrong."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("bookings", "payments", "suppliers")):
            self.heard.append(logging.Formatter().format(record))


class Walk:
    """A walk of `steps` steps that a seed repeats (as far as answers come in the same order)."""

    def __init__(self, world: World, clockwork: Clockwork, seed: int, tally: Tally) -> None:
        self.world, self.clock, self.seed, self.tally = world, clockwork, seed, tally
        self.dice = Random(seed)
        self.trips = Trips(world, self.dice)
        self.ledger = promises.Ledger(world.sandbox)
        self.complaints = Complaints()
        self.log = list[str]()
        self.heard = set[str]()
        self.mark: tuple[Any, ...] = ()
        self.calm = self.dice.random() < 0.1  # some walks meet no faults at all

    def run(self, steps: int) -> None:
        """Walk, then come to rest. Raises AssertionError with the whole story when a promise breaks."""
        logging.getLogger().addHandler(self.complaints)
        real = bookings.advance.decide
        bookings.advance.decide = self.tally.listening(real)
        try:
            self._step(self.book)
            for _ in range(steps):
                self._step(self._draw())
            self._rest()
            self.tally.end_of_walk()
        finally:
            bookings.advance.decide = real
            logging.getLogger().removeHandler(self.complaints)

    def _draw(self) -> Callable[[], str]:
        names = list(DEEDS)
        return getattr(self, self.dice.choices(names, [DEEDS[name] for name in names])[0])

    def _step(self, deed: Callable[[], str]) -> None:
        before = self._fired()
        self.log.append(deed.__name__)
        try:
            told = deed()
        except Problem as problem:
            told = f"refused: {problem.code}"
        self.log[-1] = f"{deed.__name__}: {told}"
        self.tally.deeds[deed.__name__] += 1
        self.tally.steps += 1
        self.tally.with_fault += self._fired() > before
        mark, self.mark = self.mark, self._mark()
        self._check(promises.broken(self.ledger, quiet=mark == self.mark))

    def _mark(self) -> tuple[Any, ...]:
        """Changes whenever a fact of ours changes; time makes facts wrong too, so it counts by the minute."""
        return (Diary.objects.count(), Case.objects.filter(closed_at=None).count(), Booking.objects.filter(
            due_at=None).count(), self.clock.passed // timedelta(minutes=1))

    def _fired(self) -> int:
        return sum(fault["fired"] for fault in self.world.sandbox.http.get("/_faults").json()["faults"])

    def _check(self, found: list[str]) -> None:
        problems = [*self.complaints.heard, *found]
        if not problems:
            return
        references = {line.partition(":")[0] for line in found}
        stories = [story(b) for b in Booking.objects.exclude(wish="draft").order_by("pk")
                   if b.reference in references or not found]
        steps = "\n".join(f"{n:3} {line}" for n, line in enumerate(self.log))
        raise AssertionError("\n".join([
            f"seed {self.seed}, after step {len(self.log) - 1}", *problems, "", steps, "", *stories]))

    # --- whom ---------------------------------------------------------------------------------------------------

    def _one(self) -> Booking:
        """One of the bookings that are wished, the younger the likelier."""
        every = list(Booking.objects.exclude(wish="draft").order_by("-pk"))
        if not every:
            raise Problem("nobody", "No booking yet.", status=404)
        return every[min(int(self.dice.expovariate(0.7)), len(every) - 1)]

    def _drive(self, booking_id: int) -> str:
        end = advance(booking_id)
        if end is not Drive.SLEEPS:
            self._check([f"{Booking.objects.get(pk=booking_id).reference}: the drive ended {end}"])
        return end.value

    def _said(self, booking: Booking) -> str:
        booking.refresh_from_db()
        return f"{booking.reference} {booking.status} {booking.closing}".strip()

    # --- customers ----------------------------------------------------------------------------------------------

    def book(self) -> str:
        """A new booking; sometimes of an offer that somebody has booked."""
        again = list(Offer.objects.order_by("created_at", "pk"))
        if again and (len(again) >= 7 or self.dice.random() < 0.2):
            offer = self.dice.choice(again)
        else:
            try:
                offer = self._offer()
            except (Outside, StopIteration):
                return "nothing found"
        draft = self.world.draft(offer, self.dice.choice((0, 0, 1)))
        if self.dice.random() < 0.2:
            Booking.objects.filter(pk=draft.pk).update(principal=f"guest:{self.dice.randrange(3)}")
            draft.refresh_from_db()
        hold = self.dice.random() < 0.25
        try:
            done = services.book(booking=draft, hold=hold, accepted_minor=None, acknowledgements=TICKS, again=False,
                                 now=clock.now())
        except Problem as problem:
            return f"refused: {problem.code}"
        how = "again" if done.duplicate else f"{done.booking.route}{' hold' if hold else ''}"
        if self.dice.random() < 0.8:
            self._drive(done.booking.pk)
        return f"{how} {self._said(done.booking)}"

    def book_with_extras(self) -> str:
        """A draft with a bag, whose shop changes before the press, after it, or both."""
        try:
            draft = self.world.draft(self._offer())
        except (Outside, StopIteration):
            return "nothing found"
        told = self.trips.choose(draft)
        draft.refresh_from_db()
        booking = self.trips.press(draft)
        if self.dice.random() < 0.4:
            told += f"; then {self.trips.shop(booking)}"
        return f"{told}; {self._drive(booking.pk)} {self._said(booking)}"

    def correct(self) -> str:
        """A customer corrects what the airline refused."""
        refused = Booking.objects.filter(status="FAILED", closing="passenger_rejected").order_by("-pk").first()
        if refused is None:
            return "nothing refused"
        booking = self.trips.correct(refused)
        return f"{self._drive(booking.pk)} {self._said(booking)}"

    def flights(self) -> str:
        """The airline moves the flights of a ticket, and perhaps the customer answers."""
        order = SupplierOrder.objects.filter(state="ticketed").order_by("-pk").first()
        if order is None:
            return "no ticket"
        told = self.trips.move(order)
        if self.dice.random() < 0.7:
            told += f" {self._drive(order.booking_id)}"
        if self.dice.random() < 0.6:
            told += f" {self.trips.answer(order.booking)}"
        if self.dice.random() < 0.6:
            told += f" {self._drive(order.booking_id)}"
        return f"{told} {self._said(order.booking)}"

    def answer(self) -> str:
        booking = self._one()
        told = self.trips.answer(booking)
        return f"{told} {self._drive(booking.pk)} {self._said(booking)}"

    def write(self) -> str:
        booking = self._one()
        return f"{self.trips.write(booking)} {self._said(booking)}"

    def let_go(self) -> str:
        booking = self._one()
        told = self.trips.let_go(booking)
        return f"{told} {self._drive(booking.pk)} {self._said(booking)}"

    def _offer(self) -> Offer:
        return self.world.offer(self.dice.choice((HOLDABLE, HOLDABLE, INSTANT)), day=(
            clock.now() + timedelta(days=self.dice.choice((20, 40, 60)))).date())

    def pay(self) -> str:
        """The customer confirms in the browser; perhaps we are told."""
        payments = list(Payment.objects.filter(state__in=["open", "authorised", "voiding"]).exclude(external_id="")
                        .order_by("pk"))
        if not payments:
            return "nothing to pay"
        payment, draw = self.dice.choice(payments), self.dice.random()
        cards = GOOD if draw < 0.55 else CHALLENGED if draw < 0.75 else REFUSED if draw < 0.9 else TROUBLE_LATER
        card = self.dice.choice(cards)
        wanted: dict[str, Any] = {"card": card}
        if card in CHALLENGED and self.dice.random() < 0.7:
            wanted["challenge"] = self.dice.random() < 0.7
        answer = self.world.sandbox.http.post(f"/_stripe/payment_intents/{payment.external_id}/authorise", json=wanted)
        return f"{card} {wanted.get('challenge', '')} {answer.status_code} " + self._perhaps_look(payment.booking)

    def onward(self) -> str:
        """An ordinary customer does what the page asks for next."""
        return self._onward(self._one())

    def _onward(self, booking: Booking) -> str:
        asked = wants_consent(load(booking).picture())
        payment = booking.payments.order_by("-pk").first()
        if asked is not None:
            services.accept_price(booking=booking, total_minor=asked, now=clock.now())
        elif payment and payment.state == "open":
            self.world.sandbox.http.post(f"/_stripe/payment_intents/{payment.external_id}/authorise",
                                         json={"card": self.dice.choice(GOOD)})
            services.look_now(booking=booking, now=clock.now())
        elif booking.status == "HOLD":
            services.pay_later(booking=booking, now=clock.now())
        elif booking.status == "CONFIRMED" and self.dice.random() < 0.5:
            order = booking.orders.order_by("-pk").first()
            if order and order.quote_id and self.dice.random() < 0.7:
                return self._cancel(booking)
            services.ask_quote(booking=booking, now=clock.now())
        return f"{self._drive(booking.pk)} {self._said(booking)}"

    def challenge(self) -> str:
        """A customer comes back from the bank after all."""
        waiting = list(Payment.objects.filter(needs_customer=True).order_by("pk"))
        if not waiting:
            return "nobody is at the bank"
        payment = self.dice.choice(waiting)
        answer = self.world.sandbox.http.post(f"/_stripe/payment_intents/{payment.external_id}/complete_3ds",
                                              json={"success": self.dice.random() < 0.7})
        return f"{answer.status_code} " + self._perhaps_look(payment.booking)

    def _perhaps_look(self, booking: Booking) -> str:
        if self.dice.random() < 0.7:
            services.look_now(booking=booking, now=clock.now())
            if self.dice.random() < 0.8:
                self._drive(booking.pk)
        return self._said(booking)

    def look_now(self) -> str:
        booking = self._one()
        services.look_now(booking=booking, now=clock.now())
        return self._said(booking)

    def pay_later(self) -> str:
        booking = self._one()
        services.pay_later(booking=booking, now=clock.now())
        return f"{self._drive(booking.pk)} {self._said(booking)}"

    def accept_price(self) -> str:
        for booking in Booking.objects.filter(wish="book").order_by("-pk"):
            asked = wants_consent(load(booking).picture())
            if asked is not None:
                services.accept_price(booking=booking, total_minor=asked, now=clock.now())
                return f"{asked} {self._said(booking)}"
        return "nobody is asked"

    def ask_quote(self) -> str:
        booking = self._one()
        services.ask_quote(booking=booking, now=clock.now())
        return f"{self._drive(booking.pk)} {self._said(booking)}"

    def cancel(self) -> str:
        """A customer cancels, as the page would: with the refund they were shown."""
        return self._cancel(self._one())

    def _cancel(self, booking: Booking) -> str:
        order = SupplierOrder.objects.filter(booking=booking, state="ticketed").first()
        shown = (order.quote_refund_minor if order.quote_refund_to == "balance" else 0) if order else None
        services.cancel(booking=booking, refund_minor=shown, now=clock.now())
        if self.dice.random() < 0.7:
            self._drive(booking.pk)
        return f"refund {shown} {self._said(booking)}"

    # --- the machine --------------------------------------------------------------------------------------------

    def drive(self) -> str:
        booking = self._one()
        return f"{self._drive(booking.pk)} {self._said(booking)}"

    def sweep(self) -> str:
        """Everything that is due, as the sweeper does it."""
        due = sweep.due_bookings(clock.now(), 50)
        for booking_id in due:
            self._drive(booking_id)
        reconcile.rematch(clock.now())
        return f"{len(due)} due"

    def reconcile(self) -> str:
        reconcile.light(clock.now())
        return ""

    def staff_looks(self) -> str:
        case = Case.objects.filter(closed_at=None).exclude(booking=None).order_by("-pk").first()
        if case is None:
            return "no case"
        operator, _ = get_user_model().objects.get_or_create(username="night shift", is_superuser=True)
        by = desk.By(operator, "", f"look {case.pk} {clock.now()}")
        desk.do(desk.ACTIONS["look_again"], by=by, params={}, case_id=case.pk)
        return case.kind

    def webhooks(self) -> str:
        """Some messages arrive, in any order, some of them twice."""
        airline = [("duffel", raw) for raw in self._docs("webhook_event")]
        bank = [("stripe", raw) for raw in self._docs("stripe.event")]
        messages = airline + bank
        fresh = [message for message in messages if message[1]["id"] not in self.heard]
        chosen = self.dice.sample(fresh, min(len(fresh), self.dice.randrange(1, 6)))
        chosen += self.dice.choices(messages, k=self.dice.randrange(3)) if messages else []
        self.dice.shuffle(chosen)
        self._deliver(chosen)
        return " ".join(raw["type"] for _, raw in chosen)

    def _deliver(self, chosen: list[tuple[str, dict[str, Any]]]) -> None:
        for vendor, raw in chosen:
            self.heard.add(raw["id"])
            if vendor == "stripe":
                gateway_inbox.keep(mapping.notice(raw))
            else:
                supplier_inbox.keep(webhook.read(json.dumps(raw).encode()), provider="duffel")

    def _docs(self, kind: str) -> list[dict[str, Any]]:
        docs: list[dict[str, Any]] = self.world.sandbox.http.get("/_state", params={"kind": kind}).json()["docs"]
        return docs

    # --- time ---------------------------------------------------------------------------------------------------

    def time(self) -> str:
        """Time passes while the sweeper works, or (shorter) while it is down."""
        span = self.dice.choices(list(TIMES), (10, 7, 2, 0.5))[0]
        seconds = self.dice.uniform(*TIMES[span])
        if span != "days" and self.dice.random() < 0.3:
            self.clock.pass_by(timedelta(seconds=seconds))
            return f"{seconds:.0f} s at once, {self.sweep()}"
        return f"{seconds:.0f} s, {self._live(timedelta(seconds=seconds), 80)} drives"

    def _live(self, span: timedelta, most: int) -> int:
        """Pass time from one due booking to the next, as a sweeper that never sleeps would see it."""
        end, drives = clock.now() + span, 0
        while (now := clock.now()) < end:
            due = Booking.objects.filter(due_at__isnull=False, parked_at=None).aggregate(at=Min("due_at"))["at"]
            if due is not None and due <= now:
                for booking_id in sweep.due_bookings(now, 50):
                    self._drive(booking_id)
                    drives += 1
                continue
            pause = end - now if due is None else min(due - now, end - now)
            if drives > most:  # the rest of it faster: what waits hourly waits six hours
                pause = min(end - now, max(pause, timedelta(hours=6)))
            self.clock.pass_by(pause)
        return drives

    # --- the airline and the bank -------------------------------------------------------------------------------

    def airline(self) -> str:
        """The airline does something to an order of ours."""
        orders = list(SupplierOrder.objects.exclude(external_id="").order_by("pk"))
        if not orders:
            return "no order"
        order = self.dice.choice(orders)
        deed, body = self.dice.choice((("schedule_change", {}), ("cancel_by_airline", {}), ("expire_hold", {}),
                                       ("reprice", {"percent": 7}), ("reprice", {"percent": -4})))
        theirs = next(doc for doc in self._docs("order") if doc["id"] == order.external_id)
        if theirs["cancelled_at"] or (deed in ("expire_hold", "reprice") and not theirs["payment_status"][
                "awaiting_payment"]):
            return f"{deed} is not possible"
        answer = self.world.sandbox.http.post(f"/_duffel/orders/{order.external_id}/{deed}", json=body)
        return f"{deed} {body} {order.booking.reference} {answer.status_code}"

    def fare(self) -> str:
        """An offer gets dearer, cheaper, or ends."""
        offers = list(Offer.objects.order_by("created_at", "pk"))
        if not offers:
            return "no offer"
        offer = self.dice.choice(offers)
        deed, body = self.dice.choice((("reprice", {"percent": 5}), ("reprice", {"percent": -3}), ("expire", {})))
        answer = self.world.sandbox.http.post(f"/_duffel/offers/{offer.external_id}/{deed}", json=body)
        return f"{deed} {body} {answer.status_code}"

    def balance(self) -> str:
        amount = self.dice.choice(("0.00", None, None))
        self.world.sandbox.http.post("/_duffel/balance", json={"amount": amount})
        return str(amount)

    def bank(self) -> str:
        """The bank or our own staff in Stripe's dashboard do something to a payment."""
        payments = list(Payment.objects.exclude(external_id="").order_by("pk"))
        if not payments:
            return "no payment"
        payment = self.dice.choice(payments)
        http, intent = self.world.sandbox.http, payment.external_id
        deed = self.dice.choice(("expire", "dispute", "fail_refund", "capture_fails", "dashboard_refund",
                                 "dashboard_cancel", "dashboard_capture"))
        if deed == "expire":
            answer = http.post(f"/_stripe/authorisations/{intent}/expire")
        elif deed == "capture_fails":
            answer = http.post("/_stripe/capture_fails", json={"code": self.dice.choice(
                ("charge_expired_for_capture", "card_declined", "capture_charge_authorization_expired"))})
        elif deed == "dispute":
            charges = [doc for doc in self._docs("stripe.charge") if doc["payment_intent"] == intent
                       and doc["captured"] and not doc["disputed"]]
            if not charges:
                return "nothing to dispute"
            answer = http.post(f"/_stripe/charges/{charges[-1]['id']}/dispute", json={})
        elif deed == "fail_refund":
            refunds = [doc for doc in self._docs("stripe.refund") if doc["payment_intent"] == intent]
            if not refunds:
                return "no refund to fail"
            answer = http.post(f"/_stripe/refunds/{refunds[-1]['id']}/fail", json={})
        else:
            return f"{deed} {payment.booking.reference} {self._dashboard(deed.removeprefix('dashboard_'), intent)}"
        return f"{deed} {payment.booking.reference} {answer.status_code}"

    def _dashboard(self, verb: str, intent: str) -> str:
        """Our own staff in Stripe's dashboard; faults strike them too."""
        http = self.world.sandbox.http
        path = "refunds" if verb == "refund" else f"payment_intents/{intent}/{verb}"
        try:
            answer = http.post(f"/stripe/v1/{path}", data={"payment_intent": intent} if verb == "refund" else {},
                               headers=STAFF_KEY)
        except httpx.TransportError as error:
            self.ledger.by_staff.add(intent)
            return type(error).__name__
        if verb == "capture":
            self.ledger.by_staff.add(intent)
        return str(answer.status_code)

    def fault(self) -> str:
        """Something outside breaks."""
        if self.calm:
            return "a calm walk"
        booking = Booking.objects.exclude(wish="draft").order_by("-pk").first()
        order = SupplierOrder.objects.filter(booking=booking).order_by("-pk").first()
        paying = Payment.objects.filter(booking=booking, state__in=["open", "authorised"]).exists()
        wanted = weather.fault(self.dice, order.state if order else "", paying)
        self.world.sandbox.fault(**wanted)
        self.tally.faults[wanted["kind"]] += 1
        if booking is None or self.dice.random() < 0.3:
            return str(wanted)
        return f"{wanted}, then {self._onward(booking)}"

    def mend(self) -> str:
        self.world.sandbox.http.delete("/_faults")
        return ""

    # --- the end ------------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        """Faults end, days pass, sweeps and reconciliation come: everything comes to rest or has a case."""
        self.log.append("rest")
        self.mend()
        self.world.sandbox.http.post("/_duffel/balance", json={"amount": None})
        # what others do to an old order or payment is told by their messages alone: nothing lists them any more
        self._deliver([(vendor, raw) for vendor, kind in (("duffel", "webhook_event"), ("stripe", "stripe.event"))
                       for raw in self._docs(kind) if raw["id"] not in self.heard and raw["type"] in BY_OTHERS])
        for days in (0.1, 0.9, 3, 8):
            self._live(timedelta(days=days), 60)
            reconcile.light(clock.now())
            self.sweep()
            self.log[-1] = f"rest after {days} days"
            self._check(promises.broken(self.ledger))
        self._check(promises.unrest(self.ledger))


DEEDS = {"book": 5, "onward": 16, "pay": 8, "challenge": 2, "look_now": 2, "pay_later": 3, "accept_price": 3, "ask_quote": 4,
         "cancel": 3, "drive": 4, "sweep": 4, "reconcile": 1, "staff_looks": 1, "webhooks": 7, "time": 10,
         "airline": 3, "fare": 2, "balance": 1, "bank": 3, "fault": 24, "mend": 1,
         "book_with_extras": 4, "correct": 2, "flights": 6, "answer": 3, "write": 2, "let_go": 2}
