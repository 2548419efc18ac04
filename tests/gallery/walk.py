"""The walk through all pages: each step leaves the browser in a state and says its name.

    for name in walk(visitor): look(visitor.page)      # the looker must leave the page as it found it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from playwright.sync_api import expect

from tests.following import follow
from tests.gallery.console import CONSOLE
from tests.gallery.made import MADE
from tests.gallery.team import team
from tests.gallery.ways import WAYS
from tests.journeys.visitor import CHALLENGE_CARD, NO_FUNDS_CARD, Visitor
from tests.sandbox.process import wait_until

Steps = Iterator[str]
LAX = ("JFK", "LAX", ("John F Kennedy", "Los Angeles"))
MIA = ("BOS", "MIA", ("Boston", "Miami"))


def front(visitor: Visitor) -> Steps:
    """Pages that anybody may read, and the search with its mistakes."""
    for name, path in (("home", "/"), ("help", "/help"), ("terms", "/terms"), ("how-we-sort", "/how-we-sort"),
                       ("find", "/trips/find"), ("trips-none", "/trips"), ("not-found", "/no/such/page")):
        visitor.page.goto(visitor.stack.url + path)
        yield name
    visitor.page.goto(visitor.stack.url)
    visitor.page.locator("details.menu").evaluate("menu => { menu.open = true; }")
    yield "home-menu"
    visitor.page.goto(f"{visitor.stack.url}/flights?trip=return&origin=&destination=Q%C3%BC&adults=1")
    yield "search-errors"
    day = date.today() + timedelta(days=60)
    visitor.page.goto(f"{visitor.stack.url}/flights?trip=oneway&origin=JFK&destination=london&departureDate={day}&adults=1")
    yield "which-place"


def checkout(visitor: Visitor) -> Steps:
    """Search to confirmation, with the mistakes one can make on the way."""
    page = visitor.page
    visitor.search(*LAX)
    yield "results"
    visitor.choose_offer(holdable=True, refundable=True)
    expect(page.get_by_role("button", name="Continue to travellers")).to_be_visible()
    yield "extras"
    page.get_by_role("button", name="Continue to travellers").click()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    yield "passengers-errors"
    visitor.type_traveller("Ada")
    yield "passengers"
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("heading", name="Review and pay")).to_be_visible()
    visitor.card_is_ready()
    yield "review"
    visitor.tick()
    visitor.pay()
    visitor.sees("Your trip is confirmed")
    yield "confirmed"
    yield from sharing(visitor)
    yield from changing(visitor)
    yield from cancelling(visitor)


def sharing(visitor: Visitor) -> Steps:
    """A link for others: asked for, made, and what others see."""
    page = visitor.page
    follow(page.get_by_role("link", name="Share the flights"))
    yield "share"
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_role("heading", name="Your link is ready")).to_be_visible()
    yield "share-made"
    page.locator(".link a").click()
    expect(page.get_by_text("This page was shared with you by a traveller")).to_be_visible()
    yield "shared"
    page.go_back()
    page.get_by_role("link", name="Back to booking").click()
    visitor.sees("Your trip is confirmed")


def changing(visitor: Visitor) -> Steps:
    """Contact data, a request to our team, and flights that the airline changes; ends on the booking's page."""
    page, trip = visitor.page, f"{visitor.stack.url}/trips/{visitor.reference}"
    page.get_by_role("link", name="Change your contact data").click()
    page.get_by_label("E-mail address").fill("nobody")
    follow(page.get_by_role("button", name="Save"))
    yield "contact-errors"
    page.goto(f"{trip}/request")
    follow(page.get_by_role("button", name="Send the request"))
    yield "request-errors"
    page.get_by_label("Another date").check()
    page.get_by_label("Tell us what you need").fill("We would like to fly a day later, please.")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_text("We answer by")).to_be_visible()
    yield "requested"
    ((order,),) = visitor.stack.rows("SELECT o.external_id FROM suppliers_supplierorder o JOIN bookings_booking b ON "
                                     "b.id = o.booking_id WHERE b.reference = %s", visitor.reference)
    visitor.stack.sandbox.http.post(f"/_duffel/orders/{order}/schedule_change", json={"minutes": 200})
    wait_until(lambda: visitor.stack.value("SELECT count(*) FROM suppliers_supplierorder WHERE external_id = %s AND "
                                           "change_seen_at IS NOT NULL", order), 30.0)
    page.goto(f"{trip}/flights")
    yield "flights-changed"
    page.get_by_role("button", name="Accept the new flights").click()
    expect(page.get_by_text("You accepted the new flights").or_(page.get_by_text("The new flights are confirmed"))
           ).to_be_visible()
    page.goto(trip)


def account(visitor: Visitor) -> Steps:
    """An account from its first mistake to its end, and the mailbox on the way."""
    page, site = visitor.page, visitor.stack.url
    email, password = "katherine@example.com", "tomato window river"
    page.goto(f"{site}/account/sign-up")
    follow(page.get_by_role("button", name="Make the account"))
    yield "sign-up-errors"
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Make the account").click()
    visitor.sees("Look into your mailbox")
    yield "mailed"
    wait_until(lambda: any(email in mail for mail in visitor.stack.mails()), 30.0)
    page.goto(f"{site}/dev/mailbox?to={email}")
    yield "mailbox"
    follow(page.get_by_role("link", name="Please confirm your e-mail address"))
    yield "letter"
    page.goto(page.locator(".mail a[href*=\"/account/verify/\"]").first.get_attribute("href") or "")
    yield "confirm-address"
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Confirm the address").click()
    visitor.sees("Your account")
    yield "account"
    follow(page.get_by_role("link", name="Close your account"))
    yield "account-close"
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Close the account").click()
    visitor.sees("Sign in")
    yield "sign-in"


def cancelling(visitor: Visitor) -> Steps:
    """From a confirmed trip to its refund."""
    page = visitor.page
    page.get_by_role("link", name="Cancel this booking").click()
    page.get_by_role("button", name="Show what I get back").click()
    expect(page.get_by_text("You get back")).to_be_visible()
    yield "cancel-quote"
    page.get_by_role("button", name="Cancel this booking").click()
    visitor.sees("This booking is cancelled")
    yield "cancelled"
    page.goto(f"{visitor.stack.url}/trips")
    yield "trips"


def holding(visitor: Visitor) -> Steps:
    """Hold now, pay later."""
    visitor.search(*LAX)
    visitor.choose(holdable=True)
    visitor.fill_in("Mary", "Jackson")
    visitor.page.get_by_role("button", name="Hold now, pay later").click()
    visitor.sees("Your seats are held")
    yield "held"
    visitor.page.get_by_role("link", name="now").click()
    visitor.sees("Pay for your trip")
    visitor.card_is_ready()
    yield "pay"


def declined(visitor: Visitor) -> Steps:
    """A card without money, then a question of the bank that nobody answers."""
    visitor.search(*MIA)
    visitor.choose(holdable=False)
    visitor.fill_in("Grace", "Hopper")
    visitor.pay(NO_FUNDS_CARD)
    visitor.sees("Please try another card")
    visitor.card_is_ready()
    yield "declined"
    visitor.pay(CHALLENGE_CARD)
    expect(visitor.page.frame_locator("dialog iframe").get_by_role("button", name="Complete authentication")).to_be_visible()
    yield "bank-asks"


def silence(visitor: Visitor) -> Steps:
    """The airline does not answer."""
    visitor.search(*LAX)
    visitor.choose(holdable=True)
    visitor.fill_in("Dorothy", "Vaughan")
    visitor.stack.sandbox.http.post("/_faults", json={
        "operation": "duffel.create_order", "kind": "hang", "seconds": 120, "count": 1})
    visitor.page.get_by_role("button", name="Hold now, pay later").click()
    expect(visitor.page.locator("ol.steps")).to_be_visible()
    yield "progress"


ROAD = (front, account, checkout, holding, declined, silence)  # what customers walk; bench measures these
WALKS: dict[str, Callable[[Visitor], Steps]] = {walk.__name__: walk for walk in (*ROAD, *WAYS, *MADE, team, *CONSOLE)}
