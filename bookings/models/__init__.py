"""The tables of a booking: what was wished, who travels, what was asked outside, what happened, what is due."""

from bookings.models.booking import Booking, Passenger, Segment, Selection
from bookings.models.bundles import BundleExample, BundleModel, BundleShown
from bookings.models.customers import Account, ChangeRequest
from bookings.models.desk import Proposal, SavedFilter, StaffAction
from bookings.models.doors import AccessLink, Attempt, Heartbeat, Idempotency, Share
from bookings.models.figures import Figure, Seen, Tally
from bookings.models.home import Home
from bookings.models.outages import Outage
from bookings.models.reconcile import ReconcileRun, ReconcileSeen
from bookings.models.trail import CallRecord, Case, Diary, ExternalCall, Outbox

__all__ = ["AccessLink", "Account", "Attempt", "Booking", "BundleExample", "BundleModel", "BundleShown", "CallRecord",
           "Case", "ChangeRequest", "Diary", "ExternalCall", "Figure", "Heartbeat", "Home", "Idempotency", "Outage",
           "Outbox", "Passenger", "Proposal", "ReconcileRun", "ReconcileSeen", "SavedFilter", "Seen", "Segment",
           "Selection", "Share", "StaffAction", "Tally"]
