"""The figures of the dashboard: what each means, the rows it is counted from, the rolled-up tables."""

from bookings.figures.collecting import collect, recount

__all__ = ["collect", "recount"]
