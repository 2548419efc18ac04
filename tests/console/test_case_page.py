"""The page of a case: why it is here, three records, money that adds up, and everything that happened, each once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.admin.columns import AGREES, DIFFERS, side_by_side
from bookings.admin.elsewhere import links_of
from bookings.admin.ledger import ledger_of
from bookings.admin.timeline import timeline_of
from bookings.facts import load
from bookings.models import Booking, CallRecord, Case, Diary, Outbox, StaffAction
from bookings.twins import name_digest
from fly2any.kernel import clock
from payments.models import Dispute, GatewayEvent, Payment, Refund
from suppliers.models import SupplierEvent, SupplierOrder
from tests.console import rows
from tests.console.rows import NOW
from tests.trail import rows as real

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client, django_user_model: Any) -> Any:
    user = django_user_model.objects.create_user("ops", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(
        codename__in=["view_case", "view_booking", "do_look_again", "do_handle", "do_reveal"]))
    client.force_login(user)
    return user


def page(client: Client, case: Case, **asked: str) -> str:
    answer = client.get(reverse("admin:bookings_case_change", args=[case.pk]), asked)
    assert answer.status_code == 200
    return str(answer.content.decode())


def call(of: Booking, **changes: Any) -> CallRecord:
    return CallRecord.objects.create(**{
        "booking": of, "step": "look_order", "subject": "order:1", "at": NOW, "vendor": "duffel", "method": "GET",
        "path": "/air/orders/ord_1", "request_id": "req_1", "status": 200, "milliseconds": 412, "outcome": "ok",
        "got": {"data": {"id": "ord_1"}}, **changes})


# --- why it is here ---------------------------------------------------------------------------------------------


def test_the_verdict_comes_with_the_rule_and_the_values_that_fired_it(client: Client, operator: Any) -> None:
    case = rows.case(rows.confirmed(), "charged_without_order", facts={"order": "cancelled", "captured_minor": 50_000})
    html = page(client, case)
    assert case.verdict in html
    assert "Rule M1." in html
    assert '<span class="quiet">Captured</span> USD 500.00' in html
    assert '<span class="quiet">Order</span> cancelled' in html


def test_a_case_about_an_object_outside_shows_what_its_vendor_said(client: Client, operator: Any) -> None:
    lost = rows.case(None, "orphaned_booking", subject="duffel:ord_lost", money_minor=123_456, currency="USD",
                     facts={"state": "ticketed", "total": "USD 1,234.56", "pnr": "RZPNX8"})
    html = page(client, lost)
    row = re.search(r'>Exists</th>\s*<td[^>]*>no booking</td><td[^>]*>yes</td><td[^>]*>–</td>', html)
    assert row is not None
    for told in ("RZPNX8", "USD 1,234.56", "no booking of ours stands for it", "≠"):
        assert told in html, told


def test_the_page_waits_for_fresh_answers_and_says_whose_is_missing(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    case, now = rows.case(b), clock.now()
    since = str(int(now.timestamp()) - 60)
    SupplierOrder.objects.update(looked_at=now)
    Payment.objects.update(looked_at=now - timedelta(minutes=5))
    html = page(client, case, since=since)
    assert "No fresh answer from Stripe yet" in html
    assert 'http-equiv="refresh"' not in html
    fresh = page(client, case, since=str(int(now.timestamp())))
    assert 'http-equiv="refresh"' in fresh
    for wrong in ("", "x", "-1", "9" * 30, "²"):
        assert 'http-equiv="refresh"' not in page(client, case, since=wrong)


# --- the records ------------------------------------------------------------------------------------------------


def people(of: Booking) -> tuple[str, str, str]:
    line = next(one for one in side_by_side(load(of), list(of.passengers.all())) if one.label == "Travellers")
    return line.airline, line.word, line.why


def test_names_and_number_of_travellers_are_compared_without_names(client: Client) -> None:
    b = rows.confirmed()
    order, one = SupplierOrder.objects.filter(booking=b), b.passengers.get()
    same = name_digest(one.given_name.upper(), one.family_name)
    order.update(travellers=[["pas_1", same]])
    assert people(b) == ("1 traveller, same names", AGREES, "")
    order.update(travellers=[["pas_1", name_digest("Somebody", "Else")]])
    assert people(b) == ("1 traveller, other names", DIFFERS, "the airline has another name")
    order.update(travellers=[["pas_1", same], ["pas_2", same]])
    assert people(b) == ("2 travellers", DIFFERS, "not the same number of people")
    assert one.family_name not in str(order.get().travellers)


# --- the money --------------------------------------------------------------------------------------------------


def verdict(of: Booking) -> tuple[bool, str]:
    of.refresh_from_db()
    found = ledger_of(load(of))
    return found.balances, found.verdict


def test_what_balances() -> None:
    assert verdict(rows.booking()) == (True, "Balances: no money has moved.")
    assert verdict(rows.confirmed()) == (True, "Balances.")
    given = rows.cancelled(given_back=30_000, agreed=30_000)
    SupplierOrder.objects.filter(booking=given).update(quote_refund_minor=30_000, quote_refund_to="balance")
    assert verdict(given) == (True, "Balances.")
    SupplierOrder.objects.filter(booking=given).update(quote_refund_minor=10_000)
    assert verdict(given) == (True, "Balances with the customer; the rest, USD 200.00, is our loss.")
    reserved = rows.booking()
    rows.payment(reserved, "authorised")
    assert verdict(reserved) == (True, "Balances so far: USD 500.00 is reserved, nothing is taken.")


def test_what_does_not_balance_says_by_how_much() -> None:
    b = rows.confirmed(fee_minor=1_000)
    order, paid = SupplierOrder.objects.filter(booking=b), Payment.objects.filter(booking=b)
    assert verdict(b) == (False, "We are USD 10.00 short: more went back than was agreed, and the ticket is live.")
    order.update(total_minor=48_000)
    assert verdict(b) == (False, "We hold USD 10.00 more than the ticket and our fee.")
    order.update(total_minor=49_000)
    assert verdict(b) == (True, "Balances.")
    paid.update(refunded_minor=500)
    assert verdict(b) == (False, "USD 5.00 was given back that no refund of ours stands for.")
    Refund.objects.create(payment=b.payments.get(), cause="staff:1", amount_minor=500, currency="USD",
                          state="succeeded", external_id="re_gift", requested_at=NOW)
    assert verdict(b) == (True, "Balances, with what staff gave as a present.")
    order.update(state="cancelled", cancelled_at=NOW)
    assert verdict(b) == (False, "We hold USD 495.00 that the customer gets back: no order stands for it.")
    Booking.objects.filter(pk=b.pk).update(accepted_minor=49_999)
    assert verdict(b) == (False, "USD 0.01 more was captured than the customer agreed to.")
    order.update(currency="EUR")
    assert verdict(b)[1].startswith("EUR and USD: more than one currency")


def test_a_ticket_without_money_and_an_outcome_that_nobody_knows() -> None:
    b = rows.booking()
    order = rows.order(b)
    rows.payment(b, "authorised")
    assert verdict(b) == (False, "The ticket costs USD 500.00, and nothing is captured. USD 500.00 is reserved and "
                          "waits to be taken.")
    SupplierOrder.objects.filter(pk=order.pk).update(state="unknown", hold=False, external_id="")
    assert verdict(b)[0]
    b.payments.update(state="captured", captured_minor=50_000, captured_elsewhere=True)
    assert verdict(b) == (False, "It cannot balance yet: the airline has not said whether it took the money.")


# --- everything that happened -----------------------------------------------------------------------------------


def a_long_story() -> Booking:
    """One of each kind of entry, a minute apart, at times of its own."""
    b = rows.booking()
    at = iter(NOW + timedelta(days=1, minutes=n) for n in range(20))
    boss = StaffAction._meta.get_field("operator").related_model.objects.create_user("boss")
    call(b, at=next(at), step="create_order", method="POST", path="/air/orders", key="order-1", status=201)
    call(b, at=next(at), status=None, outcome="unavailable", code="supplier_timeout", got=None)
    GatewayEvent.objects.create(provider="stripe", event_id="evt_1", kind="payment.changed", booking=b, fate="heard",
                                raw_kind="payment_intent.succeeded", intent_id="pi_1", received_at=next(at),
                                deliveries=3, last_at=NOW + timedelta(days=1, minutes=9))
    SupplierEvent.objects.create(provider="duffel", event_id="wev_1", kind="order.created", booking=b, fate="known",
                                 raw_kind="order.created", order_id="ord_1", received_at=next(at))
    Outbox.objects.create(kind="confirmed", booking=b, due_at=NOW, created_at=NOW, sent_at=next(at),
                          subject="Your trip is confirmed", text="See it here: [link]")
    row = StaffAction.objects.create(key="a", verb="look_again", operator=boss, booking=b, at=next(at), said="Asked.",
                                     before={"payment": "authorised"}, after={"payment": "captured"})
    StaffAction.objects.create(key="b", verb="note", operator=boss, booking=b, at=next(at), reason="Called them.")
    rows.line(b, "staff.look_again", subject=f"action:{row.pk}", at=row.at)  # told by the action itself
    rows.line(b, "order.moved", subject="order:1", before="held", after="ticketed", at=next(at))
    return b


def test_every_kind_of_entry_is_told_once_in_one_order(client: Client, operator: Any) -> None:
    b = a_long_story()
    found = [entry for entry in timeline_of({}, booking=b).entries if entry.at > NOW + timedelta(hours=1)]
    assert [(entry.kind, entry.title) for entry in found] == [
        ("diary", "order.moved"), ("note", "Write a note"), ("staff", "Look again"), ("mail", "Your trip is confirmed"),
        ("webhook", "order.created"), ("webhook", "payment_intent.succeeded"), ("call", "GET /air/orders/ord_1"),
        ("call", "POST /air/orders")]
    html = page(client, rows.case(b))
    for told in ("came 3 times, last 2026-11-21 12:09:00 UTC", "Called them.", "See it here: [link]", "order-1",
                 "HTTP 201 after 412 ms", "no answer after 412 ms", "supplier timeout", "authorised", "did not work"):
        assert told in html, told
    assert "staff.look_again" not in html


@pytest.mark.parametrize(("kind", "titles"), [
    ("call", ["GET /air/orders/ord_1", "POST /air/orders"]), ("note", ["Write a note"]), ("staff", ["Look again"]),
    ("webhook", ["order.created", "payment_intent.succeeded"]), ("mail", ["Your trip is confirmed"])])
def test_entries_are_filtered_by_kind(kind: str, titles: list[str]) -> None:
    b = a_long_story()
    found = timeline_of({"kind": kind}, booking=b)
    assert [entry.title for entry in found.entries] == titles
    assert [choice.word for choice in found.choices if choice.chosen] == [
        {"call": "Calls", "note": "Notes", "staff": "Staff", "webhook": "Messages", "mail": "Mails"}[kind]]
    assert len(timeline_of({"kind": "nonsense"}, booking=b).entries) > 8


def test_pages_by_key_lose_and_repeat_nothing_and_a_link_leads_to_its_entry(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    Diary.objects.bulk_create([Diary(booking=b, at=NOW + timedelta(minutes=n // 3), actor="worker", event="x.y")
                               for n in range(130)])  # three at the same moment
    CallRecord.objects.bulk_create([CallRecord(
        booking=b, step="look_order", subject="order:1", at=NOW + timedelta(minutes=n // 2), vendor="duffel",
        method="GET", path="/a", milliseconds=1, outcome="ok", status=200) for n in range(130)])
    seen, asked = [], {}
    while True:
        found = timeline_of(asked, booking=b)
        seen += [entry.code for entry in found.entries]
        assert len(found.entries) <= 100
        if not found.older:
            break
        asked = {"before": re.fullmatch(r"\?before=([\d.]+)", found.older)[1]}  # type: ignore[index]
    every = 260 + 5
    assert (len(seen), len(set(seen))) == (every, every)
    deep = seen[205]
    html = client.get(reverse("admin:bookings_booking_change", args=[b.pk]), {"entry": deep}).content.decode()
    assert f'id="{deep}"' in html
    assert f'href="?entry={deep}#{deep}"' in html
    assert "Back to the newest" in html
    for wrong in ("call-0", "nonsense", "call-", "-1", "call-99999999999999999999", f"call-{b.pk}²"):
        assert timeline_of({"entry": wrong}, booking=b).entries[0].code == seen[0]
    for wrong in ("1", "1.2.3.x", "9" * 40, "9999999999999.0.1.1"):
        assert timeline_of({"before": wrong}, booking=b).entries[0].code == seen[0]


def test_another_bookings_entry_is_not_found_here() -> None:
    mine, other = rows.confirmed(), rows.confirmed()
    strange = call(other, at=NOW + timedelta(days=9))
    assert f"call-{strange.pk}" not in [entry.code for entry in timeline_of({}, booking=mine).entries]
    assert timeline_of({"entry": f"call-{strange.pk}"}, booking=mine).newest == ""


def test_a_case_without_booking_shows_the_messages_about_its_object() -> None:
    lost = rows.case(None, "orphaned_payment", subject="stripe:pi_lost")
    for number, intent in enumerate(("pi_lost", "pi_other")):
        GatewayEvent.objects.create(provider="stripe", event_id=f"evt_{number}", kind="payment.changed", fate="unmatched",
                                    raw_kind="payment_intent.succeeded", intent_id=intent, received_at=NOW)
    found = timeline_of({}, case=lost).entries
    assert [(entry.kind, dict(entry.pairs)["Payment"]) for entry in found] == [("webhook", "pi_lost")]


def test_the_number_of_queries_does_not_grow(client: Client, operator: Any) -> None:
    short, long = rows.case(rows.confirmed()), rows.case(a_long_story())
    rows.order(long.booking)  # type: ignore[arg-type]
    real_payment = rows.payment(long.booking)  # type: ignore[arg-type]
    Dispute.objects.create(payment=real_payment, external_id="dp_1", amount_minor=1, currency="USD",
                           status="needs_response", seen_at=NOW)
    Diary.objects.bulk_create([Diary(booking=long.booking, at=NOW, actor="worker", event="x.y") for _ in range(300)])
    for n in range(120):
        call(long.booking, at=NOW + timedelta(seconds=n))  # type: ignore[arg-type]
    page(client, short)  # the session is touched once
    with CaptureQueriesContext(connection) as few:
        page(client, short)
    with CaptureQueriesContext(connection) as many:
        page(client, long)
    assert len(few) == len(many)
    assert len(many) <= 36
    assert "Older entries" in page(client, long)


# --- the vendors' own pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "token", "stripe", "duffel"), [
    ("sk_test_1", "duffel_test_1", "https://dashboard.stripe.com/test/payments/pi_", "/test/orders/ord_"),
    ("sk_live_1", "duffel_live_1", "https://dashboard.stripe.com/payments/pi_", "/live/orders/ord_")])
def test_links_lead_to_the_vendors_pages_of_the_right_mode(settings: Any, key: str, token: str, stripe: str,
                                                           duffel: str) -> None:
    b = rows.cancelled(given_back=20_000)
    settings.STRIPE_IS_SANDBOX, settings.STRIPE_SECRET_KEY = False, key
    settings.DUFFEL_DASHBOARD, settings.DUFFEL_ACCESS_TOKEN = "https://app.duffel.com/fly2any/", token
    dispute = Dispute(payment=b.payments.get(), external_id="dp_1", amount_minor=1, currency="USD", status="lost")
    found = [link.address for link in links_of(load(b), [dispute])]
    order, payment = b.orders.get().external_id, b.payments.get().external_id
    mode = stripe.removesuffix("payments/pi_")
    assert found == [f"https://app.duffel.com/fly2any{duffel.removesuffix('ord_')}{order}",
                     f"{mode}payments/{payment}", f"{mode}refunds/{b.payments.get().refunds.get().external_id}",
                     f"{mode}disputes/dp_1"]
    settings.STRIPE_IS_SANDBOX, settings.DUFFEL_DASHBOARD = True, ""
    assert links_of(load(b), [dispute]) == []


def test_links_open_in_a_new_tab_that_learns_nothing(client: Client, operator: Any, settings: Any) -> None:
    settings.STRIPE_IS_SANDBOX = False
    html = page(client, rows.case(rows.confirmed()))
    assert re.search(r'href="https://dashboard\.stripe\.com/[^"]+" target="_blank" rel="noopener noreferrer"', html)


# --- as the customer sees it ------------------------------------------------------------------------------------


def whole_trip(**changes: Any) -> Booking:
    b = real.booking(**{"status": "CONFIRMED", "progress": "done", "money": "charged", **changes})
    real.order(b, external_id=f"ord_c{b.pk}", pnr="RZPNX8", ticketed_at=NOW)
    real.payment(b, state="captured", captured_minor=59_999, order=b.orders.get(), client_secret="pi_secret_NEVER")
    return b


def as_customer(b: Booking) -> str:
    return reverse("admin:bookings_booking_as_customer", args=[b.pk])


def test_staff_read_the_customers_page_and_nothing_on_it_works(client: Client, operator: Any) -> None:
    b = whole_trip()
    before = {model: list(model.objects.order_by("pk").values()) for model in (Booking, Outbox, Payment, Diary)}
    answer = client.get(as_customer(b))
    html = answer.content.decode()
    assert answer.status_code == 200
    for told in ("Your trip is confirmed", "RZPNX8", "Read only.", "Back to the console"):
        assert told in html, told
    assert not re.search(r"<form|<script|<meta[^>]+refresh|csrfmiddlewaretoken|pi_secret_NEVER", html)
    assert all("disabled" in tag for tag in re.findall(r"<(?:button|input|select|textarea)\b[^>]*>", html))
    links = re.findall(r'<a\b[^>]*href="([^"]*)"', html)
    assert [link for link in links if not link.startswith("#")] == [
        reverse("admin:bookings_booking_change", args=[b.pk])]
    assert "no-store" in answer["Cache-Control"]
    assert "form-action 'none'" in answer["Content-Security-Policy"]
    assert "script-src 'none'" in answer["Content-Security-Policy"]
    assert set(answer.cookies) <= {"sessionid"}
    assert {model: list(model.objects.order_by("pk").values()) for model in before} == before
    row = StaffAction.objects.get()
    assert (row.verb, row.operator, row.booking_id) == ("view_as_customer", operator, b.pk)
    assert len(row.request_id) == 36


@pytest.mark.parametrize("state", [
    {"status": "PENDING", "progress": "checking"}, {"status": "PENDING_PAYMENT", "progress": "card"},
    {"status": "PENDING", "progress": "consent", "priced_minor": 65_999}, {"status": "FAILED", "closing": "sold_out"},
    {"status": "HOLD", "wish": "hold", "progress": "held", "pay_by": NOW}, {"status": "CANCELLED", "wish": "cancel"}])
def test_every_state_of_a_booking_can_be_seen(client: Client, operator: Any, state: dict[str, Any]) -> None:
    b = real.booking(**state)
    real.payment(b, client_secret="pi_secret_NEVER")
    html = client.get(as_customer(b)).content.decode()
    assert "Read only." in html
    assert b.reference in html
    assert "pi_secret_NEVER" not in html
    assert "<form" not in html


def test_who_may_not_see_it_and_what_has_no_such_page(client: Client, operator: Any, django_user_model: Any) -> None:
    draft = real.booking(wish="draft", status="DRAFT", wished_at=None)
    assert client.get(as_customer(draft)).status_code == 404
    assert client.post(as_customer(whole_trip())).status_code == 405
    client.force_login(django_user_model.objects.create_user("other", is_staff=True))
    assert client.get(as_customer(whole_trip())).status_code == 403
    client.logout()
    assert client.get(as_customer(whole_trip())).status_code == 302
    assert not StaffAction.objects.exists()


# --- documents, once --------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_documents_are_drawn_once_in_the_answer_to_the_press(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    address = reverse("admin:bookings_booking_verb", args=[b.pk, "reveal"])
    asked = client.get(address).content.decode()
    assert "X4RF81JK" not in asked
    typed = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked))
    posted = {**typed, "reason": "The airline asks for the passport number."}
    shown = client.post(address, posted)
    html = shown.content.decode()
    assert shown.status_code == 200
    assert "X4RF81JK" in html
    assert "The airline asks for the passport number." in html
    assert "no-store" in shown["Cache-Control"]
    assert shown["Refresh"] == f"120;url=/admin/bookings/booking/{b.pk}/change/"
    row = StaffAction.objects.get(verb="reveal")
    assert "X4RF81JK" not in str(StaffAction.objects.filter(pk=row.pk).values().get())
    again = client.post(address, posted)
    assert again.status_code == 302
    for later in (address, again["Location"]):
        assert "X4RF81JK" not in client.get(later).content.decode()
    assert StaffAction.objects.filter(verb="reveal").count() == 1
