"""Small readers of suppliers' JSON: tolerant of what is missing, strict about money. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fly2any.kernel.letters import storable
from fly2any.kernel.money import Money, MoneyError

_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,6})?\Z", re.ASCII)
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:\d+(?:\.\d+)?S)?)?\Z", re.ASCII)


class Unreadable(ValueError):
    """An answer whose money or identity cannot be read; nothing may be decided from it."""


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list; [] for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def count(value: Any) -> int:
    """A whole number; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def money(amount: Any, currency: Any) -> Money:
    """An exact amount. Raises Unreadable for a number, a null, an exponent, unknown currency or odd decimals."""
    if not isinstance(amount, str) or not isinstance(currency, str) or not _AMOUNT.match(amount):
        raise Unreadable("an amount is not a decimal string with a currency")
    try:
        return Money.parse(amount, currency)
    except MoneyError as error:
        raise Unreadable("an amount does not fit its currency") from error


def minutes(value: Any) -> int | None:
    """Whole minutes of an ISO 8601 duration such as PT02H26M or P1DT3H."""
    found = _DURATION.match(value) if isinstance(value, str) else None
    if not found or not any(found.groups()):
        return None
    weeks, days, hours, mins = (int(part or 0) for part in found.groups())
    return ((weeks * 7 + days) * 24 + hours) * 60 + mins


def web_address(value: Any) -> str:
    """An https address that a page may link to, as a supplier gave it; "" for anything else (`javascript:` …)."""
    found = storable(value)
    return found if found.startswith("https://") and not any(mark in found for mark in " \t\r\n\"'<>\\") else ""
