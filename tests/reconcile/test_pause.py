"""Sales that are paused: nothing new is begun, what was begun goes on, and the history cannot be altered."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction
from django.test import Client

from bookings import drafts, services
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers import breaker, pause, registry
from suppliers.models import Offer, OfferClaim, SalesPause, Search
from tests.api.shop import Caller, body, offer, refused
from tests.doors.test_searching import Fake, info, query
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)


def stop(supplier: str = "duffel", cause: str = pause.STAFF, reason: str = "strike at the airline") -> SalesPause:
    made = pause.pause(supplier=supplier, cause=cause, reason=reason, now=clock.now())
    assert made is not None
    return made


def lift(supplier: str = "duffel", cause: str = pause.STAFF) -> bool:
    return pause.resume(supplier=supplier, cause=cause, now=clock.now(), because="over")


def test_each_cause_stands_for_itself_and_one_stands_once() -> None:
    assert pause.paused("duffel") is None
    stop()
    assert pause.pause(supplier="duffel", cause=pause.STAFF, reason="again", now=clock.now()) is None
    stop(cause=pause.BALANCE, reason="nothing left")
    assert pause.paused("duffel") == "strike at the airline"
    assert pause.paused("amadeus") is None
    assert lift()
    assert pause.paused("duffel") == "nothing left"
    assert lift(cause=pause.BALANCE)
    assert pause.paused("duffel") is None
    assert not lift()
    assert pause.paused_names(("duffel",)) == frozenset()
    stop(pause.ALL)
    assert pause.paused_names(("amadeus", "duffel")) == {"amadeus", "duffel"}
    assert pause.paused("amadeus") == "strike at the airline"
    assert [str(one) for one in pause.open_pauses()] == ["all suppliers staff"]


def test_a_pause_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        pause.pause(supplier="duffel", cause=pause.STAFF, reason=" ", now=clock.now())


@pytest.mark.parametrize("change", ["reason = 'another'", "lifted_at = NULL", "supplier = ''", "since = now()"])
def test_the_history_cannot_be_altered(change: str) -> None:
    row = stop()
    staff = get_user_model().objects.create_user("boss")
    pause.resume(supplier="duffel", cause=pause.STAFF, now=clock.now(), because="over", by=staff)
    row.refresh_from_db()
    assert (row.lifted_by, row.lifted_because, row.by) == (staff, "over", None)
    for deed in (f"UPDATE suppliers_salespause SET {change}", "DELETE FROM suppliers_salespause"):
        with pytest.raises((InternalError, ProgrammingError, IntegrityError), match="only lifted"), (
                transaction.atomic()), connection.cursor() as cursor:
            cursor.execute(deed)


@pytest.mark.parametrize("supplier", ["duffel", pause.ALL])
def test_a_new_wish_is_refused_before_anything_is_written(supplier: str) -> None:
    row, shop = offer(), Caller()
    stop(supplier)
    answer = shop.book(row)
    refused(answer, 503, "sales_paused")
    assert answer["Retry-After"] == "300"
    assert not Booking.objects.exists()
    assert not OfferClaim.objects.exists()
    lift(supplier)
    assert shop.book(row).status_code == 202


def test_the_same_press_again_still_finds_its_booking() -> None:
    row, shop = offer(), Caller()
    asked = body(row)
    first = shop.book(row, data=asked, Idempotency_Key="k" * 20)
    stop()
    again = shop.book(row, data=asked, Idempotency_Key="k" * 20)
    assert (first.status_code, again.json()["booking"]["reference"]) == (202, first.json()["booking"]["reference"])


def test_what_was_wished_is_paid_and_cancelled_as_always() -> None:
    booking = rows.booking(wish="hold", status="HELD", chose_hold=True)
    rows.order(booking, external_id="ord_1", state="held", hold=True)
    stop(pause.ALL)
    assert services.pay_later(booking=booking, now=clock.now()).wish == "book"
    assert services.cancel(booking=booking, refund_minor=None, now=clock.now()).wish == "cancel"


def test_an_offer_of_a_paused_supplier_is_not_priced() -> None:
    row = offer()
    Offer.objects.filter(pk=row.pk).update(priced_at=None)
    stop()
    with pytest.raises(Problem) as refusal:
        drafts.price_offer(offer_id=row.pk, principal=row.principal, now=clock.now())
    assert (refusal.value.code, refusal.value.status) == ("sales_paused", 503)


@pytest.fixture
def two_suppliers(settings: Any) -> Any:
    settings.DUFFEL_ACCESS_TOKEN = ""
    breaker.reset()
    asked: list[str] = []

    def answer(name: str, number: int) -> list[Any]:
        asked.append(name)
        return [info(name, number, 10000 * number)]

    with registry.replaced(one=Fake("one", lambda: answer("one", 1)), two=Fake("two", lambda: answer("two", 2))):
        yield asked
    breaker.reset()


def test_a_search_leaves_the_paused_supplier_out_and_says_so(two_suppliers: list[str]) -> None:
    stop("one")
    found = drafts.search(query=query(), principal="guest:me", now=clock.now())
    done = drafts.wait_for_search(found.pk, 10)
    assert two_suppliers == ["two"]
    assert (done.outcome["one"]["state"], done.outcome["one"]["code"]) == ("failed", "sales_paused")
    assert done.outcome["two"]["state"] == "done"


@pytest.mark.parametrize(("paused", "said"), [
    (["one"], "We have stopped selling the flights of some airlines for the moment"),
    (["one", "two"], "We are not selling flights at the moment"), ([""], "We are not selling flights at the moment"),
    ([], "")])
def test_travellers_are_told_in_plain_words(two_suppliers: list[str], paused: list[str], said: str) -> None:
    for name in paused:
        stop(name)
    day = query().legs[0].date
    browser = Client()
    start = browser.get(f"/flights?origin=JFK&destination=LHR&departureDate={day}&adults=1")
    assert start.status_code == 302, start.content
    drafts.wait_for_search(Search.objects.get().pk, 10)
    shown = browser.get(start["Location"]).content.decode()
    assert "did not answer" not in shown
    if said:
        assert said in shown
    else:
        assert "stopped selling" not in shown
        assert "not selling" not in shown
