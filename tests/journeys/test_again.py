"""Back, reload, a second tab, a double click, another device, a closed browser: never twice, never lost."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.journeys.visitor import CHALLENGE_CARD, NO_FUNDS_CARD, Visitor, minor

Arrive = Callable[..., Visitor]


class Restless:
    """Somebody who presses back, forward and reload on every page, and opens every page seen so far once more."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.page, self.other = visitor, visitor.page, visitor.tab()
        self.seen: list[str] = []

    def fidget(self, place: str, heading: str) -> None:
        """Here (the end of the address, the h1) after each of these things; earlier addresses open without an error."""
        here = self.page.url
        assert place in here, here
        if here not in self.seen:
            self.seen.append(here)
        self.visitor.back_and_forward()
        self.visitor.sees(heading)
        self.page.reload()
        self.visitor.sees(heading)
        assert urlsplit(self.page.url).path == urlsplit(here).path
        for address in self.seen:
            answer = self.other.page.goto(address)
            assert answer is not None
            assert answer.status == 200, (address, answer.status)
            expect(self.other.page.get_by_role("heading", level=1)).to_be_visible()

    def leads_to(self, place: str, heading: str) -> None:
        """Every page of the checkout that was ever seen leads to this one now."""
        for address in self.seen:
            self.other.page.goto(address)
            if "/checkout/" in address or "/trips/FLY2A" in address:
                self.other.sees(heading)
                assert urlsplit(self.other.page.url).path == place, address


@pytest.mark.parametrize("end", [pytest.param("held", marks=pytest.mark.slow), "paid"])
def test_back_reload_and_a_second_tab_at_every_step(visitor: Visitor, end: str) -> None:
    page, restless = visitor.page, Restless(visitor)
    visitor.page.goto(visitor.stack.url)
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    restless.fidget("/flights?", page.get_by_role("heading", level=1).inner_text())
    visitor.choose_offer(holdable=end == "held")
    restless.fidget("/extras", "Choose your fare and extras")
    visitor.button("Continue to travellers")
    restless.fidget("/passengers", "Who is travelling?")
    visitor.type_traveller("Evelyn", "Boyd")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator("#contact-phone").blur()
    visitor.back_and_forward()
    expect(page.get_by_label("Given names")).to_have_value("Evelyn")
    page.reload()
    expect(page.locator("#contact-phone")).to_have_value("+44 20 8016 0508")
    visitor.button("Continue to review")
    restless.fidget("/review", "Review and pay")
    visitor.tick()
    if end == "held":
        shown, reference = 0, visitor.held()
        restless.fidget(f"/trips/{reference}", "Your seats are held")
        restless.leads_to(f"/trips/{reference}", "Your seats are held")
        line = visitor.all_agree(reference, "HOLD", ["hold_created"])
    else:
        shown, reference = half_paid_then_paid(visitor, restless)
        line = visitor.all_agree(reference, "CONFIRMED")
    assert (line["retained_minor"], len(line["orders"]), len(line["payments"])) == (
        shown, 1, 0 if end == "held" else 1)
    assert visitor.begun() == [line["status"]]


def half_paid_then_paid(visitor: Visitor, restless: Restless) -> tuple[int, str]:
    """The bank asks; instead of answering, back, reload and the second tab; a refused card; then a good one."""
    page = visitor.page
    visitor.pay(CHALLENGE_CARD)
    expect(page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication")).to_be_visible()
    visitor.back_and_forward()
    visitor.sees("Pay for your trip")
    restless.fidget("/pay", "Pay for your trip")
    reference = page.url.split("/trips/")[1].split("/")[0]
    restless.leads_to(f"/trips/{reference}/pay", "Pay for your trip")
    visitor.pay(NO_FUNDS_CARD)
    visitor.sees("Please try another card")
    restless.fidget("/pay", "Please try another card")
    shown = minor(visitor.pay())
    visitor.sees("Your trip is confirmed")
    restless.fidget(f"/trips/{reference}", "Your trip is confirmed")
    restless.leads_to(f"/trips/{reference}", "Your trip is confirmed")
    return shown, reference


def test_double_clicks_on_every_button_from_choose_to_the_refund(visitor: Visitor) -> None:
    page = visitor.page
    visitor.look_for("BOS", "MIA")
    offers = page.locator("article.offer").filter(has_text="Hold now, pay later").filter(has_text="Refund: Free")
    (offers.first if offers.count() else page.locator("article.offer").filter(has_text="Hold now, pay later").first
     ).get_by_role("button", name="Choose").dblclick()
    visitor.sees("Choose your fare and extras")
    page.get_by_role("button", name="Continue to travellers").dblclick()
    visitor.sees("Who is travelling?")
    visitor.type_traveller("Gladys", "West")
    page.get_by_role("button", name="Continue to review").dblclick()
    visitor.sees("Review and pay")
    visitor.tick()
    page.get_by_role("button", name="Hold now, pay later").dblclick()
    visitor.sees("Your seats are held")
    reference = visitor.reference
    page.get_by_role("link", name="now").click()
    visitor.sees("Pay for your trip")
    visitor.type_card()
    button = page.locator("[data-pay-button]")
    shown = minor(button.inner_text())
    button.dblclick()
    visitor.sees("Your trip is confirmed")
    page.get_by_role("link", name="Cancel this booking").click()
    page.get_by_role("button", name="Show what I get back").dblclick()
    expect(page.get_by_text("You get back")).to_be_visible()
    back = minor(page.locator(".bigmoney dd").first.inner_text())
    page.get_by_role("button", name="Cancel this booking").dblclick()
    visitor.sees("This booking is cancelled")
    line = visitor.all_agree(reference, "CANCELLED", [
        "hold_created", "confirmed", "cancelled", *(["refund_sent"] if back else [])])
    assert (line["retained_minor"], len(line["orders"]), len(line["payments"]), visitor.begun()) == (
        shown - back, 1, 1, ["CANCELLED"])


def test_both_tabs_press_their_button(visitor: Visitor) -> None:
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=True)
    visitor.fill_in("Valerie", "Thomas")
    other = visitor.tab()
    other.page.goto(visitor.page.url)
    other.tick()
    visitor.card_is_ready()
    visitor.type_card(CHALLENGE_CARD)
    visitor.page.locator("[data-pay-button]").click()
    expect(visitor.page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication")).to_be_visible()
    other.button("Hold now, pay later")
    other.sees("Pay for your trip")
    visitor.bank_says("Complete authentication")
    visitor.sees("Your trip is confirmed")
    other.page.reload()
    other.sees("Your trip is confirmed")
    assert other.reference == visitor.reference
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert (len(line["orders"]), len(line["payments"]), visitor.begun()) == (1, 1, ["CONFIRMED"])


def test_the_bank_is_answered_on_another_device(visitor: Visitor, arrive: Arrive) -> None:
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=False)
    visitor.fill_in("Marjorie", "Browne", "marjorie@example.com")
    with visitor.page.expect_response(lambda answer: answer.url.endswith("/review")
                                      and answer.request.method == "POST") as told:
        visitor.pay(CHALLENGE_CARD)
    back = told.value.json()["back"]
    bank = visitor.page.locator("dialog iframe")
    expect(visitor.page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication")).to_be_visible()
    phone = arrive()
    phone.page.goto(f"{bank.get_attribute('src')}&redirect=1")
    phone.page.get_by_role("button", name="Complete authentication").click()
    phone.page.wait_for_url(f"**{urlsplit(back).path}*")
    expect(phone.page.get_by_role("heading", level=1)).to_be_visible()
    expect(phone.page.get_by_text("The payment went through.")).to_be_visible()
    visitor.page.reload()
    visitor.sees("Your trip is confirmed")
    reference = visitor.reference
    said = phone.page.content()
    for private in ("Marjorie", "Browne", "marjorie@", "BOS", "MIA", "Miami", "4242", visitor.page.locator(
            "dl.refs dd").nth(1).inner_text().split()[0], f"{visitor.total / 100:.2f}"):
        assert private not in said, private
    assert phone.page.request.get(f"{visitor.stack.url}/trips/{reference}").status == 404
    phone.page.get_by_label("E-mail address of the booking").fill("marjorie@example.com")
    phone.button("Open the booking here")
    phone.sees("Your trip is confirmed")
    assert phone.trouble == []
    visitor.all_agree(reference, "CONFIRMED")


def test_the_browser_is_closed_while_the_airline_thinks(visitor: Visitor, arrive: Arrive) -> None:
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=True)
    visitor.fill_in("Katharine", "Way", "way@example.com")
    visitor.outside("/_faults", operation="duffel.create_order", kind="202", seconds=60, then="created")
    visitor.button("Hold now, pay later")
    expect(visitor.page.locator("ol.steps")).to_be_visible()
    reference = visitor.page.url.split("/trips/")[1].split("/")[0]
    visitor.page.context.close()
    link = visitor.link_in(visitor.letter("checking", reference))
    later = arrive()
    later.page.goto(link)
    expect(later.page.locator("ol.steps")).to_be_visible()
    expect(later.page.get_by_text("You have not been charged.", exact=True)).to_be_visible()
    visitor.outside("/_clock", advance_seconds=70)
    later.sees("Your seats are held")
    assert later.reference == reference
    assert later.all_agree(reference, "HOLD", ["checking", "hold_created"])["retained_minor"] == 0
