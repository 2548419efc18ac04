"""The twenty mismatches of ux.md 12.2 as scenes: how each comes to be, what staff do, what others outside do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from bookings import cases
from bookings.models import Booking, Outbox
from bookings.rehearsal import outside
from bookings.rehearsal.trips import (
    age,
    authorised,
    booked,
    confirmed,
    drive,
    give_card,
    look,
    order_of,
    park,
    payment_of,
)
from fly2any.kernel import clock
from payments.models import GatewayEvent, Refund
from suppliers.models import SupplierOrder
from suppliers.types import OrderState


@dataclass(frozen=True)
class Staged:
    """A scene that stands: whose booking, and what a trainee must know that only the outside would tell."""

    booking: Booking | None = None
    subject: str = ""  # the object outside, when no booking of ours stands behind it
    twin: str = ""  # a second airline order that must not be there
    answer: str = ""  # what the outside tells a person who asks: a number to type
    hint: str = ""


@dataclass(frozen=True)
class Scene:
    """One mismatch to practise. `mend` plays somebody outside whom staff have to ask (the bank, the airline's desk)."""

    code: str
    title: str
    solve: str  # for the trainee, with the names of the buttons
    stage: Callable[[], Staged]
    mend: Callable[[], None] | None = None
    kinds: tuple[str, ...] = ()  # of its case, where no detector of its code finds it


# --- money without an order, orders without money ---------------------------------------------------------------


def _charged_without_order() -> Staged:
    booking = authorised()
    outside.stripe(f"/v1/payment_intents/{payment_of(booking).external_id}/capture")
    with outside.fault("stripe.refund", "status", status=429, count=9):
        drive(booking, lambda b: Refund.objects.filter(payment__booking=b).exists())
    return Staged(park(booking))


def _reserved_without_order() -> Staged:
    booking = _reserved()
    age(booking, timedelta(minutes=12))
    Booking.objects.filter(pk=booking.pk).update(due_at=clock.now() + timedelta(hours=2))  # everybody sleeps
    return Staged(booking)


def _reserved() -> Booking:
    """The card is reserved, and the airline was too busy to take the order."""
    booking = authorised()
    with outside.fault("duffel.create_order", "status", status=429, count=9):
        return drive(booking, lambda b: payment_of(b).state == "authorised" and order_of(b) is not None)


def _ticketed_unpaid() -> Staged:
    booking = authorised()
    outside.control("/_stripe/capture_fails", {"code": "processing_error", "count": 1})
    drive(booking, lambda b: b.cases.filter(kind="ticketed_unpaid", closed_at=None).exists())
    return Staged(park(booking))


def _unknown_outcome() -> Staged:
    booking = booked(instant=False)
    with outside.fault("duffel.list_orders", "listing_lag", seconds=10_000):
        with outside.fault("duffel.create_order", "reset_after", count=1):
            drive(booking, lambda b: order_of(b) is not None and order_of(b).state == OrderState.UNKNOWN)
        age(booking, timedelta(minutes=6))
        drive(booking, lambda b: b.cases.filter(kind="unknown_outcome", closed_at=None).exists())
    made = outside.control("/_ledger?vendor=duffel&event=order.created", method="GET")["rows"][-1]
    return Staged(booking, hint=f"The airline calls it {made['order_id']}.")


def _orphaned_booking() -> Staged:
    return Staged(subject=f"duffel:{_order_of_somebody_else()['id']}")


def _order_of_somebody_else(metadata: dict[str, str] | None = None) -> dict[str, Any]:
    """An order made with the same Duffel account, but not by us."""
    day = (clock.now() + timedelta(days=60)).date().isoformat()
    request = outside.duffel("/air/offer_requests?return_offers=true", {
        "slices": [{"origin": "BOS", "destination": "MIA", "departure_date": day}], "cabin_class": "economy",
        "passengers": [{"type": "adult"}]})
    offer = next(o for o in request["offers"] if o["payment_requirements"]["requires_instant_payment"]
                 and not o["passenger_identity_documents_required"])
    person = {"id": offer["passengers"][0]["id"], "title": "ms", "gender": "f", "given_name": "Olivia",
              "family_name": "Orphan", "born_on": "1990-12-10", "email": "olivia@rehearsal.example",
              "phone_number": "+442080160508"}
    made: dict[str, Any] = outside.duffel("/air/orders", {
        "type": "instant", "selected_offers": [offer["id"]], "passengers": [person], "metadata": metadata or {},
        "payments": [{"type": "balance", "currency": offer["total_currency"], "amount": offer["total_amount"]}]})
    return made


def _orphaned_payment() -> Staged:
    intent = outside.stripe("/v1/payment_intents", {
        "amount": 12_300, "currency": "usd", "capture_method": "manual", "confirm": "true",
        "payment_method": "pm_card_visa", "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never"})
    return Staged(subject=f"stripe:{intent['id']}")


def _ledgers_differ() -> Staged:
    booking = confirmed()
    order = order_of(booking)
    SupplierOrder.objects.filter(pk=order.pk).update(total_minor=order.total_minor + 1_000)
    return Staged(booking)


def _duplicate() -> Staged:
    booking = confirmed()
    twin = _order_of_somebody_else({"booking_id": str(booking.public_id), "reference": booking.reference})
    return Staged(booking, twin=twin["id"], hint=f"The second order is {twin['id']}.")


# --- money that must go back ------------------------------------------------------------------------------------


def _cancelled_not_refunded() -> Staged:
    booking = confirmed()
    outside.control(f"/_duffel/orders/{order_of(booking).external_id}/cancel_by_airline")
    look(booking)
    with outside.fault("stripe.refund", "status", status=429, count=9):
        drive(booking, lambda b: Refund.objects.filter(payment__booking=b).exists())
    return Staged(park(booking))


def _refunded_but_live() -> Staged:
    booking = confirmed()
    outside.stripe("/v1/refunds", {"payment_intent": payment_of(booking).external_id})
    look(booking)
    return Staged(drive(booking, lambda b: b.cases.filter(kind="refunded_but_live", closed_at=None).exists()))


def _old_reservation() -> Staged:
    booking = _reserved()
    age(booking, timedelta(hours=8, minutes=5))
    return Staged(park(booking))


def _refund_failed() -> Staged:
    booking = confirmed()
    outside.control(f"/_duffel/orders/{order_of(booking).external_id}/cancel_by_airline")
    look(booking)
    drive(booking, lambda b: Refund.objects.filter(payment__booking=b).exclude(external_id="").exists())
    refund = Refund.objects.get(payment__booking=booking)
    outside.control(f"/_stripe/refunds/{refund.external_id}/fail")
    Refund.objects.filter(pk=refund.pk).update(news_at=clock.now())
    return Staged(drive(booking, lambda b: b.cases.filter(kind="refund_failed", closed_at=None).exists()))


# --- deadlines --------------------------------------------------------------------------------------------------


def _held() -> Booking:
    return drive(booked(instant=False, hold=True), lambda b: b.status == "HOLD")


def _to_ticket() -> Staged:
    booking = drive(booked(instant=False, manual=True), lambda b: b.status == "PENDING_TICKETING")
    Booking.objects.filter(pk=booking.pk).update(card_wanted=True)  # as "Send the link to pay" does
    give_card(drive(booking, lambda b: payment_of(b) is not None and payment_of(b).state == "open"))
    drive(booking, lambda b: payment_of(b).state == "authorised")
    order, soon = order_of(booking), clock.now() + timedelta(minutes=90)
    SupplierOrder.objects.filter(booking=booking).update(pay_by=soon)
    outside.control(f"/_amadeus/orders/{order.pnr}/ticket")  # the consolidator has issued it, and told us by mail
    number = _terminal(f"pnr={order.pnr}")["tickets"][0]["documentNumber"]
    return Staged(park(booking), answer=number, hint=f"The consolidator's ticket is {number}.")


def _terminal(asked: str) -> dict[str, Any]:
    """What staff see at the consolidator's terminal: the newest reservation of that name, remark or locator."""
    seen: list[dict[str, Any]] = outside.control(f"/_amadeus/orders?{asked}", method="GET")["orders"]
    return seen[-1]


def _reservation_unknown() -> Staged:
    booking = booked(instant=False, manual=True)
    with outside.fault("amadeus.create_order", "reset_after", count=1):
        drive(booking, lambda b: b.cases.filter(kind="unknown_outcome", closed_at=None).exists())
    made = _terminal(f"remark={booking.reference}")
    return Staged(booking, answer=made["id"],
                  hint=f"At the consolidator's terminal: locator {made['pnr']}, order id {made['id']}.")


def _hold_ends() -> Staged:
    booking = _held()
    soon = clock.now() + timedelta(minutes=90)
    SupplierOrder.objects.filter(booking=booking).update(pay_by=soon)
    Booking.objects.filter(pk=booking.pk).update(pay_by=soon, due_at=soon)
    booking.refresh_from_db()
    return Staged(booking)


def _change_unanswered() -> Staged:
    booking = confirmed()
    outside.control(f"/_duffel/orders/{order_of(booking).external_id}/schedule_change", {"minutes": 300})
    look(booking)
    drive(booking, lambda b: bool(order_of(b).flight_change))
    SupplierOrder.objects.filter(booking=booking).update(change_answer_by=clock.now() - timedelta(minutes=1))
    return Staged(drive(booking, lambda b: b.cases.filter(kind="change_unanswered", closed_at=None).exists()))


def _dispute() -> Staged:
    booking = confirmed()
    outside.control(f"/_stripe/charges/{payment_of(booking).attempt_id}/dispute")
    return Staged(booking)


# --- messages, mail, workers ------------------------------------------------------------------------------------


def _event_unheard() -> Staged:
    booking, now = confirmed(), clock.now()
    event = GatewayEvent.objects.create(
        provider="stripe", event_id=f"evt_rehearsal_{booking.pk}", kind="payment.changed",
        raw_kind="payment_intent.amount_capturable_updated", intent_id=payment_of(booking).external_id,
        fate=GatewayEvent.Fate.GIVEN_UP, received_at=now - timedelta(hours=73), tried_at=now - timedelta(hours=1))
    subject = f"stripe:{event.event_id}"
    with transaction.atomic():
        cases.open_case(kind="unmatched_event", subject=subject, now=now,
                        facts={"kind": event.raw_kind, "intent": event.intent_id})
    return Staged(subject=subject)


def _mail_undelivered() -> Staged:
    booking = confirmed()
    now = clock.now()
    with transaction.atomic():
        Outbox.objects.filter(booking=booking, kind="confirmed").update(
            sent_at=None, dropped="undeliverable", tries=8, due_at=now - timedelta(minutes=30))
    return Staged(booking)


def _balance_gone() -> Staged:
    outside.control("/_duffel/balance", {"amount": "0.00"})
    drive(authorised(), lambda b: b.calls.filter(code="insufficient_balance").exists())
    return Staged(subject="supplier:duffel", hint="The account is empty; finance must transfer money.")


def _topped_up() -> None:
    outside.control("/_duffel/balance", {"amount": None})
    confirmed()  # the first order that is paid again


def _worker_gave_up() -> Staged:
    return Staged(park(authorised()))


SCENES: dict[str, Scene] = {scene.code: scene for scene in (
    Scene("M1", "charged, no live order", "Press Resume: the worker sends the refund that is queued.",
          _charged_without_order),
    Scene("M2", "reserved on a card, no order, nobody at work", "Press Look again: the booking goes on, or ends and "
          "releases the card.", _reserved_without_order),
    Scene("M3", "ticketed, money not taken", "Press Take the money.", _ticketed_unpaid),
    Scene("M4", "unknown outcome", "Press Look again: the airline lists the order by now. (Or Attach order.)",
          _unknown_outcome),
    Scene("M5", "an order nobody here stands for", "Cancel it in Duffel's dashboard, then Mark handled with its id.",
          _orphaned_booking),
    Scene("M6", "a payment nobody here stands for", "Void it in Stripe's dashboard, then Mark handled with its id.",
          _orphaned_payment),
    Scene("M7", "the ledgers differ", "Press Look again: our row was wrong, the airline's answer mends it.",
          _ledgers_differ),
    Scene("M8", "two orders for one booking", "Cancel the second in Duffel's dashboard, then Mark handled with its id.",
          _duplicate),
    Scene("M9", "cancelled at the airline, not refunded", "Press Resume: the refund that is queued goes out.",
          _cancelled_not_refunded),
    Scene("M10", "refunded in full, order live", "Ask what a cancellation gives back, then Cancel the booking.",
          _refunded_but_live),
    Scene("M11", "a card reserved for more than 8 hours", "Press Release the card (or Resume).",
          _old_reservation),
    Scene("M12", "ticketing is late", "Enter the ticket numbers: the card is reserved.", _to_ticket),
    Scene("M13", "a held fare ends soon", "Send the link to pay, or Mark handled after a call.", _hold_ends),
    Scene("M14", "changed flights, no answer", "Call the customer, then Mark handled with what they said.",
          _change_unanswered),
    Scene("M15", "a dispute", "Answer it in Stripe, then Mark handled.", _dispute),
    Scene("M16", "a message nobody heard", "Press Hear a message again.", _event_unheard),
    Scene("M17", "a mail that did not arrive", "Correct the contact if it is wrong, then Send a mail again.",
          _mail_undelivered),
    Scene("M18", "the supplier's balance is empty", "Top up at the supplier (`rehearse --mend M18` plays it): the "
          "case closes and sales go on by themselves.", _balance_gone, _topped_up),
    Scene("M19", "the worker makes no progress", "Read the last error, then press Resume.", _worker_gave_up),
    Scene("M20", "a refund failed", "Give money back: send it again; or pay another way and Mark handled.",
          _refund_failed),
)}
MORE: dict[str, Scene] = {scene.code: scene for scene in (
    Scene("A1", "a reservation whose answer was lost", "Look at the consolidator by name and remark, then Attach an "
          "airline order (or It was not made).", _reservation_unknown, kinds=("unknown_outcome",)),
)}
