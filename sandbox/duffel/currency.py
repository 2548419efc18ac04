"""A generated offer in the currency of the captured ones beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.flights.fares import CURRENCY

RATES = {"GBP": 0.77, "EUR": 0.92}  # dollars into what a captured search was priced in; fixed, so that runs repeat


def in_currency(doc: Any, currency: str) -> Any:
    """Return the same JSON with every amount in dollars turned into another currency at a fixed rate."""
    if currency == CURRENCY:
        return doc
    if isinstance(doc, list):
        return [in_currency(item, currency) for item in doc]
    if not isinstance(doc, dict):
        return doc
    turned = {name: in_currency(value, currency) for name, value in doc.items()}
    for name, value in doc.items():
        stem = name.removesuffix("_amount")
        if name != stem and value is not None and doc.get(f"{stem}_currency") == CURRENCY:
            turned[name] = f"{float(value) * RATES[currency]:.2f}"
            turned[f"{stem}_currency"] = currency
    if doc.get("base_amount") and doc.get("tax_amount") and doc.get("total_amount"):
        turned["total_amount"] = str(Decimal(turned["base_amount"]) + Decimal(turned["tax_amount"]))
    return turned
