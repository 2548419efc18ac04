"""Who may do what, at every address of an action; no look changes a row; the stock admin has no way round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import reverse

from bookings import desk
from bookings.desk import granting
from bookings.desk.roles import ROLES
from bookings.models import Case, Proposal
from fly2any.kernel.readonly import ReadOnlyAdmin
from tests.console import rows
from tests.console.rows import NOW
from tests.console.test_readonly import OURS, one_of_each, registered
from tests.guard.test_matrix import console, state

__all__ = ["one_of_each"]
pytestmark = pytest.mark.django_db
SECOND = "bookings.do_second"
NOT_OURS = {"django_session", "axes_accesslog", "axes_accessattempt", "auth_user"}  # a sign-in writes them


@pytest.fixture
def case() -> Case:
    granting.give(apps, ROLES)  # another test may have emptied every table
    return rows.case(rows.confirmed(), "ledgers_differ")


@pytest.fixture
def proposal(case: Case, django_user_model: Any) -> Proposal:
    anna = django_user_model.objects.create_user("proposer", is_staff=True)
    return Proposal.objects.create(verb="mark_handled", booking=case.booking, case=case, reason="Two eyes more.",
                                   proposed_by=anna, proposed_at=NOW)


def pages(case: Case, proposal: Proposal) -> Iterator[tuple[str, str]]:
    """Every address where something is done, with the permission that it needs."""
    for name, action in desk.ACTIONS.items():
        yield reverse("admin:bookings_case_verb", args=[case.pk, name]), action.permission
        yield reverse("admin:bookings_booking_verb", args=[case.booking_id, name]), action.permission
        if action.group == "system":
            yield reverse("admin:bookings_system_verb", args=[name]), action.permission
    yield reverse("admin:bookings_proposal_decide", args=[proposal.pk]), SECOND


def signed_in(model: Any, name: str, *groups: str, **fields: Any) -> Client:
    client, user = Client(), model.objects.create_user(name, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    client.force_login(user)
    client.get("/admin/")  # the session's own row is written now
    return client


def rows_now() -> dict[str, tuple[int, int]]:
    return {table: seen for table, seen in state().items() if table not in NOT_OURS}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_refused_what_it_lacks_and_nothing_else(
        role: str, case: Case, proposal: Proposal, django_user_model: Any) -> None:
    client = signed_in(django_user_model, role, role, is_staff=True)
    before, wrong, seen = rows_now(), [], set()
    for address, permission in pages(case, proposal):
        may = permission in ROLES[role]
        looked, pressed = client.get(address), client.post(address, {"reason": "x", "decision": "agree"})
        seen.add(may)
        if looked.status_code != (200 if may else 403) or pressed.status_code not in ((409, 422) if may else (403,)):
            wrong.append((address, permission, looked.status_code, pressed.status_code))
    assert wrong == []  # a press without a page's key is refused before it does anything
    assert rows_now() == before
    assert seen == {"viewer": {False}, "manager": {True}}.get(role, {True, False})


def test_every_permission_to_do_something_is_somebodys_and_asked_by_something(case: Case, proposal: Proposal) -> None:
    asked = {permission for _, permission in pages(case, proposal)}
    assert asked <= ROLES["manager"]
    assert all(permission.startswith("bookings.do_") for permission in asked)
    assert not any(permission in ROLES["viewer"] for permission in asked)


@pytest.mark.parametrize("who", ["stranger", "customer", "retired"])
def test_whoever_is_not_staff_is_sent_to_the_login(
        who: str, case: Case, proposal: Proposal, django_user_model: Any) -> None:
    client = Client()
    if who != "stranger":
        user = django_user_model.objects.create_user(who, is_staff=who == "retired", is_superuser=who == "retired")
        client.force_login(user)
        django_user_model.objects.filter(pk=user.pk).update(is_active=who != "retired")
    before = rows_now()
    for address, _ in pages(case, proposal):
        for answer in (client.get(address), client.post(address, {"reason": "x"})):
            assert answer.status_code == 302, address
            assert answer["Location"].startswith("/admin/login/"), address
    assert rows_now() == before


@pytest.mark.usefixtures("one_of_each")
def test_no_look_at_any_page_of_the_console_changes_a_row(
        case: Case, proposal: Proposal, django_user_model: Any) -> None:
    boss = signed_in(django_user_model, "boss", is_staff=True, is_superuser=True)
    before, wrong = rows_now(), []
    lists = [reverse(f"admin:{m._meta.app_label}_{m._meta.model_name}_changelist") for m in registered()]
    for address in [*(address for address, _ in pages(case, proposal)), *lists, "/admin/",
                    reverse("admin:bookings_case_change", args=[case.pk]),
                    reverse("admin:bookings_booking_change", args=[case.booking_id]),
                    reverse("admin:bookings_proposal_change", args=[proposal.pk])]:
        assert boss.get(address).status_code == 200, address
        assert boss.head(address).status_code == 200, address
        if rows_now() != before:
            wrong.append(address)
            before = rows_now()
    assert wrong == []
    for address, _ in pages(case, proposal):  # a preview is a POST without effect
        boss.post(address, {"show": "1", "amount": "1.00"})
    assert rows_now() == before


def test_no_crafted_post_to_any_address_of_our_tables_changes_a_row(
        one_of_each: dict[Any, Any], django_user_model: Any) -> None:
    boss = signed_in(django_user_model, "boss", is_staff=True, is_superuser=True)
    numbers = {f"/admin/{m._meta.app_label}/{m._meta.model_name}/": row.pk for m, row in one_of_each.items()}
    ours = [path for path in console() if path.startswith(tuple(f"/admin/{app}/" for app in OURS))
            and not path.endswith("/export/")]  # an export is written into the book of what staff did
    assert len(ours) > 60
    before, folder = rows_now(), ""
    for path in sorted(ours):
        if folder and not path.startswith(folder):
            assert rows_now() == before, folder
        folder = "/".join(path.split("/")[:4]) + "/"
        number = numbers.get(folder, 1)
        address = re.sub(r"/1/", f"/{number}/", path, count=1)
        crafted = {"status": "CONFIRMED", "state": "captured", "amount_minor": "1", "accepted_minor": "1",
                   "captured_minor": "1", "severity": "4", "closed_because": "x", "_save": "Save", "post": "yes",
                   "action": "delete_selected", "_selected_action": str(number), "select_across": "1", "index": "0",
                   "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": str(number),
                   "form-0-status": "CONFIRMED", "form-0-state": "captured", "reason": "x", "decision": "agree"}
        for method in (boss.post, boss.put):
            status = method(address, crafted).status_code  # type: ignore[operator]
            assert status < 500, (address, status)
    assert rows_now() == before
    assert not LogEntry.objects.exists()


def test_no_table_of_ours_can_be_written_through_the_stock_admin(django_user_model: Any) -> None:
    request = RequestFactory().get("/admin/")
    request.user = django_user_model.objects.create_superuser("boss")
    for model in registered():
        page = admin.site._registry[model]
        assert isinstance(page, ReadOnlyAdmin), model
        assert not (page.has_add_permission(request) or page.has_change_permission(request)
                    or page.has_delete_permission(request)), model
        assert "delete_selected" not in page.get_actions(request), model
        assert not page.list_editable, model
        assert not page.inlines, model
