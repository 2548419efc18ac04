"""The reads: rows for this visitor, and plain dicts of them for pages, mails and the API."""

from bookings.selectors.bookings import booking_view
from bookings.selectors.customers import known_customer, open_drafts
from bookings.selectors.offers import offer_view
from bookings.selectors.results import answered, complete, results_view
from bookings.selectors.rows import booking_for, bookings_of, draft_for, offer_for, offer_to_book, search_for, status_of
from bookings.selectors.shared import shared_view

__all__ = ["answered", "booking_for", "booking_view", "bookings_of", "complete", "draft_for", "known_customer",
           "offer_for", "offer_to_book", "offer_view", "open_drafts", "results_view", "search_for", "shared_view",
           "status_of"]
