"""What of Duffel's bodies a call record may keep: ids, states, amounts, codes and flight dates. Nothing of people.

An allow-list by field name, so that what Duffel adds tomorrow is left out until somebody has read it. A field that
holds others (`passengers`) is on the list only with what it may show; `identity_documents`, names, addresses, birth
dates, e-mails, phones and loyalty accounts are not.
"""

from __future__ import annotations

ALLOWED = frozenset({
    # envelopes and listings
    "data", "errors", "meta", "params", "after", "before", "limit", "request_id", "status", "code", "type", "source",
    "pointer", "field", "total",
    # what is asked
    "order_id", "offer_id", "selected_offers", "services", "quantity", "payments", "payment", "amount", "currency",
    "return_available_services", "metadata", "booking_id", "reference",
    # orders, payments, cancellations, changes
    "id", "booking_reference", "total_amount", "total_currency", "base_amount", "base_currency", "tax_amount",
    "tax_currency", "live_mode", "created_at", "synced_at", "cancelled_at", "void_window_ends_at", "payment_status",
    "awaiting_payment", "payment_required_by", "price_guarantee_expires_at", "paid_at", "available_actions",
    "cancellation", "confirmed_at", "expires_at", "refund_amount", "refund_currency", "refund_to", "failure_reason",
    "airline_initiated_changes", "action_taken", "action_taken_at", "added", "removed", "documents",
    "payment_requirements", "requires_instant_payment",
    # travellers, without who they are
    "passengers", "passenger_ids", "passenger_id", "infant_passenger_id",
    # flights
    "slices", "segments", "origin", "destination", "iata_code", "departing_at", "arriving_at", "marketing_carrier",
    "operating_carrier", "marketing_carrier_flight_number", "operating_carrier_flight_number", "owner", "segment_ids",
    "segment_id", "slice_id", "maximum_quantity",
})
