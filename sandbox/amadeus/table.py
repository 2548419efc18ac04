"""Every operation that Amadeus answers here: where it is, what it is called, which file describes it, who does it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.amadeus import orders, pricing, schema, search, stays, tokens
from sandbox.frame import Answer, Call

Handler = Callable[..., Answer]


@dataclass(frozen=True)
class Operation:
    """One endpoint. The handler gets (call, world, what was asked, **placeholders); ``{id}`` may hold slashes.

    ``spec`` is the beginning of the specification's file name in ``sandbox/data/amadeus``; ``override`` says that the
    header ``X-HTTP-Method-Override: GET`` must be sent.
    """

    method: str
    path: str
    short_name: str
    handler: Handler
    spec: str
    override: bool = False
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", self.path)))

    @property
    def name(self) -> str:
        """The name for the fault menu and the ledger."""
        return f"amadeus.{self.short_name}"

    @property
    def contract(self) -> schema.Contract:
        """What the specification says of it."""
        return schema.contract(self.spec, self.method, re.sub(r"^/v\d|\{\w+\}", _plain, self.path))


def _plain(found: re.Match[str]) -> str:
    return "" if found[0].startswith("/v") else "{}"


ORDERS = "/v1/booking/flight-orders"
OFFERS = "/v2/shopping/flight-offers"
FLIGHTS = (
    Operation("POST", "/v1/security/oauth2/token", "token", tokens.issue, "Authorizaton_v1"),
    Operation("GET", OFFERS, "search", search.by_query, "FlightOffersSearch_v2"),
    Operation("POST", OFFERS, "search_post", search.by_body, "FlightOffersSearch_v2", override=True),
    Operation(
        "POST", "/v1/shopping/flight-offers/pricing", "price", pricing.price, "FlightOffersPrice_v1", override=True
    ),
    Operation("POST", ORDERS, "create_order", orders.create, "FlightCreateOrders_v1"),
    Operation("GET", f"{ORDERS}/{{id}}", "get_order", orders.get, "FlightOrderManagement_v1"),
    Operation("DELETE", f"{ORDERS}/{{id}}", "cancel_order", orders.cancel, "FlightOrderManagement_v1"),
)
HOTELS = "/v1/reference-data/locations/hotels"
AROUND = (
    Operation("GET", f"{HOTELS}/by-geocode", "hotels_by_geocode", stays.by_geocode, "HotelList_v1"),
    Operation("GET", f"{HOTELS}/by-city", "hotels_by_city", stays.by_city, "HotelList_v1"),
    Operation("GET", "/v3/shopping/hotel-offers", "hotel_offers", stays.hotel_offers, "HotelSearch_v3"),
    Operation("GET", "/v1/shopping/activities", "activities", stays.activities, "ToursandActivities_v1"),
)
OPERATIONS = FLIGHTS + AROUND


def find(call: Call) -> tuple[Operation, dict[str, Any]] | None:
    """Return the operation a call means and its placeholders, or None when there is no such endpoint."""
    for operation in OPERATIONS:
        if operation.method == call.method and (found := operation.pattern.fullmatch(call.path)):
            return operation, found.groupdict()
    return None
