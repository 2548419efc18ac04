"""The console by role: every address that the resolver knows, for every role, a member of staff without one, and CSRF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import get_resolver

from bookings.desk import granting
from bookings.desk.roles import ROLES
from bookings.models import Case
from tests.access.policy import lacking
from tests.console import rows
from tests.guard.test_matrix import state
from tests.pages.everything import booked

pytestmark = pytest.mark.django_db
ANYBODYS = {"index", "password_change", "password_change_done", "jsi18n", "logout", "login", "runbook", "runbook_contents",
            "second_factor", "second_factor_set_up", "second_factor_mine",  # one's own
            "view_on_site", "app_list", None}  # lead on, or nowhere
NEEDS = {"people": "bookings.do_people", "person_verb": "bookings.do_people", "person_address": "bookings.do_people",
         "bookings_queue_export": "bookings.do_export", "bookings_queue_bulk": "bookings.view_case",
         "bookings_filter_save": "bookings.view_case", "bookings_find": "bookings.view_case",
         "bookings_ticketing": "bookings.do_tickets", "bookings_booking_as_customer": "bookings.view_booking",
         "dashboard": "bookings.view_case", "dashboard_figure": "bookings.view_case",
         "dashboard_rows": "bookings.view_booking"}
BY_ACTION = {"bookings_booking_verb", "bookings_case_verb", "bookings_system_verb",
             "bookings_proposal_decide"}  # each action for itself: tests/console/test_permissions.py
NOBODYS = {"add", "delete", "autocomplete"}  # nothing is made or deleted here, and no list completes names
NOTHING_WORKS = dict.fromkeys(("script_src", "form_action", "connect_src", "frame_src"), "'none'")  # a picture of a page
KEPT_BY_CACHES = {"jsi18n"}  # a catalogue of words


def addresses() -> Iterator[tuple[str | None, str]]:
    """Name and pattern of every address of the console."""
    def flat(patterns: Any, before: str) -> Iterator[tuple[str | None, str]]:
        for one in patterns:
            path = before + str(one.pattern)
            yield from flat(one.url_patterns, path) if hasattr(one, "url_patterns") else [(one.name, path)]

    (site,) = (one for one in get_resolver().url_patterns if str(one.pattern) == "admin/")
    return flat(site.url_patterns, "/admin/")


def needed(name: str | None) -> str | None:
    """The permission for a look: "" for none, None when nobody may. KeyError for an address without its place."""
    if name in ANYBODYS or name in BY_ACTION:
        return ""
    if name in NEEDS:
        return NEEDS[name]
    app, _, rest = str(name).partition("_")
    model, _, page = rest.rpartition("_")
    if (page or rest or app) in NOBODYS:
        return None
    return {"changelist": f"{app}.view_{model}", "change": f"{app}.view_{model}", "history": f"{app}.view_{model}"}[page]


def filled(path: str, case: Case) -> str:
    values = {"name": "payment-success", "which": "payments-failed", "kind": "ledgers_differ", "verb": "lift_lock", "mark": "x"}
    number = str(case.booking_id if "/booking/" in path else case.pk)
    path = re.sub(r"\^\(\?P<app_label>[^)]*\)/\$", "bookings/", path).replace("(?P<url>.*)$", "nowhere/")
    path = re.sub(r"<slug:(\w+)>", lambda found: values[found[1]], path)
    return re.sub(r"<int:\w+>|<path:content_type_id>/<path:object_id>|<path:\w+>", number, path)


@pytest.fixture
def case() -> Case:
    granting.give(apps, ROLES)
    return rows.case(booked("guest:of the console", "confirmed"), "ledgers_differ")


def browser(name: str, *roles: str, **flags: Any) -> Client:
    user, client = User.objects.create_user(name, is_staff=True, **flags), Client()
    user.groups.set(Group.objects.filter(name__in=roles))
    client.force_login(user)
    client.get("/admin/password_change/")  # the session's own row is written now
    return client


def test_every_address_of_the_console_has_its_place() -> None:
    lost = []
    for name, path in addresses():
        try:
            needed(name)
        except KeyError:
            lost.append((name, path))
    assert lost == []
    known = {name for name, _ in addresses()}
    assert known >= ANYBODYS | NEEDS.keys() | BY_ACTION


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
def test_each_role_sees_what_the_table_says(role: str, case: Case) -> None:
    client, may = browser(role, role), ROLES.get(role, frozenset())
    wrong, seen = [], set()
    for name, path in addresses():
        if name in BY_ACTION or name in ("logout", "login"):
            continue
        permission = needed(name)
        allowed = permission is not None and (not permission or permission in may)
        answer = client.get(filled(path, case))
        seen.add(allowed)
        refused = answer.status_code in (403, 405) or (  # 405: an address that only takes a press
            answer.status_code == 302 and answer["Location"] == "/admin/")  # there is no such row to have a history
        if (answer.status_code == 403 if allowed else not refused) or answer.status_code >= 500:
            wrong.append((name, filled(path, case), allowed, answer.status_code))
        stricter = NOTHING_WORKS if name == "bookings_booking_as_customer" and allowed else {}
        if weak := lacking(answer, open_to_all=name in KEPT_BY_CACHES, **stricter):
            wrong.append((name, weak))
    assert wrong == []
    assert seen == {True, False}


def test_no_form_of_the_console_is_taken_without_its_token(case: Case) -> None:
    boss = browser("boss", is_superuser=True)
    strict, before, wrong = Client(enforce_csrf_checks=True), state(), []
    strict.cookies = boss.cookies
    for _, path in addresses():
        for method in ("post", "put", "patch", "delete"):
            status = getattr(strict, method)(filled(path, case), {"username": "boss", "reason": "x"}).status_code
            if status != 403:
                wrong.append((method, path, status))
    assert wrong == []
    assert state() == before
