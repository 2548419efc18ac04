"""Bundles of extras, and a ranking that learns. Training lives in `training` alone; web processes never load it."""

from bookings.bundles.choosing import choices, choose, present, present_draft
from bookings.bundles.making import offered

__all__ = ["choices", "choose", "offered", "present", "present_draft"]
