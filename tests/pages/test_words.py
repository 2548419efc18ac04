"""Words we keep apart (ux.md 0): in every state, no page, mail, paper or answer says more than is recorded."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from pypdf import PdfReader

from bookings import documents, mail, messages, outbox, selectors
from bookings.models import Booking, Outbox
from bookings.status import MoneyWord
from fly2any.kernel import clock
from suppliers import registry
from tests.pages.everything import STATES, Airline, booked
from tests.pages.html import Page

pytestmark = pytest.mark.django_db

# What may be said in any state: what is *not* so, what will be, and the rules in general.
GENERAL = re.compile("|".join((
    r"Your card is charged only after the airline has accepted the booking", r"Your card will never be charged more",
    r"not (been )?charged", r"Nothing (is|was) charged", r"Fly2Any charges it", r"nothing is booked or charged",
    r"[Nn]ot (yet )?(a )?confirmed", r"not a confirmed booking yet", r"(as soon as|until|when|once) (it|the trip) is confirmed",
    r"This airline's tickets are issued by our team", r"our team issues (your|the) tickets", r"no ticket is real",
    r"(money back )?(in )?the (way|form) you paid", r"the card you paid with", r"[Pp]aid extras", r"Where you paid",
    r"how to pay|to pay|Please pay|not paid for|before (it|you) (is|have) paid|was not paid|paid in time|before it was paid",
    r"the airline never confirmed|did not confirm|confirms? your|before you confirm|confirm\b",
    r"ticket is pending|ticket, pending|The airline (is issuing|issues) (your|the) tickets?", r"Our team tickets it",
    r"ticket numbers? follow", r"Ticket\b(?! number)", r"issuing tickets|issue (your |the )?tickets?|can ?not issue tickets",
    r"does not let you travel", r"once paid", r"(No real airline|nothing is charged).*?Mailbox")))
# words -> the states (STATES) or money in which they are true
ONLY = (
    (r"\bcharged\b|\bpaid\b|payment of [A-Z]{3} .* is safe", {"money": {"charged", "refunding", "refunded"}}),
    (r"\bconfirmed\b", {"status": {"CONFIRMED"}}),
    (r"tickets? (is|are) issued|[Tt]icket numbers?", {"status": {"CONFIRMED", "CANCELLING", "CANCELLED"}}),
    (r"[Nn]ot booked", {"status": {"FAILED", "EXPIRED"}}),
    (r"\bheld until", {"status": {"HOLD"}}),
    (r"reserved on (your|the) card", {"money": {"reserved"}}),
    (r"booking is cancelled\b", {"status": {"CANCELLED"}}),
    (r"checking with the airline", {"progress": {"checking"}}),
)


def lies(text: str, booking: Booking) -> list[str]:
    """What this text says and the booking's rows do not."""
    plain = GENERAL.sub(" ", re.sub(r"\s+", " ", text))
    return [plain[max(0, found.start() - 60):found.end() + 30] for words, where in ONLY
            for found in re.finditer(words, plain)
            if not all(getattr(booking, name) in true for name, true in where.items())]


def main_part(response: Any) -> str:
    source = response.content.decode()
    return Page(source.partition("<main")[2].partition("</main>")[0]).text


def mailed(booking: Booking) -> dict[str, str]:
    """The mails that this state sends, as text and HTML; what would no longer be true is not sent."""
    said: dict[str, str] = {}
    outbox.on_wish(booking, clock.now())
    outbox.on_change(booking, ("", ""), clock.now())
    for row in Outbox.objects.filter(booking=booking):
        if not mail._outdated(row.kind, booking, clock.now()):
            words = mail._words(row, booking, clock.now()) | {"sandbox": False, "papers": set()}
            said[f"mail {row.kind}"] = render_to_string(f"mail/{row.kind}.subject", words) + render_to_string(
                f"mail/{row.kind}.txt", words)
            said[f"mail {row.kind}.html"] = Page(render_to_string(f"mail/{row.kind}.html", words)).text
    return said


def told(guest: Client, booking: Booking) -> dict[str, str]:
    """Everything a customer reads about a booking, by where."""
    here = f"/trips/{booking.reference}"
    said = {"page": main_part(guest.get(here, follow=True)), "progress": main_part(guest.get(f"{here}/progress", follow=True)),
            "back": main_part(guest.get(f"{here}/back", follow=True)), "my trips": main_part(guest.get("/trips"))}
    status = guest.get(f"/api/payments/status/{booking.reference}").json()
    said["status"] = " ".join(str(status.get(name) or "") for name in ("message", "step"))
    if booking.status in documents.PRINTED:
        paper = PdfReader(io.BytesIO(documents.itinerary_pdf(booking)))
        said["pdf"] = " ".join(page.extract_text() for page in paper.pages)
        said["calendar"] = documents.calendar_file(booking).decode()
    return said | mailed(booking)


@pytest.mark.parametrize("state", STATES)
def test_no_state_is_told_as_more_than_it_is(guest: Client, principal: str, state: str) -> None:
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        booking = booked(principal, state)
        said = told(guest, booking)
    wrong = {where: found for where, text in said.items() if (found := lies(text, booking))}
    assert wrong == {}
    assert len(said) >= 5
    sentence = selectors.booking_view(booking)["money"]["sentence"]
    for where in ("page", *(name for name in said if name.startswith("mail"))):
        assert sentence in re.sub(r"\s+", " ", said[where]), f"{where} does not say: {sentence}"


def test_the_check_sees_a_lie() -> None:
    booking = Booking(status="PENDING_PAYMENT", progress="ticket", money="reserved")
    assert lies("The amount is reserved on your card, not charged. Your card is charged only after the airline has "
                "accepted the booking.", booking) == []
    for lie in ("Your card was charged.", "You paid USD 5.", "Your payment of USD 5.00 is safe.", "Your trip is confirmed",
                "The tickets are issued.", "Not booked", "held until tomorrow", "We are checking with the airline"):
        assert lies(lie, booking), lie


MONEY = {MoneyWord.NONE: "You have not been charged.", MoneyWord.RESERVED: "The amount is reserved on your card, not charged.",
         MoneyWord.CHARGED: "Your payment of USD 599.99 is safe.",
         MoneyWord.REFUNDING: "USD 599.99 is on its way back to your card.",
         MoneyWord.REFUNDED: "USD 599.99 has been sent back to your card."}
WITHOUT = {"already_booked", "throttled", "offer_taken"}  # before the payment step, or about another booking


@pytest.mark.parametrize("word", MONEY)
def test_every_message_of_the_catalogue_carries_the_money_sentence(word: MoneyWord) -> None:
    booking = Booking(money=word, accepted_minor=59999, currency="USD", status="PENDING")
    sentence = messages.money_sentence(booking, None)
    assert sentence == MONEY[word]
    for code in set(messages.CATALOGUE) - WITHOUT:
        assert sentence in messages.say(code, money=sentence).text, code
    typed = re.compile(r"charged|reserved on|is safe|on its way back|sent back")
    assert not [code for code, texts in messages.CATALOGUE.items() if typed.search(" ".join(texts))]
