"""The staff console: signed in as a manager, on a bad day that is written into the site's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from bench import figures
from bookings import desk
from bookings.models import Case
from fly2any.kernel import clock
from tests.console import rows
from tests.console.test_browser import some_work
from tests.gallery.made import crowd, rows_of
from tests.journeys.visitor import Visitor
from tests.trail.rows import offer_json

Steps = Iterator[str]
NAME, PASSWORD = "floor-manager", "harbour pencil violet"
LISTS = ("suppliers/supplierorder", "suppliers/supplierevent", "payments/payment", "payments/refund", "payments/dispute",
         "payments/gatewayevent", "bookings/booking", "bookings/staffaction", "bookings/proposal", "bookings/externalcall",
         "bookings/diary", "bookings/outbox", "bookings/heartbeat")
TABS = ("need_me", "critical", "to_ticket", "refunds_due", "schedule", "webhooks", "snoozed", "closed_today", "open")


def signed_in(visitor: Visitor) -> Case:
    """Work to do, figures to read, and a manager at the door who signs in; returns the most severe case."""
    with rows_of(visitor.stack):
        people = get_user_model().objects
        if not people.filter(username=NAME).exists():
            person = people.create_user(NAME, password=PASSWORD, is_staff=True)
            person.groups.add(Group.objects.get(name="manager"))
        case = Case.objects.filter(kind="ticketed_unpaid", closed_at=None).first() or _bad_day()
    visitor.page.goto(f"{visitor.stack.url}/admin/")
    visitor.page.get_by_label("Username").fill(NAME)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Log in").click()
    expect(visitor.page.get_by_role("navigation", name="Parts of the queue")).to_be_visible()
    return case


def _bad_day() -> Case:
    figures.fill(clock.now(), per_day=2_000, days=33)
    some_work()
    late = rows.booking(accepted_minor=123_456_789, priced_minor=123_456_789)
    type(late.offer).objects.filter(pk=late.offer_id).update(searched=offer_json("off_late"))  # the customer's page reads it
    crowd(late)
    rows.order(late, "ticketed")
    rows.payment(late, "authorised")
    return rows.case(late, "ticketed_unpaid", opened_at=clock.now() - timedelta(minutes=7))


def console(visitor: Visitor) -> Steps:
    """The queue, a case, an action, the dashboard and the runbook: what an operator sees every day."""
    case = signed_in(visitor)
    for name, path in (("queue", ""), ("case", f"bookings/case/{case.pk}/change/"),
                       ("action", f"bookings/case/{case.pk}/do/capture/"), ("dashboard", "dashboard/"),
                       ("runbook", f"runbook/{case.kind}/")):
        visitor.page.goto(f"{visitor.stack.url}/admin/{path}")
        yield f"console-{name}"


def console_all(visitor: Visitor) -> Steps:
    """Every other page: each tab, search, bulk, export, each action, each list, people, the keys."""
    case = signed_in(visitor)
    page, home = visitor.page, f"{visitor.stack.url}/admin/"
    page.keyboard.press("?")
    yield "console-keys"
    for tab in TABS:
        page.goto(f"{home}bookings/case/?tab={tab}")
        yield f"console-tab-{tab}"
    for name in sorted(desk.ACTIONS):
        page.goto(f"{home}bookings/case/{case.pk}/do/{name}/")
        yield f"console-do-{name}"
    for name in LISTS:
        page.goto(f"{home}{name}/")
        yield f"console-list-{name.partition('/')[2]}"
    for name, path in (("filter", "bookings/case/?tab=open&severity=1"), ("found", "bookings/case/find/?q=nobody"),
                       ("bulk", f"bookings/case/bulk/?action=snooze&id={case.pk}"), ("people", "people/"),
                       ("booking", f"bookings/booking/{case.booking_id}/change/"), ("contents", "runbook/"),
                       ("as-customer", f"bookings/booking/{case.booking_id}/as-customer/"),
                       ("year", "dashboard/?period=12m"), ("figure", "dashboard/payment-success/"),
                       ("pause", "bookings/staffaction/do/pause_sales/"), ("second-factor", "second-factor/mine/"),
                       ("password", "password_change/")):
        page.goto(home + path)
        yield f"console-{name}"


CONSOLE: tuple[Callable[[Visitor], Steps], ...] = (console, console_all)
