"""A colleague at the console who issues tickets, in a real browser, with the consolidator's terminal beside it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from playwright.sync_api import Locator, expect

from tests.journeys.visitor import Visitor
from tests.sandbox.process import wait_until


class Colleague:
    """Somebody of our staff: signs in at the door with a password, then works from the ticketing worklist."""

    def __init__(self, visitor: Visitor, name: str = "iris") -> None:
        self.visitor, self.page, self.stack = visitor, visitor.page, visitor.stack
        password = self.stack.manage("make_staff", name, "--role", "manager").rpartition(": ")[2].strip()
        self.page.goto(f"{self.stack.url}/admin/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("navigation", name="Parts of the queue")).to_be_visible()

    # --- the console ------------------------------------------------------------------------------------------------

    def line(self, reference: str) -> Locator:
        """The booking's line in the worklist, which is opened from the console's home."""
        self.page.goto(f"{self.stack.url}/admin/")
        self.page.get_by_role("link", name="To ticket:").click()
        return self.page.get_by_role("row").filter(has_text=reference)

    def open(self, reference: str) -> None:
        """The booking, or its case, by the worklist."""
        self.line(reference).get_by_role("link", name=reference).first.click()

    def act(self, action: str, link: Locator, **values: Any) -> None:
        """Open the action's page, type the values and a reason, look at what will happen, and press the button."""
        link.click()
        form = self.page.locator("form.action-form")
        for name, value in values.items():
            box = form.locator(f"[name={name}]")
            if name == "method":
                box.select_option(value)
            else:
                box.fill(value)
        if values:  # what will happen is shown for what was typed, and only then the button is there
            self.page.get_by_role("button", name="Show what will happen").click()
        form.locator("[name=reason]").fill("The customer asked for it on the phone.")
        button = form.locator("button[type=submit]:not([name=show])")
        expect(button).to_contain_text(action)
        button.click()
        expect(self.page.locator(".messagelist li").first).to_be_visible()

    def from_the_line(self, reference: str, action: str, **values: Any) -> None:
        """The action that the worklist offers for this booking."""
        self.act(action, self.line(reference).get_by_role("link", name=action), **values)

    def paid_elsewhere(self, reference: str, receipt: str) -> None:
        """Record cash, on the page that the worklist leads to."""
        self.open(reference)
        action = "Record a payment taken elsewhere"
        self.act(action, self.page.get_by_role("link", name=action).first, method="cash", receipt=receipt)

    # --- the consolidator's terminal --------------------------------------------------------------------------------

    def found(self, reference: str) -> list[dict[str, Any]]:
        """Reservations with our remark."""
        answer = self.stack.sandbox.http.get("/_amadeus/orders", params={"remark": f"FLY2ANY {reference}"})
        found: list[dict[str, Any]] = answer.json()["orders"]
        return found

    def issues(self, reference: str) -> dict[str, str]:
        """The consolidator issues the tickets; returns what is to be typed for each traveller."""
        (order,) = self.found(reference)
        self.visitor.outside(f"/_amadeus/orders/{order['pnr']}/ticket")
        (ticketed,) = self.found(reference)
        return {f"private_ticket_{at}": one["documentNumber"] for at, one in enumerate(ticketed["tickets"])}

    def case(self, reference: str, kind: str) -> int:
        """The number of the booking's open case of this kind, as soon as there is one."""
        rows = wait_until(lambda: self.stack.rows(
            "SELECT c.id FROM bookings_case c JOIN bookings_booking b ON b.id = c.booking_id"
            " WHERE b.reference = %s AND c.kind = %s AND c.closed_at IS NULL", reference, kind), 30.0)
        return int(rows[0][0])


def typed_time(iso: str) -> str:
    """A moment as a datetime-local field takes it."""
    return datetime.fromisoformat(iso).strftime("%Y-%m-%dT%H:%M")
