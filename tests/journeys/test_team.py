"""Fares that our team tickets: reserved by the customer, ticketed in the console, paid in three ways, in real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.colleague import Colleague, typed_time
from tests.journeys.visitor import CHALLENGE_CARD, Visitor, minor
from tests.stack import Stack

TEAM = "our team issues the ticket"
RESERVED = "Your seats are reserved, our team issues the tickets"
BOTH = {"TRUSTED_PROXIES": "0", "AMADEUS_CLIENT_ID": "amadeus_sandbox", "SECOND_PERSON_ABOVE": "USD 50000"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A site with both suppliers."""
    with Stack(tmp_path_factory.mktemp("team"), every=1.0, environ=BOTH) as running:
        yield running


@pytest.fixture(scope="module")
def colleague(stack: Stack, browser: Any) -> Iterator[Colleague]:
    """One of us, signed in all day."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    yield Colleague(Visitor(stack, context.new_page()))
    context.close()


def request(visitor: Visitor, given: str, family: str) -> int:
    """From results of both suppliers to the pressed button; returns the total shown, in minor units."""
    visitor.look_for("JFK", "LAX")
    offers = visitor.page.locator("article.offer")
    ours = offers.filter(has_text=TEAM)
    expect(ours.first).to_be_visible()
    expect(offers.filter(has_not_text=TEAM).first).to_be_visible()
    visitor.press(ours.first.get_by_role("button", name="Choose"))
    visitor.button("Continue to travellers")
    visitor.type_traveller(given, family)
    visitor.button("Continue to review")
    visitor.sees("Review and request")
    visitor.tick()
    total = visitor.total
    assert visitor.page.locator("iframe").count() == 0, "no card is asked for"
    visitor.button("Request booking - no payment now")
    return total


def reserved(visitor: Visitor, given: str, family: str) -> tuple[str, int]:
    """The same until the seats are reserved and the customer has it in writing; reference and total."""
    total = request(visitor, given, family)
    visitor.sees(RESERVED)
    text = words_of(visitor, "reserved", visitor.reference)
    assert "There is nothing to pay online now." in text
    airlines = visitor.stack.value("SELECT o.locators FROM suppliers_supplierorder o JOIN bookings_booking b ON"
                                   " b.id = o.booking_id WHERE b.reference = %s", visitor.reference)
    assert airlines and all(f"Airline reference (Amadeus Six): {own}\n" in text for code, own in airlines)
    return visitor.reference, total


def words_of(visitor: Visitor, kind: str, reference: str) -> str:
    """The text of the newest mail of this kind, once it is sent."""
    body = visitor.letter(kind, reference).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def has_tickets(visitor: Visitor, colleague: Colleague, reference: str, *mails: str) -> dict[str, Any]:
    """The customer reads CONFIRMED and the numbers, on the page and by mail; every book agrees. Returns our line."""
    numbers = [one["documentNumber"] for one in colleague.found(reference)[0]["tickets"]]
    letter = visitor.letter("confirmed", reference)  # before the page, which looks again once a minute
    visitor.page.goto(f"{visitor.stack.url}/trips/{reference}")
    visitor.sees("Your trip is confirmed")
    body = letter.get_body(("plain",))
    assert numbers and body is not None
    for number in numbers:
        written = re.compile(number.replace("-", "-?"))
        expect(visitor.page.locator("dd.tickets")).to_contain_text(written)
        assert written.search(body.get_content())
    assert {part.get_content_type() for part in letter.iter_attachments()} == {"application/pdf", "text/calendar"}
    line = visitor.all_agree(reference, "CONFIRMED", ["confirmed", *mails])
    assert "invariants hold" in visitor.stack.manage("invariants")
    assert colleague.visitor.trouble == []
    rows = visitor.stack.sandbox.ledger(vendor="amadeus")
    assert [row for row in rows if row["event"].startswith("schema.")] == []
    made = [row for row in rows if row["event"] == "order.created" and f"FLY2ANY {reference}" in row["remarks"]]
    assert len(made) == 1 and len(line["orders"]) == 1
    assert line["retained_minor"] == line["agreed_amount_minor"]
    return line


def test_reserved_then_paid_elsewhere_then_ticketed(visitor: Visitor, colleague: Colleague) -> None:
    reference, total = reserved(visitor, "Ada", "Lovelace")
    colleague.paid_elsewhere(reference, "K 4711")
    expect(colleague.line(reference)).to_contain_text("Paid elsewhere")
    colleague.from_the_line(reference, "Enter ticket numbers", **colleague.issues(reference))
    line = has_tickets(visitor, colleague, reference, "reserved")
    assert line["retained_minor"] == total
    assert [row["id"] for row in line["payments"]] == ["desk:K 4711"]


def test_reserved_then_a_pay_link_with_3d_secure_then_ticketed_and_charged_once(
        visitor: Visitor, colleague: Colleague) -> None:
    reference, total = reserved(visitor, "Grace", "Hopper")
    colleague.from_the_line(reference, "Send the link to pay")
    visitor.page.goto(visitor.link_in(visitor.letter("pay_link", reference)))
    expect(visitor.page.get_by_role("heading", name="Pay for your trip")).to_be_visible()
    shown = visitor.pay(CHALLENGE_CARD)
    visitor.bank_says("Complete authentication")
    visitor.sees(RESERVED)
    expect(visitor.page.get_by_text("Your card is charged when they exist.")).to_be_visible()
    captured = {"vendor": "stripe", "event": "payment_intent.captured"}
    before = len(visitor.stack.sandbox.ledger(**captured))
    expect(colleague.line(reference)).to_contain_text("Card reserved")
    colleague.from_the_line(reference, "Enter ticket numbers", **colleague.issues(reference))
    line = has_tickets(visitor, colleague, reference, "reserved", "pay_link")
    assert [row["amount"] for row in visitor.stack.sandbox.ledger(**captured)][before:] == [total] == [minor(shown)]
    assert line["retained_minor"] == total


def test_an_answer_that_was_lost_is_found_by_its_remark_and_attached_by_its_locator(
        visitor: Visitor, colleague: Colleague) -> None:
    visitor.stack.sandbox.fault("amadeus.create_order", "reset_after", count=1)
    request(visitor, "Katherine", "Johnson")
    visitor.sees("We are checking with the airline")
    reference = visitor.reference
    page, case = colleague.page, colleague.case(reference, "unknown_outcome")
    page.goto(f"{visitor.stack.url}/admin/bookings/case/{case}/change/")
    expect(page.get_by_text(f"FLY2ANY {reference}")).to_be_visible()
    expect(page.get_by_text("JOHNSON / KATHERINE").first).to_be_visible()
    (order,) = colleague.found(reference)
    attach = "Attach an airline order"
    colleague.act(attach, page.get_by_role("link", name=attach).first, order_id=order["pnr"],
                  ticket_by=typed_time(order["deadline"]))
    visitor.sees(RESERVED)
    colleague.paid_elsewhere(reference, "K 4712")
    colleague.from_the_line(reference, "Enter ticket numbers", **colleague.issues(reference))
    has_tickets(visitor, colleague, reference, "checking", "reserved")
