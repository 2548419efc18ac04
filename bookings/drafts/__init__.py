"""From a search to a complete draft: suppliers are asked here, nothing is ordered and nothing is charged."""

from bookings.drafts import days
from bookings.drafts.again import start_again
from bookings.drafts.booking import change_fare, complete_draft, customize, refresh, start
from bookings.drafts.consent import agree_to_price
from bookings.drafts.offers import more_fares, price_offer, seat_maps, seat_maps_seen
from bookings.drafts.searching import search, wait_for_search
from bookings.drafts.travellers import (
    agree_again,
    check_passengers,
    correct_email,
    save_typed,
    set_passengers,
    typed_in,
)

__all__ = ["agree_again", "agree_to_price", "change_fare", "check_passengers", "complete_draft", "correct_email",
           "customize", "days", "more_fares", "price_offer", "refresh", "save_typed", "search", "seat_maps",
           "seat_maps_seen", "set_passengers", "start", "start_again", "typed_in", "wait_for_search"]
