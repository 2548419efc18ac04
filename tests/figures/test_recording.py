"""What is written down for the dashboard: 3-D Secure and the senders' times, read off the vendors' own words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payments.gateways.stripe import mapping
from suppliers.duffel import webhook


def intent(status: str, secured: Any) -> dict[str, Any]:
    return {"id": "pi_1", "amount": 100, "currency": "usd", "status": status, "latest_charge": {
        "id": "ch_1", "payment_method_details": {"card": {"last4": "4242", "three_d_secure": secured}}}}


@pytest.mark.parametrize(("status", "secured", "asked"), [
    ("requires_capture", None, False), ("requires_capture", {"authentication_flow": "frictionless"}, True),
    ("succeeded", {"authentication_flow": "challenge"}, True), ("requires_action", None, True),
    ("requires_payment_method", None, False)])
def test_whether_the_bank_asked_for_3d_secure(status: str, secured: Any, asked: bool) -> None:
    assert mapping.intent(intent(status, secured)).secured is asked


def test_when_a_message_was_made_is_the_senders_own_time() -> None:
    assert mapping.notice({"id": "evt_1", "type": "x", "created": 1_700_000_000}).made_at == datetime(
        2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert mapping.notice({"id": "evt_1"}).made_at is None


@pytest.mark.parametrize(("told", "made_at"), [
    ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)), ("2026-11-20T12:00:00", None), ("soon", None),
    (None, None), (7, None)])
def test_when_duffel_made_a_message(told: Any, made_at: datetime | None) -> None:
    assert webhook.read(json.dumps({"id": "wev_1", "type": "ping.triggered", "created_at": told}).encode()).made_at == made_at
