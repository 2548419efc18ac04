"""Amounts as Amadeus writes them: decimal strings. Inside, everything is whole cents of US dollars."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

# Units of the currency for one dollar; fixed, so that runs repeat.
RATES = {
    "USD": "1", "EUR": "0.92", "GBP": "0.77", "CAD": "1.37", "AUD": "1.52", "CHF": "0.88", "JPY": "152",
    "INR": "84", "BRL": "5.6", "MXN": "19.5", "AED": "3.67", "SEK": "10.5", "NOK": "10.9", "DKK": "6.9", "PLN": "3.9",
}  # fmt: skip
NAMES = {
    "USD": "US DOLLAR", "EUR": "EURO", "GBP": "POUND STERLING", "CAD": "CANADIAN DOLLAR", "AUD": "AUSTRALIAN DOLLAR",
    "CHF": "SWISS FRANC", "JPY": "YEN", "INR": "INDIAN RUPEE", "BRL": "BRAZILIAN REAL", "MXN": "MEXICAN PESO",
    "AED": "DIRHAM", "SEK": "SWEDISH KRONA", "NOK": "NORWEGIAN KRONE", "DKK": "DANISH KRONE", "PLN": "ZLOTY",
}  # fmt: skip
NO_CENTS = frozenset({"JPY"})


def step(currency: str) -> Decimal:
    """Return the smallest amount of a currency."""
    return Decimal(1) if currency in NO_CENTS else Decimal("0.01")


def amount(cents: int, currency: str) -> Decimal:
    """Return cents of dollars in a currency, rounded to its smallest amount."""
    return (Decimal(cents) / 100 * Decimal(RATES[currency])).quantize(step(currency), ROUND_HALF_UP)


def scaled(text: str, factor: Decimal, currency: str) -> Decimal:
    """Return an amount times a factor, rounded."""
    return (Decimal(text) * factor).quantize(step(currency), ROUND_HALF_UP)
