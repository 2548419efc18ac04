"""`check --deploy --database default` reads the live servers, and `manage.py` refuses a copy of the books."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from bookings import copies, restoring, sweep, tasks
from bookings.decide import decide
from bookings.facts import load
from bookings.flow import Do, Rest, Step
from bookings.models import Home
from bookings.steps import Moment, orders
from fly2any import server_checks
from fly2any.kernel import clock
from fly2any.kernel.money import Money
from fly2any.stack import broker
from payments.models import Payment, Refund
from suppliers import pause
from suppliers.models import Offer, SupplierOrder
from suppliers.types import OrderInfo, OrderState
from tests.trail.rows import booking, order, payment, refund


@pytest.mark.django_db
def test_a_server_that_forgets_commits_is_named(settings: LazySettings) -> None:
    assert server_checks.postgres_is_set(databases=["default"]) == []  # not where customers are
    settings.HTTPS = True
    told = {found.msg: found.hint or "" for found in server_checks.postgres_is_set(databases=["default"])}
    assert "I2" in told["PostgreSQL: synchronous_commit is off."] and "PostgreSQL: fsync is off." in told
    assert not any("TimeZone" in line for line in told)
    settings.WEB_WORKERS = 40
    assert any("max_connections" in found.msg for found in server_checks.postgres_is_set(databases=["default"]))


@pytest.mark.django_db
def test_a_broker_that_drops_hints_is_named(settings: LazySettings, tmp_path: Path) -> None:
    from redis import Redis

    settings.HTTPS, settings.REDIS_URL, settings.BROKER_ENABLED = True, broker.ensure(tmp_path / "broker"), True
    try:
        assert server_checks.broker_is_set(databases=["default"]) == []
        with Redis.from_url(broker.cache_url(settings.REDIS_URL)) as server:
            server.config_set("maxmemory-policy", "allkeys-lru")
        assert [found.msg for found in server_checks.broker_is_set(databases=["default"])] == [
            "Redis: maxmemory-policy is allkeys-lru."]
    finally:
        broker.stop(tmp_path / "broker")
    assert server_checks.broker_is_set(databases=["default"]) == []  # away: nothing depends on it


# --- copies ---------------------------------------------------------------------------------------------------------


@pytest.mark.failure("O12")
@pytest.mark.django_db(transaction=True)
def test_nobody_acts_on_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    driven: list[int] = []
    monkeypatch.setattr(tasks, "advance", driven.append)
    monkeypatch.setattr(sweep.Sweeper, "round", lambda self: driven.append(0))
    monkeypatch.setattr(copies, "_looked_at", float("-inf"))
    copies.check()
    assert Home.objects.get().identifier == copies.here() != ""
    Home.objects.update(identifier="another cluster/1/5")
    with pytest.raises(copies.RestoredCopy):
        sweep.Sweeper().run()
    monkeypatch.setattr(copies, "_looked_at", float("-inf"))
    with pytest.raises(copies.RestoredCopy):
        tasks.advance_booking(booking_id=1)
    with pytest.raises(copies.RestoredCopy):
        tasks.send_mail()
    with pytest.raises(CommandError, match="manage.py restored"):
        call_command("run_sweeper")
    assert driven == []
    call_command("restored", nothing_lost=True)
    tasks.advance_booking(booking_id=7)
    assert driven == [7]
    with pytest.raises(CommandError, match="at home here"):
        call_command("restored")


@pytest.mark.django_db(transaction=True)
def test_what_was_on_its_way_is_looked_at_before_it_is_done_again() -> None:
    now = clock.now()
    paying = order(booking(), state="held", external_id="ord_1", hold=True, asked_at=now)
    opened = payment(paying.booking, asked_at=now)
    given = refund(payment(booking(), state="captured", captured_minor=59999, captured_elsewhere=True),
                   state="requested", external_id="")
    seats = booking(route="manual")
    Offer.objects.update(expires_at=now + timedelta(minutes=9))
    restoring.prepare(now, "test")
    assert pause.paused("duffel") == "test"
    assert SupplierOrder.objects.get(pk=paying.pk).news_at == now == Payment.objects.get(pk=opened.pk).news_at
    sent = Refund.objects.get(pk=given.pk)
    assert sent.state == "sent" and sent.external_id == ""  # the gateway's list says whether it went out
    assert seats.orders.get().state == "unknown"  # nobody lists reservations: staff look
    assert not Offer.objects.filter(expires_at__gt=now).exists()  # one that was on sale may have been booked
    fresh = payment(booking())
    assert fresh.pk > 10**9  # no key and no metadata outside carries its number


@pytest.mark.parametrize("lost", [True, False], ids=["in the lost time", "control: not in it"])
@pytest.mark.django_db(transaction=True)
def test_a_cancellation_that_the_books_have_lost_gives_no_money_back_by_itself(lost: bool) -> None:
    now, trip = clock.now(), booking(status="CONFIRMED")
    bought = order(trip, external_id="ord_9", state="ticketed", ticketed_at=now)
    payment(trip, state="captured", captured_minor=59999, refunded_minor=20000, by_hand_minor=20000, order=bought)
    copies.settle(now + timedelta(minutes=5), lost_from=now - timedelta(minutes=5) if lost else None)
    moment = Moment(story=load(trip), now=now, actor="worker")
    orders.see_order(moment, OrderInfo(
        supplier="duffel", external_id="ord_9", pnr="ABC123", state=OrderState.CANCELLED, total=Money(59999, "USD"),
        offer_id=bought.offer_external_id, booking_id=str(trip.public_id), cancelled_at=now))
    decided = decide(moment.story.picture(), now)
    if lost:
        assert trip.agreed_refund_minor == 20000 and isinstance(decided, Rest)
        assert trip.cases.get(kind="ledgers_differ").facts["given back"] == 20000
    else:  # by the airline: all of it goes back
        assert decided == Do(Step.CLOSE, "airline_cancelled")
