"""Amadeus as a `suppliers.port.Supplier`: which call each verb is, and what its answer proves.

Amadeus keeps nothing of an offer: its ids are row numbers of one answer, so an offer gets an id of our own and its
whole text is stored with it (`raw.document`). Many offers of one search can be booked, so there is no request id to
claim. An order is a reservation that our staff ticket; nothing is paid, listed or looked for here.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings

from fly2any.env import is_loopback
from fly2any.kernel.errors import Refused
from fly2any.kernel.money import Money
from fly2any.kernel.pages import Page
from suppliers.amadeus import bodies, errors, flights, mapping, orders, people, raw, reading, seats
from suppliers.amadeus.client import AmadeusClient, Answer
from suppliers.types import (
    BY_LOCATOR,
    CancelQuote,
    Notice,
    OfferInfo,
    OrderInfo,
    OrderRequest,
    OrderState,
    SearchQuery,
    SeatMap,
)

log = logging.getLogger(__name__)

SEARCH = "/v2/shopping/flight-offers"
PRICE = "/v1/shopping/flight-offers/pricing"
INCLUDE = "?include=bags,detailed-fare-rules"
UPSELL = "/v1/shopping/flight-offers/upselling"
SEATS = "/v1/shopping/seatmaps"
ORDERS = "/v1/booking/flight-orders"
OFFER_MINUTES = 30


class AmadeusSupplier:
    """Amadeus behind the port. Safe to share between threads."""

    name = reading.NAME
    lists_orders = False

    def __init__(self, client: AmadeusClient, *, agency: people.Agency, days: int = 2, minutes: int = OFFER_MINUTES,
                 currency: str = "", live: bool = False) -> None:
        self._client, self._agency, self._days, self._minutes = client, agency, days, minutes
        self._currency, self._live = currency, live

    def search(self, query: SearchQuery) -> list[OfferInfo]:
        """Offers without services. Those that we cannot sell or read are left out; the latter are said in the log."""
        params = bodies.simple(query, self._currency)
        answer = (self._client.get(errors.SEARCH, SEARCH, params) if params is not None
                  else self._client.post(errors.SEARCH, SEARCH, bodies.search(query, self._currency)))
        return self._offers(errors.SEARCH, answer, query)

    def offer(self, offer_id: str, document: str = "") -> OfferInfo:
        """The stored offer priced again, with its bags and rules. Refused offer_expired when it is gone or worse."""
        notes, text = _opened(document)
        answer = self._client.post(errors.PRICE, f"{PRICE}{INCLUDE}", bodies.pricing(text))
        text, found = _priced(answer)
        before = raw.parsed(document.partition("\n")[2])
        if worse(before, found):
            raise Refused("offer_expired", "the airline changed what the fare holds")
        return self._one(answer, text, found, offer_id, notes)

    def offer_siblings(self, offer_id: str, document: str = "") -> list[OfferInfo]:
        """The other fares of the same flights, one for each fare family; [] when the airline tells none."""
        notes, text = _opened(document)
        try:
            answer = self._client.post(errors.UPSELL, UPSELL, bodies.upselling(text))
        except Refused:
            return []
        return self._offers(errors.UPSELL, answer, None, notes)

    def seat_maps(self, offer_id: str, document: str = "") -> list[SeatMap]:
        """One per flight; [] when the airline offers none."""
        _, text = _opened(document)
        offer = reading.mapping(raw.parsed(text))
        try:
            answer = self._client.post(errors.SEATS, SEATS, bodies.seat_maps(text))
        except Refused:
            return []
        directions = {reading.text(one.get("id")): str(number) for number, part in enumerate(
            reading.items(offer.get("itineraries")), start=1) for one in reading.items(part.get("segments"))}
        currency = reading.text(reading.mapping(offer.get("price")).get("currency"))
        maps = [seats.seat_map(one, directions, currency) for one in reading.items(answer.data)]
        return [one for one in maps if one.segment_id in directions and one.cabins]

    def create_order(self, request: OrderRequest) -> OrderInfo:
        """Reserve, once. Extras are priced into the offer first; what that costs must be what the customer accepted."""
        notes, text = _opened(request.document)
        offer = reading.mapping(raw.parsed(text))
        laps = bodies.on_laps(offer, request.travellers)
        if request.services or laps:
            text, offer = self._with_extras(bodies.with_laps(offer, laps), request)
        if request.amount is not None and _total(offer) != request.amount:
            raise Refused("price_changed", "it costs something else than was accepted")
        body = bodies.order(request, text, offer, self._agency, self._days, datetime.now(UTC).date())
        answer = self._client.post(errors.CREATE, ORDERS, body)
        made = self._order(errors.CREATE, answer, booking_id=request.booking_id, offer_id=request.offer_id,
                           names=notes, made_now=True)
        if made.state is OrderState.CANCELLED:
            raise errors.unreadable(errors.CREATE, answer.request_id)
        return made

    def order(self, order_id: str) -> OrderInfo:
        """The order now. Refused not_found when there is none."""
        return self._order(errors.READ, self._client.get(errors.READ, _path(order_id)))

    def find_orders(self, offer_id: str) -> list[OrderInfo]:
        """None: nothing can be looked for (`lists_orders`); an empty list proves nothing."""
        return []

    def pay_order(self, order_id: str, amount: Money) -> None:
        """Not here: the consolidator is paid outside of any API (amadeus.md 4)."""
        raise Refused("not_supported", "a reservation is not paid here")

    def paid(self, order_id: str) -> bool | None:
        """Never by us."""
        raise Refused("not_supported", "a reservation is not paid here")

    def quote_cancellation(self, order_id: str) -> CancelQuote:
        """What cancelling gives back: all, while nothing is ticketed. Refused not_cancellable after that."""
        now = self.order(order_id)
        if now.state is OrderState.CANCELLED:
            raise Refused("already_cancelled")
        if now.state is not OrderState.RESERVED or now.tickets:
            raise Refused("not_cancellable", "tickets are cancelled at the consolidator")
        return CancelQuote(external_id=order_id, order_id=order_id, refund=now.total, refund_to="balance",
                           expires_at=None)

    def confirm_cancellation(self, quote_id: str) -> CancelQuote:
        """Cancel the reservation; a quote's id is its order's. Done when it cannot be found any more, or shows so."""
        try:
            quote_now = self.quote_cancellation(quote_id)
        except Refused as error:
            if error.code in ("not_found", "already_cancelled"):
                return _gone(quote_id)
            raise
        try:
            self._client.delete(errors.CANCEL, _path(quote_id))
        except Refused as error:
            if error.code != "not_found":
                raise
        self._see_gone(quote_id)
        return replace(quote_now, confirmed_at=datetime.now(UTC))

    def _see_gone(self, order_id: str) -> None:
        """Look once more: a reservation that is still there was not cancelled."""
        try:
            left = self.order(order_id)
        except Refused as error:
            if error.code == "not_found":
                return
            raise
        if left.state is not OrderState.CANCELLED:
            raise errors.unreadable(errors.CANCEL)

    def accept_change(self, change_id: str) -> None:
        """Not here: the airline's changes come to the consolidator."""
        raise Refused("not_supported", "flights are changed at the consolidator")

    def cancellations(self, order_id: str) -> list[CancelQuote]:
        """One, confirmed, when the reservation is gone; [] while it is there."""
        try:
            now = self.order(order_id)
        except Refused as error:
            if error.code == "not_found":
                return [_gone(order_id)]
            raise
        return [_gone(order_id)] if now.state is OrderState.CANCELLED else []

    def list_orders(self, since: datetime, after: str = "") -> Page[OrderInfo]:
        """An empty page: nothing can be listed."""
        return Page(())

    def balances(self) -> tuple[Money, ...]:
        """Not told: the consolidator's account is not in the API."""
        return ()

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Amadeus sends none."""
        raise Refused("bad_signature", "this supplier sends no messages")

    def _offers(self, call: errors.Call, answer: Answer, query: SearchQuery | None,
                notes: Mapping[str, Any] | None = None) -> list[OfferInfo]:
        """The offers of an answer that can be sold."""
        names = _names(answer, notes or {})
        nonce, unread, found = uuid.uuid4().hex, 0, []
        try:
            listed = raw.elements(answer.text, "data")
        except raw.NotJson as error:
            raise errors.unreadable(call, answer.request_id) from error
        for text, one in listed:
            try:
                party = mapping.party(one, query) if query else _party(notes or {})
                document = raw.document(text, one, names, party)
                known = mapping.Known(answer.served_at, self._minutes, names, party, live=self._live,
                                      days=self._days)
                found.append(mapping.offer(one, _new_id(nonce, document), document, known))
            except mapping.Unfit:
                continue
            except reading.Unreadable:
                unread += 1
        if unread:
            log.warning("amadeus %s: %d of %d offers cannot be read", call.name, unread, len(listed))
        if (unread and not found) or not isinstance(answer.data, list):
            raise errors.unreadable(call, answer.request_id)
        return found

    def _one(self, answer: Answer, text: str, found: Mapping[str, Any], offer_id: str,
             notes: Mapping[str, Any]) -> OfferInfo:
        """A priced offer. Refused when it can no longer be sold by us."""
        names, party = _names(answer, notes), _party(notes)
        known = mapping.Known(answer.served_at, self._minutes, names, party, answer.body, self._live, self._days)
        try:
            return mapping.offer(found, offer_id, raw.document(text, found, names, party), known)
        except mapping.Unfit as error:
            raise Refused("offer_expired", str(error)) from error
        except reading.Unreadable as error:
            raise errors.unreadable(errors.PRICE, answer.request_id) from error

    def _with_extras(self, offer: Mapping[str, Any], request: OrderRequest) -> tuple[str, Mapping[str, Any]]:
        """The offer with bags and seats in it, as priced now. Refused when one is not sold."""
        try:
            asked = bodies.with_services(offer, request.services)
        except bodies.NotOnOffer as error:
            raise Refused("services_unavailable", "an extra is not on the offer") from error
        text, found = _priced(self._client.post(errors.PRICE, f"{PRICE}{INCLUDE}", bodies.pricing(asked)))
        return raw.clean(text, found), found

    def _order(self, call: errors.Call, answer: Answer, *, booking_id: str = "", offer_id: str = "",
               names: Mapping[str, Any] | None = None, made_now: bool = False) -> OrderInfo:
        body = reading.mapping(answer.body)
        try:
            known = {**body, "dictionaries": _names(answer, names or {})}
            return orders.order(reading.mapping(answer.data), known, live=self._live, booking_id=booking_id,
                                offer_id=offer_id, served_at=answer.served_at if made_now else None)
        except reading.Unreadable as error:
            raise errors.unreadable(call, answer.request_id) from error


def worse(before: Any, now: Mapping[str, Any]) -> bool:
    """Whether the priced offer flies otherwise, or in another cabin or with fewer bags, than the stored one."""
    old, new = (flights.slices(reading.mapping(one), {}) for one in (before, now))
    if len(old) != len(new) or any(len(a.segments) != len(b.segments) for a, b in zip(old, new, strict=True)):
        return True
    pairs = [(a, b) for one, other in zip(old, new, strict=True)
             for a, b in zip(one.segments, other.segments, strict=True)]
    return any(not flights.same_flight(a, b) or a.cabin != b.cabin or _fewer(a.bags, b.bags) for a, b in pairs)


def _fewer(before: tuple[dict[str, Any], ...], now: tuple[dict[str, Any], ...]) -> bool:
    left = {(bag["passenger"], bag["kind"]): (bag["quantity"], bag.get("weight_kg", 0)) for bag in now}
    return any(left.get((bag["passenger"], bag["kind"]), (bag["quantity"], bag.get("weight_kg", 0)))
               < (bag["quantity"], bag.get("weight_kg", 0)) for bag in before)


def _opened(document: str) -> tuple[dict[str, Any], str]:
    """The stored offer's notes and text. An offer without them cannot be asked for: it is as gone."""
    try:
        return raw.split(document)
    except raw.NotJson as error:
        raise Refused("offer_expired", "the offer's own text is not kept") from error


def _priced(answer: Answer) -> tuple[str, Mapping[str, Any]]:
    """The one offer that Price answers with, as text and as read."""
    try:
        return raw.elements(answer.text, "data", "flightOffers")[0]
    except (raw.NotJson, IndexError) as error:
        raise errors.unreadable(errors.PRICE, answer.request_id) from error


def _total(offer: Mapping[str, Any]) -> Money | None:
    price = reading.mapping(offer.get("price"))
    return reading.maybe_money(price.get("grandTotal") or price.get("total"), price.get("currency"))


def _names(answer: Answer, notes: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the answer calls carriers and aircraft, and what an earlier one did."""
    told = reading.mapping(reading.mapping(answer.body).get("dictionaries"))
    return {kind: {**reading.mapping(notes.get(kind)), **{
        code: name for code, name in reading.mapping(told.get(kind)).items() if isinstance(name, str)}}
        for kind in ("carriers", "aircraft")}


def _party(notes: Mapping[str, Any]) -> dict[str, tuple[str, int | None]]:
    return {key: (str(who[0]), who[1]) for key, who in reading.mapping(notes.get("party")).items()}


def _new_id(nonce: str, document: str) -> str:
    return f"am_{hashlib.blake2b(f'{nonce}{document}'.encode(), digest_size=16).hexdigest()}"


def _path(order_id: str) -> str:
    """Where an order is. Ids come percent-encoded already (amadeus.md 2.4). An empty one would address a listing."""
    if not order_id:
        raise ValueError("an empty id")
    if order_id.startswith(BY_LOCATOR):
        raise Refused("not_supported", "this order is known by its locator alone")
    return f"{ORDERS}/{quote(unquote(order_id), safe='')}"


def _gone(order_id: str) -> CancelQuote:
    return CancelQuote(external_id=order_id, order_id=order_id, refund=None, refund_to="", expires_at=None,
                       confirmed_at=datetime.now(UTC))


def client_from_settings() -> AmadeusClient:
    """A client, with a token and connections of its own, as the settings describe it."""
    office = settings.AMADEUS_GUEST_OFFICE_ID
    return AmadeusClient(
        client_id=settings.AMADEUS_CLIENT_ID, client_secret=settings.AMADEUS_CLIENT_SECRET,
        base=settings.AMADEUS_API_BASE, token_fields={"guest_office_id": office} if office else None,
        reference=settings.AMADEUS_CLIENT_REF_PREFIX)


def from_settings() -> AmadeusSupplier:
    """The adapter as the settings describe it. Called once per process by the registry."""
    agency = people.Agency(
        company=settings.AMADEUS_AGENCY_NAME, email=settings.AMADEUS_AGENCY_EMAIL,
        calling_code=settings.AMADEUS_AGENCY_CALLING_CODE, phone=settings.AMADEUS_AGENCY_PHONE,
        street=settings.AMADEUS_AGENCY_STREET, postcode=settings.AMADEUS_AGENCY_POSTCODE,
        city=settings.AMADEUS_AGENCY_CITY, country=settings.AMADEUS_AGENCY_COUNTRY)
    days = re.match(r"\d+", settings.AMADEUS_TICKETING_DELAY)
    base = settings.AMADEUS_API_BASE
    live = not is_loopback(base) and "test." not in base
    return AmadeusSupplier(client_from_settings(), agency=agency, days=int(days[0]) if days else 2, live=live,
                           minutes=settings.AMADEUS_OFFER_MINUTES, currency=settings.AMADEUS_CURRENCY)

