"""Travellers of live bookings get the digest by which the same person is found again. Safe to repeat."""

from __future__ import annotations

from typing import Any

from django.db import migrations

BATCH = 1000


def digests(apps: Any, schema_editor: Any) -> None:
    """In small commits by primary key, so that nobody waits for a lock."""
    from bookings.twins import person_digest

    people = apps.get_model("bookings", "Passenger").objects
    after = 0
    while batch := list(people.filter(pk__gt=after).order_by("pk")[:BATCH]):
        known = [person for person in batch if person.born_on and person.given_name and not person.digest]
        for person in known:
            person.digest = person_digest(person.given_name, person.family_name, person.born_on)
        people.bulk_update(known, ["digest"])
        after = batch[-1].pk


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("bookings", "0005_travellers_survive")]
    operations = [migrations.RunPython(digests, migrations.RunPython.noop)]
