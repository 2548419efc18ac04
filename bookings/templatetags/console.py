"""The queue on the console's home, and words of cases."""

from __future__ import annotations

from typing import Any

from django import template

from bookings.admin.buttons import House, house_of
from bookings.admin.queue.board import board_of
from bookings.admin.ticketing.reading import waiting
from bookings.cases import title_of

register = template.Library()
register.filter("case_title", title_of)


@register.simple_tag(takes_context=True)
def queue_board(context: template.Context) -> dict[str, Any]:
    """Everything the queue shows to the person whose page this is."""
    request = context["request"]
    return board_of(request, request.user)


@register.simple_tag(takes_context=True)
def house_switches(context: template.Context) -> House:
    """What the home offers about no case in particular."""
    return house_of(context["request"])


@register.simple_tag
def to_ticket() -> str:
    """How many reservations wait for their tickets."""
    return waiting()
