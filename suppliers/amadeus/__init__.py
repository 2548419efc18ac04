"""Amadeus behind the supplier port: reservations that our staff ticket (amadeus.md)."""
