"""The roles: what the migrations give is what the table says; people are made with one role."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from bookings.desk import granting
from bookings.desk.roles import EACH, ROLES, SHOWN
from bookings.models import StaffAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles() -> None:
    """The groups (another test may have emptied every table)."""
    granting.give(apps, ROLES)


def held() -> dict[str, frozenset[str]]:
    return {group.name: frozenset(f"{p.content_type.app_label}.{p.codename}"
                                  for p in group.permissions.select_related("content_type"))
            for group in Group.objects.all()}


def test_the_migrations_make_the_roles_of_the_table() -> None:
    """Changed the table? Write a migration with granting.Give or Take."""
    Group.objects.all().delete()
    loader = MigrationLoader(connection)
    for key in loader.graph.forwards_plan(loader.graph.leaf_nodes("bookings")[0]):
        for operation in loader.disk_migrations[key].operations:
            if isinstance(operation, granting.Give | granting.Take):
                operation.code(apps, None)  # type: ignore[arg-type]
    assert held() == ROLES


def test_the_rows_of_permissions_are_made_when_they_are_missing() -> None:
    StaffAction._meta.apps.get_model("auth", "Permission").objects.all().delete()
    apps.get_model("contenttypes", "ContentType").objects.filter(app_label="bookings").delete()
    granting.give(apps, ROLES)
    assert held() == ROLES
    granting.take(apps, {"viewer": sorted(ROLES["viewer"])})
    assert held()["viewer"] == frozenset()


def test_every_table_that_the_console_shows_is_in_the_table_of_roles() -> None:
    """A new list in the console: put its model into roles.SHOWN and give it in a migration (granting.Give)."""
    ours = {model._meta.label_lower for model in admin.site._registry
            if model._meta.app_label in ("bookings", "payments", "suppliers")}
    assert ours <= set(SHOWN)


def test_only_finance_and_manager_move_money_and_only_a_manager_sees_documents() -> None:
    money = {f"bookings.do_{verb}" for verb in ("capture", "void", "refund", "second", "record_payment", "record_refund")}
    assert {role for role, may in ROLES.items() if may & money} == {"finance", "manager"}
    assert {role for role, may in ROLES.items() if "bookings.do_reveal" in may} == {"manager"}
    assert not any(label.startswith("bookings.do_") for label in ROLES["viewer"])
    known = {f"bookings.{name}" for name, _ in StaffAction._meta.permissions}
    assert set().union(*ROLES.values()) - {label for label in ROLES["viewer"]} == known
    assert EACH.keys() == ROLES.keys()


def made(*arguments: str, **options: Any) -> str:
    said = StringIO()
    call_command("make_staff", *arguments, stdout=said, **options)
    return said.getvalue()


def test_a_member_of_staff_is_made_with_a_password_shown_once(roles: None) -> None:
    found = re.search(r"shown this once: (\S+)", made("olga", "--role", "operator", "--email", "olga@example.com"))
    user = User.objects.get(username="olga")
    assert found is not None and user.check_password(found[1])
    assert (user.is_staff, user.is_superuser, user.email) == (True, False, "olga@example.com")
    assert user.has_perm("bookings.do_cancel") and not user.has_perm("bookings.do_refund")
    with pytest.raises(CommandError, match="already exists"):
        made("olga", "--role", "viewer")


def test_a_member_of_staff_moves_to_another_role_and_a_customer_never_does(roles: None) -> None:
    made("olga", "--role", "operator")
    made("olga", "--role", "finance", "--move")
    assert [group.name for group in User.objects.get(username="olga").groups.all()] == ["finance"]
    User.objects.create_user("anna@example.com", "anna@example.com", "x")
    with pytest.raises(CommandError, match="not a member of staff"):
        made("anna@example.com", "--role", "viewer", "--move")


def test_a_weak_password_is_refused(roles: None, tmp_path: Any) -> None:
    (tmp_path / "p").write_text("password1234\n")
    with pytest.raises(CommandError, match="too common"):
        made("olga", "--role", "operator", "--password-file", str(tmp_path / "p"))
