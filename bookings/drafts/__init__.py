"""From a search to a complete draft: suppliers are asked here, nothing is ordered and nothing is charged."""

from bookings.drafts import days
from bookings.drafts.booking import complete_draft, customize, refresh, set_passengers, start
from bookings.drafts.offers import price_offer, seat_maps
from bookings.drafts.searching import search, wait_for_search

__all__ = ["complete_draft", "customize", "days", "price_offer", "refresh", "search", "seat_maps", "set_passengers",
           "start", "wait_for_search"]
