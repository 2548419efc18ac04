"""What marked passengers do to a whole running site, and where everything is that its processes wrote meanwhile.

Booked, paid, printed, asked, shared, cancelled, refused by the airline, ticketed by our team, broken on purpose in a view,
in the database and in a worker, looked at by staff, mailed, typed into wrong fields, named in webhooks.
"""

from __future__ import annotations

import email
import email.policy
import gzip
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
from django.conf import settings
from django.test.utils import override_settings

from suppliers.amadeus import adapter as amadeus
from suppliers.types import Leg, OfferInfo, SearchQuery
from tests.customer import Customer, Guest, Market, Offered
from tests.pages.html import Page
from tests.sandbox.process import Site, wait_until
from tests.secrecy import breaking
from tests.secrecy.marks import CARD, Listener, Person, Searcher, columns, files
from tests.stack import Stack
from tests.trail.messages import signature

ANNA, BERT, CARL, DORA = Person("anna", 1), Person("bert", 2), Person("carl", 3), Person("dora", 7)
VIEW, TABLE, WORK = (Person(f"broken{word[4:]}", 4 + at, given=f"Zq{word}")
                     for at, word in enumerate((breaking.IN_A_VIEW, breaking.IN_THE_DATABASE, breaking.IN_A_WORKER)))
PEOPLE = (ANNA, BERT, CARL, DORA, VIEW, TABLE, WORK)
WORDS = "Please move me, Zqwordsanna, to the next day"

# Who may know: the columns that may hold a mark, and of which kind. Passports, security numbers, addresses and typed forms
# stand in the database sealed, and nowhere in plain text.
COLUMNS = {
    "bookings_passenger.given_name": {"given"}, "bookings_passenger.family_name": {"family"}, "bookings_passenger.born_on": {"born"},
    "bookings_passenger.loyalty": {"programme"},
    "bookings_booking.contact_email": {"email"}, "bookings_booking.contact_phone": {"phone"},
    "bookings_outbox.to": {"email"}, "bookings_outbox.text": {"given", "family", "email", "words"},
    "bookings_changerequest.words": {"words"},
}


class House:
    """The running site with ears at every wall: the broker, error reports, process lists, temporary files, addresses."""

    def __init__(self, stack: Stack, sentry: Site | None = None) -> None:
        self.stack, self.sentry, self.broker = stack, sentry, Listener(stack.broker_url)
        self.addresses: list[str] = []
        self.logged = len(log_of_postgresql())
        self.seen: set[str] = set()
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        """Command lines and environments of all processes of the site, and names of temporary files, while they live."""
        while not self._end.wait(0.2):
            for name in self.stack.running:
                try:
                    first = self.stack.process(name)
                    for process in (first, *first.children(recursive=True)):
                        self.seen.add(f"{' '.join(process.cmdline())} {process.environ()}")
                except (psutil.Error, KeyError):
                    continue
            self.seen.update(str(path) for path in (self.stack.folder / "tmp").rglob("*"))

    def stop(self) -> None:
        """Watch no longer."""
        self._end.set()
        self._watcher.join(10)

    def visit(self, http: httpx.Client, path: str, **more: Any) -> httpx.Response:
        """Open an address as a browser does, and keep every address that was used or is offered on the page."""
        answer = http.request(more.pop("method", "GET"), path, **more)
        for one in (*answer.history, answer):
            self.addresses += [str(one.url), one.headers.get("Location", "")]
        if "html" in answer.headers.get("Content-Type", ""):
            offered = re.findall(r"""(?:href|src|action|formaction|poster|data-[\w-]*url)=["']([^"']*)""", answer.text)
            self.addresses += [one for one in offered if not one.startswith(("mailto:", "tel:"))]
        return answer

    def send(self, http: httpx.Client, path: str, page: httpx.Response, **fields: str) -> httpx.Response:
        """Send a form of this page: its hidden fields, and these."""
        assert page.status_code == 200, (path, page.status_code)
        hidden = {one["name"]: one["value"] for one in Page(page.text).all("input", type="hidden")}
        answer = self.visit(http, path, method="POST", data={**hidden, **fields}, headers={"Referer": self.stack.url})
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer


@contextmanager
def breaking_site(folder: Path) -> Iterator[House]:
    """A site with both suppliers that tells much, reports its errors, and breaks over the travellers of tests/secrecy/breaking.py."""
    sentry = Site()
    (folder / "tmp").mkdir(parents=True)
    environ = {"DJANGO_SETTINGS_MODULE": "tests.secrecy.breaking", "LOG_LEVEL": "INFO", "TMPDIR": str(folder / "tmp"),
               "SENTRY_DSN": sentry.url.replace("http://", "http://key@") + "/1", "ALERT_EMAIL": "night@example.com",
               "AMADEUS_CLIENT_ID": "amadeus_sandbox", "METRICS_TOKEN": "of this test"}
    with Stack(folder, every=1.0, environ=environ) as stack:
        house = House(stack, sentry)
        try:
            yield house
        finally:
            house.stop()
            sentry.stop()


# --- the stories -------------------------------------------------------------------------------------------------------


def chosen(market: Market, guest: Guest, fits: Callable[[OfferInfo], bool], origin: str, destination: str) -> Offered:
    """A fare of the next months that fits, for this guest."""
    with override_settings(DUFFEL_API_BASE=f"{market.stack.sandbox.url}/duffel"):
        for day in range(60, 75):
            query = SearchQuery(legs=(Leg(origin, destination, date.today() + timedelta(days=day)),), adults=1)
            for found in filter(fits, market._supplier.search(query)):
                info = replace(market._supplier.offer(found.external_id), request_id=found.request_id)
                return Offered(market.keep(info, guest), info)
    raise AssertionError("the sandbox sells no such fare")


def of_our_team(market: Market, guest: Guest) -> Offered:
    """A fare of Amadeus, which our staff ticket and which wants to know where people live."""
    with override_settings(AMADEUS_CLIENT_ID="amadeus_sandbox", AMADEUS_CLIENT_SECRET="amadeus_sandbox_secret",
                           AMADEUS_API_BASE=f"{market.stack.sandbox.url}/amadeus"):
        supplier = amadeus.from_settings()
        found = supplier.search(SearchQuery(legs=(Leg("JFK", "LAX", date.today() + timedelta(days=66)),), adults=1))[0]
        info = replace(supplier.offer(found.external_id, found.document), requires=("address",))
    kept = market.keep(info, guest)
    market.stack.rows("UPDATE suppliers_offer SET supplier = 'amadeus', document = %s WHERE id = %s", info.document, kept)
    return Offered(kept, info)


def body(offered: Offered, person: Person) -> dict[str, Any]:
    """What books this fare for this person, with every detail that it takes."""
    traveller, kinds = person.traveller(), offered.info.document_kinds
    if "passport" in kinds:
        traveller["document"] = {"kind": "passport", "number": person.passport, "country": "GB", "expiresOn": "2031-05-05"}
    elif "known_traveler_number" in kinds:
        traveller["knownTravellerNumber"] = person.security
    if offered.info.loyalty_carriers:
        traveller["loyalty"] = [{"carrier": offered.info.loyalty_carriers[0], "number": person.programme}]
    return offered.body(passengers=[traveller], contact=person.contact())


def book(house: House, customer: Customer, offered: Offered, person: Person, **headers: str) -> httpx.Response:
    """Press *book*, whatever comes of it."""
    answer = customer.http.post("/api/bookings", json=body(offered, person), headers={
        "Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex, **headers})
    house.addresses += [str(answer.url), answer.headers.get("Location", "")]
    if answer.status_code in (201, 202):
        customer.reference = answer.json()["booking"]["bookingReference"]
    return answer


def a_whole_trip(house: House, market: Market) -> str:
    """Anna books, pays, prints, writes to us, changes her contact, shares, looks her booking up, cancels and is refunded."""
    customer = Customer(house.stack)
    answer = book(house, customer, chosen(market, customer.guest, lambda info: (
        "passport" in info.document_kinds and bool(info.loyalty_carriers)), "LHR", "JFK"), ANNA)
    assert answer.status_code in (201, 202), answer.text
    customer.pay()
    customer.until("CONFIRMED")
    http = browsing(house, customer)
    trip = f"/trips/{customer.reference}"
    for path in (f"{trip}/itinerary.pdf", f"{trip}/calendar.ics"):
        assert house.visit(http, path).status_code == 200
    later = f"later-{ANNA.email}"
    for path, page, fields in (
            (f"{trip}/request", "", {"topic": "date", "words": f"{WORDS}, card {CARD}"}),
            (f"{trip}/share", "", {"lasts": "week", "names": "0", "key": str(uuid.uuid4())}),
            (f"{trip}/contact", "", {"email": later, "phone": ANNA.phone}),
            ("/trips/find", "", {"reference": customer.reference, "email": later}),
            ("/trips/link", "/trips/find", {"link-email": later})):
        house.send(http, path, house.visit(http, page or path), **fields)
    customer.cancel()
    customer.until("CANCELLED")
    return customer.reference


def browsing(house: House, customer: Customer) -> httpx.Client:
    """The same person with a browser."""
    cookie = customer.guest.headers["Cookie"].partition("=")[2]
    return httpx.Client(base_url=house.stack.url, timeout=60.0, trust_env=False, follow_redirects=True, cookies={"guest": cookie},
                        headers={"X-Forwarded-For": customer.guest.headers["X-Forwarded-For"]})


def typed_wrong(house: House, market: Market) -> None:
    """Bert types his card where a name or a city belongs, corrects himself, and is then refused by the airline."""
    customer = Customer(house.stack)
    offered = market.offer(customer.guest, "instant", lambda info: (
        info.instant_only and "known_traveler_number" in info.document_kinds and bool(info.loyalty_carriers)))
    for change in ({"givenName": CARD}, {"familyName": f"Zqfamilybert {CARD}"}, {"bornOn": CARD}, {"gender": CARD}):
        sent = body(offered, BERT)
        sent["passengers"][0] |= change
        answer = customer.http.post("/api/bookings", json=sent)
        assert answer.status_code in (400, 422), (change, answer.text)
    for path in ("/api/places", "/flights"):
        customer.http.get(path, params={"q": CARD, "origin": CARD})
    house.stack.sandbox.fault("duffel.create_order", "status", code="invalid_passenger_name")
    assert book(house, customer, offered, BERT).status_code in (201, 202)
    customer.pay()
    customer.until("FAILED")


def with_our_team(house: House, market: Market) -> None:
    """Dora asks for a fare that our staff ticket, and lives somewhere."""
    customer = Customer(house.stack)
    answer = book(house, customer, of_our_team(market, customer.guest), DORA)
    assert answer.status_code in (201, 202), answer.text
    wait_until(lambda: house.stack.rows("SELECT 1 FROM suppliers_supplierorder WHERE supplier = 'amadeus' AND pnr <> ''"), 60)
    asked = house.stack.sandbox.http.get("/_state", params={"kind": "amadeus_order"}).text
    assert Searcher([DORA]).kinds_in(asked) >= {"street", "given", "family"}  # she really told them


def broken(house: House, market: Market) -> None:
    """Faults whose words are travellers: outside a view, inside one, in the database, in a worker."""
    customer = Customer(house.stack)
    first = book(house, customer, market.offer(customer.guest), CARL, **{"X-Break": "yes"})
    answers = [first, *(book(house, customer, market.offer(customer.guest), person) for person in (VIEW, TABLE))]
    assert [one.status_code for one in answers] == [500, 500, 503]
    searcher = Searcher(PEOPLE)
    assert not any(searcher.kinds_in(one.text) for one in answers)
    assert book(house, customer, market.offer(customer.guest, "holdable"), WORK).status_code in (201, 202)
    wait_until(lambda: "RuntimeError" in (house.stack.folder / "worker.log").read_text(errors="replace"), 60)


def told_by_webhooks(house: House) -> None:
    """Messages that name people: signed ones, signed rubbish, and forged ones of both."""
    person = {"name": f"{CARL.given} {CARL.family}", "email": CARL.email, "phone": CARL.phone, "address": {"line1": CARL.street}}
    event = {"id": "evt_marked", "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1_790_000_000,
             "data": {"object": {"id": "pi_nobody", "object": "payment_intent", "receipt_email": CARL.email, "billing_details": person}}}
    news = {"id": "wev_marked", "type": "order.created", "api_version": "v2", "live_mode": False, "created_at": "2026-11-21T10:00:00Z",
            "data": {"object": {"id": "ord_nobody", "passengers": [person]}}}
    for url, name, secret, whole in (
            ("/api/payments/webhook", "Stripe-Signature", settings.STRIPE_WEBHOOK_SECRET, event),
            ("/api/suppliers/duffel/webhook", "X-Duffel-Signature", settings.DUFFEL_WEBHOOK_SECRET, news)):
        got = []
        for key in (secret, "whsec_forged"):
            for payload in (json.dumps(whole).encode(), json.dumps(person).encode(), f"{CARL.passport} {CARD}".encode()):
                got.append(house.stack.http.post(url, content=payload, headers={
                    "Content-Type": "application/json", name: signature(key, payload, int(time.time()))}).status_code)
        assert got == [200, 400, 400, 400, 400, 400]


def staff_look(house: House, reference: str) -> None:
    """A manager looks at everything that Anna's booking leads to, sees her passport, and writes a note."""
    password = house.stack.manage("make_staff", "zelda", "--role", "manager").rpartition(": ")[2].strip()
    http = httpx.Client(base_url=house.stack.url, timeout=60.0, trust_env=False, follow_redirects=True)
    house.send(http, "/admin/login/", house.visit(http, "/admin/login/"), username="zelda", password=password, next="/admin/")
    found = house.visit(http, f"/admin/bookings/case/find/?q={reference}")
    assert ANNA.family in found.text
    todo, done = links(found), {"/admin/logout/"}
    while todo and len(done) < 25:
        path = todo.pop(0)
        if path not in done:
            done.add(path)
            answer = house.visit(http, path)
            assert answer.status_code < 500, path
            todo += links(answer)
    assert len(done) > 12
    page = urlsplit(str(found.url)).path.removesuffix("change/")
    for deed, told in (("reveal", ANNA.passport), ("note", "")):
        form = house.visit(http, f"{page}do/{deed}/")
        assert told in house.send(http, f"{page}do/{deed}/", form, reason="The airline asks for it on the phone.").text


def links(answer: httpx.Response) -> list[str]:
    """Addresses of the console that a page leads to."""
    return re.findall(r'href="(/admin/[^"#]+)"', answer.text.replace("&amp;", "&"))


# --- the search --------------------------------------------------------------------------------------------------------


def leaks(house: House, searcher: Searcher) -> list[str]:
    """Look at everything that was written, sent, kept or shown to the machine; returns what stands where it must not."""
    house.stop()
    searcher.look("addresses", "\n".join(house.addresses))
    searcher.look("broker and cache", house.broker.stop())
    searcher.look("processes and temporary files", "\n".join(house.seen))
    for headers, sent in house.sentry.got if house.sentry else ():
        searcher.look("error reports", gzip.decompress(sent) if headers.get("content-encoding") == "gzip" else sent)
    printed(house.stack, searcher)
    at_stripe(house.stack, searcher)
    written(house.stack, searcher)
    searcher.look("PostgreSQL's log", log_of_postgresql()[house.logged:])
    wrong = {place: kinds - COLUMNS.get(place, set()) for place, kinds in searcher.found.items()}
    return [f"{place} tells {', '.join(sorted(kinds))}" for place, kinds in wrong.items() if kinds]


def printed(stack: Stack, searcher: Searcher) -> None:
    """What commands and probes print."""
    for name in ("ledger_export", "invariants"):
        searcher.look(f"printed {name}", stack.manage(name))
    figures = stack.http.get("/metrics", headers={"Authorization": "Bearer of this test"})
    assert "METRICS_TOKEN" not in stack._more or figures.status_code == 200
    searcher.look("metrics", figures.text)


def at_stripe(stack: Stack, searcher: Searcher) -> None:
    """Everything that Stripe was sent and keeps: requests, objects, metadata."""
    searcher.look("stripe's ledger", json.dumps([row for row in stack.sandbox.ledger() if row.get("vendor") == "stripe"]))
    kinds = [kind for kind in stack.sandbox.http.get("/_state").json()["kinds"] if kind.startswith("stripe.")]
    assert "stripe.intent" in kinds
    for kind in kinds:
        searcher.look(kind, stack.sandbox.http.get("/_state", params={"kind": kind}).text)


def written(stack: Stack, searcher: Searcher) -> None:
    """Mails' headers, every column of every table, every file of the site."""
    for mail in (stack.folder / "mail").glob("*.eml"):
        read = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
        searcher.look("headers of mails", json.dumps({name: str(value) for name, value in read.items() if name != "To"}))
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for name, text in columns(connection):
            searcher.look(name, text)
    for name, raw in files(stack.folder, without=[stack.folder / "mail", stack.folder / "sandbox"]):
        searcher.look(f"file {name}", raw)


def log_of_postgresql() -> bytes:
    """What the tests' PostgreSQL has logged so far; nothing where it is somebody else's."""
    path = Path(os.environ["DATA_DIR"]) / "pg" / "server.log"
    return b"" if os.environ.get("DATABASE_URL") else path.read_bytes()
