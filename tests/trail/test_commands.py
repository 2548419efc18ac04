"""The books for comparison, what is forgotten, and new keys for old documents."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import cases, retention
from bookings.management.commands import ledger_export, rotate_field_keys
from bookings.models import AccessLink, Attempt, Booking, Heartbeat, Idempotency, Passenger
from fly2any.kernel import secretbox
from payments.models import GatewayEvent
from suppliers.models import Offer, Search
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db


def export() -> list[dict[str, Any]]:
    out = StringIO()
    call_command("ledger_export", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_export_tells_each_booking_in_one_line() -> None:
    rows.booking(wish="draft", wished_at=None)
    first = rows.booking(status="CONFIRMED")
    order = rows.order(first, external_id="ord_1", state="ticketed")
    rows.order(first, state="not_created")
    rows.payment(first, external_id="pi_0", state="voided")
    paid = rows.payment(first, external_id="pi_1", state="captured", captured_minor=59999, refunded_minor=9999,
                        order=order)
    for state, id, minor in (("succeeded", "desk:R 1", 2000), ("succeeded", "re_1", 7999), ("requested", "", 1)):
        paid.refunds.create(amount_minor=minor, currency="USD", cause=f"by_hand{minor}", state=state, external_id=id,
                            requested_at=NOW)
    second = rows.booking(accepted_minor=0, currency="JPY")
    cases.open_case(kind="unknown_outcome", subject="booking:2", booking=second, now=NOW)
    cases.open_case(kind="orphaned_booking", subject="duffel:ord_9", booking=second, now=NOW)
    cases.open_case(kind="compensation_failed", subject="booking:1", booking=first, now=NOW)
    cases.heal(kind="compensation_failed", subject="booking:1", now=NOW)
    assert export() == [
        {"reference": first.reference, "status": "CONFIRMED", "case": None, "supplier": "duffel",
         "agreed_amount_minor": 59999, "retained_minor": 50000,
         "orders": [{"id": "ord_1", "state": "ticketed"}, {"id": "", "state": "not_created"}],
         "payments": [{"id": "pi_0", "state": "voided", "captured_minor": 0, "refunded_minor": 0, "by_hand_minor": 0},
                      {"id": paid.external_id, "state": "captured", "captured_minor": 59999,
                       "refunded_minor": 9999, "by_hand_minor": 2000}],
         "currency": "USD", "fee_minor": 0},
        {"reference": second.reference, "status": "PENDING", "case": "orphaned_booking", "supplier": "duffel",
         "agreed_amount_minor": 0, "retained_minor": 0, "orders": [], "payments": [], "currency": "JPY",
         "fee_minor": 0},
    ]


def test_the_export_asks_once_per_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    references = [rows.booking().reference for _ in range(7)]
    monkeypatch.setattr(ledger_export, "BATCH", 3)
    with CaptureQueriesContext(connection) as queries:
        assert [line["reference"] for line in ledger_export.lines()] == references
    assert len(queries) == 3


# --- what is forgotten ------------------------------------------------------------------------------------------


def _offer(external_id: str, *, old: bool, search: Search | None = None) -> Offer:
    offer = Offer.objects.create(principal="guest:a", supplier="duffel", external_id=external_id, request_id="orq",
                                 total_minor=1, currency="USD", expires_at=NOW, searched={}, search=search)
    Offer.objects.filter(pk=offer.pk).update(created_at=NOW - timedelta(days=7, seconds=1 if old else -1))
    return offer


def test_offers_and_searches_go_after_a_week_unless_they_were_booked() -> None:
    booked = rows.booking().offer
    search, empty = (Search.objects.create(principal="guest:a", query={}) for _ in range(2))
    Search.objects.update(created_at=NOW - timedelta(days=8))
    Offer.objects.filter(pk=booked.pk).update(created_at=NOW - timedelta(days=800), search=search)
    young = _offer("off_young", old=False)
    _offer("off_old", old=True)
    gone = retention.run(NOW)
    assert (gone["offers"], gone["searches"]) == (1, 1)
    assert set(Offer.objects.all()) == {booked, young}
    assert set(Search.objects.all()) == {search}
    assert not Search.objects.filter(pk=empty.pk).exists()


def test_requests_attempts_and_links_are_kept_as_long_as_they_protect() -> None:
    booking = rows.booking()
    for days in (6, 8):
        Idempotency.objects.create(principal="guest:a", endpoint="book", key=f"key {days}", digest="x", status=201,
                                   body={}, created_at=NOW - timedelta(days=days))
    for hours in (47, 49):
        Attempt.objects.create(scope="lookup", subject="a", slot=NOW - timedelta(hours=hours))
    for minutes in (-1, 1):
        AccessLink.objects.create(booking=booking, token_hash=f"hash {minutes}", created_at=NOW,
                                  expires_at=NOW + timedelta(minutes=minutes))
    gone = retention.run(NOW)
    assert (gone["idempotency"], gone["attempts"], gone["links"]) == (1, 1, 1)
    assert Idempotency.objects.get().key == "key 6"
    assert Attempt.objects.get().slot == NOW - timedelta(hours=47)
    assert AccessLink.objects.get().token_hash == "hash 1"
    assert set(retention.run(NOW).values()) == {0}  # again: nothing


def test_documents_are_erased_30_days_after_the_last_flight() -> None:
    for days in (29, 31):
        booking = rows.booking(arrives_at=NOW - timedelta(days=days))
        booking.passengers.update(document=secretbox.seal('{"number": "X1234567"}'), family_name=f"Days{days}")
    assert retention.run(NOW)["documents"] == 1
    kept = dict(Passenger.objects.values_list("family_name", "document"))
    assert kept["Days31"] == ""
    assert secretbox.unseal(kept["Days29"]) == '{"number": "X1234567"}'


def test_messages_of_nobody_go_after_90_days_and_those_of_a_booking_stay() -> None:
    booking = rows.booking()
    for name, fate, whose, days in (("old", "ignored", None, 91), ("given", "given_up", None, 91),
                                    ("young", "ignored", None, 89), ("mine", "heard", booking, 400)):
        GatewayEvent.objects.create(provider="stripe", event_id=name, kind="x", raw_kind="x", fate=fate,
                                    booking=whose, received_at=NOW - timedelta(days=days))
    assert retention.run(NOW)["gateway_events"] == 2
    assert set(GatewayEvent.objects.values_list("event_id", flat=True)) == {"young", "mine"}


def test_drafts_are_forgotten_an_hour_after_their_offer(settings: Any) -> None:
    words = {"wish": "draft", "status": "DRAFT", "wished_at": None}
    for name, minutes, changes in (("old", 61, words), ("fresh", 59, words), ("booked", 61, {})):
        booking = rows.booking(offer_expires_at=NOW - timedelta(minutes=minutes), typed=secretbox.seal("x"), **changes)
        booking.passengers.update(given_name=name)
    rows.booking(offer_expires_at=NOW - timedelta(days=9), contact_email="", contact_phone="", **words)  # nothing in it
    assert retention.run(NOW)["drafts"] == 1
    assert set(Passenger.objects.exclude(given_name="Anna").values_list("given_name", flat=True)) == {"fresh", "booked"}
    gone = Booking.objects.get(offer_expires_at=NOW - timedelta(minutes=61), wish="draft")
    assert (gone.typed, gone.contact_email, gone.contact_phone, gone.passengers.count()) == ("", "", "", 0)
    assert gone.fare_minor == 59999
    assert retention.forget_drafts(NOW) == 0


# --- keys -------------------------------------------------------------------------------------------------------


def _documents(settings: Any, *keys: bytes) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [key.decode() for key in keys]


def test_after_the_rotation_the_new_key_alone_opens_every_document(settings: Any) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    _documents(settings, old)
    for number in range(5):
        rows.booking().passengers.update(document=secretbox.seal(f"passport {number}"))
    rows.booking()  # a traveller without a document
    _documents(settings, new, old)
    out = StringIO()
    call_command("rotate_field_keys", stdout=out)
    assert out.getvalue() == "documents under the newest key: 5\n"
    _documents(settings, new)
    texts = [secretbox.unseal(person.document) for person in Passenger.objects.exclude(document="").order_by("pk")]
    assert texts == [f"passport {number}" for number in range(5)]


@pytest.mark.failure("O6")
def test_a_killed_rotation_goes_on_where_it_was(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    _documents(settings, old)
    for number in range(5):
        rows.booking().passengers.update(document=secretbox.seal(f"passport {number}"))
    _documents(settings, new, old)
    monkeypatch.setattr(rotate_field_keys, "BATCH", 2)
    real, calls = secretbox.reseal, []

    def dies_at_the_fourth(token: str) -> str:
        calls.append(token)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(token)

    monkeypatch.setattr(secretbox, "reseal", dies_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_field_keys", stdout=StringIO())
    assert Heartbeat.objects.get(name="rotate_field_keys").note["rotated"] == 2
    call_command("rotate_field_keys", stdout=StringIO())
    assert len(calls) == 4 + 3  # the first two are not touched again
    _documents(settings, new)
    assert all(secretbox.unseal(person.document) for person in Passenger.objects.exclude(document=""))


@pytest.mark.failure("O7")
def test_a_document_that_fits_no_key_is_named_and_left_alone(settings: Any) -> None:
    _documents(settings, Fernet.generate_key())
    lost = rows.booking().passengers.get()
    Passenger.objects.filter(pk=lost.pk).update(document=secretbox.seal("passport"))
    _documents(settings, Fernet.generate_key())
    with pytest.raises(CommandError, match=f"travellers \\[{lost.pk}\\]"):
        call_command("rotate_field_keys", stdout=StringIO())
    assert Passenger.objects.get(pk=lost.pk).document != ""


def test_numbers_and_typed_forms_are_rotated_too(settings: Any) -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    _documents(settings, old)
    booking = rows.booking(typed=secretbox.seal("typed"))
    booking.passengers.update(numbers=secretbox.seal("numbers"))
    _documents(settings, new, old)
    call_command("rotate_field_keys", stdout=StringIO())
    _documents(settings, new)
    booking.refresh_from_db()
    assert (secretbox.unseal(booking.typed), secretbox.unseal(booking.passengers.get().numbers)) == ("typed", "numbers")
