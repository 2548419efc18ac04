"""One box that understands whatever a caller reads out, and leads there at once when it is one thing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from bookings.admin import find
from bookings.models import Booking, Case
from payments.models import Dispute
from tests.console import rows
from tests.console.rows import NOW

pytestmark = pytest.mark.django_db
TICKET = "2201234567890"


@pytest.fixture(autouse=True)
def staff(client: Client, django_user_model: Any) -> Any:
    user = django_user_model.objects.create_user("ops", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_case", "view_booking")))
    client.force_login(user)
    return user


def wanted_and_other() -> Booking:
    """A finished, refunded and disputed booking; another one with everything different."""
    wanted = rows.cancelled(given_back=20_000, agreed=20_000)
    wanted.orders.update(tickets=[{"kind": "ticket", "number": TICKET, "passengers": ["pas_1"]}])
    Dispute.objects.create(payment=wanted.payments.get(), external_id="dp_wanted", amount_minor=1, currency="USD",
                           status="needs_response", seen_at=NOW)
    other = rows.confirmed(contact_phone="+12125550123")
    other.orders.update(tickets=[{"kind": "ticket", "number": "9999999999999", "passengers": []}])
    other.passengers.update(family_name="Smith", given_name="Ann")
    other.segments.update(departing_local="2026-12-24T09:00:00")
    return wanted


def words(of: Booking) -> dict[str, str]:
    """Every way to say this booking."""
    order, payment = of.orders.get(), of.payments.get()
    return {
        "reference": of.reference, "its code": of.reference[6:], "in small letters": of.reference.lower(),
        "airline reference": order.pnr, "in small letters too": order.pnr.lower(), "order id": order.external_id,
        "payment id": payment.external_id, "refund id": payment.refunds.get().external_id, "dispute id": "dp_wanted",
        "public id": str(of.public_id), "ticket": TICKET, "ticket with a hyphen": f"{TICKET[:3]}-{TICKET[3:]}",
        "ticket with spaces": f"{TICKET[:3]} {TICKET[3:]}", "ticket with its check digit": f"{TICKET}4",
        "e-mail": of.contact_email, "e-mail in capitals": of.contact_email.upper(),
        "phone": "+4915112345678", "phone with zeros": "0049 151 12345678", "phone at home": "0151 / 1234-5678",
        "phone with (0)": "+49 (0)151 12345678", "end of a phone": "112345678",
        "family name": "Ångström", "in any case": "åNGSTRÖM", "first and family name": "greta ångström",
        "as on a boarding pass": "ÅNGSTRÖM/GRETA", "name and date": "Ångström 2026-12-20",
        "date before name": "20.12.2026 Ångström", "airline's date": "ANGSTROM Ångström 20DEC26".removeprefix("ANGSTROM "),
        "date in words": "Ångström 20 December 2026", "American date": "Ångström 12/20/2026",
        "whole name and date": "Greta Ångström 20DEC2026", "e-mail and name": f"{of.contact_email} ångström",
        "e-mail and date": f"{of.contact_email} 2026-12-20"}


def test_each_kind_of_word_leads_to_the_one_booking(client: Client) -> None:
    wanted = wanted_and_other()
    where = reverse("admin:bookings_booking_change", args=[wanted.pk])
    led = {name: client.get(reverse("admin:bookings_find"), {"q": word}).get("Location")
           for name, word in words(wanted).items()}
    assert led == dict.fromkeys(words(wanted), where)


@pytest.mark.parametrize("word", [
    "FLY2A-ZZZZZZ", "nobody@example.org", "2201234567891", "+4915112345679", "1234567", "Angström", "Ångström 2026-12-21",
    "Smith Ångström", "%", "_", "' OR 1=1 --", "2026-12-20", "\x00", "   ", "()", "x" * 500, "Gre", "ord_", "5678"])
def test_what_is_not_known_is_said_and_never_guessed(client: Client, word: str) -> None:
    wanted_and_other()
    answer = client.get(reverse("admin:bookings_find"), {"q": word})
    assert answer.status_code == 200
    assert "data-line" not in answer.content.decode()


def test_a_date_alone_asks_for_a_name(client: Client) -> None:
    assert "Add a family name" in client.get(reverse("admin:bookings_find"), {"q": "2026-12-20"}).content.decode()


def test_one_open_case_is_where_the_work_is(client: Client) -> None:
    b = rows.confirmed()
    find_view = reverse("admin:bookings_find")
    one = rows.case(b, "dispute")
    rows.case(b, "refund_failed", closed_at=NOW, closed_because="sent again")
    assert client.get(find_view, {"q": b.reference})["Location"] == reverse("admin:bookings_case_change", args=[one.pk])
    two = rows.case(b, "ledgers_differ")
    html = client.get(find_view, {"q": b.reference}).content.decode()
    for told in (reverse("admin:bookings_case_change", args=[one.pk]), reverse("admin:bookings_booking_change", args=[b.pk]),
                 reverse("admin:bookings_case_change", args=[two.pk]), "Greta Ångström", b.orders.get().pnr):
        assert told in html, told
    Case.objects.update(closed_at=NOW, closed_because="done")
    assert client.get(find_view, {"q": b.reference})["Location"] == reverse("admin:bookings_booking_change", args=[b.pk])


def test_an_object_outside_that_no_booking_stands_for_leads_to_its_case(client: Client) -> None:
    lost = rows.case(None, "orphaned_booking", subject="duffel:ord_lost")
    where = reverse("admin:bookings_case_change", args=[lost.pk])
    for word in ("ord_lost", "duffel:ord_lost"):
        assert client.get(reverse("admin:bookings_find"), {"q": word})["Location"] == where


def test_several_that_may_be_meant_are_listed_up_to_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.admin.queue.searching.MOST", 2)
    made = [rows.booking() for _ in range(3)]
    html = client.get(reverse("admin:bookings_find"), {"q": "Ångström"}).content.decode()
    assert html.count("data-line") == 2
    assert made[0].reference not in html  # the oldest
    assert "Only the newest 2 are shown" in html


def test_who_may_not_see_bookings_is_led_to_cases_only(client: Client, staff: Any) -> None:
    staff.user_permissions.set(Permission.objects.filter(codename="view_case"))
    client.force_login(staff)  # other rights end a session
    b = rows.confirmed()
    answer = client.get(reverse("admin:bookings_find"), {"q": b.reference})
    assert (answer.status_code, b.contact_email in answer.content.decode()) == (200, False)


@pytest.mark.parametrize(("text", "left", "days"), [
    ("Smith 2026-12-20", "Smith", [date(2026, 12, 20)]), ("Smith 3/4/2026", "Smith", [date(2026, 4, 3), date(2026, 3, 4)]),
    ("1MAY26", "1MAY26", []), ("01MAY26 Smith", "Smith", [date(2026, 5, 1)]), ("Smith 31 Feb 2026", "Smith 31 Feb 2026", []),
    ("1 June 2026 van der Berg", "van der Berg", [date(2026, 6, 1)]), ("20261220", "20261220", [])])
def test_dates_are_told_from_references_and_numbers(text: str, left: str, days: list[date]) -> None:
    assert find.without_dates(text) == (left, tuple(days))


@pytest.mark.parametrize("said", ["ångström {pnr}", "{pnr} Ångström", "{email} ångström"])
def test_a_name_that_many_newer_ones_share_is_found_by_what_else_is_said(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "LIMIT", 1)
    old = rows.confirmed(contact_email="old@example.com")
    old.orders.update(pnr="OLDPNR")
    old.passengers.update(family_name="Ångström")
    new = rows.confirmed(contact_email="new@example.com")
    new.orders.update(pnr="NEWPNR")
    new.passengers.update(family_name="Ångström")
    text = said.format(pnr="OLDPNR", email="old@example.com")
    assert list(Booking.objects.filter(find.bookings_matching(text))) == [old]
    assert list(Booking.objects.filter(find.bookings_matching("Ångström"))) == [new], "the control: newer ones hide it"
