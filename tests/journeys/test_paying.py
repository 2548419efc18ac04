"""Impatient customers, banks on another device, and fares that move at the last press, in real Chromium."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from tests.journeys.visitor import CHALLENGE_CARD, Visitor, _type_card


def test_double_click_back_reload_and_a_second_tab_book_once(visitor: Visitor) -> None:
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose(holdable=True)
    visitor.fill_in("Annie", "Easley")
    page, review = visitor.page, visitor.page.url
    _type_card(page.frame_locator("#card-form iframe"), "4242424242424242")
    page.locator("[data-pay-button]").dblclick()
    visitor.sees("Your trip is confirmed")
    reference, here = visitor.reference, page.url
    page.reload()
    visitor.sees("Your trip is confirmed")
    page.go_back()
    visitor.sees("Your trip is confirmed")
    tab = page.context.new_page()
    for earlier in (review, review.replace("review", "extras"), review.replace("review", "passengers"),
                    f"{here}/progress", f"{here}/pay", f"{here}/price"):
        tab.goto(earlier)
        assert tab.url == here, earlier
    tab.close()
    line = visitor.all_agree(reference, "CONFIRMED")
    assert (len(line["orders"]), len(line["payments"])) == (1, 1)


def test_the_bank_answers_on_another_device(visitor: Visitor) -> None:
    visitor.search("BOS", "MIA", ("Boston", "Miami"))
    visitor.choose(holdable=False)
    visitor.fill_in("Evelyn", "Boyd")
    page, backs = visitor.page, []
    page.on("response", lambda answer: backs.append(answer.json().get("back")) if answer.status == 202 and (
        answer.url.endswith("/review")) else None)
    visitor.pay(CHALLENGE_CARD)
    expect(page.locator("dialog iframe")).to_be_visible()
    telephone = page.context.browser
    assert telephone is not None
    other = telephone.new_context().new_page()
    other.goto(f"{visitor.stack.url}{backs[0]}")
    expect(other.get_by_role("heading", level=1)).to_contain_text("waiting for payment")
    visitor.bank_says("Complete authentication")
    visitor.sees("Your trip is confirmed")
    other.reload()
    expect(other.get_by_role("heading", level=1)).to_contain_text("confirmed")
    assert "Boyd" not in other.content()
    other.get_by_label("E-mail address of the booking").fill("ada@example.com")
    other.get_by_role("button", name="Open the booking here").click()
    expect(other.get_by_role("heading", name="Your trip is confirmed", level=1)).to_be_visible()
    other.context.close()
    visitor.all_agree(visitor.reference, "CONFIRMED")


def test_a_price_that_rises_at_the_press_is_agreed_to_first(visitor: Visitor) -> None:
    visitor.search("SFO", "SEA", ("San Francisco", "Seattle"))
    visitor.choose(holdable=True)
    visitor.fill_in("Gladys", "West")
    page = visitor.page
    (offer,) = visitor.stack.rows("SELECT offer_external_id FROM bookings_booking WHERE status = 'DRAFT'"
                                  " ORDER BY id DESC LIMIT 1")
    answer = httpx.post(f"{visitor.stack.sandbox.url}/_duffel/offers/{offer[0]}/reprice", json={"percent": 12})
    assert answer.status_code == 200
    visitor.pay()
    visitor.sees("The airline changed the price")
    expect(page.get_by_text("You have not been charged.").first).to_be_visible()
    agreed = page.get_by_role("button", name="Continue at").inner_text().removeprefix("Continue at ")
    page.get_by_role("button", name="Continue at").click()
    visitor.sees("Pay for your trip")
    assert visitor.pay() == agreed
    visitor.sees("Your trip is confirmed")
    line = visitor.all_agree(visitor.reference, "CONFIRMED", ["confirmed", "price_changed"])
    assert line["retained_minor"] == line["agreed_amount_minor"]
