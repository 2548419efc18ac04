"""The scenes of the house: staff at the desk, messages, mail, comparisons, what is forgotten, and new keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command

from bookings import alerts, chat, desk, detectors, drafts, mail, reconcile, retention
from bookings.drafts import booking as drafting
from bookings.management.commands import rotate_field_keys
from bookings.models import Booking, Case, Passenger, Proposal
from fly2any.kernel import clock, secretbox
from payments.models import Payment
from suppliers.models import Offer
from tests.crashes.hearing import deliver
from tests.crashes.journeys import Trip, free, link, scene
from tests.crashes.stage import Piece, Stage, drive, outside, press
from tests.desk.pressing import as_it_stands, filled, somebody
from tests.world import HOLDABLE

STAFF_KEY = {"authorization": "Bearer sk_test_dashboard"}
LATER = timedelta(minutes=3)  # a mail that somebody has claimed is free again


class Page:
    """A page of the console as it was opened: its values and its key stay the same however often it is sent."""

    def __init__(self, stage: Stage, name: str, trip: Trip | None = None, *, kind: str = "", **typed: Any) -> None:
        self.stage, self.name, self.trip, self.kind, self.typed = stage, name, trip, kind, typed
        self.values: dict[str, Any] = {}

    def subjects(self) -> tuple[Booking | None, Case | None]:
        """What the page is about."""
        case = Case.objects.filter(kind=self.kind, closed_at=None).order_by("pk").first() if self.kind else None
        return (self.trip.booking if self.trip and case is None else None), case

    def open(self) -> None:
        """Read it."""
        booking, case = self.subjects()
        self.values = filled(desk.ACTIONS[self.name], as_it_stands(booking=booking, case=case), **self.typed)
        self.about = {"case_id": case.pk if case else None, "booking_id": booking.pk if booking else None}

    def send(self) -> None:
        """Press its button."""
        by = desk.By(self.stage.manager.operator, "as agreed on the phone", f"page of {self.name}")
        desk.do(desk.ACTIONS[self.name], by=by, params=self.values, **self.about)


def done_by_staff(stage: Stage, name: str, trip: Trip, **typed: Any) -> list[Piece]:
    """Open the page, press, and the machine carries it out."""
    page = Page(stage, name, trip, **typed)
    return [outside(page.open), press(page.send), drive(trip.drive)]


@scene
def staff_refund(stage: Stage) -> list[Piece]:
    """A part of the money goes back and the ticket stays."""
    trip = Trip(stage)
    return [*trip.ticketed(), *done_by_staff(stage, "refund", trip, amount="50.00")]


@scene
def staff_two_people(stage: Stage) -> list[Piece]:
    """Above the limit one proposes and another agrees."""
    settings.SECOND_PERSON_ABOVE = {"USD": 1000, "EUR": 1000, "GBP": 1000}
    trip, second = Trip(stage), somebody("do_second", "do_refund")
    page = Page(stage, "refund", trip, amount="50.00")

    def agree() -> None:
        desk.decide_proposal(Proposal.objects.get().pk, agreed=True, by=desk.By(second, "right", "agreed"),
                             actions=desk.ACTIONS)

    return [*trip.ticketed(), outside(page.open), press(page.send), press(agree), drive(trip.drive)]


@scene
def staff_cancel(stage: Stage) -> list[Piece]:
    """Staff ask what a cancellation gives back, and cancel."""
    trip = Trip(stage, choose=free)
    return [*trip.ticketed(), *done_by_staff(stage, "quote", trip), *done_by_staff(stage, "cancel", trip)]


@scene
def staff_attach(stage: Stage) -> list[Piece]:
    """An order whose answer was lost and that nothing lists is found by staff, fetched, and paid."""
    trip = Trip(stage)
    page = Page(stage, "attach_order", trip)

    def found() -> None:
        page.typed = {"order_id": stage.world.events("duffel", "order.created")[-1]["order_id"]}
        page.open()

    return [*trip.quietly(trip.book), trip.troubled("duffel.create_order", "reset_after"),
            trip.troubled("duffel.list_orders", "listing_lag", seconds=99_999), outside(trip.drive),
            trip.later(minutes=10), outside(found), press(page.send), drive(trip.drive), outside(trip.pay),
            drive(trip.drive)]


@scene
def staff_attach_reservation(stage: Stage) -> list[Piece]:
    """The same for a reservation, which no machine can look for."""
    trip = Trip(stage, manual=True)
    page = Page(stage, "attach_order", trip)

    def found() -> None:
        page.typed = {"order_id": stage.world.at_the_consolidator(trip.booking)[0]["id"]}
        page.open()

    return [*trip.quietly(trip.book), trip.troubled("amadeus.create_order", "reset_after"), outside(trip.drive),
            trip.later(minutes=10), outside(found), press(page.send), drive(trip.drive)]


@scene
def staff_records(stage: Stage) -> list[Piece]:
    """Money that staff took elsewhere is recorded, and what they gave back."""
    trip = Trip(stage, manual=True)
    return [*trip.quietly(trip.book, trip.drive),
            *done_by_staff(stage, "record_payment", trip, method="bank_transfer", receipt="RF18 5390")]


@scene
def staff_link(stage: Stage) -> list[Piece]:
    """The link to pay is sent, and taken back."""
    trip = Trip(stage, manual=True)
    return [*trip.quietly(trip.book, trip.drive), *done_by_staff(stage, "send_pay_link", trip),
            *done_by_staff(stage, "take_back_link", trip)]


@scene
def staff_bulk(stage: Stage) -> list[Piece]:
    """One choice for several lines of the queue: each line once, whatever happens in between."""
    trips = [Trip(stage) for _ in range(3)]

    def line(trip: Trip) -> None:
        case = Case.objects.get(booking=trip.booking)
        desk.do(desk.ACTIONS["note"], by=desk.By(stage.manager.operator, "seen", f"line {trip.pk}"),
                params={}, case_id=case.pk)

    def ask() -> None:
        from bookings import cases

        for trip in trips:
            trip.book()
            trip.drive()
            cases.open_case(kind="fraud_warning", subject=f"booking:{trip.pk}", booking=trip.booking, now=clock.now())

    return [outside(ask), press(lambda: [line(trip) for trip in trips])]


# --- jobs -------------------------------------------------------------------------------------------------------------


@scene
def mails(stage: Stage) -> list[Piece]:
    """What the outbox holds is sent."""
    trip = Trip(stage, hold=True)
    return [*trip.quietly(trip.book, trip.drive), trip.later(minutes=5), press(lambda: mail.send_due(clock.now(), 20), LATER)]


@scene
def told_in_a_chat(stage: Stage) -> list[Piece]:
    """A critical case that nobody takes is told again, by mail and in the chat."""
    settings.ALERT_EMAIL, settings.ALERT_WEBHOOK_URL = "alerts@example.com", f"{stage.site.url}/hooks/x"

    def worry() -> None:
        from bookings import cases

        cases.open_case(kind="orphaned_booking", subject="duffel:ord_strange", now=clock.now())
        stage.pass_by(minutes=16)

    return [outside(worry), press(lambda: alerts.repeat(clock.now())),
            press(lambda: chat.send_due(clock.now(), 20), LATER)]


@scene
def messages(stage: Stage) -> list[Piece]:
    """Everything that the airline and the bank have told, brought to our doors."""
    trip = Trip(stage)
    return [*trip.ticketed(), press(lambda: deliver(stage.world.sandbox, 1)), drive(trip.drive)]


@scene
def messages_too_early(stage: Stage) -> list[Piece]:
    """Messages of objects whose ids we have not learned yet find their booking later."""
    trip = Trip(stage)

    def strangers() -> None:
        payment, order = Payment.objects.get(), trip.order
        ids = payment.external_id, order.external_id, order.offer_external_id
        Payment.objects.update(external_id="pi_another")
        trip.booking.orders.update(external_id="ord_another", offer_external_id="off_another")
        deliver(stage.world.sandbox, 1)
        Payment.objects.update(external_id=ids[0])
        trip.booking.orders.update(external_id=ids[1], offer_external_id=ids[2])
        stage.pass_by(seconds=30)

    return [*trip.ticketed(), outside(strangers), press(lambda: reconcile.rematch(clock.now())), drive(trip.drive)]


def dashboard(stage: Stage, trip: Trip) -> Callable[[], None]:
    """What others do: a dispute, a refund in Stripe's dashboard, a payment that is not ours."""
    def work() -> None:
        http = stage.world.sandbox.http
        intent = trip.booking.payments.get().external_id
        charge = next(doc for doc in http.get("/_state", params={"kind": "stripe.charge"}).json()["docs"]
                      if doc["payment_intent"] == intent)
        http.post("/stripe/v1/refunds", data={"payment_intent": intent, "amount": "700"}, headers=STAFF_KEY)
        http.post(f"/_stripe/charges/{charge['id']}/dispute", json={})
        stage.pass_by(minutes=10)
    return work


@scene
def compared_lightly(stage: Stage) -> list[Piece]:
    """The quarter-hourly comparison finds what the dashboard did and has the driver look."""
    trip = Trip(stage)
    compare = press(lambda: reconcile.light(clock.now()))
    return [*trip.ticketed(), outside(dashboard(stage, trip)), compare, drive(trip.drive), trip.later(minutes=15), compare]


@scene
def compared_fully(stage: Stage) -> list[Piece]:
    """The nightly comparison asks for what the lists left out."""
    trip = Trip(stage)
    return [*trip.ticketed(), trip.troubled("duffel.list_orders", "listing_lag", seconds=999_999), trip.later(hours=7),
            press(lambda: reconcile.full(clock.now(), rest=0.0))]


@scene
def mismatches(stage: Stage) -> list[Piece]:
    """What the detectors find becomes cases, each once, and closes when it is gone."""
    trip = Trip(stage, hold=True)
    detect = press(lambda: detectors.run(clock.now()))
    return [*trip.quietly(trip.book, trip.drive), trip.later(hours=70.5), detect, outside(trip.cancel), drive(trip.drive),
            detect]


@scene
def forgotten(stage: Stage) -> list[Piece]:
    """What is old is forgotten, in small commits."""
    trip, other = Trip(stage, hold=True), Trip(stage)
    stage.probe = lambda: (Offer.objects.count(), Booking.objects.exclude(contact_email="").count(), Passenger.objects.count())
    return [*trip.quietly(trip.book, trip.drive), outside(lambda: Booking.objects.filter(pk=other.pk).update(typed="x")),
            *trip.quietly(trip.cancel, trip.drive, lambda: stage.world.offer()), trip.later(days=9), press(lambda: retention.run(clock.now())),
            press(lambda: retention.erase(trip.pk, clock.now()))]


@scene
def new_keys(stage: Stage) -> list[Piece]:
    """Everything sealed is encrypted with the newest key; a rotation that dies goes on where it was."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    trips = [Trip(stage) for _ in range(5)]
    settings.FIELD_ENCRYPTION_KEYS = [old]
    for number, trip in enumerate(trips):
        Passenger.objects.filter(booking=trip.pk).update(document=secretbox.seal(f"passport {number}"))
        Booking.objects.filter(pk=trip.pk).update(typed=secretbox.seal(f"typed {number}"))
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    stage.patches.setattr(rotate_field_keys, "BATCH", 2)

    def under_the_new_key() -> tuple[int, int]:
        box = Fernet(new)
        sealed = [*Passenger.objects.exclude(document="").values_list("document", flat=True),
                  *Booking.objects.exclude(typed="").values_list("typed", flat=True)]
        return len(sealed), sum(_opens(box, text) for text in sealed)

    stage.probe = under_the_new_key
    return [press(lambda: call_command("rotate_field_keys", stdout=StringIO()))]


def _opens(box: Fernet, text: str) -> bool:
    try:
        return bool(box.decrypt(text.encode()))
    except Exception:
        return False


@scene
def fare_changed(stage: Stage) -> list[Piece]:
    """Another fare of the same flights, with the extras: two drafts, never half of one."""
    trip = Trip(stage, HOLDABLE, origin="LHR", destination="MAD", bags=1)
    offer = trip.booking.offer
    other = stage.world.offer(HOLDABLE, origin="LHR", destination="MAD", choose=lambda info: (
        not info.instant_only and info.external_id != offer.external_id))
    stage.patches.setattr(drafting, "family", lambda _: [offer, other])
    stage.probe = lambda: sorted((b.offer_id == other.pk, b.services_minor, b.selections.count()) for b in Booking.objects.all())

    def change() -> None:
        drafts.change_fare(booking=trip.booking, offer_id=other.pk, user=None, now=clock.now(), choices=[
            {"serviceId": item.service_external_id, "quantity": 1} for item in trip.booking.selections.all()])

    return [press(change)]


__all__ = ["Page", "link"]
