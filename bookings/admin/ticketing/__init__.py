"""The ticketing worklist: reservations whose tickets our staff issue, the nearest deadline first."""

from bookings.admin.ticketing.page import urls

__all__ = ["urls"]
