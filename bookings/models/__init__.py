"""The tables of a booking: what was wished, who travels, what was asked outside, what happened, what is due."""

from bookings.models.booking import Booking, Passenger, Segment, Selection
from bookings.models.bundles import BundleExample, BundleModel, BundleShown
from bookings.models.doors import AccessLink, Attempt, Heartbeat, Idempotency
from bookings.models.trail import Case, Diary, ExternalCall, Outbox

__all__ = ["AccessLink", "Attempt", "Booking", "BundleExample", "BundleModel", "BundleShown", "Case", "Diary",
           "ExternalCall", "Heartbeat", "Idempotency", "Outbox", "Passenger", "Segment", "Selection"]
