"""Every operation that Amadeus answers here."""

from __future__ import annotations

from sandbox.amadeus import orders, pricing, search, seatmaps, stays, tokens, upsell
from sandbox.amadeus.operation import Operation
from sandbox.frame import Call

ORDERS = "/v1/booking/flight-orders"
OFFERS = "/v2/shopping/flight-offers"
PRICING = "/v1/shopping/flight-offers/pricing"
UPSELLING = "/v1/shopping/flight-offers/upselling"
SEATS = "/v1/shopping/seatmaps"
FLIGHTS = (
    Operation("POST", "/v1/security/oauth2/token", "token", tokens.issue, "Authorizaton_v1"),
    Operation("GET", OFFERS, "search", search.by_query, "FlightOffersSearch_v2"),
    Operation("POST", OFFERS, "search_post", search.by_body, "FlightOffersSearch_v2", override=True),
    Operation("POST", UPSELLING, "upsell", upsell.brands, "BrandedFaresUpsell_v1", override=True),
    Operation("POST", PRICING, "price", pricing.price, "FlightOffersPrice_v1", override=True),
    Operation("POST", SEATS, "seatmaps", seatmaps.of_offers, "SeatMapDisplay_v1", override=True),
    Operation("GET", SEATS, "order_seatmaps", seatmaps.of_order, "SeatMapDisplay_v1"),
    Operation("POST", ORDERS, "create_order", orders.create, "FlightCreateOrders_v1"),
    Operation("GET", f"{ORDERS}/{{id}}", "get_order", orders.get, "FlightOrderManagement_v1"),
    Operation("DELETE", f"{ORDERS}/{{id}}", "cancel_order", orders.cancel, "FlightOrderManagement_v1"),
)
OPERATIONS = (*FLIGHTS, *stays.OPERATIONS)


def find(call: Call) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation a call means and its placeholders, or None when there is no such endpoint."""
    for operation in OPERATIONS:
        if operation.method == call.method and (found := operation.pattern.fullmatch(call.path)):
            return operation, found.groupdict()
    return None
