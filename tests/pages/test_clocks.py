"""Times as airports' clocks show them: with weekday, with +2 or -1 across the date line, and with honest durations."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from bookings import documents, letter
from bookings.models import Booking
from tests.pages.everything import booked
from tests.pages.html import read
from tests.trail import rows

pytestmark = pytest.mark.django_db
SYD, LAX = rows.place("SYD", "Sydney", "Australia/Sydney"), rows.place("LAX", "Los Angeles", "America/Los_Angeles")
APIA, HNL = rows.place("APW", "Apia", "Pacific/Apia"), rows.place("HNL", "Honolulu", "Pacific/Honolulu")
FLIGHTS = [  # from, to, leaves, arrives, minutes, days later
    (SYD, LAX, "2027-01-15T10:15:00", "2027-01-15T05:10:00", 835, 0),
    (LAX, SYD, "2027-01-15T22:30:00", "2027-01-17T08:30:00", 900, 2),
    (APIA, HNL, "2027-01-15T00:30:00", "2027-01-14T06:00:00", 330, -1),
    (LAX, SYD, "2027-03-13T23:00:00", "2027-03-15T09:00:00", 960, 2),  # clocks change in Los Angeles on the way
]


@pytest.mark.parametrize(("start", "end", "leaves", "arrives", "minutes", "days"), FLIGHTS)
def test_clocks_days_and_durations_are_the_airports(guest: Client, principal: str, start: dict[str, Any],
                                                    end: dict[str, Any], leaves: str, arrives: str, minutes: int,
                                                    days: int) -> None:
    booking = booked(principal, "confirmed")
    raw = booking.offer.searched
    part, flight = raw["slices"][0], raw["slices"][0]["segments"][0]
    part |= {"origin": start, "destination": end, "duration_minutes": minutes}
    flight |= {"origin": start, "destination": end, "departing_local": leaves, "arriving_local": arrives,
               "duration_minutes": minutes}
    booking.offer.priced = raw
    booking.offer.save()
    lasts = f"{minutes // 60} h {minutes % 60:02d} min"
    text = read(guest.get(f"/trips/{booking.reference}")).text
    there = documents.itinerary_pdf(Booking.objects.get(pk=booking.pk))
    paper = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(there)).pages))
    for said in (text, paper):
        assert leaves[11:16] in said and arrives[11:16] in said
        assert f"{minutes // 60} h" in said
        assert ({0: "", 2: "+2", -1: "-1"}[days] in said.replace("\u2212", "-")) or days == 0
    assert ("Fri 15 Jan" in text) == leaves.startswith("2027-01-15")
    (segment,) = letter.words(booking)["directions"][0]["segments"]
    assert (segment["arriving"].endswith(f"({days:+d} day)"), segment["duration"]) == (days != 0, lasts)
