"""Each mismatch is solved by a person in the browser: from the console's home to a closed case, in four presses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect

from bookings import detectors, invariants, mail, reconcile
from bookings.advance import advance
from bookings.models import Booking, Case
from bookings.rehearsal import MORE, SCENES, mend, rehearse
from bookings.rehearsal.seeing import notice
from bookings.sweep import due_bookings
from fly2any.kernel import clock
from tests.world import World

SECONDS, PRESSES = 60.0, 4


@dataclass(frozen=True)
class Solution:
    """What the operator does: the action's name, and what is typed into its form."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    before: str = ""  # an action that must come first, at once


SOLUTIONS = {
    "M1": Solution("resume"), "M2": Solution("look_again"), "M3": Solution("capture"), "M4": Solution("look_again"),
    "M5": Solution("mark_handled"), "M6": Solution("mark_handled"), "M7": Solution("look_again"),
    "M8": Solution("mark_handled"), "M9": Solution("resume"), "M10": Solution("cancel", before="quote"),
    "M11": Solution("void"), "M12": Solution("enter_tickets", {"private_ticket_0": ""}), "M13": Solution("mark_handled"),
    "M14": Solution("mark_handled"), "M15": Solution("mark_handled"), "M16": Solution("replay"),
    "M17": Solution("resend_mail"), "M18": Solution(""), "M19": Solution("resume"),
    "M20": Solution("refund"), "A1": Solution("attach_order", {"order_id": ""}),
}


class Operator:
    """Somebody at the console who counts what they press."""

    def __init__(self, page: Page, *, keys: bool) -> None:
        self.page, self.keys, self.presses = page, keys, 0

    def press(self, target: Locator) -> None:
        """Click, or walk there with Tab and press Enter; returns when the page that follows is whole."""
        self.presses += 1
        if self.keys:
            self.walk_to(target)
        with self.page.expect_navigation():  # else what is counted next is counted on half a page
            if self.keys:
                self.page.keyboard.press("Enter")
            else:
                target.click()

    def walk_to(self, target: Locator) -> None:
        """Press Tab until this has the focus."""
        expect(target).to_be_visible()
        wanted = target.element_handle()
        for _ in range(150):
            if self.page.evaluate("one => document.activeElement === one", wanted):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not come to {target}")

    def fill(self, values: dict[str, str]) -> None:
        """Type the reason and whatever else the form asks."""
        for name, value in {**values, "reason": "Checked with both sides."}.items():
            box = self.page.locator(f"[name={name}]:visible")
            if box.count():
                box.first.fill(value)


@pytest.fixture
def desk(browser: Browser, live_server: Any, django_user_model: Any, world: World) -> Callable[[bool], Operator]:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("ops", password="x"))

    def sit_down(keys: bool) -> Operator:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=live_server.url)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
        return Operator(context.new_page(), keys=keys)

    return sit_down


def work_goes_on(until: Callable[[], bool]) -> None:
    """The worker, the mailman and the detectors, round after round, until nothing is left to see."""
    for _ in range(8):
        now = clock.now()
        for booking_id in due_bookings(now, 50):
            advance(booking_id)
        mail.send_due(now, 50)
        reconcile.watch_balances(now)
        detectors.run(clock.now())
        if until():
            return
        time.sleep(0.3)


@pytest.mark.parametrize("keys", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["mouse", "keys"])
@pytest.mark.parametrize("code", [*SCENES, *MORE])
def test_from_home_to_a_closed_case(desk: Callable[[bool], Operator], code: str, keys: bool,
                                    request: pytest.FixtureRequest) -> None:
    if code in ("M12", "A1"):
        request.getfixturevalue("reservations")
    staged = rehearse(code)
    case = notice((SCENES | MORE)[code], staged)
    assert case is not None, "nobody noticed"
    solution, operator, started = SOLUTIONS[code], desk(keys), time.monotonic()
    solution = replace(solution, fields={name: value or staged.answer for name, value in solution.fields.items()})
    operator.page.goto("/admin/")
    solve(operator, case, solution)
    mend(code)
    work_goes_on(lambda: Case.objects.filter(pk=case.pk, closed_at__isnull=False).exists())
    assert time.monotonic() - started < SECONDS
    assert operator.presses <= PRESSES
    closed = Case.objects.get(pk=case.pk)
    if closed.closed_at is None:
        print(operator.page.locator("#content").inner_text())
    assert closed.closed_at is not None, f"{case.kind} is still open: {closed.facts}"
    queue = operator.page.context.new_page()  # the page of the case reads itself anew, and that may come between
    queue.goto("/admin/?tab=open")
    expect(queue.locator(f'a[href*="/case/{case.pk}/"]')).to_have_count(0)
    assert not list(invariants.check(clock.now()))
    if staged.booking:
        print(code, Booking.objects.get(pk=staged.booking.pk).status, closed.closed_because)


def solve(operator: Operator, case: Case, solution: Solution) -> None:
    """Open the line or its button, take the action, say why; the action that comes first before it."""
    page = operator.page
    if not solution.action:  # somebody outside does it: the case closes by itself
        operator.press(page.locator(f'a.line-open[href*="/case/{case.pk}/"]'))
        return
    for name in filter(None, (solution.before, solution.action)):
        target = page.locator(f'a.line-button[href*="/case/{case.pk}/do/{name}/"]')
        if not target.count() and "/case/" not in page.url:
            operator.press(page.locator(f'a.line-open[href*="/case/{case.pk}/"]'))
        if "/case/" in page.url:
            target = page.locator(f'a[href*="/do/{name}/"], form[action*="/do/{name}/"] button')
        operator.press(target.first)
        confirm(operator, solution)
        if name == solution.before:
            work_goes_on(lambda: False)
            page.reload()


def confirm(operator: Operator, solution: Solution) -> None:
    """Press the button that says what it does; before it, where values must be typed, the one that shows what they do."""
    button = operator.page.locator("form.action-form button[type=submit]:not([name=show])")
    show = operator.page.locator("form.action-form button[name=show]")
    for _ in range(3):
        there = button if button.count() else show
        if there.count():
            operator.fill(solution.fields)
            operator.press(there)
