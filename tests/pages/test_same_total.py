"""One total, to the last digit, from the results to the console, whatever the currency (ux.md 1 and 7)."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.conf import settings as site
from django.template.loader import render_to_string
from django.test import Client
from pypdf import PdfReader

from bookings import documents, letter
from bookings.models import Booking
from fly2any.kernel.money import Money
from payments.models import Payment
from suppliers import registry
from suppliers.models import Offer
from tests.pages.everything import BAG, Airline, found
from tests.pages.html import Page, read
from tests.pages.test_steps import PERSON, TICKED, press
from tests.trail import rows

pytestmark = pytest.mark.django_db
FEE, BAG_MINOR = 731, 6021
PRICES = [("USD", 59999), ("GBP", 123456789), ("JPY", 12345678), ("BHD", 599987), ("KWD", 1234567)]


def on_sale(principal: str, currency: str, minor: int) -> tuple[str, Offer]:
    """A search with one offer at that price, which sells a bag."""
    there = found(principal)
    first, *others = Offer.objects.filter(principal=principal).order_by("total_minor")
    for other in others:
        other.delete()
    raw = rows.offer_json(first.external_id, total_minor=minor, currency=currency)
    raw["services"] = [{**BAG, "price": {"minor": BAG_MINOR, "currency": currency}}]
    raw["expires_at"] = first.expires_at.isoformat()
    Offer.objects.filter(pk=first.pk).update(searched=raw, total_minor=minor, currency=currency)
    return there, Offer.objects.get(pk=first.pk)


def amounts(page: Page, currency: str) -> set[str]:
    """Every amount of money in the text; any other currency would be an error."""
    assert set(re.findall(r"\b(USD|GBP|JPY|BHD|KWD) [\d]", page.text)) <= {currency}
    return set(re.findall(rf"{currency} [\d,]+(?:\.\d+)?", page.text))


@pytest.mark.parametrize(("currency", "minor"), PRICES)
def test_one_total_from_the_results_to_the_console(guest: Client, principal: str, admin_client: Client, settings: Any,
                                                   currency: str, minor: int) -> None:
    settings.SERVICE_FEE_MINOR = FEE
    bare, total = (str(Money(amount, currency)) for amount in (minor + FEE, minor + FEE + BAG_MINOR))
    places = {"USD": 2, "GBP": 2, "JPY": 0}.get(currency, 3)
    assert len(total.partition(".")[2]) == places
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        there, offer = on_sale(principal, currency, minor)
        assert amounts(read(guest.get(there)), currency) == {bare, str(Money(7500, currency))}, "and the fee for changes"
        extras = guest.post("/checkout/start", {"offerId": str(offer.pk)}).headers["Location"]
        page = read(guest.get(extras))
        assert bare in page.text
        bag = next(tag["name"] for tag in page.all("select") if "name" in tag)
        assert guest.post(extras, {bag: "1"}).status_code == 302
        step = extras.removesuffix("extras")
        assert total in read(guest.get(f"{step}passengers")).text
        guest.post(f"{step}passengers", PERSON)
        review = read(guest.get(f"{step}review"))
        assert f"Pay {total}" in review.text
        assert {bare, total} & amounts(review, currency) == {total}
        form = next(review.all("form", novalidate=""))
        assert form["data-amount"] == str(minor + FEE + BAG_MINOR)
        guest.post(f"{step}review", press(review, **TICKED))
    booking = Booking.objects.get(wish="book")
    assert (booking.accepted_minor, booking.currency) == (minor + FEE + BAG_MINOR, currency)
    _on_its_way(guest, booking, total)
    _confirmed(guest, admin_client, booking, total)


def _on_its_way(guest: Client, booking: Booking, total: str) -> None:
    payment = Payment.objects.filter(booking=booking).first() or rows.payment(booking)
    assert payment.amount_minor == booking.accepted_minor
    Booking.objects.filter(pk=booking.pk).update(status="PENDING_PAYMENT", progress="card")
    pay = read(guest.get(f"/trips/{booking.reference}/pay"))
    assert f"Pay {total}" in pay.text
    assert next(pay.all("form", novalidate=""))["data-amount"] == str(booking.accepted_minor)


def _confirmed(guest: Client, staff: Client, booking: Booking, total: str) -> None:
    order = rows.order(booking, external_id="ord_1", pnr="X7K2PQ", total_minor=booking.fare_minor + BAG_MINOR,
                       tickets=[{"kind": "ticket", "number": "125-1"}])
    Payment.objects.filter(booking=booking).update(
        state="captured", captured_minor=booking.accepted_minor, order=order, card_brand="visa", card_last4="4242")
    Booking.objects.filter(pk=booking.pk).update(status="CONFIRMED", progress="done", money="charged")
    booking.refresh_from_db()
    words = {**letter.words(booking), "site": site.SITE_URL, "support": "x", "link": "", "papers": set()}
    told = {
        "page": read(guest.get(f"/trips/{booking.reference}")).text,
        "paper": " ".join(page.extract_text() for page in PdfReader(io.BytesIO(documents.itinerary_pdf(booking))).pages),
        "mail": render_to_string("mail/confirmed.txt", words),
        "mail in HTML": Page(render_to_string("mail/confirmed.html", words)).text,
        "console": read(staff.get(f"/admin/bookings/booking/{booking.pk}/change/")).text}
    for where, text in told.items():
        assert total in re.sub(r"\s+", " ", text.replace("\u00a0", " ")), where
        if where != "console":
            assert f"Your payment of {total} is safe." in re.sub(r"\s+", " ", text.replace("\u00a0", " ")), where
    told_by_api = guest.get(f"/api/bookings/{booking.reference}").json()["booking"]
    decimal = str(Money(booking.accepted_minor, booking.currency).amount)
    assert told_by_api["total"] == {"amount": decimal, "currency": booking.currency, "minor": booking.accepted_minor,
                                    "text": total}
