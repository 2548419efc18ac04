"""From which amount on two people are needed."""

from __future__ import annotations

from django.conf import settings

from fly2any.kernel.money import Money


def needs_two(money: Money | None) -> bool:
    """Whether this amount is above the limit of its currency; a currency without a limit always needs two."""
    return money is not None and money.minor > settings.SECOND_PERSON_ABOVE.get(money.currency, 0)
