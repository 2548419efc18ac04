"""The price moves, the fare goes, the card has too little: told before anything happens, and nothing is lost."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.journeys.visitor import NO_FUNDS_CARD, Visitor, minor


def at_the_review(visitor: Visitor, given: str, family: str) -> int:
    """A holdable fare, one traveller, ticks set, card form there; returns the total in minor units."""
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose(holdable=True)
    visitor.fill_in(given, family)
    visitor.card_is_ready()
    return visitor.total


def test_dearer_at_the_pay_button(visitor: Visitor) -> None:
    before = at_the_review(visitor, "Annie", "Easley")
    visitor.outside(f"/_duffel/offers/{visitor.offer}/reprice", percent="10")
    visitor.pay()
    visitor.sees("The airline changed the price")
    page = visitor.page
    expect(page.get_by_text("You have not been charged.")).to_be_visible()
    button = page.get_by_role("button", name="Continue at")
    after = minor(button.inner_text())
    assert after > before
    shown = [minor(text) for text in page.locator(".old-new dd").all_inner_texts()]
    assert {before, after, after - before} <= set(shown)
    button.dblclick()
    visitor.sees("Pay for your trip")
    assert visitor.total == after
    assert minor(visitor.pay()) == after
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED", ["price_changed", "confirmed"])
    assert line["retained_minor"] == line["agreed_amount_minor"] == after


def test_cheaper_at_the_pay_button(visitor: Visitor) -> None:
    before = at_the_review(visitor, "Mary", "Golda")
    visitor.outside(f"/_duffel/offers/{visitor.offer}/reprice", percent="-10")
    visitor.pay()
    visitor.sees("Pay for your trip")
    expect(visitor.page.get_by_text("The airline lowered the price: you pay")).to_be_visible()
    after = visitor.total
    assert 0 < after < before
    assert minor(visitor.pay()) == after
    visitor.sees("Your trip is confirmed")
    assert visitor.all_agree(visitor.reference, "CONFIRMED")["retained_minor"] == after


def test_dearer_while_the_review_is_read(visitor: Visitor) -> None:
    before, page = at_the_review(visitor, "Kathleen", "Antonelli"), visitor.page
    visitor.outside(f"/_duffel/offers/{visitor.offer}/reprice", percent="10")
    visitor.stack.rows("UPDATE suppliers_offer SET priced_at = priced_at - interval '1 minute' WHERE external_id = %s",
                       visitor.offer)
    page.reload()  # a minute later
    visitor.sees("The airline changed the price")
    expect(page.get_by_text("Nothing has been booked. You have not been charged.")).to_be_visible()
    after = minor(page.get_by_role("button", name="Continue at").inner_text())
    assert after > before
    assert visitor.begun() == ["DRAFT"]
    visitor.button("Continue at")
    visitor.sees("Review and pay")
    assert visitor.total == after
    visitor.tick()
    assert minor(visitor.pay()) == after
    visitor.sees("Your trip is confirmed")
    assert visitor.all_agree(visitor.reference, "CONFIRMED")["retained_minor"] == after


def test_gone_at_the_pay_button(visitor: Visitor) -> None:
    at_the_review(visitor, "Christine", "Darden")
    page, offer = visitor.page, visitor.offer
    visitor.outside(f"/_duffel/offers/{offer}/expire")
    visitor.pay()
    visitor.sees("This fare ended before it was booked")
    expect(page.get_by_text("This fare is no longer available. You have not been charged.")).to_be_visible()
    page.get_by_role("link", name="Similar flights").click()
    expect(page.locator("#results[data-complete=yes] article").first).to_be_visible()
    visitor.choose(holdable=True)
    expect(page.get_by_label("Given names")).to_have_value("Christine")
    expect(page.get_by_label("Family name")).to_have_value("Darden")
    expect(page.locator("#contact-email")).to_have_value("ada@example.com")
    page.get_by_role("button", name="Continue to review").click()
    visitor.sees("Review and pay")
    assert visitor.offer != offer
    visitor.tick()
    shown = visitor.pay()
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert (line["retained_minor"], len(line["orders"]), len(line["payments"])) == (minor(shown), 1, 1)
    assert visitor.begun() == ["EXPIRED", "CONFIRMED"]


def test_too_little_on_the_card_then_the_cheaper_idea(visitor: Visitor) -> None:
    page = visitor.page
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose_offer(holdable=True)
    fares = page.locator("fieldset.fares-set .fare")
    expect(fares.nth(1), "a family of fares").to_be_visible()
    dearest = fares.last.get_by_role("radio")
    dearest.check()
    expect(fares.last.get_by_text("Your fare now")).to_be_visible()
    page.get_by_role("button", name="Continue to travellers").click()
    visitor.fill_in("Melba", "Roy")
    wanted = minor(visitor.pay(NO_FUNDS_CARD))
    visitor.sees("Please try another card")
    expect(page.get_by_text("Your bank says the balance is too low for")).to_be_visible()
    first = page.url.split("/trips/")[1].split("/")[0]
    idea = page.locator("section.cheaper").get_by_role("button").first
    cheaper = minor(idea.inner_text().split("(")[0].split(" for ")[1])
    assert cheaper < wanted
    idea.dblclick()
    expect(page.locator("#results[data-complete=yes] article").first).to_be_visible()
    page.get_by_role("button", name="Choose").first.click()
    page.get_by_role("button", name="Continue to travellers").click()
    expect(page.get_by_label("Given names")).to_have_value("Melba")
    page.get_by_role("button", name="Continue to review").click()
    visitor.sees("Review and pay")
    visitor.tick()
    shown = minor(visitor.pay())
    visitor.sees("Your trip is confirmed")
    assert shown <= cheaper
    second = visitor.reference
    assert visitor.all_agree(second, "CONFIRMED")["retained_minor"] == shown
    (given_up,) = [line for line in visitor.stack.ledger_export() if line["reference"] == first]
    assert (given_up["status"], given_up["retained_minor"]) == ("CANCELLED", 0)
    assert visitor.declines == 1
