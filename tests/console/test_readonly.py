"""The console shows everything it may show, hides what it must, and changes nothing for anybody."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import (
    Booking,
    BundleExample,
    BundleModel,
    Case,
    Diary,
    ExternalCall,
    Heartbeat,
    Outbox,
    Proposal,
    StaffAction,
)
from payments.models import Dispute, GatewayEvent, Payment, Refund
from suppliers.models import SupplierEvent, SupplierOrder
from tests.console import rows
from tests.console.rows import NOW

pytestmark = pytest.mark.django_db
OURS = ("bookings", "payments", "suppliers")
SHOWN = {Booking, Case, Diary, ExternalCall, Heartbeat, Outbox, Payment, Refund, Dispute, GatewayEvent, SupplierOrder,
         SupplierEvent, BundleModel, BundleExample, StaffAction, Proposal}
SECRETS = ("THISMUSTNOTSHOW", "X4RF81JK", "9922003344", "1984-03-21", "03-21", "SECRET-LINK")


@pytest.fixture
def superuser(client: Client, django_user_model: Any) -> Client:
    client.force_login(django_user_model.objects.create_superuser("boss", password="x"))
    return client


@pytest.fixture
def one_of_each(django_user_model: Any) -> dict[type[Model], Model]:
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    b = rows.cancelled(given_back=20_000, agreed=20_000)
    paid = b.payments.get()
    open_case = rows.case(b)
    return {
        Booking: b, Case: open_case, Payment: paid, Refund: paid.refunds.get(), SupplierOrder: b.orders.get(),
        Diary: b.diary.first(), ExternalCall: b.calls.first(),
        Heartbeat: Heartbeat.objects.create(name="sweeper", beat_at=NOW),
        Outbox: Outbox.objects.create(kind="lookup_link", booking=b, due_at=NOW, created_at=NOW,
                                      context={"link": "SECRET-LINK"}),
        Dispute: Dispute.objects.create(payment=paid, external_id="dp_1", amount_minor=100, currency="USD",
                                        status="needs_response", seen_at=NOW),
        GatewayEvent: GatewayEvent.objects.create(provider="stripe", event_id="evt_1", kind="payment.changed",
                                                  raw_kind="payment_intent.succeeded", fate="heard", received_at=NOW),
        SupplierEvent: SupplierEvent.objects.create(provider="duffel", event_id="wev_1", kind="order.changed",
                                                    raw_kind="order.created", fate="heard", received_at=NOW),
        BundleModel: BundleModel.objects.create(
            version=1, created_at=NOW, source="made up", examples=1000, features_version=1, features=[], weights={},
            metrics={"model": {"top1": 0.6, "mrr": 0.8}, "rules": {"top1": 0.5, "mrr": 0.7}}, verdict="beats the rules",
            good_enough=True),
        BundleExample: BundleExample.objects.create(source="real", day=NOW.date(), features={}, features_version=1,
                                                    offered=["light", "bag"], ranker="rules", chosen="bag", position=1),
        StaffAction: StaffAction.objects.create(key="k1", verb="mark_handled", operator=anna, booking=b, case=open_case,
                                                before={"case_open": True}, after={"case_open": False}, at=NOW),
        Proposal: Proposal.objects.create(verb="mark_handled", booking=b, case=open_case, reason="Two eyes more.",
                                          amount_minor=60_000, currency="USD", proposed_by=anna, proposed_at=NOW),
    }  # type: ignore[dict-item]


def registered() -> list[type[Model]]:
    return [model for model in admin.site._registry if model._meta.app_label in OURS]


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_what_the_console_shows() -> None:
    assert set(registered()) == SHOWN


def test_nobody_changes_anything(superuser: Client, one_of_each: dict[type[Model], Model]) -> None:
    for model in registered():
        row = one_of_each[model]
        before = type(row)._default_manager.filter(pk=row.pk).values().get()
        posted = dict.fromkeys(before, "1")
        assert superuser.get(address(model, "changelist")).status_code == 200
        page = superuser.get(address(model, "change", row.pk))
        assert page.status_code == 200
        assert superuser.post(address(model, "change", row.pk), posted).status_code == 403
        for refused in (address(model, "add"), address(model, "delete", row.pk)):
            assert superuser.get(refused).status_code == 403
            assert superuser.post(refused, {**posted, "post": "yes"}).status_code == 403
        superuser.post(address(model, "changelist"), {
            "action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"})
        assert type(row)._default_manager.filter(pk=row.pk).values().get() == before, model
    assert LogEntry.objects.count() == 0


def test_no_page_has_a_field_that_could_be_edited(superuser: Client, one_of_each: dict[type[Model], Model]) -> None:
    for model in registered():
        html = superuser.get(address(model, "change", one_of_each[model].pk)).content.decode()
        main = html[html.index('id="content"'):]
        assert not re.search(r"<select|<textarea|<input(?![^>]*type=\"hidden\")", main), model
        assert 'name="_save"' not in html


def test_secrets_and_documents_never_show(superuser: Client, one_of_each: dict[type[Model], Model]) -> None:
    sealed = one_of_each[Booking].passengers.get().document  # type: ignore[attr-defined]
    for model in registered():
        for page in (address(model, "changelist"), address(model, "change", one_of_each[model].pk)):
            html = superuser.get(page).content.decode()
            assert sealed not in html
            for secret in SECRETS:
                assert secret not in html, (page, secret)


def test_the_booking_page_tells_the_story(superuser: Client, one_of_each: dict[type[Model], Model]) -> None:
    b = one_of_each[Booking]
    html = superuser.get(address(Booking, "change", b.pk)).content.decode()
    for told in ("Mrs Greta Ångström", "1984-••-••", "••••••••", "LH ••••", "LH 123", "2026-12-20T09:00:00",
                 "checked 23", "USD 500.00", "USD 200.00", "create_order", "open_payment", "payment.moved",
                 "lookup_link", "UNKNOWN OUTCOME", "visa •••• 4242"):
        assert told in html, told


@pytest.mark.parametrize("by", ["reference", "code", "lower", "pnr", "order", "payment", "email", "name", "both"])
def test_one_box_finds_a_booking_by_whatever_the_caller_reads_out(superuser: Client, by: str) -> None:
    wanted, other = rows.confirmed(), rows.confirmed()
    other.passengers.update(family_name="Smith")
    word = {"reference": wanted.reference, "code": wanted.reference[6:], "lower": wanted.reference.lower(),
            "pnr": wanted.orders.get().pnr, "order": wanted.orders.get().external_id,
            "payment": wanted.payments.get().external_id, "email": wanted.contact_email, "name": "Ångström",
            "both": f"{wanted.contact_email} ångström"}[by]
    html = superuser.get(address(Booking, "changelist"), {"q": word}).content.decode()
    assert wanted.reference in html
    assert other.reference not in html


def test_lists_never_count_the_whole_table_and_join_what_they_show(superuser: Client) -> None:
    for _ in range(3):
        rows.case(rows.confirmed())
    for model in (Booking, Case, Payment, SupplierOrder, Diary, ExternalCall):
        with CaptureQueriesContext(connection) as first:
            assert superuser.get(address(model, "changelist")).status_code == 200
        rows.case(rows.confirmed())
        with CaptureQueriesContext(connection) as second:
            superuser.get(address(model, "changelist"))
        assert len(first) == len(second), model
        counts = [q["sql"] for q in second if "COUNT(" in q["sql"]]
        assert counts, model
        assert all("LIMIT 1000)" in sql for sql in counts), counts


def test_the_story_takes_the_same_number_of_queries_however_long_it_is(superuser: Client) -> None:
    b = rows.confirmed()
    with CaptureQueriesContext(connection) as short:
        superuser.get(address(Booking, "change", b.pk))
    for n in range(20):
        rows.line(b, "call.answered", subject=f"order:{n}")
        rows.call(b, f"look_{n}", "order:1")
    with CaptureQueriesContext(connection) as long:
        superuser.get(address(Booking, "change", b.pk))
    assert len(short) == len(long)
