"""One world in which every supplier and every customer means harm, read again at every way out.

The rows hold what the ways in would refuse today: whatever slips through one day must still do nothing.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core import mail as outbound
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from bookings import cases, chat, documents, mail, telling
from bookings.admin.queue.export import FORMULA, rows_of, safe
from bookings.documents import paper
from bookings.figures.definitions import FIGURES
from bookings.figures.sums import Amounts
from bookings.models import Booking, Case, Figure, Outbox
from fly2any import logs
from fly2any.kernel import clock
from payments.gateways.stripe import mapping as stripe
from suppliers.amadeus import reading as amadeus
from suppliers.duffel import mapping as duffel
from tests.pages.everything import booked, found
from tests.pages.html import Page
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "<script>q7()</script>{{7*7}}"  # short enough for a name's column
MARK = ("=cmd|' /C calc'!A0\"'><img src=x onerror=q7()><script>q7()</script>{{7*7}}{% now 'Y' %}#eval(\"7*7\")"
        "\r\nBcc: eve@evil.example\r\nEND:VEVENT\nBEGIN:VEVENT\x1b[31m\u202e👩‍✈️../../etc/passwd")
TURNS, MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}, (0x200E, 0x200F, 0x061C)  # UAX 9, table 4
TEXTS = {"carrier_name", "operating_name", "aircraft", "origin_terminal", "destination_terminal", "cabin_name", "owner_name",
         "brand", "name", "city"}


def marked(value: Any, name: str = "") -> Any:
    """A supplier's picture with harm in each of its own texts."""
    if isinstance(value, dict):
        return {key: marked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner) for inner in value]
    return MARK if name in TEXTS and isinstance(value, str) else value


def spoil(booking: Booking) -> Booking:
    """Put harm into everything that others said of this booking."""
    stored = booking.offer
    stored.searched = stored.priced = marked(stored.priced or stored.searched)
    stored.save()
    booking.passengers.update(given_name=NAME, family_name=NAME)
    booking.segments.update(carrier_name=MARK[:100], operating_name=MARK[:100])
    booking.orders.update(locators=[["AA", NAME]])
    booking.payments.update(card_brand="<b>visa</b>")
    booking.requests.create(topic="other", words=MARK, answer=MARK, asked_at=NOW, answer_by=NOW, answered_at=NOW)
    return booking


def harmless(answer: Any) -> Page:
    """A page whose every script is one of ours and in which nothing was read as markup or as a template."""
    source = answer.content.decode()
    assert answer.status_code == 200, answer.status_code
    assert "<script>q7" not in source and "<img src=x" not in source and "<b>visa" not in source
    page = Page(source)
    assert not [has for _, has in page.tags if any(name.startswith("on") for name in has)]
    assert all(has.get("src", "").startswith(("/static/", "/admin/")) or has.get("type") == "application/json" or "nonce" in has
               for tag, has in page.tags if tag == "script"), [has for tag, has in page.tags if tag == "script"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "49#eval" not in source and "}}49" not in page.text
    return page


def test_the_customers_pages_show_it_as_text(guest: Client, principal: str) -> None:
    shown = 0
    for state in ("confirmed", "held", "cancelled", "card"):
        booking = spoil(booked(principal, state))
        for step in ("", "/contact", "/request", "/cancel", "/share", "/progress", "/fix"):
            answer = guest.get(f"/trips/{booking.reference}{step}")
            if answer.status_code == 200:
                shown += "{{7*7}}" in harmless(answer).text
    harmless(guest.get("/trips"))
    assert shown >= 6
    address = found(principal)
    for offer in booking.offer.__class__.objects.filter(principal=principal):
        offer.searched = marked(offer.searched)
        offer.save()
    assert "{{7*7}}" in harmless(guest.get(address)).text


def test_the_api_tells_it_as_json(guest: Client, principal: str) -> None:
    booking = spoil(booked(principal, "confirmed"))
    answer = guest.get(f"/api/bookings/{booking.reference}")
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json()["booking"]["passengers"][0]["givenName"] == NAME


def test_the_calendar_file_has_no_line_of_theirs(principal: str) -> None:
    booking = spoil(booked(principal, "confirmed"))
    body = next(one for one in documents.attachments(booking) if one.name.endswith(".ics")).content
    assert body.count(b"BEGIN:VEVENT") == body.count(b"\r\nBEGIN:VEVENT\r\n") + body.count(b"\\nBEGIN:VEVENT")
    events = [part for part in Calendar.from_ical(body).walk() if part.name == "VEVENT"]
    assert len(events) == booking.segments.count()
    unfolded = body.replace(b"\r\n ", b"").split(b"\r\n")
    assert not [line for line in unfolded if line.startswith((b"Bcc", b"BCC")) or b"\n" in line or b"\r" in line]


def test_the_paper_prints_it_as_text(principal: str) -> None:
    booking = spoil(booked(principal, "confirmed"))
    from pypdf import PdfReader

    read = "".join(page.extract_text() for page in PdfReader(io.BytesIO(documents.itinerary_pdf(booking))).pages)
    assert "{{7*7}}" in read.replace("\n", "") and '#eval("7*7")' in re.sub(r"\s", "", read)
    assert NAME in str(paper.facts_of(booking))


def test_a_mail_has_our_headers_only(principal: str) -> None:
    booking = spoil(booked(principal, "confirmed"))
    request = booking.requests.get()
    for kind, version in (("confirmed", "1"), ("change_answered", str(request.pk)), ("change_received", str(request.pk))):
        Outbox.objects.create(kind=kind, booking=booking, version=version, due_at=NOW, created_at=NOW)
    mail.send_due(clock.now(), 10)
    assert len(outbound.outbox) == 3
    for letter in outbound.outbox:
        whole = letter.message()
        assert letter.to == [booking.contact_email] and letter.recipients() == [booking.contact_email]
        assert whole["Bcc"] is None and whole["Cc"] is None and "\n" not in letter.subject
        html = str(letter.alternatives[0][0])
        assert "<script>q7" not in html and "<img src=x" not in html and "{{7*7}}" in letter.body + html


@pytest.mark.parametrize("read", [duffel.text, amadeus.text, stripe.text])
def test_nothing_that_others_say_turns_our_own_words_round(read: Callable[[Any], str]) -> None:
    """After "Air\\u202e" in the same line, 07:05 would read 50:70 and USD 300.00 would read 00.003 DSU."""
    turning = [chr(number) for number in range(0x110000) if unicodedata.bidirectional(chr(number)) in TURNS or number in MARKS]
    assert len(turning) == 12
    assert read("".join(turning)) == "" and read(f"Air{''.join(turning)} France \u05d0\u05d1 👩‍✈️") == "Air France \u05d0\u05d1 👩‍✈️"


def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def case_of(booking: Booking) -> Case:
    return cases.open_case(kind="unknown_outcome", subject=f"booking:{booking.pk}", booking=booking, now=clock.now(),
                           facts={"code": MARK, "told": {"text": MARK}})


def test_the_console_shows_it_as_text(principal: str) -> None:
    boss, booking = staff(), spoil(booked(principal, "confirmed"))
    case = case_of(booking)
    Case.objects.filter(pk=case.pk).update(closed_because=MARK[:100])
    pages = [f"/admin/bookings/case/{case.pk}/change/", f"/admin/bookings/booking/{booking.pk}/change/", reverse("admin:bookings_case_changelist"),
             f"/admin/bookings/booking/{booking.pk}/as_customer/"]
    assert [name for name in pages if "{{7*7}}" in harmless(boss.get(name, follow=True)).text]
    for typed in (NAME, MARK, "FLY2A-<b>", "../../etc/passwd", "' OR 1=1 --", "%' AND pg_sleep(9) --", "\x00", "x" * 5000):
        harmless(boss.get(reverse("admin:bookings_find"), {"q": typed}, follow=True))


def test_no_cell_of_the_export_is_a_formula(principal: str) -> None:
    case = case_of(spoil(booked(principal, "confirmed")))
    Case.objects.filter(pk=case.pk).update(closed_because=MARK[:100], closed_at=clock.now())
    written = io.StringIO()
    csv.writer(written).writerows(rows_of([case.pk], User.objects.create_superuser("boss"), clock.now()))
    cells = [cell for row in csv.reader(io.StringIO(written.getvalue())) for cell in row]
    assert any("=cmd" in cell for cell in cells) and not [cell for cell in cells if cell.startswith(FORMULA)]
    assert [safe(start + "1") for start in "=+-@\t\r\n"] == ["'" + start + "1" for start in "=+-@\t\r\n"]


def test_figures_show_it_as_text_and_no_cell_of_theirs_is_a_formula() -> None:
    boss, now, cells = staff(), clock.now(), list[str]()
    for grain, at in (("h", now.replace(minute=0, second=0, microsecond=0)), ("d", now.replace(hour=0, minute=0, second=0, microsecond=0))):
        for metric in {name for one in FIGURES for name in one.measure.metrics}:
            money = any(isinstance(one.measure, Amounts) and metric in one.measure.metrics for one in FIGURES)
            dims = ["USD", f"={NAME}:USD" if money else MARK[:60]]
            Figure.objects.bulk_create([Figure(grain=grain, at=at, metric=metric, dim=dim, n=3, total=-500, high=3) for dim in dims])
    for one in FIGURES:
        address = reverse("admin:dashboard_figure", args=[one.name]) + "?period=7d"
        lines = boss.get(f"{address}&format=csv").content.decode()
        cells += [cell for row in csv.reader(io.StringIO(lines)) for cell in row]
    for address in (reverse("admin:dashboard"), reverse("admin:dashboard_figure", args=["supplier-failures"])):
        harmless(boss.get(address))
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    assert [cell for cell in cells if cell.startswith("'=<script>q7")]


def test_log_lines_are_whole_and_hold_nothing_of_theirs(principal: str, caplog: pytest.LogCaptureFixture) -> None:
    made = logs.config("INFO")["formatters"]["json"]
    formatter, bad = made.pop("()")(**made), MARK.replace("\r\n", " ").replace("\n", " ").replace("\x1b", "")
    caplog.set_level("INFO")
    guest = Client(raise_request_exception=False, headers={"User-Agent": bad, "Referer": bad, "X-Request-Id": bad, "Cookie": f"guest={NAME}"})
    for path in (f"/{quote(MARK)}", f"/trips/{quote(MARK)}", f"/flights?origin={quote(MARK)}", f"/manage/link/{quote(MARK)}/"):
        guest.get(path)
    guest.post("/trips/find", {"reference": MARK, "email": MARK})
    guest.post("/api/bookings", MARK, content_type="application/json")
    boss = Client(raise_request_exception=False)
    boss.post("/admin/login/", {"username": MARK, "password": MARK})
    with mock.patch("bookings.selectors.bookings_of", side_effect=ValueError(MARK)):
        guest.get("/trips")
    lines = [formatter.format(record) for record in caplog.records]
    assert len(lines) >= 8 and any("ValueError" in line for line in lines)
    for line in lines:
        assert isinstance(json.loads(line), dict) and line.isprintable()
        assert not any(mark in line for mark in ("q7()", "=cmd", "evil.example", "7*7", "passwd"))


def test_the_chat_hears_nothing_that_others_wrote(principal: str) -> None:
    case = case_of(spoil(booked(principal, "confirmed")))
    said = chat.text(Outbox(kind="case_alert", booking=case.booking), case, clock.now())
    assert "q7" not in said and "=cmd" not in said and "\x1b" not in said and telling.HEALED != "case_alert"
