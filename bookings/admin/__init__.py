"""The console: facts to look at, cases to answer. It writes answers through `services`, never a state or an amount."""

from bookings.admin import bookings, bundles, cases, decisions, records

__all__ = ["bookings", "bundles", "cases", "decisions", "records"]
