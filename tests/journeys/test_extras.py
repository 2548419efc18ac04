"""Everything that can be added, from the plane to the paper: one total everywhere; and a family on three flights."""

from __future__ import annotations

import io
import re

from playwright.sync_api import expect
from pypdf import PdfReader

from tests.journeys.visitor import Visitor, minor


def seat_by_mouse(visitor: Visitor) -> str:
    """The first free seat that costs something, clicked; returns what is written on it."""
    seat = visitor.page.locator("[data-grid] button.seat.free[aria-label*='USD']:not([aria-label*='exit row'])").first
    name = str(seat.get_attribute("id")).removeprefix("s")
    visitor.press(seat)
    visitor.agree_if_asked(name)
    return name


def seat_by_keyboard(visitor: Visitor) -> str:
    """Into the plane with Tab, two rows down and one seat right with the arrows, Enter."""
    page = visitor.page
    first = page.locator("[data-grid] button[tabindex='0']")
    first.focus()
    start = first.get_attribute("id")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    here = page.locator("[data-grid] button:focus")
    name = str(here.get_attribute("id"))
    assert name != start
    page.keyboard.press("Enter")
    visitor.agree_if_asked(name.removeprefix("s"))
    expect(page.locator(f"#{name}")).to_be_focused()
    return name.removeprefix("s")


def bar(visitor: Visitor) -> int:
    return minor(visitor.page.locator("#total").inner_text())


def test_extras_all_the_way_with_one_total_everywhere(visitor: Visitor) -> None:
    page = visitor.page
    visitor.look_for("LHR", "JFK")
    visitor.press(page.locator("article.offer").filter(has_text="Duffel Airways").first.get_by_role(
        "button", name="Choose"))
    visitor.sees("Choose your fare and extras")
    plain = visitor.total
    page.locator("#bundles").get_by_role("button", name=re.compile(r"^Choose Bag, ")).click()
    expect(page.locator("#bundles").get_by_text("In your booking now")).to_be_visible()
    with_bag = visitor.total
    assert with_bag > plain
    box = page.locator("fieldset.direction select").first
    expect(box).to_have_value("1")
    box.select_option("2")
    expect(page.locator("#total")).not_to_contain_text(f"{with_bag / 100:,.2f}")
    with_two = visitor.total
    assert with_two - with_bag == with_bag - plain
    flights = page.locator(".flights-list").get_by_role("button")
    flights.first.click()
    lost = seat_by_mouse(visitor)
    assert bar(visitor) == visitor.total > with_two
    page.locator(f"#s{lost}").press("Enter")  # given back
    expect(page.locator("[aria-pressed=true]")).to_have_count(0)
    lost = seat_by_keyboard(visitor)
    page.get_by_role("link", name="Back to extras").click()
    visitor.sees("Choose your fare and extras")
    expect(page.get_by_text(f"seat {lost}", exact=True)).to_be_visible()
    fare = page.locator("fieldset.fares-set .fare").nth(1)
    other = str(fare.get_by_role("radio").get_attribute("value"))
    outside = visitor.stack.value("SELECT external_id FROM suppliers_offer WHERE id = %s", other)
    visitor.outside(f"/_duffel/offers/{outside}/services", seats_gone=[lost])
    fare.get_by_role("radio").check()
    news = page.locator("#news .note")
    expect(news).to_contain_text(lost)
    expect(page.locator("fieldset.direction select").first).to_have_value("2")
    expect(page.get_by_text(f"seat {lost}", exact=True)).to_have_count(0)
    page.locator(".flights-list").get_by_role("button").first.click()
    seat = seat_by_mouse(visitor)
    assert seat != lost
    total = bar(visitor)
    page.get_by_role("link", name="Back to extras").click()
    visitor.sees("Choose your fare and extras")
    assert (bar(visitor), visitor.total) == (total, total)
    visitor.button("Continue to travellers")
    visitor.sees("Who is travelling?")
    assert visitor.total == total
    visitor.fill_in("Margaret", "Hamilton")
    assert visitor.total == total
    assert minor(visitor.pay()) == total
    visitor.sees("Your trip is confirmed")
    reference, lines = visitor.reference, page.locator(".total-table").first.inner_text()
    assert visitor.total == total
    assert seat in lines
    amount = f"{total / 100:,.2f}"
    mail = visitor.letter("confirmed", reference)
    for kind in ("plain", "html"):
        body = mail.get_body((kind,))
        assert body is not None
        assert amount in body.get_content()
        assert seat in body.get_content()
    paper = page.context.request.get(f"{visitor.stack.url}/trips/{reference}/itinerary.pdf")
    printed = "".join(leaf.extract_text() for leaf in PdfReader(io.BytesIO(paper.body())).pages)
    assert amount in printed
    assert seat in printed
    line = visitor.all_agree(reference, "CONFIRMED")
    assert line["retained_minor"] == line["agreed_amount_minor"] == total


def test_three_cities_with_a_child_and_an_infant(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(visitor.stack.url)
    visitor.press(page.get_by_label("Multi-city"))
    for number, (start, end) in enumerate((("LHR", "JFK"), ("JFK", "LAX"), ("LAX", "LHR")), 1):
        if number == 3:
            visitor.button("Add a flight")
        leg = page.locator(f"[data-leg='{number}']")
        for field, code in (("From", start), ("To", end)):
            box = leg.get_by_role("combobox", name=re.compile(f"^{field}"))
            box.fill("")
            box.press_sequentially(code)
            visitor.press(page.get_by_role("option").filter(has_text=code).last)
        leg.locator("input[type=date]").first.fill(visitor.day(5 * number))
    page.get_by_label("Children").select_option("1")
    page.get_by_label("Child 1").select_option("8")
    page.get_by_label("Infants").select_option("1")
    visitor.button("Search flights")
    visitor.found()
    visitor.choose(holdable=True)
    visitor.sees("Who is travelling?")
    for number, (title, gender, given, year) in enumerate((("ms", "f", "Ada", 1990), ("ms", "f", "Anne", 2018),
                                                           ("mr", "m", "Byron", 2026))):
        visitor.type_person(number, given, "King", born=(10, 6, year), title=title, gender=gender)
    visitor.type_contact()
    visitor.button("Continue to review")
    visitor.sees("Review and pay")
    for name in ("Ada King", "Anne King", "Byron King"):
        expect(page.get_by_text(name)).to_be_visible()
    visitor.tick()
    shown = minor(visitor.pay())
    visitor.sees("Your trip is confirmed")
    expect(page.locator("main .slices").first.locator("> div")).to_have_count(3)
    line = visitor.all_agree(visitor.reference, "CONFIRMED")
    assert line["retained_minor"] == shown
