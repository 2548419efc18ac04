"""What of Stripe's bodies a call record may keep: ids, states, amounts, codes. No card, no person, no client_secret.

An allow-list by field name, so that what Stripe adds tomorrow is left out until somebody has read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

ALLOWED = frozenset({
    "id", "object", "data", "has_more", "url", "error", "type", "code", "decline_code", "param", "status", "amount",
    "amount_capturable", "amount_received", "amount_captured", "amount_refunded", "amount_to_capture", "currency",
    "capture_method", "captured", "refunded", "disputed", "paid", "created", "canceled_at", "cancellation_reason",
    "livemode", "latest_charge", "charge", "payment_intent", "last_payment_error", "reason",
    "failure_code", "failure_reason", "outcome", "network_status", "risk_level", "metadata",
    "payment_id", "booking", "refund_id", "capture_before", "allowed_payment_method_types", "expand", "limit",
    "starting_after", "gte", "evidence_details", "due_by", "pending_reason",
})


def form(*encoded: Any) -> dict[str, Any]:
    """Stripe's form encoding as a plain tree: `metadata[payment_id]=7` becomes {"metadata": {"payment_id": "7"}}."""
    tree: dict[str, Any] = {}
    for text in encoded:
        for name, value in text.items() if isinstance(text, Mapping) else parse_qsl(str(text or "")):
            here, parts = tree, str(name).replace("]", "").split("[")
            for part in parts[:-1]:
                here = here.setdefault(part, {})
            here[parts[-1]] = value
    return tree
