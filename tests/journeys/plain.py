"""The pages over plain HTTP: what a browser without scripts would send and read, in milliseconds."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count

import httpx

from tests.sandbox.process import wait_until
from tests.stack import Stack

ENDED = re.compile(r"/trips/FLY2A-[0-9A-Z]{6}$")
_days = count(60)


class Plain:
    """One visitor; `page` is the page last read, as it came."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.route, self.accepted = "", ""
        self.http = httpx.Client(base_url=stack.url, timeout=60.0, trust_env=False, follow_redirects=True)
        self.page, self.path, self.address, self.reference = "", "", "", ""

    # --- reading ----------------------------------------------------------------------------------------------------

    def _read(self, answer: httpx.Response) -> None:
        assert answer.status_code < 500, f"{answer.status_code} {answer.url}\n{self.text}"
        self.page, self.path, self.address = answer.text, answer.url.path, str(answer.url)

    @property
    def text(self) -> str:
        """What stands on the page, in one line."""
        main = re.sub(r"<(script|style|noscript|head)\b.*?</\1>", " ", self.page, flags=re.S)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", main))).strip()

    @property
    def heading(self) -> str:
        """The page's h1."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.S)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", found.group(1)))).strip() if found else ""

    @property
    def total(self) -> str:
        """The total of the page's price table, as written."""
        found = re.search(r"<tfoot>.*?<td>(.*?)</td>", self.page, re.S)
        assert found, self.text
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found.group(1))).strip()

    def link(self, name: str) -> str:
        """Where the link of this name leads."""
        found = re.search(rf'<a [^>]*href="([^"]+)"[^>]*>{re.escape(name)}</a>', self.page)
        assert found, self.text
        return html.unescape(found.group(1))

    @staticmethod
    def shown(card: str) -> str:
        """The total on a card of the results, as written."""
        found = re.search(r'class="sum">(.*?)<span class="small', card, re.S)
        assert found, card
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", found.group(1))).strip()

    # --- asking -----------------------------------------------------------------------------------------------------

    def get(self, path: str) -> None:
        """Open a page."""
        self._read(self.http.get(path))

    def post(self, path: str, **fields: str) -> None:
        """Press a button of the page last read."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page)
        assert token, self.text
        self._read(self.http.post(path, data={"csrfmiddlewaretoken": token.group(1), **fields}))

    # --- the way to the end -----------------------------------------------------------------------------------------

    def search(self, origin: str, destination: str) -> list[str]:
        """The finished results, as the HTML of each card."""
        self.route, day = f"{origin}-{destination}", date.today() + timedelta(days=next(_days))
        self.get(f"/flights?trip=oneway&origin={origin}&destination={destination}&departureDate={day}&adults=1"
                 "&children=0&infants=0&cabin=economy")
        assert "/flights?" in self.address, self.text

        def there() -> bool:
            self.get(self.address)
            return 'data-complete="yes"' in self.page

        wait_until(there, 30.0)
        return self.page.split("<article")[1:]

    def choose(self, cards: list[str], *, holdable: bool | None = None) -> None:
        """The first flight that can be held, or that cannot, or any."""
        fitting = [card for card in cards if holdable is None or ("Hold now, pay later" in card) == holdable]
        assert fitting, "no such fare"
        offer = re.search(r'name="offerId" value="([^"]+)"', fitting[0])
        assert offer
        self.post("/checkout/start", offerId=offer.group(1))

    def to_review(self, given: str, bags: str = "0") -> None:
        """So many of the first bag, one traveller, the review."""
        step, bag = self.path.rpartition("/")[0], re.search(r'<select id="q-[^"]*" name="(q-[^"]*)"', self.page)
        self.post(f"{step}/extras", then="go", **({bag.group(1): bags} if bag else {}))
        assert self.path == f"{step}/passengers", self.text
        person = {"title": "ms", "gender": "f", "givenName": given, "familyName": "Lovelace", "bornOn-day": "10",
                  "bornOn-month": "12", "bornOn-year": "1990"}
        if "passengers-0-documentNumber" in self.page:
            person |= {"documentNumber": "X1234567", "documentCountry": "US", "documentExpiresOn-day": "10",
                       "documentExpiresOn-month": "12", "documentExpiresOn-year": str(date.today().year + 5)}
        self.post(f"{step}/passengers", **{f"passengers-0-{name}": value for name, value in person.items()},
                  **{"contact-email": "ada@example.com", "contact-phone": "+44 20 8016 0508"})
        assert self.path == f"{step}/review", self.text

    def press(self, wish: str = "") -> None:
        """Both ticks, and the last button: Pay, or Hold with `wish`."""
        self.accepted = self.total
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', self.page))
        fields.pop("csrfmiddlewaretoken", "")
        self.post(self.path, **fields, dangerous_goods="yes", names_and_terms="yes", **({"wish": wish} if wish else {}))
        found = re.search(r"/trips/(FLY2A-[0-9A-Z]{6})", self.path)
        assert found, self.text
        self.reference = found.group(1)

    def pay(self, card: str = "4242424242424242") -> None:
        """As the card form does it: wait for the payment, confirm it at the bank, say that we are back."""
        self.until(lambda: self.path.endswith("/pay"))
        answer = self.http.post("/api/payments/create-intent", json={"bookingReference": self.reference},
                                headers={"X-CSRFToken": self.http.cookies["csrftoken"]})
        assert answer.status_code == 200, answer.text
        intent = answer.json()["clientSecret"].partition("_secret_")[0]
        done = self.stack.sandbox.http.post(f"/_stripe/payment_intents/{intent}/authorise", json={"card": card})
        assert done.status_code == 200, done.text
        self.post(f"/trips/{self.reference}/look")

    def until(self, there: Callable[[], bool], seconds: float = 40.0, path: str = "") -> None:
        """Open the booking (or `path`) again and again, wherever that leads, until the page is the one."""

        def look() -> bool:
            self.get(path or f"/trips/{self.reference}")
            return there()

        try:
            wait_until(look, seconds)
        except AssertionError:
            print(self.path, self.text, *self.stack.story(), sep="\n")
            raise

    def ended(self, heading: str) -> None:
        """Wait until the booking rests, and it is this."""
        self.until(lambda: ENDED.search(self.path) is not None and self.heading == heading)
