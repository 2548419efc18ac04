"""Duffel's published test routes and what each is for."""

from __future__ import annotations

ROUTES = {
    "PVD-RAI": "no_offers",
    "JFK-EWR": "all_hold",
    "LHR-DXB": "connecting",
    "BTS-MRU": "no_baggage",
    "STN-LHR": "timeout",
    "DXB-AMS": "stop",
    "BTS-ABV": "no_services",
    "LGW-LHR": "gone_on_get",
    "LHR-STN": "price_changes",
    "LHR-LGW": "creation_fails",
    "LGW-STN": "insufficient_balance",
    "LTN-STN": "answers_200",
    "SEN-STN": "answers_202",
    "LCY-STN": "answers_202_then_fails",
    "LHR-LTN": "airline_change",
    "LTN-SYD": "airline_credits",
}


def behaviour(origin: str, destination: str) -> str | None:
    """Return what a search between these two codes is published to show, if anything."""
    return ROUTES.get(f"{origin}-{destination}")
