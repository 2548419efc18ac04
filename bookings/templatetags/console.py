"""What the console's home says about open cases."""

from __future__ import annotations

from typing import Any

from django import template

from bookings.models import Case

COUNTED = 100  # per severity; more is "100+", so that the home page opens as fast on a bad day
register = template.Library()


@register.simple_tag
def open_cases() -> list[dict[str, Any]]:
    """How many cases of each severity are open, counted through the queue's own index up to a limit."""
    rows = []
    for severity in Case.Severity:
        found = Case.objects.filter(closed_at=None, severity=severity).order_by("severity")[: COUNTED + 1].count()
        rows.append({"severity": severity, "name": severity.label, "count": found,
                     "shown": f"{COUNTED}+" if found > COUNTED else str(found)})
    return rows
