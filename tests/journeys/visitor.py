"""A visitor who reads the pages and presses their buttons, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from email import message_from_string, policy
from email.message import EmailMessage
from itertools import count
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Response, expect

from tests.ledgers import differences, sandbox_rows
from tests.sandbox.process import wait_until
from tests.stack import Stack

PATIENCE = 30_000  # ms until a step counts as failed; nothing is measured
GOOD_CARD, CHALLENGE_CARD, NO_FUNDS_CARD = "4242424242424242", "4000000000003220", "4000000000009995"
HOLD_OFFERED = "Hold now, pay later"
_days = count(45)


def minor(shown: str) -> int:
    """What the page said, such as "GBP 1,153.93" or "$120.00", in minor units (all fares here have cents)."""
    return int(Decimal(re.sub(r"[^0-9.]", "", shown)) * 100)


class Visitor:
    """One browser tab. `trouble` holds every console error, page error and blocked resource so far."""

    def __init__(self, stack: Stack, page: Page, trouble: list[str] | None = None) -> None:
        self.stack, self.page = stack, page
        self.trouble: list[str] = [] if trouble is None else trouble
        self.declines = 0
        self.touch = bool(page.evaluate("matchMedia('(pointer: coarse)').matches"))
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
        elif message.type in ("error", "warning") and not url.endswith("/favicon.ico"):  # the bank's page has none
            self.trouble.append(f"{message.type}: {message.text} {url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.trouble.append(f"{response.status} {response.url}")

    def tab(self) -> Visitor:
        """A second tab of the same browser."""
        return Visitor(self.stack, self.page.context.new_page(), self.trouble)

    def back_and_forward(self) -> None:
        """Press back, then forward. Chromium may be swapping the page at that moment: then once more."""
        for turn in (self.page.go_back, self.page.go_forward):
            for last in (False, False, True):
                try:
                    turn()
                    break
                except Error as error:
                    if last or "Not attached to an active page" not in error.message:
                        raise
                    self.page.wait_for_load_state()

    def press(self, target: Locator) -> None:
        """Click, or on a phone tap."""
        if self.touch:
            target.tap()
        else:
            target.click()

    def button(self, name: str) -> None:
        """Press the button of this name."""
        self.press(self.page.get_by_role("button", name=name))

    # --- the way to the review --------------------------------------------------------------------------------------

    def search(self, origin: str, destination: str, names: tuple[str, str]) -> None:
        """From the front door to a list of flights, choosing both airports from the suggestions."""
        page, day = self.page, self.day()
        page.goto(self.stack.url)
        self.press(page.get_by_label("One way"))
        for field, code, name in (("From", origin, names[0]), ("To", destination, names[1])):
            box = page.get_by_role("combobox", name=field, exact=True)
            box.press_sequentially(code)
            self.press(page.get_by_role("option").filter(has_text=code).filter(has_text=name).first)
        page.get_by_label("Leaving on").fill(day)
        self.button("Search flights")
        self.found()

    def look_for(self, origin: str, destination: str, **more: str) -> None:
        """The same by address: one way for one adult, unless `more` says otherwise."""
        asked = {"trip": "oneway", "origin": origin, "destination": destination, "departureDate": self.day(),
                 "adults": "1", "children": "0", "infants": "0", "cabin": "economy", **more}
        self.page.goto(f"{self.stack.url}/flights?{urlencode(asked)}")
        self.found()

    def found(self) -> None:
        """Wait until all airlines have answered and there are flights."""
        expect(self.page.locator("#results[data-complete=yes] article").first).to_be_visible()

    def choose(self, *, holdable: bool, refundable: bool = False) -> None:
        """The first flight of that kind, then no extras, then the travellers' form."""
        self.choose_offer(holdable=holdable, refundable=refundable)
        self.button("Continue to travellers")

    def choose_offer(self, *, holdable: bool, refundable: bool = False) -> None:
        """The first flight of that kind."""
        offers = self.page.locator("article.offer")
        wanted = offers.filter(has_text=HOLD_OFFERED) if holdable else offers.filter(has_not_text=HOLD_OFFERED)
        if refundable:
            wanted = wanted.filter(has_text=re.compile(r"Refund: (?!not)(?!.*not (allowed|refundable))", re.I))
        self.press(wanted.first.get_by_role("button", name="Choose"))

    def fill_in(self, given: str, family: str = "Lovelace", email: str = "ada@example.com") -> None:
        """One traveller and the contact, then the review with its ticks."""
        self.type_traveller(given, family, email)
        self.button("Continue to review")
        expect(self.page.get_by_role("heading", name="Review and pay")).to_be_visible()
        self.tick()

    def type_traveller(self, given: str, family: str = "Lovelace", email: str = "ada@example.com") -> None:
        """One traveller and the contact."""
        self.type_person(0, given, family)
        self.type_contact(email)

    def type_person(self, number: int, given: str, family: str, *, born: tuple[int, int, int] = (10, 12, 1990),
                    title: str = "ms", gender: str = "f") -> None:
        """The traveller in this place (from 0); `born`: day, month, year."""
        page, person = self.page, f"#passengers-{number}"
        page.locator(f"{person}-title").select_option(title)
        page.locator(f"{person}-gender").select_option(gender)
        page.locator(f"{person}-givenName").fill(given)
        page.locator(f"{person}-familyName").fill(family)
        for part, value in zip(("day", "month", "year"), born, strict=True):
            page.locator(f"{person}-bornOn-{part}").fill(str(value))
        if page.locator(f"{person}-documentNumber").is_visible():
            page.locator(f"{person}-documentNumber").fill(f"X123456{number}")
            page.locator(f"{person}-documentCountry").select_option("US")
            for part, value in zip(("day", "month", "year"), (10, 12, date.today().year + 5), strict=True):
                page.locator(f"{person}-documentExpiresOn-{part}").fill(str(value))

    def type_contact(self, email: str = "ada@example.com") -> None:
        """E-mail address and phone number."""
        self.page.locator("#contact-email").fill(email)
        self.page.locator("#contact-phone").fill("+44 20 8016 0508")

    @staticmethod
    def day(more: int = 0) -> str:
        """A day of travel that no other journey has, or so many days after it."""
        return (date.today() + timedelta(days=next(_days) + more)).isoformat()

    def agree_if_asked(self, seat: str) -> None:
        """Some seats have conditions: read, tick, take it. Then it is this traveller's."""
        page, mine = self.page, self.page.locator(f"#s{seat}[aria-pressed=true]")
        expect(mine.or_(page.locator("#ask-title"))).to_be_visible()
        if page.locator("#ask-title").count():
            self.press(page.locator("#agreed"))
            self.press(page.get_by_role("button", name=f"Take seat {seat}"))
        expect(mine).to_be_visible()

    def tick(self) -> None:
        """The two ticks that a booking needs."""
        for name in ("dangerous_goods", "names_and_terms"):
            box = self.page.locator(f"#{name}")
            self.press(box)
            expect(box).to_be_checked()

    def card_is_ready(self) -> None:
        """Wait until the card's frame can be typed into."""
        expect(self.page.frame_locator("#card-form iframe").get_by_label("Card number")).to_be_visible()

    # --- paying -----------------------------------------------------------------------------------------------------

    def pay(self, card: str = GOOD_CARD) -> str:
        """Type the card into Stripe's frame and press the button; returns the amount on it, such as "$120.00"."""
        self.type_card(card)
        button = self.page.locator("[data-pay-button]")
        amount = button.inner_text().removeprefix("Pay ")
        self.press(button)
        return amount

    def type_card(self, card: str = GOOD_CARD) -> None:
        """Type the card into Stripe's frame."""
        frame = self.page.frame_locator("#card-form iframe")
        number = frame.get_by_label("Card number")
        number.fill("")
        number.press_sequentially(card)
        frame.get_by_label("Expiry date MM / YY").press_sequentially("1234")
        frame.get_by_label("Security code").fill("123")
        frame.get_by_label("ZIP code").fill("94107")

    def bank_says(self, answer: str) -> None:
        """The bank's own page inside ours: "Complete authentication" or "Fail authentication"."""
        self.page.frame_locator("dialog iframe").get_by_role("button", name=answer).click()

    def held(self) -> str:
        """Press "Hold now, pay later" and wait for the held page; returns the reference."""
        self.button("Hold now, pay later")
        self.sees("Your seats are held")
        return self.reference

    # --- what others do meanwhile -----------------------------------------------------------------------------------

    def outside(self, path: str, **wanted: Any) -> None:
        """The airline or the bank does something: a control endpoint of the sandbox."""
        answer = self.stack.sandbox.http.post(path, json=wanted)
        assert answer.status_code < 300, answer.text

    @property
    def offer(self) -> str:
        """The airline's id of the offer in the newest draft or booking."""
        return str(self.stack.value("SELECT o.external_id FROM bookings_booking b JOIN suppliers_offer o ON"
                                    " o.id = b.offer_id ORDER BY b.created_at DESC, b.id DESC LIMIT 1"))

    def order(self, reference: str) -> str:
        """The airline's id of a booking's newest order."""
        return str(self.stack.value(
            "SELECT o.external_id FROM suppliers_supplierorder o JOIN bookings_booking b ON b.id = o.booking_id"
            " WHERE b.reference = %s ORDER BY o.id DESC LIMIT 1", reference))

    def letter(self, kind: str, reference: str = "") -> EmailMessage:
        """The newest mail of this kind (for a booking), once it is sent."""
        number = wait_until(lambda: self.stack.rows(
            "SELECT o.id FROM bookings_outbox o LEFT JOIN bookings_booking b ON b.id = o.booking_id WHERE o.kind = %s"
            " AND %s IN ('', b.reference) AND o.sent_at IS NOT NULL ORDER BY o.id DESC LIMIT 1", kind, reference),
            30.0)[0][0]
        (raw,) = [mail for mail in self.stack.mails() if f"<outbox-{number}@" in mail]
        return message_from_string(raw, EmailMessage, policy=policy.default)

    def link_in(self, mail: EmailMessage, part: str = "/manage/link/") -> str:
        """The first address in a mail's text that contains this."""
        body = mail.get_body(("plain",))
        assert body is not None
        found = re.search(rf"http\S*{re.escape(part)}\S*", body.get_content())
        assert found, body.get_content()
        return found.group().rstrip(".,)")

    # --- what is seen and what is true ------------------------------------------------------------------------------

    def sees(self, heading: str) -> None:
        """Wait for the page with this heading."""
        try:
            expect(self.page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        except AssertionError:
            print("\n".join([*self.trouble, self.stack.logs()]))
            raise

    @property
    def total(self) -> int:
        """The total that the page's price table shows, in minor units."""
        return minor(self.page.locator(".total-table tfoot td").first.inner_text())

    def begun(self) -> list[str]:
        """The status of every draft and booking that this browser began, oldest first."""
        return [status for status, in self.stack.rows(
            "SELECT status FROM bookings_booking WHERE principal = (SELECT principal FROM bookings_booking"
            " ORDER BY created_at DESC, id DESC LIMIT 1) ORDER BY created_at, id")]

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
