"""The air that every supplier sells: airports, airlines, flights, fares and trips. No vendor's words here."""
