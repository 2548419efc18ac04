"""After the first visit: a draft of yesterday, an account, a shared link, flights that the airline moves."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.journeys.visitor import Visitor, minor

Arrive = Callable[..., Visitor]


def confirmed(visitor: Visitor, given: str, family: str, email: str = "ada@example.com") -> str:
    """An instant or holdable fare, paid; returns the reference."""
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=True)
    visitor.fill_in(given, family, email)
    visitor.pay()
    visitor.sees("Your trip is confirmed")
    return visitor.reference


def test_a_draft_is_continued_after_the_browser_was_closed(visitor: Visitor, arrive: Arrive) -> None:
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=True)
    visitor.type_traveller("Hedy", "Lamarr")
    visitor.button("Save and continue later")
    expect(visitor.page.get_by_text("You may close this page.")).to_be_visible()
    total = visitor.total
    kept = [cookie for cookie in visitor.page.context.cookies() if cookie.get("expires", -1) > 0]
    visitor.page.context.close()
    assert visitor.trouble == []
    later = arrive(storage_state={"cookies": kept, "origins": []})
    later.page.goto(visitor.stack.url)
    expect(later.page.get_by_role("heading", name="Continue your booking")).to_be_visible()
    later.page.get_by_role("link", name="Continue to Miami").click()
    expect(later.page.get_by_label("Given names")).to_have_value("Hedy")
    later.button("Continue to review")
    later.sees("Review and pay")
    assert later.total == total
    later.tick()
    shown = minor(later.pay())
    later.sees("Your trip is confirmed")
    assert later.all_agree(later.reference, "CONFIRMED")["retained_minor"] == shown == total
    assert later.begun() == ["CONFIRMED"]


def test_an_account_and_its_bookings(visitor: Visitor, arrive: Arrive) -> None:
    page, email = visitor.page, "mae@example.com"
    page.goto(f"{visitor.stack.url}/account/sign-up")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill("a good long one 47")
    page.get_by_role("button", name="Make the account").dblclick()
    visitor.sees("Look into your mailbox")
    page.goto(visitor.link_in(visitor.letter("verify_address"), "/account/verify/"))
    password = page.get_by_label("Password")
    if password.count():
        password.fill("a good long one 47")
    visitor.button("Confirm the address")
    expect(page.get_by_role("link", name="Account", exact=True)).to_be_visible()
    visitor.look_for("BOS", "MIA")
    visitor.choose(holdable=True)
    expect(page.locator("#contact-email")).to_have_value(email)
    visitor.fill_in("Mae", "Jemison", email)
    shown = minor(visitor.pay())
    visitor.sees("Your trip is confirmed")
    reference = visitor.reference
    elsewhere = arrive()
    elsewhere.page.goto(f"{visitor.stack.url}/account/sign-in")
    elsewhere.page.get_by_label("E-mail address").fill(email)
    elsewhere.page.get_by_label("Password").fill("a good long one 47")
    elsewhere.button("Sign in")
    expect(elsewhere.page.get_by_role("link", name="Account", exact=True)).to_be_visible()
    elsewhere.open_trip()
    elsewhere.sees("Your trip is confirmed")
    assert elsewhere.reference == reference
    assert elsewhere.trouble == []
    assert visitor.all_agree(reference, "CONFIRMED")["retained_minor"] == shown


def test_a_shared_link_shows_the_flights_and_can_be_taken_back(visitor: Visitor, arrive: Arrive) -> None:
    page = visitor.page
    reference = confirmed(visitor, "Sally", "Ride", "sally@example.com")
    total, airline_reference = visitor.total, page.locator("dl.refs dd").nth(1).inner_text().split()[0]
    page.get_by_role("link", name="Share the flights").click()
    page.get_by_label("Sally").check()
    page.get_by_label("Until the day after the last flight").check()
    page.get_by_role("button", name="Make a link").dblclick()
    link = page.locator(".link a").get_attribute("href")
    assert link
    friend = arrive()
    friend.page.goto(link)
    expect(friend.page.get_by_text("Sally", exact=True)).to_be_visible()
    expect(friend.page.get_by_text("BOS").first).to_be_visible()
    said = friend.page.content()
    for private in (reference, airline_reference, "Ride", "sally@", f"{total / 100:.2f}", "4242"):
        assert private not in said, private
    assert friend.trouble == []
    expect(page.get_by_role("button", name="Take back")).to_have_count(1)  # the second click made no second link
    page.get_by_role("button", name="Take back").dblclick()
    expect(page.get_by_text("The link no longer works.")).to_be_visible()
    answer = friend.page.reload()
    assert answer is not None
    assert answer.status in (404, 410)
    expect(friend.page.get_by_text("BOS")).to_have_count(0)
    visitor.all_agree(reference, "CONFIRMED")


def test_changed_flights_are_compared_and_accepted(visitor: Visitor) -> None:
    page, reference = visitor.page, confirmed(visitor, "Ellen", "Ochoa")
    visitor.outside(f"/_duffel/orders/{visitor.order(reference)}/schedule_change", minutes=95)
    mail = visitor.letter("flights_changed", reference)
    assert reference in mail.as_string()
    page.goto(f"{visitor.stack.url}/trips/{reference}")
    page.get_by_role("link", name="Compare and answer").click()
    visitor.sees("The airline changed your flights")
    times = [page.locator(f".sides .{side} .slices").inner_text() for side in ("old", "new")]
    assert times[0] != times[1]
    page.get_by_role("button", name="Accept the new flights").dblclick()
    expect(page.get_by_text("Your answer is written down").or_(page.get_by_text("You accepted"))).not_to_have_count(0)
    visitor.letter("flights_accepted", reference)
    page.goto(f"{visitor.stack.url}/trips/{reference}/flights")
    expect(page.get_by_text("The new flights are confirmed.")).to_be_visible()
    line = visitor.all_agree(reference, "CONFIRMED", ["confirmed", "flights_changed", "flights_accepted"])
    assert line["retained_minor"] == line["agreed_amount_minor"]
