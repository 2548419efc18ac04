"""Four customers, from the front door to the end, in real Chromium."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.journeys.visitor import CHALLENGE_CARD, NO_FUNDS_CARD, Visitor, minor


def test_pay_now_on_a_holdable_fare(visitor: Visitor) -> None:
    visitor.search("JFK", "LAX", ("John F Kennedy", "Los Angeles"))
    visitor.choose(holdable=True)
    visitor.fill_in("Ada")
    shown = visitor.pay()
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert line["retained_minor"] == line["agreed_amount_minor"] == minor(shown)
    assert [order["state"] for order in line["orders"]] == ["ticketed"]


def test_pay_now_on_an_instant_fare_with_3d_secure(visitor: Visitor) -> None:
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose(holdable=False)
    visitor.fill_in("Grace", "Hopper")
    expect(visitor.page.get_by_role("button", name="Hold now, pay later")).to_have_count(0)
    shown = visitor.pay(CHALLENGE_CARD)
    visitor.bank_says("Complete authentication")
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert line["retained_minor"] == minor(shown)


def test_a_declined_card_then_a_good_one(visitor: Visitor) -> None:
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose(holdable=True)
    visitor.fill_in("Dorothy", "Vaughan")
    visitor.pay(NO_FUNDS_CARD)
    visitor.sees("Please try another card")
    expect(visitor.page.get_by_text("4 attempts left")).to_be_visible()
    shown = visitor.pay()
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert line["retained_minor"] == minor(shown)
    assert (visitor.declines, len(line["payments"])) == (1, 1)


def test_cancel_and_get_the_money_back(visitor: Visitor) -> None:
    visitor.search("JFK", "LAX", ("John F Kennedy", "Los Angeles"))
    visitor.choose(holdable=True, refundable=True)
    visitor.fill_in("Katherine", "Johnson")
    shown = visitor.pay()
    visitor.sees("Your trip is confirmed")
    reference, page = visitor.reference, visitor.page
    page.get_by_role("link", name="Cancel this booking").click()
    page.get_by_role("button", name="Show what I get back").click()
    expect(page.get_by_text("You get back")).to_be_visible()
    back = minor(page.locator(".bigmoney dd").first.inner_text())
    page.get_by_role("button", name="Cancel this booking").click()
    visitor.sees("This booking is cancelled")
    expect(page.get_by_role("heading", name="Your refund", exact=True)).to_be_visible()
    line = visitor.all_agree(reference, "CANCELLED", ["confirmed", "cancelled", "refund_sent"])
    assert 0 < back <= minor(shown)
    assert line["retained_minor"] == minor(shown) - back
