"""Every request to the outside leaves a record in the commit that settles it, and nothing personal is in it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from bookings import retention
from bookings.models import Booking, CallRecord
from fly2any.kernel import clock, exchanges, secretbox
from payments.gateways.stripe import kept as stripe_kept
from suppliers.duffel import kept as duffel_kept
from tests.console import rows
from tests.world import INSTANT, World

MARKS = ("Zzmarkgiven", "Zzmarkfamily", "zzmark@example.com", "+442080169999", "1977-03-29", "ZZ9PASSPORT", "ZZLOYAL77",
         "4242424242424242", "_secret_")


def _marked(booking: Booking) -> None:
    Booking.objects.filter(pk=booking.pk).update(contact_email=MARKS[2], contact_phone=MARKS[3])
    document = {"kind": "passport", "number": MARKS[5], "country": "DE", "expires_on": "2035-01-01"}
    booking.passengers.update(given_name=MARKS[0], family_name=MARKS[1], born_on=date.fromisoformat(MARKS[4]),
                              document=secretbox.seal(json.dumps(document)), loyalty=[[booking.offer.info.loyalty_carriers[0], MARKS[6]]])


def _told(booking: Booking) -> list[tuple[str, str, str, int | None]]:
    return [(row.step, row.method, row.path, row.status)
            for row in CallRecord.objects.filter(booking=booking).order_by("at", "pk")]


@pytest.mark.parametrize("kind", [INSTANT, "holdable"])
def test_each_request_is_kept_with_its_answer_and_nobody_is_in_it(world: World, kind: str) -> None:
    abroad = {"origin": "JFK", "destination": "LHR", "choose": lambda info: (
        "passport" in info.document_kinds and info.loyalty_carriers and info.instant_only == (kind == INSTANT))}
    b = world.booked(kind, **abroad)
    _marked(b)
    world.drive(b)
    world.pay(b)
    assert world.drive(b).status == "CONFIRMED"
    rows = list(CallRecord.objects.filter(booking=b).order_by("at", "pk"))
    made = next(row for row in rows if row.step == "create_order")
    order, payment = world.order(b), world.payment(b)
    assert (made.vendor, made.method, made.path, made.status, made.outcome, made.subject, made.attempt) == (
        "duffel", "POST", "/air/orders", 201, "ok", f"order:{order.pk}", 1)
    assert made.sent["data"]["selected_offers"] == [b.offer_external_id]
    assert made.got["data"]["id"] == order.external_id
    taken = next(row for row in rows if row.step == "capture")
    assert (taken.vendor, taken.path, taken.outcome) == (
        "stripe", f"/v1/payment_intents/{payment.external_id}/capture", "ok")
    assert taken.key and taken.request_id and taken.got["status"] == "succeeded"
    assert taken.got["amount_received"] == payment.captured_minor
    assert any(row.step == "look_payment" and row.method == "GET" for row in rows)  # looks that worked, too
    written = json.dumps(list(CallRecord.objects.values()), default=str)
    assert [mark for mark in MARKS if mark.casefold() in written.casefold()] == []


def test_a_request_without_an_answer_is_kept_too(world: World) -> None:
    b = world.booked(INSTANT)
    world.drive(b)
    world.pay(b)
    world.sandbox.fault("duffel.create_order", "reset_after", count=1)
    world.drive(b)
    asked = CallRecord.objects.get(booking=b, step="create_order")
    assert (asked.status, asked.outcome, asked.request_id, asked.got) == (None, "unknown", "", None)
    assert asked.sent["data"]["selected_offers"] == [b.offer_external_id]
    assert [told[0] for told in _told(b)][:3] == ["open_payment", "look_payment", "create_order"]  # in their order


def test_a_settling_costs_one_statement_more(world: World) -> None:
    b = world.booked()
    written = _Counter()
    with connection.execute_wrapper(written):
        world.drive(b)
    deeds = CallRecord.objects.filter(booking=b).values("step", "subject").distinct().count()
    assert 0 < written.found <= deeds  # one for each answer that was settled, however many requests it took


class _Counter:
    """Counts the statements that write call records."""

    found = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.found += sql.startswith('INSERT INTO "bookings_callrecord"')
        return execute(sql, params, many, context)


# --- the allow-list ---------------------------------------------------------------------------------------------


def test_what_is_not_on_the_list_is_left_out_with_all_it_holds() -> None:
    body = {"data": {"id": "ord_1", "passengers": [{"id": "pas_1", "given_name": "Ada", "born_on": "1990-01-01",
                                                   "identity_documents": [{"unique_identifier": "X1", "id": "doc"}]}],
                     "documents": [{"type": "electronic_ticket", "unique_identifier": "125-1"}], "tomorrow": "Ada"}}
    assert exchanges.kept(body, duffel_kept.ALLOWED) == {
        "data": {"id": "ord_1", "passengers": [{"id": "pas_1"}], "documents": [{"type": "electronic_ticket"}]}}
    intent = {"id": "pi_1", "client_secret": "pi_1_secret_x", "receipt_email": "a@b.c", "status": "succeeded",
              "latest_charge": {"id": "ch_1", "billing_details": {"name": "Ada"},
                                "payment_method_details": {"card": {"last4": "4242"}}}}
    assert exchanges.kept(intent, stripe_kept.ALLOWED) == {
        "id": "pi_1", "status": "succeeded", "latest_charge": {"id": "ch_1"}}


def test_what_a_database_cannot_keep_never_costs_the_answer(db: None) -> None:
    """The record is written in the commit that settles the answer: a NUL in it would lose what the vendor said."""
    odd = {"data": {"id": "ord_\0x", "amount": float("nan"), "total": float("inf"), "quantity": 10**40,
                    "code": ["\0"], "status": 1.5}}
    found = exchanges.kept(odd, duffel_kept.ALLOWED)
    row = CallRecord.objects.create(booking=rows.booking(), step="look_order", subject="order:1", at=clock.now(),
                                    vendor="duffel", method="GET", path="/air/orders/x", milliseconds=1, outcome="ok",
                                    sent=found, got=found)
    row.refresh_from_db()
    assert row.got["data"] == {"id": f"ord_{exchanges.CUT}x", "amount": "nan", "total": "inf", "quantity": 10**40,
                               "code": [exchanges.CUT], "status": 1.5}


def test_a_body_is_bounded() -> None:
    body = {"data": [{"id": "x" * 500, "slices": [{"id": "y" * 90} for _ in range(60)]} for _ in range(60)]}
    found = exchanges.kept(body, duffel_kept.ALLOWED)
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= exchanges.MOST_BYTES
    assert found["data"][0]["id"] == "x" * 120 + "…"
    assert found["data"][0]["slices"][-1] == "… 60 in all"


def test_stripes_form_is_read_as_a_tree() -> None:
    assert stripe_kept.form("amount=500&metadata[payment_id]=7&expand[0]=latest_charge") == {
        "amount": "500", "metadata": {"payment_id": "7"}, "expand": {"0": "latest_charge"}}


def test_a_record_that_fails_changes_nothing_and_nobody_listening_costs_nothing() -> None:
    def broken() -> dict[str, Any]:
        raise ValueError

    exchanges.told(broken, started=0.0)  # nobody listens: it is not even called
    with exchanges.listening() as heard:
        exchanges.told(broken, started=0.0)
    assert heard == []


# --- append-only, and forgotten after 90 days -------------------------------------------------------------------


@pytest.mark.failure("P7")
def test_records_are_neither_changed_nor_deleted_before_their_time(world: World) -> None:
    b = world.booked()
    world.drive(b)
    for deed in (lambda: CallRecord.objects.update(status=500), lambda: CallRecord.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            deed()
    now = clock.now()
    fresh = CallRecord.objects.count()
    CallRecord.objects.create(booking=b, step="look_order", subject="order:1", at=now - timedelta(days=91),
                              vendor="duffel", method="GET", path="/air/orders/1", milliseconds=1, outcome="ok")
    CallRecord.objects.create(booking=b, step="look_order", subject="order:2", at=now - timedelta(days=89),
                              vendor="duffel", method="GET", path="/air/orders/2", milliseconds=1, outcome="ok")
    assert retention.run(now)["call_records"] == 1
    assert CallRecord.objects.count() == fresh + 1
