"""From which amount on two people are needed, for one step and for several small ones together."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User

from bookings.desk.action import Situation
from bookings.models import StaffAction
from fly2any.kernel.money import Money

TOGETHER = timedelta(hours=24)  # what one person gives back on one booking within this time counts as one amount


def needs_two(money: Money | None, alone: int = 0) -> bool:
    """Whether this amount, with what was done `alone` before (minor units of the same currency), is above the limit.

    A currency without a limit always needs two. Nothing that moves no money needs two.
    """
    if money is None:
        return False
    return money.minor > 0 and money.minor + alone > settings.SECOND_PERSON_ABOVE.get(money.currency, 0)


def done_alone(situation: Situation, operator: User, money: Money | None) -> int:
    """What this person moved on this booking within 24 hours without a second person, in minor units of `money`."""
    if money is None or situation.booking is None:
        return 0
    rows = StaffAction.objects.filter(booking=situation.booking, operator=operator, second=None,
                                      at__gt=situation.now - TOGETHER, params__has_key="moved_minor")
    return sum(params["moved_minor"] for verb, params in rows.values_list("verb", "params")
               if not verb.startswith("propose_") and params.get("moved_currency") == money.currency)
