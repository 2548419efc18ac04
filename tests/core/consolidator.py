"""A supplier of reservations that lives in this process: it does exactly what a test tells it to, once per call."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import OutcomeUnknown, Outside, Refused
from fly2any.kernel.money import Money
from suppliers.models import Offer
from suppliers.stored import to_json
from suppliers.types import CancelQuote, OfferInfo, OrderInfo, OrderRequest, OrderState, Ticket
from tests.world import HOLDABLE, World


@dataclass
class Consolidator:
    """Reservations by id. `fails`: what the next calls of a kind raise; `lost`: it was done, the answer never came."""

    name: str = "amadeus"
    lists_orders: bool = False
    offers: dict[str, OfferInfo] = field(default_factory=dict)
    orders: dict[str, OrderInfo] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: dict[str, deque[Outside]] = field(default_factory=dict)
    lost: bool = False
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def fail(self, call: str, *errors: Outside) -> None:
        """The next calls of this kind raise these."""
        self.fails.setdefault(call, deque()).extend(errors)

    def count(self, call: str) -> int:
        """How often it was asked."""
        return self.asked.count(call)

    def _ask(self, call: str) -> None:
        self.asked.append(call)
        if self.fails.get(call):
            raise self.fails[call].popleft()

    def offer(self, offer_id: str, document: str = "") -> OfferInfo:
        """The offer now, with its document."""
        self._ask("offer")
        assert document, "the stored text is the offer"
        return self.offers[offer_id]

    def create_order(self, request: OrderRequest) -> OrderInfo:
        """Reserve."""
        self._ask("create")
        assert request.document == self.offers[request.offer_id].document and request.amount is not None
        external_id = f"res{next(self.numbers)}"
        now = clock.now()
        order = OrderInfo(
            supplier=self.name, external_id=external_id, pnr="PNR" + external_id[3:].zfill(3), state=OrderState.RESERVED,
            total=self.offers[request.offer_id].total, offer_id=request.offer_id, booking_id=request.booking_id,
            pay_by=now + timedelta(days=1), actions=("cancel",), locators=(("XX", "XX77"),),
            travellers=tuple((t.external_id, t.given_name, t.family_name) for t in request.travellers))
        self.orders[external_id] = order
        if self.lost:
            raise OutcomeUnknown("supplier_timeout")
        return order

    def order(self, order_id: str) -> OrderInfo:
        """As Amadeus reads it: without our own ids."""
        self._ask("order")
        if order_id not in self.orders:
            raise Refused("not_found")
        return replace(self.orders[order_id], booking_id="", offer_id="")

    def find_orders(self, offer_id: str) -> list[OrderInfo]:
        """Nothing is listed; nobody should ask."""
        raise AssertionError("nothing can be looked for")

    def quote_cancellation(self, order_id: str) -> CancelQuote:
        """All, while nothing is ticketed."""
        now = self.order(order_id)
        if now.state is not OrderState.RESERVED:
            raise Refused("not_cancellable")
        return CancelQuote(order_id, order_id, now.total, "balance", None)

    def confirm_cancellation(self, quote_id: str) -> CancelQuote:
        """Gone."""
        self._ask("cancel")
        self.orders.pop(quote_id, None)
        return CancelQuote(quote_id, quote_id, None, "balance", None, confirmed_at=clock.now())

    def ticket(self, order_id: str) -> None:
        """The consolidator issues a ticket for everybody."""
        order = self.orders[order_id]
        self.orders[order_id] = replace(order, state=OrderState.TICKETED, actions=(), tickets=tuple(
            Ticket("ticket", f"125{index:010d}", (key,)) for index, (key, _, _) in enumerate(order.travellers, 1)))

    def void(self, order_id: str) -> None:
        """Every ticket is void; the seats stay reserved."""
        self.orders[order_id] = replace(self.orders[order_id], state=OrderState.RESERVED, tickets=(), actions=("cancel",))


def manual_offer(world: World, there: Consolidator, **more: Any) -> Offer:
    """An offer of Duffel's, as if it were one of this supplier."""
    kept = world.offer(HOLDABLE)
    info = replace(
        kept.info, supplier="amadeus", external_id=f"own-{kept.external_id}", request_id="", manual=True,
        instant_only=True, document="{the whole offer}", services=(),
        **{"ticket_by": datetime.now(UTC) + timedelta(days=1), **more})
    there.offers[info.external_id] = info
    return Offer.objects.create(
        principal=kept.principal, supplier="amadeus", external_id=info.external_id, request_id="",
        total_minor=info.total.minor, currency=info.total.currency, expires_at=info.expires_at,
        searched=to_json(info), priced=to_json(info), priced_at=clock.now(), document=info.document)


def dearer(there: Consolidator, booking: Booking, by: int) -> None:
    """The offer costs more from now on (minor units), and its text is another."""
    info = there.offers[booking.offer_external_id]
    there.offers[booking.offer_external_id] = replace(
        info, total=Money(info.total.minor + by, info.total.currency), document=f"{info.document} dearer")
