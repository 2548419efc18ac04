"""A booking as one page: facts, order, payments, choices, deeds, cases. Passenger data is masked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bookings.admin.columns import order_id, receipt_of
from bookings.facts import Story
from bookings.models import Booking, Passenger
from fly2any.kernel.readonly import amount
from payments.models import Payment, Refund
from suppliers.models import SupplierOrder

Pairs = list[tuple[str, Any]]


def story_of(booking: Booking, story: Story) -> dict[str, Any]:
    """What the booking's page shows beside the dossier, as plain values; a fixed number of queries. Times UTC."""
    return {
        "booking": booking,
        "facts": _facts(booking),
        "orders": [_order(row) for row in story.orders],
        "payments": [_payment(row) for row in story.payments],
        "refunds": [_refund(row) for row in story.refunds],
        "selections": [
            {"kind": row.kind.replace("_", " "), "detail": row.detail, "quantity": row.quantity,
             "traveller": "" if row.passenger_position is None else row.passenger_position + 1,
             "price": amount(row.unit_minor * row.quantity, booking.currency)}
            for row in booking.selections.order_by("pk")],
        "calls": sorted(story.calls.values(), key=lambda row: (row.asked_at, row.pk)),
        "cases": list(booking.cases.order_by("opened_at", "pk")),
    }


def _facts(b: Booking) -> Pairs:
    ticks = "; ".join(
        f"{tick.get('code', '')} (text of {tick.get('version', '?')}, {str(tick.get('at', ''))[:19]} UTC, from "
        f"{tick.get('address', '?')})" for tick in b.acknowledgements if isinstance(tick, dict))
    return _said([
        ("Status", b.status), ("Wish", b.wish), ("Route", b.route.replace("_", " ")), ("Progress", b.progress),
        ("Money", b.money), ("Closing because", b.closing), ("Notice to the customer", b.notice),
        ("Agreed total", amount(b.accepted_minor, b.currency)), ("Fare", amount(b.fare_minor, b.currency)),
        ("Extras", amount(b.services_minor, b.currency)), ("Our fee", amount(b.fee_minor, b.currency)),
        ("Price now", amount(b.priced_minor, b.currency)),
        ("Refund agreed", amount(b.agreed_refund_minor, b.currency)),
        ("Contact", f"{b.contact_email} {b.contact_phone}".strip()), ("Supplier", b.supplier),
        ("Offer", b.offer_external_id), ("Offer ends", b.offer_expires_at), ("Offer gone", b.offer_gone),
        ("Payment window ends", b.window_ends_at), ("Airline's deadline", b.pay_by), ("Ticked", ticks),
        ("Departs", b.departs_at), ("Arrives", b.arrives_at), ("Wished", b.wished_at), ("Created", b.created_at),
        ("Changed", b.changed_at), ("Looks again", b.due_at), ("Failed drives", b.attempts or ""),
        ("Parked", b.parked_at)])


def _order(o: SupplierOrder) -> Pairs:
    return _said([
        ("State", o.state.replace("_", " ")), ("Airline reference", o.pnr),
        ("Locators", ", ".join(f"{row[0]}: {row[1]}" for row in o.locators if isinstance(row, list) and len(row) > 1)),
        ("Order id", order_id(o.external_id)),
        ("Kind", "reservation" if o.lapses_at else "hold" if o.hold else "instant"),
        ("Total", amount(o.total_minor, o.currency)),
        ("Asked", o.asked_at), ("Last checked", o.looked_at),
        ("Ticket by" if o.lapses_at else "Pay by", o.pay_by), ("Cancels itself by", o.lapses_at), ("Paid", o.paid_at),
        ("Ticketed", o.ticketed_at), ("Tickets", len(o.tickets) or ""), ("Free to void until", o.void_until),
        ("Cancelled", o.cancelled_at), ("Refusal", o.refusal), ("Watched until", o.watch_until),
        ("Cancelling gives back", amount(o.quote_refund_minor, o.currency)), ("Quote ends", o.quote_expires_at),
        ("Changed by the airline", "yes" if o.changed else "")])


def _payment(p: Payment) -> Pairs:
    return _said([
        ("State", p.state), ("Payment id", receipt_of(p) if p.method else p.external_id),
        ("Amount", amount(p.amount_minor, p.currency)),
        ("Captured", amount(p.captured_minor, p.currency)), ("Refunded", amount(p.refunded_minor, p.currency)),
        ("Card", f"{p.card_brand} •••• {p.card_last4}" if p.card_last4 else ""), ("Declines", p.declines or ""),
        ("Last decline", p.decline_kind), ("Asked", p.asked_at), ("Last checked", p.looked_at),
        ("Authorised", p.authorised_at), ("Captured at", p.captured_at), ("Capture before", p.capture_before),
        ("Disputed", "yes" if p.disputed else ""), ("Taken elsewhere", "yes" if p.captured_elsewhere else "")])


def _refund(r: Refund) -> Pairs:
    return _said([
        ("State", r.state), ("Amount", amount(r.amount_minor, r.currency)), ("Cause", r.cause),
        ("Refund id", receipt_of(r) if r.method else r.external_id),
        ("Failure", r.failure), ("Requested", r.requested_at), ("Sent", r.sent_at),
        ("Last checked", r.looked_at), ("Done", r.done_at)])


def passenger_row(p: Passenger) -> dict[str, Any]:
    """Names, because staff speak to people; birth date and document only so far as to say that they are there."""
    return {
        "number": p.position + 1, "kind": p.kind, "name": f"{p.title.title()} {p.given_name} {p.family_name}".strip(),
        "born": f"{p.born_on:%Y}-••-••" if p.born_on else "–", "document": "••••••••" if p.document else "none",
        "loyalty": ", ".join(f"{row[0]} ••••" for row in p.loyalty if isinstance(row, list) and row),
    }


def _said(pairs: Pairs) -> Pairs:
    """Without what there is nothing to say about; times to the second, UTC."""
    return [(label, f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else value)
            for label, value in pairs if value not in ("", None, "–")]
