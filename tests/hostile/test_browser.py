"""The hostile world in a real browser: nothing that a supplier or a customer wrote runs, asks, or breaks a page.

The usual run reads the fullest pages; `-m slow` all of them. HOSTILE_PICTURES=DIR keeps a picture of each at both widths.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Route

from bookings import access
from bookings.models import Booking, Case
from fly2any.kernel import clock
from suppliers import registry
from tests.hostile.test_marked import MARK, case_of, marked, spoil
from tests.pages.conftest import TOKEN
from tests.pages.everything import BAG, Airline, booked, found
from tests.pages.planes import party

pytestmark = pytest.mark.django_db(transaction=True)
# names as long as a column holds, without a place to break, from right to left, with marks above marks
NAMES = [("<script>q7()</script>{{7*7}}", "\"><img src=x onerror=q7()>"), ("W" * 40, "Wolfeschlegelsteinhausenbergerdorffvonxx"),
         ("\u202eadA\u202c", "أحمد بن عبد العزيز"), ("Z" + "\u0336\u0489\u0353" * 12, "=1+1\u200b👩‍👩‍👧‍👧"), ("'; DROP TABLE x--", "{% now 'Y' %}${7*7}<b>")]
# counts whatever of theirs would run, and every breach of the policy
LISTENING = """window.q7 = () => console.error('executed');
document.addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI));"""
STRIPE = """window.Stripe = () => { const it = new Proxy(() => it, {get: (_, name) => name === 'then' ? undefined : it, apply: () => it});
return it; };"""


FULLEST = {"results", "checkout-passengers", "trip-confirmed", "trip-share", "console-case"}
OURS_ALONE = {"search", "checkout-seats-1", "trip-contact", "trip-request", "trip-cancel", "console-queue", "console-bookings",
              "console-note"}  # pages (and boxes of a form) that say nothing of others in their text
WHOLE = pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)])


class Walker:
    """One browser that notes what a page does besides being read."""

    def __init__(self, browser: Browser, url: str, cookies: dict[str, str], *, whole: bool) -> None:
        self.whole, self.wrong, self.read = whole, list[str](), dict[str, str]()
        self.at = ""
        context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        context.add_init_script(LISTENING)
        context.route(site.STRIPE_JS_URL, lambda route: route.fulfill(body=STRIPE, content_type="text/javascript"))
        self.page: Page = context.new_page()
        context.route(lambda address: not address.startswith((url, "data:", site.STRIPE_JS_URL)), self._foreign)
        self.page.on("dialog", lambda dialog: (self._note(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self._note(f"script {error}"))
        self.page.on("console", lambda said: self._note(f"{said.type} {said.text}") if said.type in ("error", "warning") else None)
        self.page.on("popup", lambda _: self._note("popup"))
        self.page.on("download", lambda _: self._note("download"))

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self.at}: {what}")

    def _foreign(self, route: Route) -> None:
        self._note(f"asks {route.request.url}")
        route.abort()

    def look(self, name: str, address: str) -> None:
        """Open the page, wide and narrow, and keep what is read on it."""
        if not self.whole and name not in FULLEST:
            return
        self.at = name
        answer = self.page.goto(address, wait_until="load")
        assert answer is not None and answer.status == 200, (name, address, answer and answer.status)
        for width in (1280, 390):
            self.page.set_viewport_size({"width": width, "height": 900})
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                self._note(f"{wide} px too wide at {width}")
            if folder := os.environ.get("HOSTILE_PICTURES"):
                self.page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.read[name] = self.page.inner_text("body")

    def ends(self, pages: int) -> None:
        """So many pages were read; nothing happened on any, and the texts of others stood there as they were written."""
        self.page.context.close()
        assert self.wrong == []
        quiet = {name for name, text in self.read.items() if "{{7*7}}" not in text and "<script>q7" not in text}
        assert quiet <= OURS_ALONE and len(self.read) == pages


def harmed(booking: Booking) -> Booking:
    """A booking of five travellers with such names, about whom suppliers tell such things."""
    spoil(booking)
    first = booking.passengers.get()
    for number, (given, family) in enumerate(NAMES):
        first.pk = first.pk if number == 0 else None
        first.position, first.given_name, first.family_name = number, given, family
        first.save()
    return booking


@pytest.fixture(autouse=True)
def airline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("bookings.limits.count", lambda *_, **__: None)
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield


@WHOLE
def test_customers_read_it_and_nothing_runs(browser: Browser, live_server: Any, whole: bool) -> None:
    principal = access._guest_principal(TOKEN)
    cookie = {site.GUEST_COOKIE_NAME: signing.dumps({"id": TOKEN}, salt=access._SALT)}
    results, draft = found(principal), party(principal, "adult", services=(BAG,))
    card, confirmed, held = (harmed(booked(principal, state)) for state in ("card", "confirmed", "held"))
    for offer in [draft.offer, *draft.offer.__class__.objects.filter(principal=principal)]:
        offer.searched, offer.priced = marked(offer.searched), marked(offer.priced or offer.searched)
        offer.save()
    walker = Walker(browser, live_server.url, cookie, whole=whole)
    walker.look("search", "/?trip=oneway&origin=%3Cscript%3Eq7()%3C/script%3E&destination=%22onfocus=q7()%20autofocus")
    walker.look("results", results)
    for step in ("extras", "seats/1", "passengers"):
        walker.look(f"checkout-{step.replace('/', '-')}", f"/checkout/{draft.public_id}/{step}")
    for name in ("", "contact", "request", "cancel", "share"):
        walker.look(f"trip-{name or 'confirmed'}", f"/trips/{confirmed.reference}{name and '/'}{name}")
    walker.look("trip-held", f"/trips/{held.reference}")
    walker.look("trip-pay", f"/trips/{card.reference}/pay")
    walker.look("trips", "/trips")
    walker.ends(13 if whole else 4)


@WHOLE
def test_staff_read_it_and_nothing_runs(browser: Browser, live_server: Any, whole: bool) -> None:
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    booking = harmed(booked("guest:of the console", "confirmed"))
    case = case_of(booking)
    Case.objects.filter(pk=case.pk).update(closed_because=MARK[:100], snoozed_because=MARK[:100], snoozed_until=clock.now())
    walker = Walker(browser, live_server.url, {"sessionid": boss.cookies["sessionid"].value}, whole=whole)
    for name, address in {
            "console-booking": f"/admin/bookings/booking/{booking.pk}/change/",
            "console-case": f"/admin/bookings/case/{case.pk}/change/", "console-queue": "/admin/",
            "console-bookings": reverse("admin:bookings_booking_changelist"),
            "console-found": f"{reverse('admin:bookings_find')}?q=%3Cscript%3Eq7()%3C/script%3E",
            "console-note": f"/admin/bookings/booking/{booking.pk}/do/note/"}.items():
        walker.look(name, address)
    walker.ends(6 if whole else 1)
