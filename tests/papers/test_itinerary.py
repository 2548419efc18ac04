"""The printed itinerary: everything a traveller must carry, nothing that is not so, whatever people are called."""

from __future__ import annotations

import io
import re
import subprocess
from typing import Any

import pytest
import segno
from pypdf import PdfReader

from bookings import documents, letter
from bookings.documents import paper, printing
from bookings.status import STATUS_WORDS, Status
from tests.papers.trips import booked, crowd, pages, read, rename, seat

pytestmark = pytest.mark.django_db


def test_it_says_everything_a_traveller_needs() -> None:
    booking = booked()
    seat(booking)
    text = read(documents.itinerary_pdf(booking))
    for wanted in (
            booking.reference, "Fly2Any reference", "RZPNX8", "Airline reference (American Airlines)", "125-2106312810",
            "Ms Anna Müller", "AA 6143", "Operated by British Airways", "19:00", "Sun 20 Dec 2026", "07:05", "+1 day",
            "Mon 21 Dec 2026", "New York (JFK)", "terminal 8", "London (LHR)", "terminal 5", "7 h 05 min", "Direct",
            "Economy", "Main Cabin", "14C Anna", "1 carry-on and 1 checked per traveller included",
            "Additional airline baggage fees may apply", "first and second checked bag", "https://www.aa.com/",
            "Changes: USD 75.00 fee.", "Cancelling: Not allowed.",
            "Free cancellation until Sun 22 Nov 2026, 05:00 (New York time).", "Visa ending 4242",
            "Your payment of USD 617.99 is safe.", "at aa.com", "Dangerous goods", "Page 1 of 2", "Confirmed"):
        assert wanted in text, wanted


def test_lines_and_total_are_those_of_the_mail() -> None:
    booking = booked()
    seat(booking, minor=12345)
    told = letter.words(booking)
    text = read(documents.itinerary_pdf(booking))
    price = text[text.index("Price Fare"):]
    for label, amount in told["prices"]:
        assert f"{label} {amount}" in price, label
    assert told["total"] == "USD 723.44"
    assert f"Total for all travellers {told['total']}" in price


@pytest.mark.parametrize("status", sorted(documents.PRINTED))
def test_its_status_is_the_sites_and_only_what_is_ticketed_says_ticket(status: Status) -> None:
    text = read(documents.itinerary_pdf(booked(status)))
    assert STATUS_WORDS[status][0] in text
    assert ("not valid for travel" in text or "not yet valid for travel" in text) == (status != "CONFIRMED")
    assert ("ticket" in text.lower()) == (status == "CONFIRMED")
    assert ("125-2106312810" in text) == (status == "CONFIRMED")


def test_the_title_of_a_hold_says_that_it_is_held() -> None:
    booking = booked("HOLD")
    document = PdfReader(io.BytesIO(documents.itinerary_pdf(booking)))
    assert document.metadata is not None
    assert document.metadata.title == f"Held booking, not valid for travel: New York to London, {booking.reference}"
    text = read(documents.itinerary_pdf(booking))
    assert "Pay by Sun 22 Nov 2026, 01:00 (New York time)." in text
    assert "You have not been charged." in text


def test_the_same_facts_give_the_same_bytes() -> None:
    booking = booked()
    first = documents.itinerary_pdf(booking)
    assert documents.itinerary_pdf(booking) == first
    rename(booking, "Anne", "Müller")
    assert documents.itinerary_pdf(booking) != first


def test_it_is_tagged_accessible_and_carries_its_own_fonts() -> None:
    made = documents.itinerary_pdf(booked())
    root = PdfReader(io.BytesIO(made)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert b"pdfuaid:part>1<" in made
    fonts = {font["/BaseFont"].split("+")[1] for page in PdfReader(io.BytesIO(made)).pages
             for font in page["/Resources"]["/Font"].values()}
    assert {name.removesuffix("-Identity-H") for name in fonts} == {"NotoSans-Regular", "NotoSans-Bold"}


@pytest.mark.parametrize(("given", "family"), [
    ('#import "x"', "*_$"), ("= Heading", "[link](x)"), ("#sys.inputs", "$x^2$ `raw`"), ("\\u{41}", "//comment /* */"),
    ("Ğülşen", "Żółć-Ærøskøbing"), ("Ångström d’Œuvre", "Ňěmcová Ỳ")])
def test_names_are_printed_as_they_are(given: str, family: str) -> None:
    booking = booked()
    rename(booking, given, family)
    text = read(documents.itinerary_pdf(booking))
    assert f"{given} {family}" in text


def test_letters_that_the_font_lacks_become_question_marks_and_direction_marks_vanish() -> None:
    booking = booked()
    rename(booking, "علي\u202e", "王 Anna\u0001\nB😀")
    assert "??? ? Anna B?" in read(documents.itinerary_pdf(booking)).replace("  ", " ")


def test_nine_people_on_twelve_flights_stay_on_the_paper() -> None:
    booking = booked()
    names = crowd(booking)
    made = documents.itinerary_pdf(booking)
    text, count = pages(made), len(pages(made))
    whole = " ".join(text)
    for name in names:
        assert f"Ms {name} Hubert Blaine-Featherstonehaugh" in whole.replace("- ", "-"), name
    for number in range(6100, 6112):
        assert f"AA {number}" in whole
    for at, one in enumerate(text):
        assert f"Page {at + 1} of {count}" in one
    for page in PdfReader(io.BytesIO(made)).pages:
        width, height = page.mediabox.width, page.mediabox.height
        seen: list[tuple[float, float]] = []

        def look(text: str, matrix: Any, position: Any, font: Any, size: Any,
                 seen: list[tuple[float, float]] = seen) -> None:
            if text.strip():
                x, y = position[4], position[5]
                seen.append((x * matrix[0] + y * matrix[2] + matrix[4], x * matrix[1] + y * matrix[3] + matrix[5]))

        page.extract_text(visitor_text=look)
        assert seen
        assert all(40 <= x <= width - 40 and 40 <= y <= height - 40 for x, y in seen)


def test_the_code_leads_to_the_look_up_and_holds_nothing_else(settings: Any) -> None:
    settings.SITE_URL = "https://www.fly2any.com"
    booking = booked()
    drawn = paper.facts_of(booking)["qr"]["svg"]
    wanted = segno.make(f"https://www.fly2any.com/trips/find?ref={booking.reference}", error="m", micro=False)
    assert modules(drawn, border=4) == [bytes(row) for row in wanted.matrix]


def modules(drawn: str, border: int) -> list[bytes]:
    """The dark and light modules that the strokes of an SVG draw: each starts at (x, y) and is as long as it is."""
    size = int(re.search(r'width="(\d+)"', drawn)[1]) - 2 * border  # type: ignore[index]
    found = [bytearray(size) for _ in range(size)]
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", re.search(r' d="([^"]+)"', drawn)[1]):  # type: ignore[index]
        values = [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            for column in range(int(values[0])):
                found[int(y - border)][int(x) - border + column] = 1
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return [bytes(row) for row in found]


def test_a_press_that_hangs_or_breaks_is_one_kind_of_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for source in ("import time; time.sleep(60)", "raise SystemExit(3)", "print('no paper')"):
        script = tmp_path / "press.py"
        script.write_text(source)
        monkeypatch.setattr(printing, "PRESS", script)
        monkeypatch.setattr(printing, "SECONDS", 0.5)
        with pytest.raises(documents.NotPrinted):
            printing.pdf({})


def test_the_press_tells_no_names_when_it_fails() -> None:
    done = subprocess.run([printing.sys.executable, "-I", str(printing.PRESS)], input=b'{"title": "Anna Secret"}',  # noqa: S603
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr == b"TypstError"


def test_an_open_change_of_the_airline_is_a_warning_on_the_paper() -> None:
    booking = booked()
    order, picture = booking.orders.get(), booking.offer.searched["slices"]
    warning = "The airline wants to change these flights."
    assert warning not in read(documents.itinerary_pdf(booking))
    order.flight_change = {"external_id": "sic_1", "before": picture, "after": picture, "actions": [], "taken": ""}
    order.save()
    assert warning in read(documents.itinerary_pdf(booking))
    order.flight_change["taken"] = "accepted"
    order.save()
    assert warning not in read(documents.itinerary_pdf(booking))
