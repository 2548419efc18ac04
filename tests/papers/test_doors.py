"""Who gets the papers, in which form, and that nothing else breaks when they cannot be made."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbound
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from icalendar import Calendar
from pypdf import PdfReader

from bookings import documents, letter, mail
from bookings.documents import downloads
from bookings.models import Outbox
from tests.papers.trips import booked, read, seat
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db
PATHS = ("/trips/{}/itinerary.pdf", "/trips/{}/calendar.ics", "/api/bookings/{}/itinerary.pdf",
         "/api/bookings/{}/calendar.ics")


@pytest.mark.parametrize("path", PATHS)
def test_the_owner_gets_the_file_and_a_stranger_the_usual_404(path: str, guest: Client, principal: str) -> None:
    booking = booked(principal=principal)
    there = path.format(booking.reference)
    answer = guest.get(there)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src" in answer.headers["Content-Security-Policy"]
    kind = there.rpartition(".")[2]
    assert answer.headers["Content-Type"] == {"pdf": "application/pdf", "ics": "text/calendar; charset=utf-8"}[kind]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="Fly2Any-{booking.reference}.{kind}"'
    if kind == "pdf":
        assert booking.reference in read(answer.content)
    else:
        assert len(Calendar.from_ical(answer.content.decode()).walk("VEVENT")) == 1
    stranger = Client().get(there)
    assert stranger.status_code == 404
    assert b"RZPNX8" not in stranger.content
    assert Client().get(path.format("FLY2A-ZZZZZZ")).status_code == 404


@pytest.mark.parametrize("status", ["PENDING", "FAILED"])
@pytest.mark.parametrize("path", PATHS)
def test_what_is_not_booked_has_no_paper(path: str, status: str, guest: Client, principal: str) -> None:
    booking = booked(status, principal=principal)
    answer = guest.get(path.format(booking.reference))
    assert answer.status_code == 409
    assert b"%PDF" not in answer.content and b"VCALENDAR" not in answer.content


def broken(*_: Any) -> bytes:
    raise documents.NotPrinted("the press is broken")


def test_a_broken_press_breaks_no_page(guest: Client, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "pdf", broken)
    booking = booked(principal=principal)
    answer = guest.get(f"/trips/{booking.reference}/itinerary.pdf")
    assert answer.status_code == 503
    assert b"which you can print" in answer.content
    told = guest.get(f"/api/bookings/{booking.reference}/itinerary.pdf").json()
    assert told["code"] == "unavailable"
    assert guest.get(f"/trips/{booking.reference}").status_code == 200
    assert guest.get(f"/trips/{booking.reference}/calendar.ics").status_code == 200


def test_papers_are_limited_by_address(guest: Client, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert downloads.PER_ADDRESS == 30
    monkeypatch.setattr(downloads, "PER_ADDRESS", 3)
    booking = booked(principal=principal)
    codes = [guest.get(f"/trips/{booking.reference}/calendar.ics").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]


def sent() -> EmailMultiAlternatives:
    (message,) = outbound.outbox
    assert isinstance(message, EmailMultiAlternatives)
    return message


def test_the_confirmation_brings_both_papers() -> None:
    booking = booked()
    seat(booking)
    Outbox.objects.create(kind="confirmed", booking=booking, due_at=NOW, created_at=NOW)
    assert mail.send_due(NOW + timedelta(seconds=1), 1) == 1
    (pdf_name, pdf, pdf_type), (ics_name, ics, ics_type) = [
        tuple(item) for item in sent().attachments]  # type: ignore[misc]
    assert (pdf_name, pdf_type) == (f"Fly2Any-{booking.reference}.pdf", "application/pdf")
    assert (ics_name, ics_type) == (f"Fly2Any-{booking.reference}.ics", "text/calendar")
    text = read(bytes(pdf))
    assert letter.words(booking)["total"] == "USD 617.99"
    for words in (text, str(sent().body)):
        assert "USD 617.99" in words
        assert booking.reference in words and "RZPNX8" in words and "Operated by British Airways" in words
    assert PdfReader(io.BytesIO(bytes(pdf))).pages
    assert "BEGIN:VEVENT" in str(ics)
    assert "Attached: your itinerary" in sent().body


@pytest.mark.failure("M7")
def test_a_mail_goes_out_without_the_paper_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "pdf", broken)
    Outbox.objects.create(kind="confirmed", booking=booked(), due_at=NOW, created_at=NOW)
    assert mail.send_due(NOW + timedelta(seconds=1), 1) == 1
    assert [item[0].rpartition(".")[2] for item in sent().attachments] == ["ics"]
    assert "Your itinerary to print and carry (PDF) is on the page of your booking." in sent().body


def test_the_code_on_the_paper_fills_in_the_reference_and_opens_nothing(client: Client) -> None:
    booking = booked()
    page = client.get(f"/trips/find?ref={booking.reference}").content.decode()
    assert f'value="{booking.reference}"' in page
    assert "Müller" not in page and "RZPNX8" not in page


def test_flights_that_were_changed_come_with_new_papers() -> None:
    booking = booked()
    Outbox.objects.create(kind="flights_accepted", booking=booking, due_at=NOW, created_at=NOW)
    assert mail.send_due(NOW + timedelta(seconds=1), 1) == 1
    assert [item[0].rpartition(".")[2] for item in sent().attachments] == ["pdf", "ics"]
    assert "Attached: your itinerary" in sent().body
