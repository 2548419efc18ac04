"""The page compares, and a case is answered once, with a reason, by those who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from bookings.admin.columns import AGREES, DIFFERS, UNKNOWN, side_by_side
from bookings.desk import ACTIONS
from bookings.facts import load
from bookings.models import Booking, Case, Diary, StaffAction
from payments.models import Payment
from suppliers.models import SupplierOrder
from tests.console import rows
from tests.console.pressing import press

QUEUE = "admin:bookings_case_changelist"


def verb(case: Case, name: str = "mark_handled") -> str:
    return reverse("admin:bookings_case_verb", args=[case.pk, name])


def staff(client: Client, model: Any, name: str, *permissions: str) -> Any:
    user = model.objects.create_user(name, password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="bookings"))
    client.force_login(user)
    return user


@pytest.fixture
def operator(client: Client, django_user_model: Any) -> Any:
    return staff(client, django_user_model, "ops", "view_case", "view_booking", "do_look_again", "do_handle")


# --- the three records ------------------------------------------------------------------------------------------


def lines(of: Booking) -> dict[str, tuple[str, str]]:
    of.refresh_from_db()
    return {line.label: (line.word, line.why) for line in side_by_side(load(of)) if line.why or line.label == "Exists"}


@pytest.mark.django_db
def test_records_that_agree() -> None:
    assert lines(rows.confirmed()) == {"Exists": (AGREES, "")}
    assert lines(rows.cancelled(given_back=30_000, agreed=30_000)) == {"Exists": (AGREES, "")}


@pytest.mark.django_db
def test_each_difference_is_named_in_words() -> None:
    b = rows.confirmed()
    order, paid = SupplierOrder.objects.filter(booking=b), Payment.objects.filter(booking=b)
    order.update(total_minor=50_100)
    assert lines(b)["Amount"] == (DIFFERS, "the order needs USD 501.00, the card stands for USD 500.00")
    order.update(total_minor=50_000, currency="EUR")
    assert lines(b)["Currency"] == (DIFFERS, "more than one currency")
    order.update(currency="USD", state="unknown")
    assert lines(b)["Exists"] == (UNKNOWN, "the airline has not said whether the order exists")
    order.update(state="cancelled")
    assert lines(b)["Exists"] == (DIFFERS, "charged, and no order is live")
    assert lines(b)["State"][0] == DIFFERS
    order.update(state="ticketed")
    paid.update(refunded_minor=50_000)
    assert lines(b)["Exists"] == (DIFFERS, "everything was refunded, and the order is live")
    assert lines(b)["Refunds"] == (DIFFERS, "we sent USD 0.00, Stripe gave back USD 500.00")
    paid.update(refunded_minor=0, captured_minor=0, state="voided")
    assert lines(b)["Exists"] == (DIFFERS, "a ticket is issued, and nothing is charged")


@pytest.mark.django_db
def test_our_fee_is_part_of_what_the_card_stands_for() -> None:
    b = rows.confirmed(fee_minor=1_500)
    SupplierOrder.objects.filter(booking=b).update(total_minor=48_500)
    assert lines(b) == {"Exists": (AGREES, "")}


@pytest.mark.django_db
def test_the_page_shows_the_three_records_and_a_case_without_booking_opens(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    SupplierOrder.objects.filter(booking=b).update(state="cancelled")
    case = rows.case(b, "charged_without_order", facts={"ours": 50_000})
    html = client.get(reverse("admin:bookings_case_change", args=[case.pk])).content.decode()
    for told in ("Ours", "Airline", "Stripe", b.orders.get().external_id, b.payments.get().external_id,
                 "charged, and no order is live", "≠", "Money at risk", "USD 500.00", "see that it goes out"):
        assert told in html, told
    lost = rows.case(None, "orphaned_booking", subject="duffel:ord_lost")
    html = client.get(reverse("admin:bookings_case_change", args=[lost.pk])).content.decode()
    assert "duffel:ord_lost" in html
    assert "No booking of ours stands behind this case." in html  # why looking again is not offered
    assert "<select" not in html


# --- the verbs (the service commits by itself) ------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_handled_with_a_reason_once(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    case = rows.case(b)
    page = client.get(verb(case)).content.decode()
    assert "The case is closed with your name, the time and your reason." in page
    assert Case.objects.get(pk=case.pk).closed_at is None  # GET changes nothing
    answer = press(client, verb(case), reason="  The airline confirmed by phone.  ")
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:bookings_case_change", args=[case.pk]))
    closed = Case.objects.get(pk=case.pk)
    assert (closed.closed_by, closed.closed_because) == (operator, "The airline confirmed by phone.")
    again = press(client, verb(case), reason="Me too.")
    assert again.status_code == 409
    assert Case.objects.get(pk=case.pk).closed_because == "The airline confirmed by phone."
    assert Diary.objects.filter(booking=b, event="case.handled", actor=f"staff:{operator.pk}").count() == 1
    assert list(StaffAction.objects.values_list("verb", "reason", "operator")) == [
        ("mark_handled", "The airline confirmed by phone.", operator.pk)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("note", ["", "   ", "x" * 501])
def test_not_without_a_reason(client: Client, operator: Any, note: str) -> None:
    case = rows.case(rows.confirmed())
    answer = press(client, verb(case), reason=note)
    assert answer.status_code == 422
    assert Case.objects.get(pk=case.pk).closed_at is None
    assert Diary.objects.filter(event="case.handled").count() == StaffAction.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_look_again_wakes_the_worker_and_the_page_waits_for_fresh_answers(client: Client, operator: Any) -> None:
    b = rows.confirmed()
    case = rows.case(b)
    answer = press(client, verb(case, "look_again"))
    assert answer.status_code == 302
    woken = Booking.objects.get(pk=b.pk)
    assert (woken.wakes, woken.due_at is not None) == (1, True)
    assert SupplierOrder.objects.get(booking=b).news_at == Payment.objects.get(booking=b).news_at == woken.due_at
    assert '<meta http-equiv="refresh" content="2">' in client.get(answer["Location"]).content.decode()
    SupplierOrder.objects.update(looked_at=woken.due_at + timedelta(seconds=1))
    Payment.objects.update(looked_at=woken.due_at + timedelta(seconds=1))
    assert 'http-equiv="refresh"' not in client.get(answer["Location"]).content.decode()
    assert Case.objects.get(pk=case.pk).closed_at is None


@pytest.mark.django_db(transaction=True)
def test_nothing_to_look_at_without_a_booking(client: Client, operator: Any) -> None:
    lost = rows.case(None, "orphaned_booking")
    assert press(client, verb(lost, "look_again")).status_code == 409
    assert press(client, verb(lost), reason="Cancelled with the airline.").status_code == 302
    assert client.get(verb(lost, "retry_order")).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(ACTIONS))
@pytest.mark.parametrize("permissions", [("view_case", "view_booking"), ()])
def test_who_may_not_is_refused_with_get_and_post(client: Client, django_user_model: Any, name: str,
                                                  permissions: tuple[str, ...]) -> None:
    staff(client, django_user_model, "viewer", *permissions)
    case = rows.case(rows.confirmed())
    assert client.get(verb(case, name)).status_code == 403
    assert client.post(verb(case, name), {"reason": "mine"}).status_code == 403
    assert Case.objects.get(pk=case.pk).closed_at is None
    page = client.get(reverse("admin:bookings_case_change", args=[case.pk]))
    if permissions:
        assert "Your role does not allow this." in page.content.decode()
    else:
        assert page.status_code == 403


@pytest.mark.django_db
def test_customers_and_strangers_are_sent_to_the_login(client: Client, django_user_model: Any) -> None:
    case = rows.case(rows.confirmed())
    client.force_login(django_user_model.objects.create_user("customer"))
    for address in (verb(case), reverse(QUEUE), reverse("admin:bookings_case_change", args=[case.pk])):
        assert client.get(address)["Location"].startswith("/admin/login/")
    assert client.post(verb(case), {"reason": "x"})["Location"].startswith("/admin/login/")


@pytest.mark.django_db
@pytest.mark.parametrize(("key", "word"), [("sk_test_sandbox", "TEST"), ("rk_live_x", "LIVE")])
def test_the_ribbon_says_test_or_live(client: Client, operator: Any, settings: Any, key: str, word: str) -> None:
    settings.STRIPE_SECRET_KEY = key
    assert f"<strong>{word}</strong>" in client.get(reverse(QUEUE)).content.decode()
