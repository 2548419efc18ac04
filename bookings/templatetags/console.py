"""The queue on the console's home."""

from __future__ import annotations

from typing import Any

from django import template

from bookings.admin.queue.board import board_of

register = template.Library()


@register.simple_tag(takes_context=True)
def queue_board(context: template.Context) -> dict[str, Any]:
    """Everything the queue shows to the person whose page this is."""
    request = context["request"]
    return board_of(request, request.user)
