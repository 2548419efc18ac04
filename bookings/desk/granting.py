"""Groups and their permissions, given by a migration: rows of permissions may not exist yet when it runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import migrations

Table = Mapping[str, Collection[str]]  # role: permissions as "app.codename"


class Give(migrations.RunPython):
    """A migration's operation: make these groups and add these permissions to them; backwards, take them away."""

    def __init__(self, table: Table) -> None:
        super().__init__(lambda apps, _: give(apps, table), lambda apps, _: take(apps, table))


class Take(migrations.RunPython):
    """A migration's operation: take these permissions from these groups; backwards, add them."""

    def __init__(self, table: Table) -> None:
        super().__init__(lambda apps, _: take(apps, table), lambda apps, _: give(apps, table))


def give(apps: Any, table: Table) -> None:
    """Make each group of `table` and add its permissions. Safe to repeat. `apps`: what a migration is handed.

    Django makes rows of permissions only after all migrations, so those missing are made here.
    """
    for name, labels in table.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.add(*[_permission(apps, label) for label in labels])


def take(apps: Any, table: Table) -> None:
    """Take the permissions of `table` from its groups. Safe to repeat."""
    for group in apps.get_model("auth", "Group").objects.filter(name__in=list(table)):
        group.permissions.remove(*[_permission(apps, label) for label in table[group.name]])


def _permission(apps: Any, label: str) -> Any:
    """The row of "app.codename": to look belongs to the model looked at, to do belongs to StaffAction."""
    app, codename = label.split(".")
    verb, _, of = codename.partition("_")
    kinds, rows = apps.get_model("contenttypes", "ContentType").objects, apps.get_model("auth", "Permission").objects
    kind, _ = kinds.get_or_create(app_label=app, model=of if verb == "view" else "staffaction")
    name = f"Can view {of}" if verb == "view" else of.replace("_", " ").capitalize()
    row, _ = rows.get_or_create(content_type=kind, codename=codename, defaults={"name": name})
    return row
