"""Marked passengers go through the whole site; then everything that its processes wrote is searched for them.

Booked, paid, changed, cancelled, refused by the airline, broken on purpose in a view, in the database and in a worker,
looked at by staff, mailed, printed, typed into wrong fields, named in webhooks. What may hold which mark is a list.
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
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from django.conf import settings
from django.test.utils import override_settings

from suppliers.types import Leg, OfferInfo, SearchQuery
from tests.customer import Customer, Guest, Market, Offered
from tests.sandbox.process import Site, wait_until
from tests.secrecy import breaking
from tests.secrecy.marks import CARD, Listener, Person, Searcher, columns, files
from tests.stack import Stack
from tests.trail.messages import signature

ANNA, BERT, CARL = Person("anna", 1), Person("bert", 2), Person("carl", 3)
VIEW, TABLE, WORK = (Person(f"broken{word[4:]}", 4 + at, given=f"Zq{word}")
                     for at, word in enumerate((breaking.IN_A_VIEW, breaking.IN_THE_DATABASE, breaking.IN_A_WORKER)))
PEOPLE = (ANNA, BERT, CARL, VIEW, TABLE, WORK)
WORDS = "Please move me, Zqwordsanna, to the next day"

# --- who may know ------------------------------------------------------------------------------------------------------
# In the database. Passports, security numbers, addresses and typed forms stand nowhere in plain text.
TRAVELLER = {"given", "family", "born"}
COLUMNS = {
    "bookings_passenger.given_name": {"given"}, "bookings_passenger.family_name": {"family"}, "bookings_passenger.born_on": {"born"},
    "bookings_passenger.loyalty": {"programme"},
    "bookings_booking.contact_email": {"email"}, "bookings_booking.contact_phone": {"phone"},
    "bookings_outbox.to": {"email"}, "bookings_outbox.text": {"given", "family", "email", "words"},
    "bookings_changerequest.words": {"words"},
}


class Everything:
    """The running site with ears at every wall: the broker, Sentry, process lists, temporary files, addresses."""

    def __init__(self, stack: Stack, sentry: Site, broker: Listener) -> None:
        self.stack, self.sentry, self.broker = stack, sentry, broker
        self.addresses: list[str] = []
        self.seen: set[str] = set()
        self._watching = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self) -> None:
        """Command lines and environments of all processes of the site, and names of temporary files, while they live."""
        own = psutil.Process()
        while not self._watching.wait(0.2):
            for process in own.children(recursive=True):
                try:
                    self.seen.add(f"{' '.join(process.cmdline())} {process.environ()}")
                except psutil.Error:
                    continue
            for path in (self.stack.folder / "tmp").rglob("*"):
                self.seen.add(str(path))

    def stop(self) -> None:
        self._watching.set()
        self._watcher.join(10)

    def visit(self, http: httpx.Client, path: str, **more: Any) -> httpx.Response:
        """Open an address as a browser does, and keep every address that was used or is offered on the page."""
        answer = http.request(more.pop("method", "GET"), path, **more)
        for one in (*answer.history, answer):
            self.addresses += [str(one.url), one.headers.get("Location", "")]
            assert one.headers["Referrer-Policy"] in ("same-origin", "no-referrer", "strict-origin-when-cross-origin")
        if "html" in answer.headers.get("Content-Type", ""):
            self.addresses += re.findall(r"""(?:href|src|action|formaction|poster|data-[\\w-]*url)=["']([^"']*)""", answer.text)
        return answer


@contextmanager
def running(folder: Path) -> Iterator[Everything]:
    sentry = Site()
    (folder / "tmp").mkdir(parents=True)
    environ = {"DJANGO_SETTINGS_MODULE": "tests.secrecy.breaking", "LOG_LEVEL": "INFO", "TMPDIR": str(folder / "tmp"),
               "SENTRY_DSN": sentry.url.replace("http://", "http://key@") + "/1", "ALERT_EMAIL": "night@example.com"}
    with Stack(folder, every=4.0, environ=environ) as stack:
        house = Everything(stack, sentry, Listener(stack.broker_url))
        try:
            yield house
        finally:
            house.stop()
            sentry.stop()


# --- the stories -------------------------------------------------------------------------------------------------------


def with_documents(market: Market, guest: Guest) -> Offered:
    """A fare that asks for passports."""
    with override_settings(DUFFEL_API_BASE=f"{market.stack.sandbox.url}/duffel"):
        for day in range(60, 75):
            query = SearchQuery(legs=(Leg("LHR", "JFK", date.today() + timedelta(days=day)),), adults=1)
            for found in market._supplier.search(query):
                if found.documents_required:
                    info: OfferInfo = market._supplier.offer(found.external_id)
                    from dataclasses import replace

                    info = replace(info, request_id=found.request_id)
                    return Offered(market.keep(info, guest), info)
    raise AssertionError("the sandbox sells no such fare")


def body(offered: Offered, person: Person, **more: Any) -> dict[str, Any]:
    """What books this fare for this person, with every detail it asks for."""
    traveller = person.traveller()
    if offered.info.documents_required:
        traveller["document"] = {"kind": "passport", "number": person.passport, "country": "GB", "expiresOn": "2031-05-05"}
        if "known_traveler_number" in offered.info.document_kinds:
            traveller["knownTravellerNumber"] = person.security
    if offered.info.loyalty_carriers:
        traveller["loyalty"] = [{"carrier": offered.info.loyalty_carriers[0], "number": person.programme}]
    return offered.body(passengers=[traveller], contact=person.contact(), **more)


def book(house: Everything, customer: Customer, offered: Offered, person: Person, **headers: str) -> httpx.Response:
    answer = customer.http.post("/api/bookings", json=body(offered, person), headers={
        "Prefer": "respond-async", "Idempotency-Key": uuid.uuid4().hex, **headers})
    house.addresses += [str(answer.url), answer.headers.get("Location", "")]
    return answer


def a_whole_trip(house: Everything, market: Market) -> str:
    """Anna books, pays, prints, writes to us, mends her contact, shares, cancels and is refunded."""
    customer = Customer(house.stack)
    answer = book(house, customer, with_documents(market, customer.guest), ANNA)
    assert answer.status_code in (201, 202), answer.text
    customer.reference = reference = answer.json()["booking"]["bookingReference"]
    customer.pay()
    customer.until("CONFIRMED")
    signed = customer.guest.headers["Cookie"].partition("=")[2]
    http = httpx.Client(base_url=house.stack.url, timeout=60.0, trust_env=False, follow_redirects=True, cookies={"guest": signed},
                        headers={"X-Forwarded-For": customer.guest.headers["X-Forwarded-For"]})
    page = house.visit(http, f"/trips/{reference}").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    form = {"headers": {"Referer": house.stack.url}, "method": "POST"}
    for kind in ("itinerary.pdf", "calendar.ics"):
        assert house.visit(http, f"/trips/{reference}/{kind}").status_code == 200
    for path, fields in ((f"/trips/{reference}/request", {"topic": "dates", "words": f"{WORDS}, card {CARD}"}),
                         (f"/trips/{reference}/share", {"lasts": "day", "names": "0", "key": str(uuid.uuid4())}),
                         (f"/trips/{reference}/contact", {"email": ANNA.email, "phone": ANNA.phone}),
                         ("/trips/find", {"reference": reference, "email": ANNA.email}),
                         ("/trips/link", {"link-email": ANNA.email})):
        house.visit(http, path, data={"csrfmiddlewaretoken": token[1], **fields}, **form)
        house.visit(http, path)
    customer.cancel()
    customer.until("CANCELLED")
    return reference


def typed_wrong(house: Everything, market: Market) -> None:
    """Bert types his card where a name, a number of a programme or a city belongs; the airline then refuses him."""
    customer = Customer(house.stack)
    offered = market.offer(customer.guest, "instant")
    for change in ({"givenName": CARD}, {"familyName": f"Zqfamilybert {CARD}"}, {"bornOn": CARD},
                   {"gender": CARD}):
        sent = body(offered, BERT)
        sent["passengers"][0] |= change
        answer = customer.http.post("/api/bookings", json=sent)
        assert answer.status_code in (400, 422), (change, answer.text)
    for path in ("/api/places", "/flights"):
        customer.http.get(path, params={"q": CARD, "origin": CARD})
    house.stack.sandbox.fault("duffel.create_order", "status", code="invalid_passenger_name")
    answer = book(house, customer, offered, BERT)
    if answer.status_code in (201, 202):
        customer.reference = answer.json()["booking"]["bookingReference"]
        customer.pay()
        wait_until(lambda: customer.status()["status"] in ("FAILED", "CANCELLED", "CONFIRMED"), 60)


def broken(house: Everything, market: Market) -> None:
    """Faults whose words are travellers: outside a view, inside one, in the database, in a worker."""
    customer = Customer(house.stack)
    first = book(house, customer, market.offer(customer.guest), CARL, **{"X-Break": "yes"})
    answers = [first, *(book(house, customer, market.offer(customer.guest), person) for person in (VIEW, TABLE))]
    assert [one.status_code for one in answers] == [500, 500, 503]
    searcher = Searcher(PEOPLE)
    assert not any(searcher.kinds_in(one.text) for one in answers)
    assert book(house, customer, market.offer(customer.guest, "holdable"), WORK).status_code in (201, 202)
    wait_until(lambda: "RuntimeError" in (house.stack.folder / "worker.log").read_text(errors="replace"), 60)


def told_by_webhooks(house: Everything, reference: str) -> None:
    """Messages that name people: signed ones, forged ones, and signed rubbish."""
    person = {"name": f"{CARL.given} {CARL.family}", "email": CARL.email, "phone": CARL.phone, "address": {"line1": CARL.street}}
    event = {"id": "evt_marked", "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1_790_000_000,
             "data": {"object": {"id": "pi_nobody", "object": "payment_intent", "receipt_email": CARL.email, "billing_details": person}}}
    for payload in (json.dumps(event).encode(), json.dumps(person).encode(), f"{CARL.passport} {CARD}".encode()):
        for key in (settings.STRIPE_WEBHOOK_SECRET, settings.DUFFEL_WEBHOOK_SECRET, "whsec_forged"):
            house.stack.http.post("/api/payments/webhook", content=payload, headers={
                "Content-Type": "application/json", "Stripe-Signature": signature(key, payload, int(time.time()))})
            house.stack.http.post("/api/suppliers/duffel/webhook", content=payload, headers={
                "Content-Type": "application/json", "X-Duffel-Signature": signature(key, payload, int(time.time()))})


def staff_look(house: Everything, reference: str) -> None:
    """A manager looks at everything that can be reached from the booking; a viewer asks for exports."""
    for name, role in (("iris", "manager"), ("vera", "viewer")):
        password = house.stack.manage("make_staff", name, "--role", role).rpartition(": ")[2].strip()
        http = httpx.Client(base_url=house.stack.url, timeout=60.0, trust_env=False, follow_redirects=True)
        page = house.visit(http, "/admin/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        house.visit(http, "/admin/login/", method="POST", headers={"Referer": house.stack.url}, data={
            "csrfmiddlewaretoken": token[1], "username": name, "password": password, "next": "/admin/"})
        todo, done = ["/admin/", f"/admin/find/?q={reference}"], set()
        while todo and len(done) < 40:
            path = todo.pop(0)
            if path in done:
                continue
            done.add(path)
            answer = house.visit(http, path)
            assert answer.status_code < 500, path
            if reference in answer.text:
                todo += [one for one in re.findall(r'href="(/admin/[^"#]+)"', answer.text.replace("&amp;", "&"))
                         if "logout" not in one and one not in done]
        assert len(done) > 2


def papers_of_the_desk(house: Everything) -> dict[str, str]:
    """What commands and probes print."""
    printed = {name: house.stack.manage(name) for name in ("ledger_export", "invariants")}
    return {**printed, "metrics": house.stack.http.get("/metrics").text, "readyz": house.stack.http.get("/readyz").text}


# --- the search --------------------------------------------------------------------------------------------------------


def everywhere(house: Everything, searcher: Searcher) -> None:
    """Look at everything that was written, sent, kept or shown to the machine."""
    stack = house.stack
    for name, text in papers_of_the_desk(house).items():
        searcher.look(f"printed {name}", text)
    searcher.look("addresses", "\n".join(house.addresses))
    searcher.look("broker and cache", house.broker.stop())
    for headers, sent in house.sentry.got:
        text = gzip.decompress(sent) if headers.get("content-encoding") == "gzip" else sent
        searcher.look("sentry", text)
    house.stop()
    searcher.look("processes and temporary files", "\n".join(house.seen))
    searcher.look("stripe", json.dumps([row for row in stack.sandbox.ledger() if row.get("vendor") == "stripe"]))
    kinds = stack.sandbox.http.get("/_state").json()["kinds"]
    for kind in kinds:
        if kind.startswith("stripe") or any(word in kind for word in ("intent", "charge", "refund", "customer", "event")):
            searcher.look(f"stripe {kind}", stack.sandbox.http.get("/_state", params={"kind": kind}).text)
    assert any("intent" in kind for kind in kinds), kinds
    for mail in (stack.folder / "mail").glob("*.eml"):
        read = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
        kept = {name: value for name, value in read.items() if name != "To"}
        searcher.look("headers of mails", json.dumps({name: str(value) for name, value in kept.items()}))
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for name, text in columns(connection):
            searcher.look(name, text)
    for name, raw in files(stack.folder, without=[stack.folder / "mail", stack.folder / "sandbox"]):
        searcher.look(f"file {name}", raw)
    if not os.environ.get("DATABASE_URL"):
        searcher.look("PostgreSQL's log", (Path(os.environ["DATA_DIR"]) / "pg" / "server.log").read_bytes())


def test_marked_passengers_stand_only_where_they_must(tmp_path: Path) -> None:
    with running(tmp_path / "site") as house:
        market = Market(house.stack)
        reference = a_whole_trip(house, market)
        typed_wrong(house, market)
        broken(house, market)
        told_by_webhooks(house, reference)
        staff_look(house, reference)
        house.stack.settled(60)
        searcher = Searcher(PEOPLE, card=[CARD], words=["Zqwordsanna"])
        everywhere(house, searcher)
        reports = len(house.sentry.got)
    assert reports >= 4  # the faults were really reported
    wrong = {place: sorted(kinds - COLUMNS.get(place, set())) for place, kinds in searcher.found.items()
             if kinds - COLUMNS.get(place, set())}
    assert wrong == {}
    for name in (name for name in COLUMNS if not name.endswith("loyalty")):
        kinds = COLUMNS[name]
        assert searcher.found[name] & kinds, f"{name} held no mark: the search is blind, or the story too short"
