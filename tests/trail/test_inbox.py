"""Webhooks: only the truly signed are kept, each once, and what they name is marked to be looked at."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import Client
from prometheus_client import REGISTRY

from payments import inbox as payments_inbox
from payments.gateways.stripe import mapping as stripe_mapping
from payments.models import GatewayEvent, Payment
from suppliers import inbox as suppliers_inbox
from suppliers.models import SupplierEvent
from tests.trail import rows
from tests.trail.messages import DUFFEL, STRIPE, duffel_event, post, signature, stripe_event

pytestmark = pytest.mark.django_db


def refused(sender: str, reason: str) -> float:
    return REGISTRY.get_sample_value("webhook_refused_total", {"sender": sender, "reason": reason}) or 0


def nothing_kept() -> bool:
    return not GatewayEvent.objects.exists() and not SupplierEvent.objects.exists()


BOTH = [(STRIPE, stripe_event("evt_1"), "stripe"), (DUFFEL, duffel_event("wev_1", order_id="ord_1"), "duffel")]


@pytest.mark.parametrize(("url", "event", "sender"), BOTH)
@pytest.mark.failure("H5")
def test_a_forged_message_is_refused_and_only_counted(url: str, event: dict, sender: str) -> None:
    before = refused(sender, "bad_signature")
    assert post(url, event, secret="whsec_of_somebody_else") == 400
    assert post(url, event, header="") == 400
    assert post(url, event, header="t=1,v1=00") == 400
    assert refused(sender, "bad_signature") == before + 3
    assert nothing_kept()


@pytest.mark.parametrize(("url", "event", "sender"), BOTH)
@pytest.mark.failure("H5")
def test_a_signature_of_301_seconds_ago_is_refused(url: str, event: dict, sender: str) -> None:
    assert post(url, event, age=302) == 400
    assert post(url, event, age=-400) == 400
    assert nothing_kept()
    assert post(url, event, age=290) == 200


@pytest.mark.parametrize(("url", "event", "sender"), BOTH)
def test_a_signature_of_other_bytes_is_refused(url: str, event: dict, sender: str) -> None:
    secret = settings.STRIPE_WEBHOOK_SECRET if url == STRIPE else settings.DUFFEL_WEBHOOK_SECRET
    other = signature(secret, b'{"id": "evt_2"}', int(time.time()))
    assert post(url, event, header=other) == 400
    assert nothing_kept()


@pytest.mark.parametrize("url", [STRIPE, DUFFEL])
@pytest.mark.failure("H7")
def test_signed_rubbish_is_refused(url: str) -> None:
    for body in (b"not json", b"[]", b"\xff\xfe", b"{}"):
        assert post(url, body) == 400
    assert nothing_kept()


@pytest.mark.failure("H6")
def test_a_message_of_the_other_mode_is_refused() -> None:
    assert post(STRIPE, stripe_event("evt_live", livemode=True)) == 400
    assert post(DUFFEL, duffel_event("wev_live", live_mode=True, order_id="ord_1")) == 400
    assert refused("stripe", "other_mode") >= 1
    assert nothing_kept()


@pytest.mark.parametrize("url", [STRIPE, DUFFEL])
@pytest.mark.failure("H7")
def test_a_body_above_the_sites_limit_is_read_and_one_above_ours_is_refused(url: str) -> None:
    large = stripe_event("evt_large") if url == STRIPE else duffel_event("wev_large", order_id="ord_1")
    large["padding"] = "x" * (200 * 1024)  # DATA_UPLOAD_MAX_MEMORY_SIZE is 64 KiB
    assert post(url, large) == 200
    too_large = large | {"id": "another", "padding": "x" * (256 * 1024)}
    assert post(url, too_large) == 400
    assert GatewayEvent.objects.count() + SupplierEvent.objects.count() == 1


def test_only_post_is_answered() -> None:
    assert Client().get(STRIPE).status_code == 405
    assert Client().get(DUFFEL).status_code == 405


def test_an_event_of_a_payment_wakes_its_booking_and_marks_the_payment() -> None:
    booking = rows.booking()
    other = rows.payment(rows.booking())
    payment = rows.payment(booking, external_id="pi_mine")
    assert post(STRIPE, stripe_event("evt_1", intent="pi_mine")) == 200
    booking.refresh_from_db()
    payment.refresh_from_db()
    other.refresh_from_db()
    event = GatewayEvent.objects.get()
    assert (event.fate, event.booking_id, event.kind) == ("heard", booking.pk, "payment.changed")
    assert booking.wakes == 1
    assert booking.due_at == payment.news_at == event.received_at
    assert other.news_at is None
    assert (payment.state, payment.captured_minor) == ("open", 0)  # heard, not believed


def test_an_event_of_a_refund_marks_the_refund_too() -> None:
    booking = rows.booking()
    payment = rows.payment(booking, external_id="pi_mine", state="captured", captured_minor=59999,
                           captured_elsewhere=True)
    mine, other = rows.refund(payment), rows.refund(payment, cause="other", external_id="re_other")
    thing = {"id": mine.external_id, "object": "refund", "payment_intent": "pi_mine"}
    assert post(STRIPE, stripe_event("evt_1", "refund.failed", thing=thing)) == 200
    mine.refresh_from_db()
    other.refresh_from_db()
    assert mine.news_at is not None and mine.state == "sent"
    assert other.news_at is None


@pytest.mark.parametrize("thing", [{"order_id": "ord_1"}, {"id": "ord_1"}, {"id": "x", "offer_id": "off_mine"}])
def test_an_event_of_an_order_finds_it_by_its_id_or_its_offer(thing: dict) -> None:
    booking = rows.booking(offer_external_id="off_mine")
    by_id = "offer_id" not in thing
    order = rows.order(booking, external_id="ord_1" if by_id else "")
    assert post(DUFFEL, duffel_event("wev_1", **thing)) == 200
    booking.refresh_from_db()
    order.refresh_from_db()
    event = SupplierEvent.objects.get()
    assert event.booking_id == booking.pk
    if by_id:  # "created", and our own call has told us so: nobody need look again
        assert (event.fate, booking.wakes, order.news_at) == ("known", 0, None)
        return
    assert (event.fate, booking.wakes) == ("heard", 1)
    assert order.news_at == booking.due_at == event.received_at
    assert order.failed_notice_at is None


def test_a_capture_that_we_know_of_is_no_news_but_one_that_we_do_not_is() -> None:
    booking = rows.booking()
    order = rows.order(booking, external_id="ord_1", state="ticketed")
    payment = rows.payment(booking, external_id="pi_1", state="captured", captured_minor=1, order=order)
    assert post(STRIPE, stripe_event("evt_1", "payment_intent.succeeded")) == 200
    payment.refresh_from_db()
    assert (GatewayEvent.objects.get().fate, payment.news_at) == ("known", None)
    Payment.objects.filter(pk=payment.pk).update(state="capturing")  # whoever asks hears it as the answer
    assert post(STRIPE, stripe_event("evt_3", "payment_intent.succeeded")) == 200
    payment.refresh_from_db()
    assert (GatewayEvent.objects.get(event_id="evt_3").fate, payment.news_at) == ("known", None)
    Payment.objects.filter(pk=payment.pk).update(state="authorised", captured_minor=0)
    assert post(STRIPE, stripe_event("evt_2", "payment_intent.succeeded")) == 200
    payment.refresh_from_db()
    assert GatewayEvent.objects.get(event_id="evt_2").fate == "heard" and payment.news_at is not None


def test_the_order_named_by_id_counts_more_than_one_of_the_same_offer() -> None:
    booking = rows.booking(offer_external_id="off_mine")
    named = rows.order(booking, external_id="ord_1", state="cancelled")
    rows.order(booking, state="not_created")
    assert post(DUFFEL, duffel_event("wev_1", "order.updated", order_id="ord_1", offer_id="off_mine")) == 200
    named.refresh_from_db()
    assert named.news_at is not None


def test_a_message_that_names_nothing_is_no_riddle_for_staff() -> None:
    """Duffel's payment.created carries an empty object (duffel.md 8): there is nothing to match it with, ever."""
    assert post(DUFFEL, duffel_event("wev_1", "payment.created")) == 200
    assert SupplierEvent.objects.get().fate == "ignored"


def test_a_failed_creation_is_noted_on_the_order() -> None:
    booking = rows.booking(offer_external_id="off_mine")
    order = rows.order(booking, state="unknown")
    assert post(DUFFEL, duffel_event("wev_1", "order.creation_failed", offer_id="off_mine")) == 200
    order.refresh_from_db()
    assert order.failed_notice_at == order.news_at is not None
    assert order.state == "unknown"  # the driver decides


def test_a_replay_changes_nothing() -> None:
    booking = rows.booking()
    payment = rows.payment(booking, external_id="pi_mine")
    assert post(STRIPE, stripe_event("evt_1", intent="pi_mine")) == 200
    payment.refresh_from_db()
    first = payment.news_at
    for _ in range(3):
        assert post(STRIPE, stripe_event("evt_1", intent="pi_mine")) == 200
    payment.refresh_from_db()
    booking.refresh_from_db()
    assert (GatewayEvent.objects.count(), booking.wakes, payment.news_at) == (1, 1, first)


@pytest.mark.failure("H3")
def test_messages_may_come_in_any_order() -> None:
    """The last one to come is not the last one to happen: each only says 'look', so the end is the same."""
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    for number, kind in enumerate(("payment_intent.succeeded", "payment_intent.created", "charge.refunded")):
        thing = {"id": "ch_1", "object": "charge", "payment_intent": "pi_mine"} if "charge" in kind else None
        assert post(STRIPE, stripe_event(f"evt_{number}", kind, intent="pi_mine", thing=thing)) == 200
    booking.refresh_from_db()
    assert booking.wakes == 3
    assert booking.payments.get().state == "open"


def test_an_unknown_kind_is_kept_and_ignored() -> None:
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    thing = {"id": "cus_1", "object": "customer", "payment_intent": "pi_mine"}
    assert post(STRIPE, stripe_event("evt_1", "customer.created", thing=thing)) == 200
    assert post(DUFFEL, duffel_event("wev_1", "stays.booking.created", id="bok_1")) == 200
    assert post(DUFFEL, duffel_event("wev_2", "ping.triggered")) == 200
    booking.refresh_from_db()
    assert booking.wakes == 0
    assert [event.fate for event in GatewayEvent.objects.all()] == ["ignored"]
    assert [event.fate for event in SupplierEvent.objects.all()] == ["ignored", "ignored"]


@pytest.mark.failure("H8")
def test_a_message_that_cannot_be_kept_is_answered_with_500(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(payments_inbox, "keep", broken)
    monkeypatch.setattr(suppliers_inbox, "keep", broken)
    assert post(STRIPE, stripe_event("evt_1")) == 500
    assert post(DUFFEL, duffel_event("wev_1", order_id="ord_1")) == 500


@pytest.mark.failure("H4")
def test_a_message_that_came_before_its_row_is_matched_later() -> None:
    assert post(STRIPE, stripe_event("evt_1", intent="pi_late")) == 200
    assert post(DUFFEL, duffel_event("wev_1", "order.creation_failed", order_id="ord_late")) == 200
    gateway, supplier = GatewayEvent.objects.get(), SupplierEvent.objects.get()
    assert (gateway.fate, supplier.fate) == ("unmatched", "unmatched")
    now = max(gateway.received_at, supplier.received_at) + timedelta(seconds=11)
    assert payments_inbox.rematch(now=now) == 0
    assert suppliers_inbox.rematch(now=now) == 0

    booking = rows.booking()
    payment, order = rows.payment(booking, external_id="pi_late"), rows.order(booking, external_id="ord_late")
    assert payments_inbox.rematch(now=now) == 0  # tried a moment ago: it rests for 11 s more
    later = now + timedelta(seconds=12)
    assert payments_inbox.rematch(now=later) == 1
    assert suppliers_inbox.rematch(now=later) == 1
    for row in (booking, payment, order, gateway, supplier):
        row.refresh_from_db()
    assert (gateway.fate, supplier.fate, booking.wakes) == ("heard", "heard", 2)
    assert payment.news_at == order.news_at == order.failed_notice_at == later
    assert payments_inbox.rematch(now=later + timedelta(hours=1)) == 0


def test_unmatched_messages_are_tried_ever_more_rarely_and_given_up_after_72_hours() -> None:
    post(STRIPE, stripe_event("evt_1", intent="pi_nobody"))
    event = GatewayEvent.objects.get()
    tried = []
    for minute in range(73 * 60):
        now = event.received_at + timedelta(minutes=minute, seconds=30)
        payments_inbox.rematch(now=now)
        event.refresh_from_db()
        if event.tried_at == now:
            tried.append(minute)
    assert tried[:7] == [0, 1, 3, 7, 15, 31, 63]
    assert 70 <= len(tried) <= 80 and tried[-1] < 72 * 60
    now = event.received_at + timedelta(hours=72)
    assert payments_inbox.overdue(now=now - timedelta(seconds=1)) == []
    assert payments_inbox.overdue(now=now) == [event]
    payments_inbox.give_up(event, now=now)
    event.refresh_from_db()
    assert event.fate == "given_up"
    assert payments_inbox.overdue(now=now) == []


def test_the_running_site_listens_to_both_inboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bookings subscribe to both when the site starts."""
    from django.apps import apps

    from bookings.wake import wake
    from payments import listeners as of_payments
    from suppliers import listeners as of_suppliers

    monkeypatch.setattr(of_payments, "_subscribers", [])
    monkeypatch.setattr(of_suppliers, "_subscribers", [])
    apps.get_app_config("bookings").ready()
    booking = rows.booking()
    rows.payment(booking, external_id="pi_mine")
    assert of_payments._subscribers == of_suppliers._subscribers == [wake]
    assert post(STRIPE, stripe_event("evt_1", intent="pi_mine")) == 200
    booking.refresh_from_db()
    assert booking.wakes == 1


@pytest.mark.parametrize(("url", "event", "model"), [
    (STRIPE, stripe_event("evt_thrice"), GatewayEvent), (DUFFEL, duffel_event("wev_thrice", order_id="ord_1"),
                                                         SupplierEvent)])
def test_a_message_that_comes_again_is_kept_once_and_counted(url: str, event: dict, model: type) -> None:
    assert post(url, event) == 200
    kept = model.objects.get()
    assert (kept.deliveries, kept.last_at) == (1, None)
    assert post(url, event) == post(url, event) == 200
    again = model.objects.get()
    assert (again.deliveries, again.received_at, again.fate) == (3, kept.received_at, kept.fate)
    assert again.last_at > kept.received_at


def test_a_message_that_we_fetch_ourselves_is_not_counted_as_a_delivery() -> None:
    notice = stripe_mapping.notice(stripe_event("evt_fetched"))
    assert not payments_inbox.keep(notice).duplicate
    assert GatewayEvent.objects.get().deliveries == 0
    assert payments_inbox.keep(notice).duplicate
    assert GatewayEvent.objects.get().deliveries == 0
    assert post(STRIPE, stripe_event("evt_fetched")) == 200
    assert GatewayEvent.objects.get().deliveries == 1
