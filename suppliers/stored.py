"""Offers as JSON and back: what is stored is what was seen."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fly2any.kernel.money import Money
from suppliers.types import Condition, FlightSegment, FlightSlice, OfferInfo, OfferPassenger, Place, Service

_AS_IS = (str, int, float, type(None))


def _plain(value: Any) -> Any:
    """JSON of a picture in one pass (`asdict` copies every leaf first): times as ISO 8601, tuples as lists."""
    if isinstance(value, _AS_IS):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, date):  # and so a datetime
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}


def to_json(picture: OfferInfo | FlightSlice) -> dict[str, Any]:
    """A JSON-able picture of an offer or of one direction of it."""
    raw: dict[str, Any] = _plain(picture)
    raw.pop("document", None)  # has a column of its own, and never leaves the server
    return raw


def _money(raw: dict[str, Any] | None) -> Money | None:
    return Money(raw["minor"], raw["currency"]) if raw else None


def _condition(raw: dict[str, Any]) -> Condition:
    return Condition(raw["allowed"], _money(raw["fee"]))


def _time(raw: str | None) -> datetime | None:
    return datetime.fromisoformat(raw) if raw else None


def _place(raw: dict[str, Any]) -> Place:
    return Place(**{**raw, "airports": tuple(raw["airports"])})


def _segment(raw: dict[str, Any]) -> FlightSegment:
    return FlightSegment(**{
        **raw, "origin": _place(raw["origin"]), "destination": _place(raw["destination"]),
        "stops": tuple(raw["stops"]), "bags": tuple(raw["bags"]),
    })


def slice_from_json(raw: dict[str, Any]) -> FlightSlice:
    """Read one direction back."""
    return FlightSlice(**{
        **raw, "origin": _place(raw["origin"]), "destination": _place(raw["destination"]),
        "segments": tuple(_segment(item) for item in raw["segments"]), "change": _condition(raw["change"]),
    })


def _service(raw: dict[str, Any]) -> Service:
    price = Money(raw["price"]["minor"], raw["price"]["currency"])
    return Service(**{**raw, "passenger_ids": tuple(raw["passenger_ids"]),
                      "segment_ids": tuple(raw["segment_ids"]), "price": price})


def offer_from_json(raw: dict[str, Any]) -> OfferInfo:
    """Read a stored offer back. Raises KeyError or TypeError on a picture of another shape."""
    services = raw["services"]
    return OfferInfo(**{
        **raw,
        "total": Money(raw["total"]["minor"], raw["total"]["currency"]),
        "base": _money(raw["base"]), "tax": _money(raw["tax"]),
        "expires_at": datetime.fromisoformat(raw["expires_at"]),
        "pay_by": _time(raw["pay_by"]), "price_guaranteed_until": _time(raw["price_guaranteed_until"]),
        "slices": tuple(slice_from_json(item) for item in raw["slices"]),
        "passengers": tuple(OfferPassenger(**item) for item in raw["passengers"]),
        "change": _condition(raw["change"]), "refund": _condition(raw["refund"]),
        "ticket_by": _time(raw.get("ticket_by")), "requires": tuple(raw.get("requires", ())),
        "rules": tuple((title, text) for title, text in raw.get("rules", ())),
        "document_kinds": tuple(raw["document_kinds"]), "loyalty_carriers": tuple(raw["loyalty_carriers"]),
        "services": None if services is None else tuple(_service(item) for item in services),
    })
