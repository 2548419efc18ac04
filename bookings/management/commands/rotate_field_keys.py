"""`manage.py rotate_field_keys`: encrypt every travel document with the newest key (FIELD_ENCRYPTION_KEYS, first)."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bookings.models import Heartbeat, Passenger
from fly2any.kernel import clock, secretbox

BATCH = 200
NAME = "rotate_field_keys"


class Command(BaseCommand):
    """Goes through the travellers in order and notes how far it came; killed, it goes on from there."""

    help = "Encrypt stored travel documents with the newest key. Afterwards the older keys may be removed."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate; fails at the end when a document fits no key, and names the rows, not what is in them."""
        key = hashlib.sha256(settings.FIELD_ENCRYPTION_KEYS[0].encode()).hexdigest()[:16]
        place, _ = Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": clock.now(), "note": {}})
        if place.note.get("key") != key or place.note.get("done"):
            place.note = {"key": key, "after": 0, "rotated": 0, "unreadable": [], "done": False}
        while batch := list(Passenger.objects.filter(pk__gt=place.note["after"]).exclude(document="")
                            .order_by("pk").values_list("pk", "document")[:BATCH]):
            for pk, document in batch:
                self._rotate(place.note, pk, document)
            place.note["after"] = batch[-1][0]
            self._save(place)
        place.note["done"] = True
        self._save(place)
        self.stdout.write(f"documents under the newest key: {place.note['rotated']}")
        if place.note["unreadable"]:
            raise CommandError(f"no key fits the documents of travellers {place.note['unreadable']}")

    def _rotate(self, note: dict[str, Any], pk: int, document: str) -> None:
        try:
            fresh = secretbox.reseal(document)
        except InvalidToken:
            note["unreadable"].append(pk)
            return
        # only over what was read: a document erased or replaced meanwhile stays so
        note["rotated"] += Passenger.objects.filter(pk=pk, document=document).update(document=fresh)

    def _save(self, place: Heartbeat) -> None:
        place.beat_at = clock.now()
        place.save(update_fields=["beat_at", "note"])
