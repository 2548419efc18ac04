"""The dashboard: the house's figures with their targets, drawn from the rolled-up tables."""

from bookings.console.dashboard.page import dashboard, figure, listed

__all__ = ["dashboard", "figure", "listed"]
