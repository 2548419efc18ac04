"""The whole site as visitors find it: one address for every page in every state, from which all others are reached.

`visitors()` makes three: a guest with drafts and bookings in all states, a signed-in customer, and a newcomer. `walk`
follows every link and yields every page, so that a page that is new tomorrow is looked at tomorrow.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve

from bookings import account_links, accounts, handover
from bookings.models import Attempt, Booking
from fly2any.kernel import clock
from suppliers.models import Offer, Search
from suppliers.stored import offer_from_json
from suppliers.types import OfferInfo, SeatMap
from tests.pages.html import Page
from tests.pages.planes import party, plane
from tests.pages.test_flights_changed import changed
from tests.pages.travel import make, of_our_team, reserved
from tests.trail import rows

BAG = {"external_id": "ase_bag", "kind": "baggage", "passenger_ids": ["pas_1"], "segment_ids": ["seg_1"],
       "max_quantity": 2, "price": {"minor": 6000, "currency": "USD"},
       "detail": {"bag_kind": "checked", "weight_kg": 23}}
EMAIL, PASSWORD = "anna@example.com", "tomato window river"
STATES: dict[str, dict[str, Any]] = {
    "confirmed": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
    "held": {"status": "HOLD", "progress": "held", "wish": "hold"},
    "reserved": {"status": "PENDING_TICKETING", "progress": "staff"},
    "cancelling": {"status": "CANCELLING", "progress": "undoing", "wish": "cancel", "money": "charged"},
    "cancelled": {"status": "CANCELLED", "progress": "closed", "wish": "cancel", "money": "refunding",
                  "agreed_refund_minor": 50000},
    "expired": {"status": "EXPIRED", "progress": "closed", "closing": "payment_window"},
    "failed": {"status": "FAILED", "progress": "closed", "closing": "sold_out"},
    "refused": {"status": "FAILED", "progress": "closed", "closing": "passenger_rejected",
                "closing_detail": {"field": "family_name", "position": 0, "reason": "it is too long"}},
    "reserving": {"status": "PENDING", "progress": "reserving"},
    "checking": {"status": "PENDING", "progress": "checking"},
    "consent": {"status": "PENDING", "progress": "consent", "priced_minor": 65000},
    "card": {"status": "PENDING_PAYMENT", "progress": "card"},
    "declined": {"status": "PENDING_PAYMENT", "progress": "card"},
    "bank": {"status": "PENDING_PAYMENT", "progress": "bank"},
    "ticket": {"status": "PENDING_PAYMENT", "progress": "ticket", "route": "hold_first", "money": "reserved"},
}
_FILES = ("/html", ".pdf", ".ics")
_ORDERS = {"confirmed": "ticketed", "held": "held", "reserved": "reserved", "cancelling": "cancelling",
           "cancelled": "cancelled", "ticket": "held"}


class Airline:
    """A supplier that sells what its stored offers say, on one plane, and answers at once."""

    def search(self, query: Any) -> list[OfferInfo]:
        return []

    def offer(self, offer_id: str, document: str = "") -> OfferInfo:
        return offer_from_json(Offer.objects.get(external_id=offer_id).searched)

    def offer_siblings(self, offer_id: str, document: str = "") -> list[OfferInfo]:
        return []

    def seat_maps(self, offer_id: str, document: str = "") -> list[SeatMap]:
        return [plane()]


@dataclass
class Visitor:
    """Somebody with a browser and addresses to start from, by the name of what is found there."""

    client: Client
    seeds: dict[str, str]
    bookings: dict[str, Booking] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One page of a visitor as it came."""

    name: str
    address: str
    response: Any
    page: Page


def booked(principal: str, state: str) -> Booking:
    """A booking in that state with the order and the payment that belong to it."""
    more = {"pay_by": clock.now() + timedelta(hours=20)} if state == "held" else {}
    booking = make(principal, **{**STATES[state], **more})
    if state in _ORDERS:
        order = rows.order(booking, external_id=f"ord_{booking.pk}", state=_ORDERS[state], pnr="RZPNX8",
                           actions=["cancel"], tickets=[{"kind": "ticket", "number": "125-2106312810",
                                                         "passengers": ["pas_1"]}] if state == "confirmed" else [])
    if booking.money in ("charged", "refunding"):
        paid = rows.payment(booking, state="captured", captured_minor=booking.accepted_minor, card_brand="visa",
                            card_last4="4242", order=order)
        if booking.money == "refunding":
            rows.refund(paid, amount_minor=50000)
    elif state in ("card", "declined", "bank"):
        rows.payment(booking, **({"declines": 2, "decline_kind": "insufficient_funds"} if state == "declined" else {}))
    return booking


def found(principal: str) -> str:
    """A finished search of this visitor with three offers; returns the address of its results."""
    day = clock.now().date() + timedelta(days=30)
    legs = [{"origin": "JFK", "destination": "LHR", "date": day.isoformat()}]
    search = Search.objects.create(
        principal=principal, complete=True, outcome={"duffel": {"state": "done", "offers": 3, "code": ""}},
        query={"legs": legs, "adults": 1, "child_ages": [], "infants": 0, "cabin": "economy", "max_connections": None})
    for number in range(3):
        raw = rows.offer_json(f"off_found_{search.pk}_{number}", total_minor=30000 + 4000 * number)
        raw["slices"][0]["segments"][0]["flight_number"] = str(6100 + number)
        Offer.objects.create(search=search, principal=principal, supplier="duffel", external_id=raw["external_id"],
                             request_id="orq", total_minor=raw["total"]["minor"], currency="USD", searched=raw,
                             expires_at=clock.now() + timedelta(minutes=20))
    return (f"/flights?trip=oneway&origin=JFK&destination=LHR&departureDate={day}&adults=1&children=0&infants=0"
            f"&cabin=economy&s={search.pk}")


def traveller(principal: str) -> dict[str, Booking]:
    """Drafts and bookings in every state."""
    papers = {"documents_required": True, "document_kinds": ["passport", "known_traveler_number"],
              "loyalty_carriers": ["AA", "BA"]}
    made = {"draft": party(principal, "adult", services=(BAG,)), "family": party(principal, "adult", "child", "infant"),
            "papers": party(principal, "adult", **papers)}
    made |= {state: booked(principal, state) for state in STATES}
    made["moved"] = make(principal, **STATES["confirmed"])
    changed(made["moved"])
    asked = made["quoted"] = booked(principal, "confirmed")
    asked.orders.update(quote_id="ore_1", quote_refund_minor=40000, quote_refund_to="balance")
    ready = made["ready"] = make(principal, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
    ready.offer.priced_at = clock.now()
    ready.offer.save()
    asks = of_our_team(requires=["address", "residence", "document_city"], documents_required=True,
                       document_kinds=["passport"])
    made["by team"] = make(principal, offer=asks, wish="draft", status="DRAFT", wished_at=None, accepted_minor=0)
    made["waits for team"] = reserved(principal)
    made["link of team"] = reserved(principal, status="PENDING_PAYMENT", progress="card", card_wanted=True)
    rows.payment(made["link of team"], client_secret="pi_9_secret_9")
    return made


def visitors(guest: Client, principal: str) -> dict[str, Visitor]:
    """Everybody who looks at the site, with an address for each page that no link leads to."""
    own = traveller(principal)
    seeds = {"results": found(principal), "search-errors": "/flights?trip=return&origin=&destination=Q%C3%BC&adults=1",
             "which": found(principal).partition("&s=")[0].replace("origin=JFK", "origin=london"),
             "multi": "/?trip=multi&origin=JFK&destination=LHR&origin2=LHR&destination2=CDG"}
    for name, booking in own.items():
        if booking.status == "DRAFT":
            for step in ("extras", "seats/1", "passengers", "review"):
                seeds[f"{name} {step}"] = f"/checkout/{booking.public_id}/{step}"
        else:
            for step in ("", "/progress", "/pay", "/price", "/cancel", "/contact", "/request", "/flights", "/share",
                         "/fix", "/back"):
                seeds[f"{name}{step}"] = f"/trips/{booking.reference}{step}"
    key, now = uuid.uuid4(), clock.now()
    handover.share(booking=own["confirmed"], key=key, lasts="trip", names=[0], now=now)
    seeds["shared"] = f"/shared/{handover.token_of(own['confirmed'], key)}/"
    accounts.sign_up(email=EMAIL, password=PASSWORD, now=now)
    user = User.objects.get(username=EMAIL)
    customer = Client()
    customer.force_login(user)
    newcomer = {name: f"/account/{name}" for name in ("sign-in", "sign-up", "forgot", "mailed")} | {
        "home": "/", "not found": "/no/such/page", "mailbox": "/dev/mailbox", "find": "/trips/find",
        "verify": urlsplit(account_links.verify_link(user)).path, "reset": urlsplit(account_links.reset_link(user)).path,
        "bad link": "/manage/link/x/", "bad share": "/shared/x/", "bad verify": "/account/verify/x/"}
    mine = {"account": "/account", "password": "/account/password", "delete": "/account/delete", "my trips": "/trips"}
    return {"guest": Visitor(guest, seeds, own), "customer": Visitor(customer, mine),
            "newcomer": Visitor(Client(), newcomer)}


def walk(visitor: Visitor) -> Iterator[Seen]:
    """Every page this visitor reaches, once for each path and each kind of query."""
    waiting, known = list(visitor.seeds.items()), set[Any]()
    while waiting:
        name, address = waiting.pop(0)
        if (kind := kind_of(address)) in known:
            continue
        known.add(kind)
        response = visitor.client.get(address, follow=True)
        Attempt.objects.all().delete()
        if response.redirect_chain:
            address = response.redirect_chain[-1][0]
            if kind_of(address) in known - {kind}:
                continue
            known.add(kind_of(address))
        if not response.headers["Content-Type"].startswith("text/html"):
            continue
        seen = Seen(name, address, response, Page(response.content.decode()))
        yield seen
        waiting += [(f"{name} > {link}", link) for link in links(seen)]


def links(seen: Seen) -> Iterator[str]:
    """Addresses of this site that the page links to."""
    for tag in seen.page.all("a"):
        there = urlsplit(urljoin(seen.address, tag.get("href", "")))
        path = f"{there.path}?{there.query}" if there.query else there.path
        if not there.scheme and not there.netloc and there.path and not there.path.endswith(_FILES):
            yield path


def kind_of(address: str) -> tuple[str, tuple[str, ...]]:
    """Two addresses of one kind show the same page with other values in its query."""
    there = urlsplit(address)
    return there.path, tuple(sorted({name for name, _ in parse_qsl(there.query, keep_blank_values=True)}))


def route(address: str) -> str:
    """The name of the view behind an address, "" when there is none."""
    try:
        return resolve(urlsplit(address).path).url_name or ""
    except Resolver404:
        return ""


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens within is forgotten, as by a test of its own; a durable block may stand in it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)
    cache.clear()
