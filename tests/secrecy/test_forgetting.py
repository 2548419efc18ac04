"""Erasure and retention: nobody erased is found anywhere, a run that was killed goes on, days are those of the page."""

from __future__ import annotations

import itertools
import os
import re
import signal
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings as ours
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from bookings import accounts, retention, sweep
from bookings.models import Booking, Diary, Heartbeat, Idempotency, Outbox, Passenger
from fly2any.kernel import clock
from tests.guard.test_retention import MARK, marked, whole
from tests.secrecy.killed import in_child

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = f"{MARK}@example.com"


def trips(*statuses: str) -> list[Booking]:
    """One booking of the marked person in each status, landed yesterday."""
    landed = clock.now() - timedelta(days=1)
    made = []
    for number, status in enumerate(statuses):
        booking = marked(status=status, progress="done", arrives_at=landed)
        Idempotency.objects.filter(key=MARK).update(key=f"{MARK}{number}")
        made.append(booking)
    return made


def address() -> None:
    """The marked person besides trips: account, a draft, a mail about nothing booked, tries to sign in."""
    accounts.sign_up(email=EMAIL, password="orchid lantern gravel", now=clock.now())
    draft = marked(wish="draft", status="DRAFT", wished_at=None)
    draft.orders.all().delete()
    draft.requests.all().delete()
    draft.outbox.all().delete()
    Idempotency.objects.filter(booking=draft).delete()
    Booking.objects.filter(pk=draft.pk).update(acknowledgements=[], closing_detail={})
    for model in (AccessAttempt, AccessLog):
        model.objects.create(username=EMAIL, ip_address="192.0.2.1", user_agent="x", path_info="/", http_accept="x",
                             **({"failures_since_start": 1} if model is AccessAttempt else {}))


def erased_by(email: str) -> str:
    out = StringIO()
    call_command("erase", "--email", email, stdout=out, stderr=out)
    return out.getvalue()


def test_somebody_erased_by_address_is_found_in_no_table(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    first, second = trips("CONFIRMED", "CANCELLED")
    address()
    assert MARK in whole()
    said = erased_by(EMAIL.upper())
    assert MARK not in whole() and MARK not in said
    assert not User.objects.exists() and "the account: closed" in said
    for booking in (first, second):
        booking.refresh_from_db()
        assert (booking.accepted_minor, booking.currency, booking.orders.count()) == (59999, "USD", 1)
        assert booking.reference in said
        assert Diary.objects.filter(booking=booking, event="booking.erased").count() == 1
    with pytest.raises(CommandError, match="no such booking"):
        erased_by(EMAIL)


def test_a_trip_that_lies_ahead_keeps_itself_and_the_account(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    done, ahead = trips("CONFIRMED", "PENDING")
    accounts.sign_up(email=EMAIL, password="orchid lantern gravel", now=clock.now())
    said = erased_by(EMAIL)
    assert f"{done.reference}: erased" in said and f"{ahead.reference}: This trip is not finished" in said
    assert User.objects.filter(username=EMAIL).exists() and "stays until its trips are finished" in said
    assert Passenger.objects.get(booking=ahead).given_name == MARK


def killed_at(place: Any, name: str, event: int, work: Callable[[], object]) -> Callable[[], None]:
    """`work`, killed by SIGKILL when it calls `place.name` for the n-th time."""

    def dying() -> None:
        count, real = itertools.count(1), getattr(place, name)

        def dies(*args: Any, **more: Any) -> Any:
            if next(count) == event:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **more)

        setattr(place, name, dies)
        work()

    return dying


def test_an_erasure_that_was_killed_goes_on_where_it_was() -> None:
    """Killed inside the second of three trips: the first is erased, the second whole, and the next run does the rest."""
    made = trips("CONFIRMED", "CANCELLED", "CONFIRMED")
    assert in_child(killed_at(Diary.objects, "create", 2, lambda: erased_by(EMAIL)))
    states = [Diary.objects.filter(booking=booking, event="booking.erased").exists() for booking in made]
    names = list(Passenger.objects.order_by("booking_id").values_list("given_name", flat=True))
    assert (states, names) == ([True, False, False], ["", MARK, MARK])
    erased_by(EMAIL)
    assert MARK not in whole()
    assert Diary.objects.filter(event="booking.erased").count() == 3


def test_a_daily_run_that_was_killed_goes_on_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    now = clock.now()
    for number in range(6):
        Idempotency.objects.create(principal="guest:a", endpoint="book", key=f"k{number}", digest="x", status=201, body={},
                                   created_at=now - timedelta(days=8 if number < 5 else 1))
    manager = type(Idempotency._default_manager)
    assert in_child(killed_at(manager, "filter", 4, lambda: retention.run(now)))
    left = Idempotency.objects.count()
    assert 1 < left < 6
    assert retention.run(now)["idempotency"] == left - 1
    assert Idempotency.objects.get().key == "k5"


def test_the_sweeper_forgets_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after the day on which it did not run: the turn is a row, not a timer."""
    ran: list[Any] = []
    monkeypatch.setattr(retention, "run", lambda now: ran.append(now) or {})
    sweeper = sweep.Sweeper(0.01)
    monkeypatch.setattr(sweeper, "_job", lambda name, work: work() if name == "retention" else None)
    monkeypatch.setattr(sweep, "due_bookings", lambda now, limit: [])
    for _ in range(3):
        sweeper.round()
    assert len(ran) == 1
    Heartbeat.objects.filter(name="retention").update(beat_at=clock.now() - timedelta(hours=23))
    sweeper.round()
    assert len(ran) == 1
    Heartbeat.objects.filter(name="retention").update(beat_at=clock.now() - timedelta(days=3))
    for _ in range(3):
        sweeper.round()
    assert len(ran) == 2


@pytest.mark.parametrize(("row", "kept"), [
    ("bookings.Idempotency", retention.IDEMPOTENCY), ("suppliers.Offer", retention.OFFERS), ("suppliers.Search", retention.OFFERS),
    ("bookings.Attempt", retention.ATTEMPTS), ("bookings.Share", retention.SHARES), ("bookings.ChangeRequest", retention.REQUESTS),
    ("axes.AccessAttempt", retention.SIGN_INS), ("axes.AccessLog", retention.SIGN_INS), ("bookings.CallRecord", retention.CALLS),
    ("payments.GatewayEvent", retention.EVENTS), ("suppliers.SupplierEvent", retention.EVENTS),
    ("bookings.Outbox", retention.MAILS), ("bookings.Outbox", retention.MAIL_ADDRESSES), ("bookings.Passenger", retention.DOCUMENTS)])
def test_the_days_that_the_page_promises_are_those_of_the_program(row: str, kept: timedelta) -> None:
    text = (ours.BASE_DIR / "docs" / "retention.md").read_text()
    told = [int(days) for line in text.splitlines() if line.startswith(f"| {row} |") for days in re.findall(r"(\d+) days", line)]
    assert kept.days in told


def test_a_mail_that_has_not_gone_out_to_an_erased_address_never_does() -> None:
    now = clock.now()
    for sent in (None, now):
        Outbox.objects.create(kind="lookup_link", booking=None, to=EMAIL, due_at=now, created_at=now, version=str(sent), sent_at=sent)
    erased_by(EMAIL)
    assert sorted(Outbox.objects.values_list("to", "dropped")) == [("", ""), ("", "the address was erased")]
