"""Duffel as a `suppliers.port.Supplier`: which call each verb is, and what its answer proves."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from django.conf import settings

from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page
from suppliers.duffel import bodies, errors, mapping, webhook
from suppliers.duffel.client import Answer, DuffelClient
from suppliers.duffel.errors import Call
from suppliers.types import CancelQuote, Notice, OfferInfo, OrderInfo, OrderRequest, SearchQuery, SeatMap

log = logging.getLogger(__name__)

SUPPLIER_MILLISECONDS = 18_000  # what airlines get to answer a search; our own page stops waiting at 20 s
PAGE = 200
MOST_PAGES = 200
T = TypeVar("T")


class DuffelSupplier:
    """Duffel behind the port. Safe to share between threads."""

    name = mapping.NAME
    lists_orders = True

    def __init__(self, client: DuffelClient, *, webhook_secret: str = "",
                 clock: Callable[[], float] = time.time) -> None:  # noqa: TID251 (age of a signature)
        self._client = client
        self._secrets = webhook.secrets_of(webhook_secret)
        self._clock = clock

    def search(self, query: SearchQuery) -> list[OfferInfo]:
        """Offers without services; one that cannot be read is left out, and said in the log."""
        params = {"return_offers": "true", "supplier_timeout": SUPPLIER_MILLISECONDS}
        answer = self._client.post(errors.SEARCH, "/air/offer_requests", bodies.search(query), params)
        found = mapping.mapping(answer.data)
        raws = mapping.items(found.get("offers"))
        request_id = mapping.text(found.get("id"))
        offers = mapping.readable(lambda raw: mapping.offer(raw, request_id), raws)
        if len(offers) < len(raws):
            log.warning("duffel search %s: %d of %d offers cannot be read", request_id, len(raws) - len(offers),
                        len(raws))
        if (raws and not offers) or not request_id:
            raise errors.unreadable(errors.SEARCH, answer.request_id)
        return offers

    def offer(self, offer_id: str, document: str = "") -> OfferInfo:
        """The offer now, with its services. Refused offer_expired when it is gone."""
        path = f"/air/offers/{_id(offer_id)}"
        answer = self._client.get(errors.OFFER, path, {"return_available_services": "true"})
        return _read(errors.OFFER, answer, mapping.offer)

    def offer_siblings(self, offer_id: str, document: str = "") -> list[OfferInfo]:
        """None to ask for: a search tells every fare of a flight."""
        return []

    def seat_maps(self, offer_id: str, document: str = "") -> list[SeatMap]:
        """One per flight; [] when the airline offers none."""
        answer = self._client.get(errors.OFFER, "/air/seat_maps", {"offer_id": offer_id})
        return [mapping.seat_map(raw) for raw in mapping.items(answer.data)]

    def create_order(self, request: OrderRequest) -> OrderInfo:
        """Hold or buy, once. Anything but a 201 with a readable order of this offer is not a yes."""
        answer = self._client.post(errors.CREATE, "/air/orders", bodies.order(request))
        made = _read(errors.CREATE, answer, partial(mapping.order, now=answer.served_at))
        if made.offer_id not in ("", request.offer_id) or made.booking_id not in ("", request.booking_id):
            raise errors.unreadable(errors.CREATE, answer.request_id)
        return made

    def order(self, order_id: str) -> OrderInfo:
        """The order now. Refused not_found when there is none."""
        answer = self._client.get(errors.READ, f"/air/orders/{_id(order_id)}")
        return _read(errors.READ, answer, partial(mapping.order, now=answer.served_at))

    def find_orders(self, offer_id: str) -> list[OrderInfo]:
        """Orders made from this offer. An empty list is no proof: listings lag by hours.

        An order that says it came from another offer is left out; one that cannot be read fails the look.
        """
        found = []
        for answer, raw in self._pages("/air/orders", {"offer_id": offer_id}):
            if mapping.text(raw.get("offer_id")) in ("", offer_id):
                found.append(_read(errors.READ, answer, partial(mapping.order, now=answer.served_at), raw))
        return found

    def pay_order(self, order_id: str, amount: Money) -> None:
        """Pay a held order from our balance with its exact present total."""
        body = {"order_id": order_id, "payment": bodies.balance(amount)}
        answer = self._client.post(errors.PAY, "/air/payments", body)
        raw = mapping.mapping(answer.data)
        status = raw.get("status")
        if status == "pending":
            raise errors.accepted(answer.request_id)
        if status in ("failed", "cancelled"):
            raise Refused("supplier_refused", "the payment failed", request_id=answer.request_id,
                          vendor_code=mapping.text(raw.get("failure_reason"))[:100])
        paid = _read(errors.PAY, answer, lambda raw: mapping.money(raw.get("amount"), raw.get("currency")))
        if status not in (None, "succeeded") or paid != amount:
            raise errors.unreadable(errors.PAY, answer.request_id)

    def paid(self, order_id: str) -> bool | None:
        """Whether a payment for the order succeeded; None when one is pending or in a state we do not know."""
        states = {raw.get("status") or "succeeded" for _, raw in self._pages("/air/payments", {"order_id": order_id})
                  if mapping.text(raw.get("order_id")) in ("", order_id)}
        if "succeeded" in states:
            return True
        return None if states - {"failed", "cancelled"} else False

    def quote_cancellation(self, order_id: str) -> CancelQuote:
        """A quote; changes nothing at the airline, so a failed one may simply be asked for again."""
        answer = self._client.post(errors.QUOTE, "/air/order_cancellations", {"order_id": order_id})
        return _read(errors.QUOTE, answer, mapping.cancel_quote)

    def confirm_cancellation(self, quote_id: str) -> CancelQuote:
        """Cancel as quoted. Only the newest quote can be confirmed; done means `confirmed_at` is set."""
        answer = self._client.post(errors.CANCEL, f"/air/order_cancellations/{_id(quote_id)}/actions/confirm")
        done = _read(errors.CANCEL, answer, mapping.cancel_quote)
        if done.confirmed_at is None:
            raise errors.accepted(answer.request_id)
        return done

    def accept_change(self, change_id: str) -> None:
        """Accept the airline's new flights. Anything but a change that says "accepted" is not a yes."""
        answer = self._client.post(errors.ACCEPT, f"/air/airline_initiated_changes/{_id(change_id)}/actions/accept")
        if mapping.mapping(answer.data).get("action_taken") != "accepted":
            raise errors.unreadable(errors.ACCEPT, answer.request_id)

    def cancellations(self, order_id: str) -> list[CancelQuote]:
        """All quotes of the order, confirmed or not."""
        return [_read(errors.READ, answer, mapping.cancel_quote, raw)
                for answer, raw in self._pages("/air/order_cancellations", {"order_id": order_id})
                if mapping.text(raw.get("order_id")) in ("", order_id)]

    def list_orders(self, since: datetime, after: str = "") -> Page[OrderInfo]:
        """One page of the orders created since then."""
        oldest = (since.astimezone(UTC) - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")
        answer, raws, mark = self._page("/air/orders", {"created_at[after]": oldest}, after)
        found, unread = [], []
        for raw in raws:
            try:
                found.append(mapping.order(raw, answer.served_at))
            except mapping.Unreadable:
                unread.append(mapping.text(raw.get("id")))
        return Page(tuple(found), mark, tuple(unread))

    def balances(self) -> tuple[Money, ...]:
        """Not told: Duffel shows the balance on its dashboard only (duffel.md 3 lists no such call)."""
        return ()

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Verify a webhook on its raw bytes. Raises Refused bad_signature or unreadable."""
        webhook.verify(body, webhook.header_of(headers), self._secrets, self._clock())
        return webhook.read(body)

    def _pages(self, path: str, params: Mapping[str, Any]) -> Iterator[tuple[Answer, Mapping[str, Any]]]:
        """Every object of a listing with the answer it came in; stops when the cursor stands still."""
        cursor, seen = "", {""}
        for _ in range(MOST_PAGES):
            answer, raws, cursor = self._page(path, params, cursor)
            for raw in raws:
                yield answer, raw
            if cursor in seen:
                return
            seen.add(cursor)
        log.error("duffel listing %s did not end after %d pages", path, MOST_PAGES)

    def _page(self, path: str, params: Mapping[str, Any], after: str) -> tuple[Answer, list[Mapping[str, Any]], str]:
        """One page of a listing: its answer, its objects, and the mark of the next ("": none, or it stands still)."""
        answer = self._client.get(errors.READ, path, {**params, "limit": PAGE} | ({"after": after} if after else {}))
        if not isinstance(answer.data, list):
            raise errors.unreadable(errors.READ, answer.request_id)
        mark = mapping.text(answer.meta.get("after"))
        return answer, list(mapping.items(answer.data)), "" if mark == after else mark


def _read(call: Call, answer: Answer, read: Callable[[Mapping[str, Any]], T],
          raw: Mapping[str, Any] | None = None) -> T:
    """Read the answer's object (or `raw` of its list); unreadable is unknown after a write, else unavailable."""
    try:
        return read(mapping.mapping(answer.data) if raw is None else raw)
    except mapping.Unreadable as error:
        raise errors.unreadable(call, answer.request_id) from error


def _id(value: str) -> str:
    """An id for a path. An empty one would address a whole listing."""
    if not value:
        raise ValueError("an empty id")
    return quote(value, safe="")


def from_settings() -> DuffelSupplier:
    """The adapter as the settings describe it. Called once per process by the registry."""
    client = DuffelClient(token=settings.DUFFEL_ACCESS_TOKEN, base=settings.DUFFEL_API_BASE)
    return DuffelSupplier(client, webhook_secret=settings.DUFFEL_WEBHOOK_SECRET)


