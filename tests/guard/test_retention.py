"""What is kept, and for how long: a decision for each column, and what an erased trip and an old sign-in leave behind."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.management import call_command
from django.db import models

from bookings import handover, retention
from bookings.models import ChangeRequest, Diary, Idempotency, Outbox, Passenger
from fly2any.kernel import clock, secretbox
from fly2any.kernel.errors import Problem
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = (models.CharField, models.TextField, models.JSONField, models.GenericIPAddressField, models.BinaryField,
        models.DateField)
MARK = "zqxmark"


def test_every_column_of_text_has_a_decision() -> None:
    there = {(model._meta.label, field.name) for model in apps.get_models(include_auto_created=True)
             for field in model._meta.concrete_fields
             if isinstance(field, TEXT) and not isinstance(field, models.DateTimeField)}
    listed = []
    for line in (settings.BASE_DIR / "docs" / "retention.md").read_text().splitlines():
        if found := re.fullmatch(r"\| (\w+\.\w+) \| (.+) \| (.+) \|", line):
            assert len(found[3]) > 5
            listed += [(found[1], name) for name in re.findall(r"`(\w+)`", found[2])]
    assert len(listed) == len(set(listed))
    assert set(listed) == there


def marked(**more: Any) -> Any:
    """A booking in whose every personal column the mark stands."""
    now = clock.now()
    booking = make("guest:a", contact_email=f"{MARK}@example.com", contact_phone=f"+1{MARK}", typed=MARK,
                   closing_detail={"reason": MARK}, acknowledgements=[{"code": "terms", "address": MARK}],
                   trip_digest=MARK, again_for=MARK, **more)
    booking.passengers.update(given_name=MARK, family_name=MARK, loyalty=[["AA", MARK]], digest=MARK,
                              document=secretbox.seal(MARK), numbers=secretbox.seal(MARK))
    rows.order(booking, external_id=f"ord_{booking.pk}", refusal_detail={"message": MARK},
               travellers=[["pas_1", MARK]])
    ChangeRequest.objects.create(booking=booking, topic="name", words=MARK, asked_at=now, answer_by=now, answer=MARK,
                                 answered_at=now)
    Outbox.objects.create(kind="contact_changed", booking=booking, to=f"{MARK}@example.com", due_at=now,
                          created_at=now, context={"name": MARK}, subject=MARK, text=MARK)
    Idempotency.objects.create(principal="guest:a", endpoint="book", key=MARK, digest="x", booking=booking,
                               body={"name": MARK}, status=201, created_at=now)
    return booking


def whole() -> str:
    """Everything in our tables as text."""
    found = [serializers.serialize("json", model._default_manager.all()) for model in apps.get_models()]
    return "".join(found)


def test_an_erased_trip_leaves_no_person_and_keeps_amounts_references_and_diary() -> None:
    now = clock.now()
    booking = marked(status="CONFIRMED", progress="done", arrives_at=now - timedelta(days=1))
    assert MARK in whole()
    call_command("erase", booking.reference)
    assert MARK not in whole()
    assert not Passenger.objects.exclude(document="", numbers="", born_on=None).exists()
    booking.refresh_from_db()
    assert (booking.accepted_minor, booking.orders.count(), booking.status) == (59999, 1, "CONFIRMED")
    assert Diary.objects.filter(booking=booking, event="booking.erased").count() == 1
    assert json.loads(json.dumps(booking.acknowledgements)) == [{"code": "terms", "address": ""}]


@pytest.mark.parametrize("more", [
    {"status": "CONFIRMED", "progress": "done"}, {"status": "PENDING", "progress": "checking"},
    {"status": "CANCELLED", "progress": "closed", "money": "refunding"}])
def test_a_trip_that_lies_ahead_or_owes_money_is_not_erased(more: dict[str, Any]) -> None:
    booking = marked(**more)
    with pytest.raises(Problem):
        retention.erase(booking.pk, clock.now())
    assert MARK in whole()


def test_sign_ins_sessions_and_where_mails_went_are_forgotten() -> None:
    now = clock.now()
    booking = make("guest:a")
    for days in (29, 31):
        at = now - timedelta(days=days)
        for model in (AccessAttempt, AccessLog):
            row = model.objects.create(username=f"{MARK}{days}", ip_address="192.0.2.1", user_agent="x", path_info="/",
                                       http_accept="x",
                                       **({"failures_since_start": 1} if model is AccessAttempt else {}))
            model.objects.filter(pk=row.pk).update(attempt_time=at)
        Outbox.objects.create(kind="contact_changed", booking=booking, to=f"{MARK}{days}@example.com", due_at=at,
                              sent_at=at, created_at=at, version=str(days))
        Session.objects.create(session_key=f"s{days}", session_data="", expire_date=now + timedelta(days=30 - days))
    retention.run(now)
    assert {row.username for row in (*AccessAttempt.objects.all(), *AccessLog.objects.all())} == {f"{MARK}29"}
    assert sorted(Outbox.objects.values_list("to", flat=True)) == ["", f"{MARK}29@example.com"]
    assert [row.session_key for row in Session.objects.all()] == ["s29"]


def test_an_erased_trip_has_no_share_left() -> None:
    import uuid

    now = clock.now()
    booking = marked(status="CANCELLED", progress="closed")
    made = handover.share(booking=booking, key=uuid.uuid4(), names=[0], lasts="day", now=now)
    retention.erase(booking.pk, now)
    assert not type(made).objects.exists()
