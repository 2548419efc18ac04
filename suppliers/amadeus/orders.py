"""Amadeus's orders in our words (amadeus.md 3.4). Pure functions, no network.

An order has no status of its own: it is reserved until every traveller has an issued ticket, and again when all are
void, as its flights still stand and tickets may be issued anew. It is gone when every ticket is undone and one was
refunded, when every flight is cancelled, or when it cannot be found any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from suppliers.amadeus import flights
from suppliers.amadeus.bodies import REMARK
from suppliers.amadeus.mapping import last_ticketing
from suppliers.amadeus.reading import (
    EARLIEST,
    NAME,
    Unreadable,
    earliest,
    first_moment,
    items,
    mapping,
    money,
    text,
    texts,
)
from suppliers.types import OrderInfo, OrderState, Ticket

Raw = Mapping[str, Any]
OURS = frozenset({"GDS", "1A"})  # systems whose record is the one that staff and the consolidator look up
_GONE = frozenset({"VOID", "REFUNDED"})
_TICKETS = frozenset({"ETICKET", "PTICKET"})
_CANCELLED = frozenset({"CANCELLED", "CANCELED", "HX", "UN", "UC", "NO"})


def order(raw: Raw, answer: Raw, *, live: bool = False, booking_id: str = "", offer_id: str = "",
          served_at: datetime | None = None) -> OrderInfo:
    """An order. `answer`: the whole body, for its dictionaries; `served_at`: when it was made, if it was made now.

    Raises Unreadable without an id, a record or a readable total.
    """
    external_id = text(raw.get("id"))
    records = items(raw.get("associatedRecords"))
    offers = items(raw.get("flightOffers"))
    if not external_id or not records or not offers:
        raise Unreadable("an order without an id, a record or flights")
    ours = next((one for one in records if text(one.get("originSystemCode")) in OURS), records[0])
    tickets = _tickets(raw)
    state = _state(raw, tickets)
    return OrderInfo(
        supplier=NAME, external_id=external_id, pnr=text(ours.get("reference")), state=state, total=_total(offers),
        offer_id=offer_id, booking_id=booking_id or _reference(raw), pay_by=ticket_by(raw, served_at),
        created_at=_created(ours) or served_at,
        tickets=tuple(Ticket("ticket" if text(one.get("documentType")) in _TICKETS else "emd",
                             _number(one), (text(one.get("travelerId")),)) for one in tickets
                      if text(one.get("documentStatus")) not in _GONE),
        actions=("cancel",) if state is OrderState.RESERVED else (),
        itinerary=tuple(part for one in offers for part in flights.slices(one, mapping(answer.get("dictionaries")))),
        travellers=tuple((text(one.get("id")), text(mapping(one.get("name")).get("firstName")),
                          text(mapping(one.get("name")).get("lastName"))) for one in items(raw.get("travelers"))),
        live_mode=live,
        locators=tuple(dict.fromkeys(
            (text(one.get("originSystemCode")), text(one.get("reference"))) for one in records
            if one is not ours and text(one.get("reference")))))


def _total(offers: list[Raw]) -> Any:
    """What the reservation costs: every offer's grand total. Raises Unreadable when they do not add up."""
    totals = [money(price.get("grandTotal") or price.get("total"), text(price.get("currency")))
              for price in (mapping(one.get("price")) for one in offers)]
    if len({total.currency for total in totals}) != 1:
        raise Unreadable("an order in two currencies")
    return sum(totals[1:], totals[0])


def _tickets(raw: Raw) -> list[Raw]:
    return [one for one in items(raw.get("tickets")) if _number(one)]


def _number(ticket: Raw) -> str:
    """Without the hyphen after the airline's digits: as staff's typed numbers and Duffel's are kept."""
    return text(ticket.get("documentNumber")).replace("-", "")


def _state(raw: Raw, tickets: list[Raw]) -> OrderState:
    """TICKETED when every traveller has an issued ticket; CANCELLED when all are given back, or all flights undone."""
    real = [one for one in tickets if text(one.get("documentType")) in _TICKETS or "documentType" not in one]
    travelling = {text(one.get("id")) for one in items(raw.get("travelers"))}
    had, issued, back = ({text(one.get("travelerId")) for one in real if text(one.get("documentStatus")) in states}
                         for states in (_GONE, {"ISSUED"}, {"REFUNDED"}))
    if travelling and travelling <= had - issued and back:
        return OrderState.CANCELLED
    known = [text(one.get("bookingStatus")).upper() for part in items(raw.get("flightOffers"))
             for direction in items(part.get("itineraries")) for one in items(direction.get("segments"))]
    if known and all(status in _CANCELLED for status in known):
        return OrderState.CANCELLED
    return OrderState.TICKETED if travelling and travelling <= issued else OrderState.RESERVED


def _created(record: Raw) -> datetime | None:
    """When the record was made; the field may be missing, and the spec's example gives it another name."""
    value = record.get("creationDate") or record.get("creationDateTime")
    try:
        stamp = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def ticket_by(raw: Raw, served_at: datetime | None = None) -> datetime | None:
    """By when it must be ticketed (UTC): the last ticketing date or its own cancelling, whichever may come first.

    `delay` counts days from the making, and acts at 00:00 of an office whose zone we do not know: UTC+14's counts.
    """
    agreement = mapping(raw.get("ticketingAgreement") or raw.get("ticketingAggreement"))
    limits = [last_ticketing(one) for one in items(raw.get("flightOffers"))]
    if text(agreement.get("option")) != "CONFIRM":
        limits.append(first_moment(agreement.get("dateTime")))
        days = text(agreement.get("delay")).rstrip("D")
        made = next((stamp for stamp in map(_created, items(raw.get("associatedRecords"))) if stamp), None) or served_at
        if days.isdecimal() and made is not None:
            midnight = datetime.combine(made.date(), datetime.min.time(), UTC)
            limits.append(midnight + timedelta(days=int(days)) - EARLIEST)
    return earliest(*limits)


def remarks_of(raw: Raw) -> tuple[str, ...]:
    """Our own remarks in the order: "FLY2ANY FLY2A-7KQ2MX"."""
    general = items(mapping(raw.get("remarks")).get("general"))
    return tuple(text(one.get("text")) for one in general if text(one.get("text")).startswith(f"{REMARK} "))


def _reference(raw: Raw) -> str:
    """Our reference as our remark carries it; "" without exactly one."""
    named = {one.removeprefix(REMARK).strip() for one in remarks_of(raw)}
    return named.pop() if len(named) == 1 else ""


def tickets_gone(raw: Raw) -> tuple[str, ...]:
    """The numbers of tickets that were made void or refunded."""
    return texts([_number(one) for one in _tickets(raw) if text(one.get("documentStatus")) in _GONE])
