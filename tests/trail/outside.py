"""A gateway and an airline that only show what a test put on their lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.money import Money
from payments.types import DisputeInfo, Intent, Notice, PaymentState
from suppliers.types import OrderInfo, OrderState
from tests.trail.rows import NOW

OLD = NOW - timedelta(hours=1)


def intent(external_id: str = "pi_1", **changes: Any) -> Intent:
    """A charged intent of USD 599.99."""
    words: dict[str, Any] = {"external_id": external_id, "state": PaymentState.CAPTURED,
                             "amount": Money(59999, "USD"), "captured_minor": 59999, "refunded_minor": 0,
                             "created_at": OLD}
    return Intent(**(words | changes))


def order(external_id: str = "ord_1", **changes: Any) -> OrderInfo:
    """A ticketed order of USD 599.99."""
    words: dict[str, Any] = {"supplier": "duffel", "external_id": external_id, "pnr": "RZPNX8",
                             "state": OrderState.TICKETED, "total": Money(59999, "USD"), "offer_id": "off_x",
                             "booking_id": "", "created_at": OLD}
    return OrderInfo(**(words | changes))


@dataclass
class Lists:
    """Both ports as far as reconciliation asks them. Raises if it is asked inside a transaction."""

    name: str = "stripe"
    intents: list[Intent] = field(default_factory=list)
    orders: list[OrderInfo] = field(default_factory=list)
    events: list[Notice] = field(default_factory=list)
    cases: list[DisputeInfo] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)
    unlisted_intents: list[Intent] = field(default_factory=list)
    down: bool = False

    def _outside(self) -> None:
        assert not connection.in_atomic_block, "asked inside a transaction"
        if self.down:
            raise Unavailable("gateway_down")

    def recent_intents(self, since: datetime) -> Iterator[Intent]:
        self._outside()
        for found in self.intents:
            if found.created_at is None or found.created_at >= since:
                yield found

    def get(self, intent_id: str) -> Intent:
        self._outside()
        for found in [*self.intents, *self.unlisted_intents]:
            if found.external_id == intent_id:
                return found
        raise Refused("not_found")

    def undelivered(self, since: datetime) -> Iterator[Notice]:
        self._outside()
        yield from self.events

    def disputes(self, since: datetime) -> Iterator[DisputeInfo]:
        self._outside()
        yield from self.cases

    def recent_orders(self, since: datetime) -> Iterator[OrderInfo]:
        self._outside()
        self.since.append(since)
        for found in self.orders:
            if found.created_at is None or found.created_at >= since:
                yield found

    def order(self, order_id: str) -> OrderInfo:
        self._outside()
        for found in self.orders:
            if found.external_id == order_id:
                return found
        raise Refused("not_found")
