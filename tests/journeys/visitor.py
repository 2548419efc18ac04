"""A visitor who reads the pages and presses their buttons, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import count
from typing import Any

from playwright.sync_api import ConsoleMessage, FrameLocator, Locator, Page, Response, expect

from tests.ledgers import differences, sandbox_rows
from tests.stack import Stack

PATIENCE = 30_000  # ms until a step counts as failed; nothing is measured
GOOD_CARD, CHALLENGE_CARD, NO_FUNDS_CARD = "4242424242424242", "4000000000003220", "4000000000009995"
HOLD_OFFERED = "Hold now, pay later"
_days = count(45)


class Visitor:
    """One browser tab. `trouble` holds every console error, page error and blocked resource so far."""

    def __init__(self, stack: Stack, page: Page) -> None:
        self.stack, self.page = stack, page
        self.trouble: list[str] = []
        self.declines = 0
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        page.on("response", self._answered)
        page.add_init_script("document.addEventListener('securitypolicyviolation',"
                             " (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))")

    def _heard(self, message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if " 402 " in message.text and url.startswith(self.stack.sandbox.url):
            self.declines += 1  # Stripe's own script asks, Stripe answers 402, and Chromium writes that down
        elif message.type in ("error", "warning"):
            self.trouble.append(f"{message.type}: {message.text} {url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.trouble.append(f"{response.status} {response.url}")

    # --- the way to the review --------------------------------------------------------------------------------------

    def search(self, origin: str, destination: str, names: tuple[str, str]) -> None:
        """From the front door to a list of flights, choosing both airports from the suggestions."""
        page, day = self.page, date.today() + timedelta(days=next(_days))
        page.goto(self.stack.url)
        page.get_by_label("One way").check()
        for field, code, name in (("From", origin, names[0]), ("To", destination, names[1])):
            box = page.get_by_role("combobox", name=field, exact=True)
            box.press_sequentially(code)
            page.get_by_role("option").filter(has_text=code).filter(has_text=name).first.click()
        page.get_by_label("Leaving on").fill(day.isoformat())
        page.get_by_role("button", name="Search flights").click()
        expect(page.locator("#results[data-complete=yes] article").first).to_be_visible()

    def choose(self, *, holdable: bool, refundable: bool = False) -> None:
        """The first flight of that kind, then no extras, then the travellers' form."""
        self.choose_offer(holdable=holdable, refundable=refundable)
        self.page.get_by_role("button", name="Continue to travellers").click()

    def choose_offer(self, *, holdable: bool, refundable: bool = False) -> None:
        """The first flight of that kind."""
        offers = self.page.locator("article.offer")
        wanted = offers.filter(has_text=HOLD_OFFERED) if holdable else offers.filter(has_not_text=HOLD_OFFERED)
        if refundable:
            wanted = wanted.filter(has_text=re.compile(r"Refund: (?!not)(?!.*not (allowed|refundable))", re.I))
        wanted.first.get_by_role("button", name="Choose").click()

    def fill_in(self, given: str, family: str = "Lovelace", email: str = "ada@example.com") -> None:
        """One traveller and the contact, then the review with its ticks."""
        self.type_traveller(given, family, email)
        self.page.get_by_role("button", name="Continue to review").click()
        expect(self.page.get_by_role("heading", name="Review and pay")).to_be_visible()
        self.tick()

    def type_traveller(self, given: str, family: str = "Lovelace", email: str = "ada@example.com") -> None:
        """One traveller and the contact."""
        page = self.page
        page.get_by_label("Title").select_option("ms")
        page.get_by_label("Gender").select_option("f")
        page.locator("#passengers-0-givenName").fill(given)
        page.locator("#passengers-0-familyName").fill(family)
        for part, value in (("day", "10"), ("month", "12"), ("year", "1990")):
            page.locator(f"#passengers-0-bornOn-{part}").fill(value)
        if page.locator("#passengers-0-documentNumber").is_visible():
            page.locator("#passengers-0-documentNumber").fill("X1234567")
            page.locator("#passengers-0-documentCountry").select_option("US")
            for part, value in (("day", "10"), ("month", "12"), ("year", str(date.today().year + 5))):
                page.locator(f"#passengers-0-documentExpiresOn-{part}").fill(value)
        page.locator("#contact-email").fill(email)
        page.locator("#contact-phone").fill("+44 20 8016 0508")

    def tick(self) -> None:
        """The two ticks that a booking needs."""
        self.page.locator("#dangerous_goods").check()
        self.page.locator("#names_and_terms").check()

    def card_is_ready(self) -> None:
        """Wait until the card's frame can be typed into."""
        expect(self.page.frame_locator("#card-form iframe").get_by_label("Card number")).to_be_visible()

    # --- paying -----------------------------------------------------------------------------------------------------

    def pay(self, card: str = GOOD_CARD) -> str:
        """Type the card into Stripe's frame and press the button; returns the amount on it, such as "$120.00"."""
        frame = self.page.frame_locator("#card-form iframe")
        _type_card(frame, card)
        button = self.page.locator("[data-pay-button]")
        amount = button.inner_text().removeprefix("Pay ")
        button.click()
        return amount

    def bank_says(self, answer: str) -> None:
        """The bank's own page inside ours: "Complete authentication" or "Fail authentication"."""
        self.page.frame_locator("dialog iframe").get_by_role("button", name=answer).click()

    # --- what is seen and what is true ------------------------------------------------------------------------------

    def sees(self, heading: str) -> None:
        """Wait for the page with this heading."""
        try:
            expect(self.page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        except AssertionError:
            print("\n".join([*self.trouble, self.stack.logs()]))
            raise

    @property
    def reference(self) -> str:
        """The reference that the page shows."""
        found = re.search(r"FLY2A-[0-9A-Z]{6}", self.page.locator("dl.refs").inner_text())
        assert found
        return found.group()

    def open_trip(self) -> None:
        """My trips, then this one."""
        self.page.goto(f"{self.stack.url}/trips")
        self.page.locator(".trip-list a").first.click()

    def all_agree(self, reference: str, status: str, mails: Iterable[str] = ("confirmed",)) -> dict[str, Any]:
        """Books, airline and Stripe agree to the cent; one mail of each kind; nothing was blocked or broken.

        Returns the booking's line of `ledger_export`.
        """
        self.stack.settled()
        lines, rows = self.stack.ledger_export(), sandbox_rows(self.stack.sandbox.url)
        assert differences(lines, rows) == []
        (line,) = [line for line in lines if line["reference"] == reference]
        assert line["status"] == status
        sent = self.stack.rows("SELECT o.kind, count(*) FROM bookings_outbox o JOIN bookings_booking b ON"
                               " b.id = o.booking_id WHERE b.reference = %s AND o.sent_at IS NOT NULL GROUP BY o.kind",
                               reference)
        assert dict.fromkeys(mails, 1) == {kind: number for kind, number in sent}
        written = [mail for mail in self.stack.mails() if reference in mail]
        assert len(written) == len(list(mails))
        assert self.trouble == []
        return line


def _type_card(frame: FrameLocator, card: str) -> None:
    number: Locator = frame.get_by_label("Card number")
    number.fill("")
    number.press_sequentially(card)
    frame.get_by_label("Expiry date MM / YY").press_sequentially("1234")
    frame.get_by_label("Security code").fill("123")
    frame.get_by_label("ZIP code").fill("94107")
