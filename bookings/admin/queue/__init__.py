"""The queue: what is open, the worst first, and what can be done with many lines at once."""

from bookings.admin.queue.page import QueueAdmin

__all__ = ["QueueAdmin"]
