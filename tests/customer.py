"""A customer in front of a running stack: a guest with a cookie and an address, offers of their own, and the API."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count, cycle
from string import ascii_lowercase
from typing import Any

import httpx
import psycopg
from django.core import signing
from django.test.utils import override_settings

from suppliers.duffel import adapter
from suppliers.stored import to_json
from suppliers.types import Leg, OfferInfo, SearchQuery
from tests.sandbox.process import wait_until
from tests.stack import SECRET_KEY, Stack
from tests.wire import Request

HOLDABLE, INSTANT = "holdable", "instant"
GOOD_CARD, CHALLENGE_CARD, DECLINED_CARD = "4242424242424242", "4000000000003220", "4000000000000002"
TICKS = [{"code": "dangerous_goods", "version": "1"}, {"code": "names_and_terms", "version": "1"}]
ENDS = {"CONFIRMED", "CANCELLED", "EXPIRED", "FAILED"}
_PAIRS = cycle([("JFK", "LAX"), ("BOS", "MIA"), ("LHR", "JFK"), ("SFO", "SEA"), ("CDG", "FCO"), ("ORD", "DEN")])
_days = count(40)
_addresses = count(1)
_asking = threading.Lock()  # settings are one for all threads


@dataclass(frozen=True)
class Guest:
    """One browser: a signed cookie as the site sets it, and an address of its own behind our proxy."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    number: int = field(default_factory=lambda: next(_addresses))

    @property
    def principal(self) -> str:
        """How our rows name this guest."""
        return f"guest:{hashlib.sha256(self.token.encode()).hexdigest()}"

    @property
    def headers(self) -> dict[str, str]:
        """Cookie and address."""
        cookie = signing.dumps({"id": self.token}, salt="fly2any.guest", key=SECRET_KEY)
        address = f"10.{self.number >> 16 & 255}.{self.number >> 8 & 255}.{self.number & 255}"
        return {"Cookie": f"guest={cookie}", "X-Forwarded-For": address}


class Market:
    """Offers fresh from the sandbox, stored as the site's own search would store them, one offer request each."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        with override_settings(DUFFEL_API_BASE=f"{stack.sandbox.url}/duffel"):
            self._supplier = adapter.from_settings()

    def info(self, kind: str = HOLDABLE, choose: Callable[[OfferInfo], bool] | None = None) -> OfferInfo:
        """A new offer that fits, priced at the supplier just now."""
        fits = choose or (lambda info: info.instant_only == (kind == INSTANT))
        with _asking, override_settings(DUFFEL_API_BASE=f"{self.stack.sandbox.url}/duffel"):
            for _ in range(6):
                origin, destination = next(_PAIRS)
                day = date.today() + timedelta(days=next(_days) % 200 + 30)
                found = self._supplier.search(SearchQuery(legs=(Leg(origin, destination, day),), adults=1))
                fitting = sorted((info for info in found if fits(info) and not info.documents_required),
                                 key=lambda info: info.total.minor)
                if fitting:
                    chosen = fitting[0]
                    return replace(self._supplier.offer(chosen.external_id), request_id=chosen.request_id)
        raise AssertionError("the sandbox sells no such offer")

    def keep(self, info: OfferInfo, guest: Guest) -> str:
        """Store the offer as found by this guest; returns our id of it."""
        own, picture = str(uuid.uuid4()), json.dumps(to_json(info))
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO suppliers_offer (id, principal, supplier, external_id, request_id, total_minor,"
                " currency, expires_at, searched, priced, priced_at, created_at)"
                " VALUES (%s, %s, 'duffel', %s, %s, %s, %s, %s, %s, %s, now(), now())",
                [own, guest.principal, info.external_id, info.request_id, info.total.minor, info.total.currency,
                 info.expires_at, picture, picture])
        return own

    def offer(self, guest: Guest, kind: str = HOLDABLE, choose: Callable[[OfferInfo], bool] | None = None) -> Offered:
        """A new offer of that kind for this guest."""
        info = self.info(kind, choose)
        return Offered(self.keep(info, guest), info)


@dataclass(frozen=True)
class Offered:
    """Our id of a stored offer and what it is."""

    id: str
    info: OfferInfo
    given: str = field(default_factory=lambda: "Ada" + "".join(secrets.choice(ascii_lowercase) for _ in range(8)))

    def body(self, *, hold: bool = False, given: str = "", **more: Any) -> dict[str, Any]:
        """The body of `POST /api/bookings` for this offer; every offer has a traveller of its own."""
        return {
            "offerId": self.id, "isHold": hold, "services": [],
            "passengers": [{"title": "ms", "givenName": given or self.given, "familyName": "Lovelace", "bornOn": "1990-12-10",
                            "gender": "f"}],
            "contact": {"email": "ada@example.com", "phone": "+442080160508"},
            "acceptedTotal": {"amount": str(self.info.total.amount), "currency": self.info.total.currency},
            "acknowledgements": TICKS, **more}

    def post(self, guest: Guest, *, key: str | None = None, body: dict[str, Any] | None = None,
             **more: Any) -> Request:
        """The request that books it; the answer comes as soon as the wish is committed."""
        headers = {**guest.headers, "Prefer": "respond-async", "Idempotency-Key": key or uuid.uuid4().hex}
        return Request("POST", "/api/bookings", body or self.body(**more), headers)


class Customer:
    """A guest who uses the API step by step."""

    def __init__(self, stack: Stack, guest: Guest | None = None, url: str | None = None) -> None:
        self.stack, self.guest = stack, guest or Guest()
        self.http = httpx.Client(base_url=url or stack.url, timeout=60.0, trust_env=False,
                                 headers=self.guest.headers)
        self.reference = ""

    def book(self, offered: Offered, *, hold: bool = False, **more: Any) -> str:
        """Press *book*; returns the reference."""
        answer = self.http.post("/api/bookings", json=offered.body(hold=hold, **more), headers={
            "Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex})
        assert answer.status_code in (201, 202), answer.text
        self.reference = answer.json()["booking"]["bookingReference"]
        return self.reference

    def status(self) -> dict[str, Any]:
        """What `GET /api/payments/status/…` says now."""
        answer = self.http.get(f"/api/payments/status/{self.reference}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def until(self, *wanted: str, seconds: float = 30.0) -> dict[str, Any]:
        """Poll the status until it is one of `wanted`; a customer who polls is all that happens."""

        def there() -> dict[str, Any] | None:
            now = self.status()
            assert now["status"] in wanted or now["status"] not in ENDS, now
            return now if now["status"] in wanted else None

        return dict(wait_until(there, seconds))

    def booking(self) -> dict[str, Any]:
        """The whole booking as the API tells it."""
        answer = self.http.get(f"/api/bookings/{self.reference}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["booking"])

    def intent(self, seconds: float = 30.0) -> str:
        """Wait until the payment can be paid and return Stripe's id of it, from the client secret."""
        wait_until(lambda: self.stack.rows(
            "SELECT 1 FROM payments_payment p JOIN bookings_booking b ON b.id = p.booking_id"
            " WHERE b.reference = %s AND p.state = 'open'", self.reference), seconds)
        self.until("PENDING_PAYMENT", seconds=seconds)
        answer = self.http.post("/api/payments/create-intent", json={"bookingReference": self.reference})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["clientSecret"]).partition("_secret_")[0]

    def pay(self, card: str = GOOD_CARD, *, tell: bool = True, **more: Any) -> str:
        """Confirm in the browser (the sandbox plays it) and come back; returns the intent's id."""
        intent = self.intent()
        answer = self.stack.sandbox.http.post(f"/_stripe/payment_intents/{intent}/authorise",
                                              json={"card": card, **more})
        assert answer.status_code == 200, answer.text
        if tell:
            self.come_back()
        return intent

    def come_back(self) -> None:
        """The browser returns from the bank: please look now."""
        answer = self.http.post("/api/payments/confirm", json={"bookingReference": self.reference})
        assert answer.status_code in (200, 202), answer.text

    def cancel(self) -> dict[str, Any]:
        """Ask for the quote, wait for it, confirm it; returns the quote."""
        asked = self.http.post(f"/api/bookings/{self.reference}/cancellation")
        assert asked.status_code in (200, 202), asked.text
        quote = wait_until(lambda: self.booking().get("quote"), 30.0)
        refund = {name: quote["refund"][name] for name in ("amount", "currency")}
        answer = self.http.post(f"/api/bookings/{self.reference}/cancellation/confirm", json={"acceptedRefund": refund},
                                headers={"Prefer": "respond-async"})
        assert answer.status_code in (200, 202), answer.text
        return dict(quote)
