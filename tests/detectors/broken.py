"""For each mismatch of ux.md 12.2: rows that have it, and how they are mended. No supplier and no gateway is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bookings import cases
from bookings.models import Booking, Case, ExternalCall, Heartbeat, Outbox
from payments.models import Dispute, GatewayEvent, Payment, Refund
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.console.rows import NOW

M, H, D = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CRITICAL, HIGH, MEDIUM, LOW = 1, 2, 3, 4


@dataclass
class Broken:
    """One mismatch in rows. `climbs`: severity after so long. `change`: the same mismatch with other values."""

    subject: str
    mend: Callable[[], object]
    severity: int
    booking: Booking | None = None
    deadline: datetime | None = None
    climbs: list[tuple[timedelta, int]] = field(default_factory=list)
    change: Callable[[], object] | None = None


Maker = Callable[[], Broken]


def _about(of: Booking, severity: int, mend: Callable[[], object], **more: Any) -> Broken:
    return Broken(f"booking:{of.pk}", mend, severity, of, **more)


def orders(of: Booking) -> Any:
    return SupplierOrder.objects.filter(booking=of)


def payments(of: Booking) -> Any:
    return Payment.objects.filter(booking=of)


def charged_without_order() -> Broken:
    b = rows.booking(status="PENDING_PAYMENT")
    p = rows.payment(b, order=None, captured_elsewhere=True, captured_at=NOW - 3 * M)
    return _about(b, CRITICAL, lambda: rows.refund(p, 50_000),
                  change=lambda: payments(b).update(refunded_minor=20_000))


def charged_for_a_lost_order() -> Broken:
    b = rows.booking(status="CANCELLING", closing="hold_lapsed")
    o = rows.order(b, "lapsed")
    p = rows.payment(b, order=o, captured_at=NOW - 3 * M)
    return _about(b, CRITICAL, lambda: rows.refund(p, 50_000))


def reserved_idle() -> Broken:
    b = rows.booking(route="auth_first", settled_at=NOW - 11 * M)
    rows.payment(b, "authorised", authorised_at=NOW - 11 * M)
    return _about(b, HIGH, lambda: rows.order(b, "creating", external_id=""), deadline=NOW - 11 * M + 8 * H,
                  climbs=[(2 * H, CRITICAL)])


def ticketed_unpaid() -> Broken:
    b = rows.booking(status="PENDING_PAYMENT")
    o = rows.order(b, ticketed_at=NOW - 31 * M, void_until=NOW + 5 * H)
    rows.payment(b, "authorised")
    return _about(b, CRITICAL, lambda: payments(b).update(state="captured", captured_minor=50_000, order=o),
                  deadline=NOW + 5 * H, change=lambda: payments(b).update(state="voided"))


def ticket_without_any_payment() -> Broken:
    b = rows.booking(status="PENDING")
    rows.order(b, ticketed_at=NOW - 3 * M)
    return _about(b, CRITICAL, lambda: orders(b).update(state="cancelled"))


def unknown_outcome() -> Broken:
    b = rows.booking(route="auth_first")
    rows.order(b, "unknown", external_id="", hold=False, asked_at=NOW - 6 * M, ticketed_at=None)
    return _about(b, HIGH, lambda: orders(b).update(state="not_created", refusal="sold_out"),
                  deadline=b.offer_expires_at + 6 * H, climbs=[(6 * H, CRITICAL)],
                  change=lambda: orders(b).update(state="creating"))


def our_payment_for_the_ticket_is_unknown() -> Broken:
    b = rows.booking(status="PENDING_PAYMENT")
    o = rows.order(b, "paying", ticketed_at=None)
    rows.call(b, "pay_order", f"order:{o.pk}", outcome="unknown", first_failed_at=NOW - 6 * M)
    return _about(b, HIGH, lambda: orders(b).update(state="held"), deadline=o.asked_at + 30 * M)


def gave_up_unknown() -> Broken:
    b = rows.booking(status="FAILED", closing="airline_no_answer")
    rows.order(b, "not_created", external_id="", hold=False, refusal="airline_no_answer", watch_until=NOW + 72 * H,
               ticketed_at=None)
    return _about(b, CRITICAL, lambda: orders(b).update(watch_until=NOW), deadline=NOW + 72 * H,
                  climbs=[(24 * H, HIGH), (48 * H, MEDIUM)])


def late_ticket() -> Broken:
    b = rows.booking(status="CANCELLING", closing="airline_no_answer")
    rows.order(b, ticketed_at=NOW - 3 * M, void_until=NOW + 5 * H)
    rows.payment(b, "voided")
    return _about(b, CRITICAL, lambda: orders(b).update(state="cancelled"), deadline=NOW + 5 * H)


def ledgers_differ() -> Broken:
    b = rows.confirmed()
    orders(b).update(total_minor=50_100)
    return _about(b, HIGH, lambda: orders(b).update(total_minor=50_000), climbs=[(24 * H, CRITICAL)],
                  change=lambda: orders(b).update(total_minor=50_200))


def currencies_differ() -> Broken:
    b = rows.confirmed()
    orders(b).update(currency="EUR")
    return _about(b, HIGH, lambda: orders(b).update(currency="USD"))


def two_live_orders() -> Broken:
    rows.without("suppliers_supplierorder", "booking_has_one_live_order")
    b = rows.confirmed()
    extra = rows.order(b, "held", external_id="ord_twin", offer_external_id="off_twin", created_at=NOW)
    SupplierOrder.objects.update(created_at=NOW)
    return Broken(f"orders:{b.pk}", lambda: orders(b).filter(pk=extra.pk).update(state="cancelled"), CRITICAL, b)


def two_live_orders_of_one_offer() -> Broken:
    rows.without("suppliers_supplierorder", "offer_has_one_live_order")
    b, twin = rows.confirmed(), rows.confirmed()
    orders(twin).update(offer_external_id=b.offer_external_id)
    SupplierOrder.objects.update(created_at=NOW)
    return Broken(f"offer:duffel:{b.offer_external_id}", lambda: orders(b).update(state="cancelled", ticketed_at=None),
                  CRITICAL, twin)


def two_active_payments() -> Broken:
    rows.without("payments_payment", "booking_has_one_active_payment")
    b = rows.confirmed()
    extra = rows.payment(b, "authorised", external_id="pi_twin")
    return Broken(f"payments:{b.pk}", lambda: payments(b).filter(pk=extra.pk).update(state="voided"), CRITICAL, b)


def cancelled_and_not_refunded() -> Broken:
    b = rows.booking(status="CANCELLING", closing="airline_cancelled")
    rows.order(b, "cancelled", cancelled_at=NOW - H)
    p = rows.payment(b)
    return _about(b, HIGH, lambda: rows.refund(p, 50_000), deadline=datetime.fromisoformat("2026-12-03T04:59:00+00:00"),
                  climbs=[(10 * D + 17 * H, CRITICAL)], change=lambda: payments(b).update(refunded_minor=10_000))


def asked_for_the_money_of_changed_flights() -> Broken:
    b = rows.confirmed()
    orders(b).update(change_seen_at=NOW - D, change_answer="refund", change_answered_at=NOW - H,
                     flight_change={"external_id": "chg_1", "taken": "", "actions": []})
    return _about(b, HIGH, lambda: rows.refund(payments(b).get(), 50_000, cause="changed") and orders(b).update(
        state="cancelled"), deadline=datetime.fromisoformat("2026-12-03T04:59:00+00:00"))


def refunded_but_live() -> Broken:
    b = rows.confirmed()
    payments(b).update(refunded_minor=50_000)
    return _about(b, CRITICAL, lambda: orders(b).update(state="cancelled"), deadline=b.departs_at)


def reserved_too_long() -> Broken:
    b = rows.booking()
    rows.order(b, "not_created", external_id="", ticketed_at=None)
    rows.payment(b, "authorised", authorised_at=NOW - 8 * H - M, capture_before=NOW + 6 * D)
    return _about(b, HIGH, lambda: payments(b).update(state="voided"), deadline=NOW + 6 * D,
                  climbs=[(16 * H, CRITICAL)], change=lambda: payments(b).update(state="voiding"))


def ticketing_deadline() -> Broken:
    b = rows.booking(status="PENDING_TICKETING", route="manual")
    rows.order(b, "reserved", pay_by=NOW + 23 * H, ticketed_at=None)
    return _about(b, MEDIUM, lambda: orders(b).update(state="lapsed"), deadline=NOW + 23 * H,
                  climbs=[(17 * H, HIGH), (21 * H, CRITICAL), (25 * H, CRITICAL)],
                  change=lambda: orders(b).update(pay_by=NOW + 22 * H))


def ticket_number_missing() -> Broken:
    b = rows.reserved()
    b.passengers.create(position=1, external_id="pas_infant", kind="infant", given_name="Emil", family_name="Ångström")
    first = [{"kind": "ticket", "number": "2202345678901", "passengers": [b.passengers.get(position=0).external_id]}]
    orders(b).update(state="ticketed", ticketed_at=NOW - H, tickets=[
        *first, {"kind": "emd", "number": "2209999999999", "passengers": []}])
    rows.payment(b, "captured", provider="desk")
    return _about(b, MEDIUM, lambda: orders(b).update(tickets=[*first, {
        "kind": "ticket", "number": "2202345678902", "passengers": ["pas_infant"]}]), deadline=b.departs_at,
        climbs=[(24 * H, HIGH), (28 * D, CRITICAL)])


def hold_ends() -> Broken:
    b = rows.booking(wish="hold", chose_hold=True, status="HOLD")
    rows.order(b, "held", pay_by=NOW + 110 * M, ticketed_at=None)
    return _about(b, LOW, lambda: Booking.objects.filter(pk=b.pk).update(wish="book"), deadline=NOW + 110 * M)


def change_unanswered() -> Broken:
    b = rows.confirmed()
    orders(b).update(change_seen_at=NOW - D, change_answer_by=NOW + 20 * H,
                     flight_change={"external_id": "chg_1", "taken": "", "actions": ["accept"]})
    return _about(b, MEDIUM, lambda: orders(b).update(change_answer="accept", change_answered_at=NOW + 29 * D),
                  deadline=NOW + 20 * H, climbs=[(20 * H, HIGH), (28 * D + M, CRITICAL)],
                  change=lambda: orders(b).update(flight_change={"external_id": "chg_2", "taken": "", "actions": []}))


def change_to_accept() -> Broken:
    b = rows.confirmed()
    orders(b).update(change_seen_at=NOW - D, change_answer="accept", change_answered_at=NOW - 31 * M,
                     flight_change={"external_id": "chg_1", "taken": "", "actions": ["accept"]})
    return _about(b, HIGH, lambda: orders(b).update(flight_change={"external_id": "chg_1", "taken": "accepted"}),
                  deadline=b.departs_at, climbs=[(28 * D + M, CRITICAL)])


def dispute() -> Broken:
    b = rows.confirmed()
    payments(b).update(disputed=True)
    d = Dispute.objects.create(payment=payments(b).get(), external_id="dp_1", amount_minor=50_000, currency="USD",
                               status="needs_response", seen_at=NOW, answer_by=NOW + 7 * D)
    return _about(b, HIGH, lambda: Dispute.objects.filter(pk=d.pk).update(status="won"), deadline=NOW + 7 * D,
                  climbs=[(5 * D, CRITICAL)],
                  change=lambda: Dispute.objects.filter(pk=d.pk).update(status="under_review"))


def webhook_backlog() -> Broken:
    b = rows.confirmed(due_at=NOW - 6 * M)
    payments(b).update(news_at=NOW - 6 * M, looked_at=NOW - H)
    return Broken("inbox", lambda: payments(b).update(looked_at=NOW), MEDIUM, climbs=[(30 * M, HIGH)],
                  change=lambda: payments(b).update(news_at=NOW - 7 * M))


def unmatched_event() -> Broken:
    e = GatewayEvent.objects.create(provider="stripe", event_id="evt_1", kind="payment.changed", fate="given_up",
                                    raw_kind="charge.updated", received_at=NOW - 73 * H)
    cases.open_case(kind="unmatched_event", subject="stripe:evt_1", now=NOW - M)  # reconcile opened it
    return Broken("stripe:evt_1", lambda: GatewayEvent.objects.filter(pk=e.pk).update(fate="heard"), MEDIUM)


def mail_waits() -> Broken:
    b = rows.confirmed()
    o = Outbox.objects.create(kind="confirmed", booking=b, due_at=NOW - 16 * M, created_at=NOW - 16 * M)
    return Broken("outbox", lambda: Outbox.objects.filter(pk=o.pk).update(sent_at=NOW), MEDIUM, climbs=[(2 * H, HIGH)])


def mail_tried_in_vain() -> Broken:
    b = rows.confirmed()
    o = Outbox.objects.create(kind="confirmed", booking=b, due_at=NOW + H, created_at=NOW - H, tries=3,
                              context={"first_due_at": (NOW - 16 * M).isoformat()})
    return Broken("outbox", lambda: Outbox.objects.filter(pk=o.pk).update(sent_at=NOW), MEDIUM)


def mail_given_up() -> Broken:
    b = rows.confirmed()
    o = Outbox.objects.create(kind="confirmed", booking=b, due_at=NOW - 72 * H, created_at=NOW - 72 * H, tries=60,
                              dropped="undeliverable")
    return Broken(f"outbox:{o.pk}", lambda: Outbox.objects.create(
        kind="confirmed", booking=b, version="again", due_at=NOW, created_at=NOW, sent_at=NOW), MEDIUM, b,
        climbs=[(2 * H, HIGH)])


def no_progress() -> Broken:
    b = rows.booking(due_at=NOW - 4 * M)
    return Broken("worker", lambda: Booking.objects.filter(pk=b.pk).update(due_at=NOW + 30 * D), HIGH,
                  climbs=[(15 * M, CRITICAL)])


def recovery_stopped() -> Broken:
    Heartbeat.objects.create(name="sweeper", beat_at=NOW - 4 * M)
    return Broken("sweeper", lambda: Heartbeat.objects.filter(name="sweeper").update(beat_at=NOW + 30 * D), CRITICAL)


def parked() -> Broken:
    b = rows.booking(parked_at=NOW - M)
    return _about(b, HIGH, lambda: Booking.objects.filter(pk=b.pk).update(parked_at=None, due_at=NOW + 30 * D),
                  climbs=[(2 * H, CRITICAL)])


def _cancelled(refund_state: str, **changes: Any) -> tuple[Booking, Any]:
    b = rows.booking(status="CANCELLING", wish="cancel", agreed_refund_minor=50_000)
    rows.order(b, "cancelled", cancelled_at=NOW - M)
    return b, rows.refund(rows.payment(b), 50_000, refund_state, **changes)


def refund_failed() -> Broken:
    b, r = _cancelled("failed", failure="expired_or_canceled_card")
    payments(b).update(refunded_minor=0)
    return _about(b, HIGH, lambda: rows.refund(r.payment, 50_000, cause=f"cancelled~{r.pk}", external_id="re_again"),
                  deadline=datetime.fromisoformat("2026-12-03T04:59:00+00:00"), climbs=[(3 * D, CRITICAL)])


def refund_pending() -> Broken:
    b, r = _cancelled("sent", sent_at=NOW - 10 * D - M)
    return _about(b, HIGH, lambda: Refund.objects.filter(pk=r.pk).update(state="succeeded"),
                  climbs=[(10 * D, CRITICAL)])


def refund_cannot_be_sent() -> Broken:
    b, r = _cancelled("requested", external_id="")
    ExternalCall.objects.filter(subject=f"refund:{r.pk}").update(
        outcome="unavailable", attempts=3, first_failed_at=NOW - 31 * M)
    return _about(b, CRITICAL, lambda: Refund.objects.filter(pk=r.pk).update(state="succeeded") and (
        Booking.objects.filter(pk=b.pk).update(status="CANCELLED")
        and ExternalCall.objects.filter(subject=f"refund:{r.pk}").update(outcome="ok", first_failed_at=None)))


def void_refused() -> Broken:
    b = rows.booking(status="CANCELLING", closing="payment_window")
    p = rows.payment(b, "authorised")
    c = rows.call(b, "void", f"payment:{p.pk}", outcome="refused", code="not_possible")
    return _about(b, CRITICAL, lambda: Booking.objects.filter(pk=b.pk).update(status="EXPIRED"),
                  change=lambda: ExternalCall.objects.filter(pk=c.pk).update(code="other"))


CLASSES: list[tuple[str, str, Maker]] = [
    ("M1", "charged_without_order", charged_without_order), ("M1", "charged_without_order", charged_for_a_lost_order),
    ("M2", "reserved_idle", reserved_idle), ("M3", "ticketed_unpaid", ticketed_unpaid),
    ("M3", "ticketed_unpaid", ticket_without_any_payment), ("M4", "unknown_outcome", unknown_outcome),
    ("M4", "unknown_outcome", our_payment_for_the_ticket_is_unknown), ("M4", "gave_up_unknown", gave_up_unknown),
    ("M5", "orphaned_booking", late_ticket), ("M7", "ledgers_differ", ledgers_differ),
    ("M7", "ledgers_differ", currencies_differ), ("M8", "duplicate_order", two_live_orders),
    ("M8", "duplicate_order", two_live_orders_of_one_offer), ("M8", "duplicate_payment", two_active_payments),
    ("M9", "refund_due", cancelled_and_not_refunded), ("M9", "refund_due", asked_for_the_money_of_changed_flights),
    ("M10", "refunded_but_live", refunded_but_live), ("M11", "reserved_too_long", reserved_too_long),
    ("M12", "ticketing_deadline", ticketing_deadline), ("M12", "tickets_missing", ticket_number_missing), ("M13", "hold_ends", hold_ends),
    ("M14", "change_unanswered", change_unanswered), ("M14", "change_to_accept", change_to_accept),
    ("M15", "dispute", dispute), ("M16", "webhook_backlog", webhook_backlog), ("M16", "unmatched_event", unmatched_event),
    ("M17", "mail_undelivered", mail_waits), ("M17", "mail_undelivered", mail_tried_in_vain),
    ("M17", "mail_undelivered", mail_given_up), ("M19", "no_progress", no_progress),
    ("M19", "recovery_stopped", recovery_stopped), ("M19", "parked", parked), ("M20", "refund_failed", refund_failed),
    ("M20", "refund_pending", refund_pending), ("M20", "compensation_failed", refund_cannot_be_sent),
    ("M20", "compensation_failed", void_refused),
]


def open_cases() -> list[Case]:
    """Every open case, oldest first."""
    return list(Case.objects.filter(closed_at=None).order_by("pk"))
