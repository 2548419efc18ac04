"""A gateway and an airline that only show what a test put on their lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection

from fly2any.kernel.errors import Refused, Unavailable
from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page
from payments.types import ChargeInfo, DisputeInfo, Intent, Notice, PaymentState, RefundInfo, RefundState
from suppliers.types import OrderInfo, OrderState
from tests.trail.rows import NOW

OLD = NOW - timedelta(hours=1)
T = TypeVar("T")


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


def charge(external_id: str = "ch_1", **changes: Any) -> ChargeInfo:
    """The captured charge of `intent()`."""
    words: dict[str, Any] = {"external_id": external_id, "intent_id": "pi_1", "amount": Money(59999, "USD"),
                             "good": True, "captured_minor": 59999, "created_at": OLD}
    return ChargeInfo(**(words | changes))


def refund(external_id: str = "re_1", **changes: Any) -> RefundInfo:
    """A refund of USD 100 of `intent()` that has succeeded."""
    words: dict[str, Any] = {"external_id": external_id, "state": RefundState.SUCCEEDED, "amount": Money(10000, "USD"),
                             "intent_id": "pi_1", "created_at": OLD}
    return RefundInfo(**(words | changes))


@dataclass
class Lists:
    """Both ports as far as reconciliation asks them, in pages of `size`. Raises if it is asked inside a transaction.

    `asked` has every page asked for, as (list, mark); `fail` may raise before a page is given out.
    """

    name: str = "stripe"
    lists_orders: bool = True
    intents: list[Intent] = field(default_factory=list)
    charges: list[ChargeInfo] = field(default_factory=list)
    refunded: list[RefundInfo] = field(default_factory=list)
    orders: list[OrderInfo] = field(default_factory=list)
    events: list[Notice] = field(default_factory=list)
    warnings: list[Notice] = field(default_factory=list)
    cases: list[DisputeInfo] = field(default_factory=list)
    money: tuple[Money, ...] = ()
    since: list[datetime] = field(default_factory=list)
    unlisted: list[Any] = field(default_factory=list)  # what only its own id finds
    unread: tuple[str, ...] = ()
    size: int = 1000
    down: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    fail: Callable[[str, str], None] = lambda name, mark: None

    def _outside(self) -> None:
        assert not connection.in_atomic_block, "asked inside a transaction"
        if self.down:
            raise Unavailable("gateway_down")

    def _page(self, name: str, rows: Iterable[T], since: datetime, after: str) -> Page[T]:
        self._outside()
        self.asked.append((name, after))
        self.fail(name, after)
        fitting = [row for row in rows if (at := getattr(row, "created_at", None)) is None or at >= since]
        start = int(after or 0)
        mark = str(start + self.size) if start + self.size < len(fitting) else ""
        return Page(tuple(fitting[start:start + self.size]), mark, self.unread if name == "intents" else ())

    def _one(self, rows: Iterable[T], external_id: str) -> T:
        self._outside()
        self.looked.append(external_id)
        for found in (*rows, *self.unlisted):
            if found.external_id == external_id:
                return found
        raise Refused("not_found")

    def list_intents(self, since: datetime, after: str = "") -> Page[Intent]:
        return self._page("intents", self.intents, since, after)

    def list_charges(self, since: datetime, after: str = "") -> Page[ChargeInfo]:
        return self._page("charges", self.charges, since, after)

    def list_refunds(self, since: datetime, after: str = "") -> Page[RefundInfo]:
        return self._page("refunds", self.refunded, since, after)

    def list_disputes(self, since: datetime, after: str = "") -> Page[DisputeInfo]:
        return self._page("disputes", self.cases, since, after)

    def list_undelivered(self, since: datetime, after: str = "") -> Page[Notice]:
        return self._page("undelivered", self.events, since, after)

    def list_warnings(self, since: datetime, after: str = "") -> Page[Notice]:
        return self._page("warnings", self.warnings, since, after)

    def list_orders(self, since: datetime, after: str = "") -> Page[OrderInfo]:
        self.since += [] if after else [since]
        return self._page("orders", self.orders, since, after)

    def get(self, intent_id: str) -> Intent:
        return self._one(self.intents, intent_id)

    def get_charge(self, charge_id: str) -> ChargeInfo:
        return self._one(self.charges, charge_id)

    def get_refund(self, refund_id: str) -> RefundInfo:
        return self._one(self.refunded, refund_id)

    def get_dispute(self, dispute_id: str) -> DisputeInfo:
        return self._one(self.cases, dispute_id)

    def order(self, order_id: str) -> OrderInfo:
        return self._one(self.orders, order_id)

    def balances(self) -> tuple[Money, ...]:
        self._outside()
        return self.money
