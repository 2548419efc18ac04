"""A migration runs while the old code serves customers: what would break it, or hold it up, is refused.

The rules stand in docs/operations.md, Deploy. A migration that must break one says why: `unsafe_because = "..."` in its class.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

OURS = ("bookings", "payments", "suppliers")
BEFORE = {"bookings": "0025", "payments": "0011", "suppliers": "0019"}  # what came with the first release
GONE = (migrations.RemoveField, migrations.DeleteModel, migrations.RenameField, migrations.RenameModel,
        migrations.AlterModelTable)
NAMED_SMALL = {"home", "heartbeat", "salespause", "breakerstate", "supplierbalance", "reconcilerun", "savedfilter"}


def troubles(operation: Operation, app: str, state: ProjectState, made_here: set[str]) -> Iterator[str]:
    """What is wrong about one operation on a database that is in use."""
    for one in getattr(operation, "database_operations", ()):
        yield from troubles(one, app, state, made_here)
    model = getattr(operation, "model_name", getattr(operation, "name", "")).lower()
    what = f"{type(operation).__name__} {model}"
    if isinstance(operation, GONE):
        yield f"{what}: the old code still reads it"
    if model in made_here:
        return
    if isinstance(operation, migrations.AddField) and not operation.field.null and (
            not operation.field.many_to_many and operation.field.db_default is models.NOT_PROVIDED):
        yield f"{what}.{operation.name}: the old code inserts rows without it (null, or db_default)"
    if isinstance(operation, migrations.AlterField):
        old: Any = state.models[app, model].fields[operation.name]
        new: Any = operation.field
        if old.null and not new.null:
            yield f"{what}.{operation.name}: NOT NULL reads the whole table under a lock, and the old code writes NULL"
        if type(old) is not type(new) or (old.max_length or 0) > (new.max_length or old.max_length or 0):
            yield f"{what}.{operation.name}: another type writes the table anew, a shorter one refuses what is there"
    at_once = isinstance(operation, migrations.AddIndex) and not isinstance(operation, AddIndexConcurrently)
    if model not in NAMED_SMALL and (at_once or (
            isinstance(operation, migrations.RemoveIndex) and not isinstance(operation, RemoveIndexConcurrently))):
        yield f"{what}: writers wait while it is built; use the concurrent operation"
    if isinstance(operation, migrations.AddConstraint) and model not in NAMED_SMALL:
        yield f"{what}: the whole table is checked under a lock; AddConstraintNotValid, then ValidateConstraint"


def findings(migration: migrations.Migration, state: ProjectState) -> list[str]:
    """Everything wrong about one migration, unless it says why it must be."""
    made: set[str] = set()
    found: list[str] = []
    for operation in migration.operations:
        found += troubles(operation, migration.app_label, state, made)
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name.lower())
        operation.state_forwards(migration.app_label, state)
    return [] if getattr(migration, "unsafe_because", "") else found


@pytest.mark.django_db
def test_every_migration_since_the_first_release_can_run_beside_the_old_code() -> None:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True)
    state, found = ProjectState(real_apps=set()), {}
    for migration, _ in plan:
        told = findings(migration, state)
        if told and migration.app_label in OURS and migration.name[:4] >= BEFORE[migration.app_label]:
            found[f"{migration.app_label}.{migration.name}"] = told
    assert found == {}


@pytest.mark.parametrize(("operation", "word"), [
    (migrations.RemoveField("booking", "reference"), "still reads"),
    (migrations.RenameField("booking", "reference", "number"), "still reads"),
    (migrations.AddField("booking", "shoe", models.CharField(max_length=9)), "db_default"),
    (migrations.AlterField("booking", "note", models.CharField(max_length=90)), "NOT NULL"),
    (migrations.AlterField("booking", "reference", models.CharField(max_length=9)), "shorter"),
    (migrations.AlterField("booking", "reference", models.TextField()), "another type"),
    (migrations.AddIndex("booking", models.Index(fields=["reference"], name="x")), "concurrent"),
    (migrations.AddConstraint("booking", models.CheckConstraint(condition=models.Q(id=1), name="y")), "NotValid"),
])
def test_unsafe_ones_are_told(operation: Operation, word: str) -> None:
    first = migrations.Migration("0001_initial", "bookings")
    first.operations = [migrations.CreateModel("Booking", [
        ("id", models.BigAutoField(primary_key=True)), ("reference", models.CharField(max_length=12)),
        ("note", models.CharField(max_length=90, null=True))])]
    state = ProjectState()
    assert findings(first, state) == []
    second = migrations.Migration("0002_unsafe", "bookings")
    second.operations = [operation]
    told = findings(second, state)
    assert len(told) == 1 and word in told[0]


@pytest.mark.parametrize("operation", [
    migrations.AddField("booking", "shoe", models.CharField(max_length=9, null=True)),
    migrations.AddField("booking", "shoe", models.CharField(max_length=9, db_default="")),
    AddIndexConcurrently("booking", models.Index(fields=["reference"], name="x")),
    migrations.AlterField("booking", "reference", models.CharField(max_length=20, choices=[("a", "b")])),
])
def test_safe_ones_are_not(operation: Operation) -> None:
    state = ProjectState()
    first = migrations.Migration("0001_initial", "bookings")
    first.operations = [migrations.CreateModel("Booking", [
        ("id", models.BigAutoField(primary_key=True)), ("reference", models.CharField(max_length=12))])]
    findings(first, state)
    second = migrations.Migration("0002_safe", "bookings")
    second.operations = [operation]
    assert findings(second, state) == []
