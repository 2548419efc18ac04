"""`manage.py rotate_field_keys`: encrypt everything sealed with the newest key (FIELD_ENCRYPTION_KEYS, first)."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bookings.models import Booking, Heartbeat, Passenger
from fly2any.kernel import clock, faultpoints, secretbox

BATCH = 200
NAME = "rotate_field_keys"
faultpoints.register_commit("rotation")
# every sealed column, and what a person calls it when no key fits
SEALED = ((Passenger, "document", "documents of travellers"), (Passenger, "numbers", "security numbers of travellers"),
          (Booking, "typed", "typed forms of drafts"))


class Command(BaseCommand):
    """Goes through the rows in order and notes how far it came; killed, it goes on from there."""

    help = "Encrypt what is stored sealed with the newest key. When it ends well the older keys may be removed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate; fails at the end when something fits no key, and names the rows, not what is in them."""
        key = hashlib.sha256(settings.FIELD_ENCRYPTION_KEYS[0].encode()).hexdigest()[:16]
        place, _ = Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": clock.now(), "note": {}})
        if place.note.get("key") != key or place.note.get("done"):
            place.note = {"key": key, "column": 0, "after": 0, "rotated": 0, "unreadable": {}, "done": False}
        while place.note["column"] < len(SEALED):
            self._column(place, *SEALED[place.note["column"]])
            place.note["column"], place.note["after"] = place.note["column"] + 1, 0
            self._save(place)
        place.note["done"] = True
        self._save(place)
        self.stdout.write(f"documents under the newest key: {place.note['rotated']}")
        if place.note["unreadable"]:
            raise CommandError("; ".join(f"no key fits the {what} {keys}"
                                         for what, keys in place.note["unreadable"].items()))
        left = self._left()
        if left:
            raise CommandError(f"still under an older key: {', '.join(left)}. A program not started since then seals "
                               "with it: restart every program, then rotate once more. Keep the older keys.")

    def _left(self) -> list[str]:
        """What the newest key alone does not open, column by column, with how many rows."""
        found = {what: sum(not secretbox.is_newest(sealed) for sealed in rows._default_manager.exclude(
            **{column: ""}).values_list(column, flat=True).iterator()) for rows, column, what in SEALED}
        return [f"{count} {what}" for what, count in found.items() if count]

    def _column(self, place: Heartbeat, model: type[Booking | Passenger], column: str, what: str) -> None:
        rows = model._default_manager
        while batch := list(rows.filter(pk__gt=place.note["after"]).exclude(**{column: ""})
                            .order_by("pk").values_list("pk", column)[:BATCH]):
            for pk, sealed in batch:
                try:
                    fresh = secretbox.reseal(sealed)
                except InvalidToken:
                    place.note["unreadable"].setdefault(what, []).append(pk)
                    continue
                # only over what was read: what was erased or replaced meanwhile stays so
                place.note["rotated"] += rows.filter(pk=pk, **{column: sealed}).update(**{column: fresh})
            place.note["after"] = batch[-1][0]
            self._save(place)

    def _save(self, place: Heartbeat) -> None:
        place.beat_at = clock.now()
        faultpoints.passing("commit.rotation.before")
        place.save(update_fields=["beat_at", "note"])
        faultpoints.passing("commit.rotation.after")
