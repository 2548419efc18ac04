"""The door every airline supplier is reached through. Adapters translate; nobody else knows vendor words.

Each method raises one of the three families of `fly2any.kernel.errors`: Refused (a definite no, nothing was
made), Unavailable (it did not happen, ask later), OutcomeUnknown (it may have happened, look first).
Codes used by every adapter: offer_expired, price_changed, sold_out, passenger_rejected (detail: field, position,
reason), services_unavailable, already_booked (unknown family), insufficient_balance, schedule_changed,
already_paid, past_pay_by, already_cancelled, quote_stale, not_cancellable, not_found, supplier_busy,
supplier_down, supplier_timeout, accepted_pending, misconfigured, unreadable_answer, supplier_refused (any other
definite no), provider_off (our account there is closed or used up: the breaker stays open, staff are told),
booking_failed_check (a definite no of which a record may still be left behind: staff look), not_supported,
bad_signature, unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page
from suppliers.types import CancelQuote, Notice, OfferInfo, OrderInfo, OrderRequest, SearchQuery, SeatMap


class Supplier(Protocol):
    """One airline supplier."""

    name: str
    lists_orders: bool  # False: nothing can be looked for, an order is known by its id alone (amadeus.md 3)

    def search(self, query: SearchQuery) -> list[OfferInfo]:
        """Offers without services. Changes nothing."""

    def offer(self, offer_id: str, document: str = "") -> OfferInfo:
        """The offer now, with its services. Refused offer_expired when it is gone.

        `document`: the stored text of the offer, for a supplier that keeps none itself.
        """

    def offer_siblings(self, offer_id: str, document: str = "") -> list[OfferInfo]:
        """Other fares of the same flights, asked for; [] from a supplier whose search tells them all."""

    def seat_maps(self, offer_id: str, document: str = "") -> list[SeatMap]:
        """One per flight; [] when the airline offers none."""

    def create_order(self, request: OrderRequest) -> OrderInfo:
        """Hold or buy. NO idempotency key exists: an unknown outcome is never sent again (duffel.md 7)."""

    def order(self, order_id: str) -> OrderInfo:
        """The order now. Refused not_found when there is none."""

    def find_orders(self, offer_id: str) -> list[OrderInfo]:
        """Orders made from this offer. An empty list is no proof: listings lag by hours."""

    def pay_order(self, order_id: str, amount: Money) -> None:
        """Pay a held order from our balance with its exact present total."""

    def paid(self, order_id: str) -> bool | None:
        """Whether a payment for the order succeeded; None when one is pending."""

    def quote_cancellation(self, order_id: str) -> CancelQuote:
        """A quote; changes nothing at the airline."""

    def confirm_cancellation(self, quote_id: str) -> CancelQuote:
        """Cancel as quoted. Only the newest quote can be confirmed."""

    def accept_change(self, change_id: str) -> None:
        """Accept flights that the airline changed. Refused quote_stale for one that is not the newest open one."""

    def cancellations(self, order_id: str) -> list[CancelQuote]:
        """All quotes of the order, confirmed or not."""

    def list_orders(self, since: datetime, after: str = "") -> Page[OrderInfo]:
        """One page of the orders created since then, in the supplier's own order; `after`: the mark of the page before.

        A new order may take hours to be listed. Refused when the mark is no longer good.
        """

    def balances(self) -> tuple[Money, ...]:
        """What our account holds now, by currency; () from a supplier that does not tell."""

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify a webhook on its raw bytes. Raises Refused bad_signature or unreadable."""
