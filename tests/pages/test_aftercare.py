"""After booking: contact data, requests to our team with their answers, and the refund, each as its rows say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bookings import afterwards, refund_clock
from bookings.models import Booking, Case, ChangeRequest, Outbox
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.console import pressing
from tests.pages.html import read
from tests.pages.travel import make
from tests.trail import rows

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "Please move the flight home to 22 December."


@pytest.fixture
def booking(principal: str) -> Booking:
    return make(principal, status="CONFIRMED", progress="done", money="charged")


# --- asking our team --------------------------------------------------------------------------------------------


def test_a_request_becomes_a_case_a_mail_and_a_promise_on_the_page(guest: Client, booking: Booking) -> None:
    here = f"/trips/{booking.reference}/request"
    assert "within 24 hours" in read(guest.get(here)).text
    answer = guest.post(here, {"topic": "date", "words": WORDS})
    assert answer.headers["Location"] == f"/trips/{booking.reference}?done=request"
    made = ChangeRequest.objects.get()
    case = Case.objects.get()
    assert (case.kind, case.subject, case.deadline) == ("change_requested", f"request:{made.pk}", made.answer_by)
    assert WORDS not in str(case.facts)  # the customer's words stay in their own row
    assert made.answer_by - made.asked_at == timedelta(hours=24)
    assert list(Outbox.objects.values_list("kind", "version")) == [("change_received", str(made.pk))]
    text = read(guest.get(answer.headers["Location"])).text
    for wanted in ("Your request is with our team", WORDS, "With our team", "We answer by", "Another date"):
        assert wanted in text, wanted
    assert "Ask for a change" not in text  # one at a time
    assert guest.get(here).headers["Location"] == f"/trips/{booking.reference}"


def test_the_same_press_twice_is_one_request_and_another_one_waits(guest: Client, booking: Booking) -> None:
    here = f"/trips/{booking.reference}/request"
    for _ in range(2):
        assert guest.post(here, {"topic": "date", "words": WORDS}).status_code == 302
    assert guest.post(here, {"topic": "name", "words": "My name is Anne, not Anna."}).status_code == 409
    assert ChangeRequest.objects.count() == Case.objects.count() == Outbox.objects.count() == 1


@pytest.mark.parametrize(("typed", "field", "says"), [
    ({"words": WORDS}, "topic", "Choose what you would like to change."),
    ({"topic": "banana", "words": WORDS}, "topic", "Choose what"),
    ({"topic": "date", "words": "  \n "}, "words", "Tell us in a sentence"),
    ({"topic": "date", "words": "\u202e\u200b\u0007" * 20}, "words", "Tell us in a sentence"),
    ({"topic": "date", "words": "x" * 1001}, "words", "at most 1000 letters; these are 1001"),
])
def test_a_wrong_request_names_its_field_and_keeps_what_was_typed(
        guest: Client, booking: Booking, typed: dict[str, str], field: str, says: str) -> None:
    page = read(guest.post(f"/trips/{booking.reference}/request", typed))
    assert says in page.text
    assert [tag["href"] for tag in page.all("a") if tag.get("href", "").startswith("#")][-1] == f"#{field}"
    assert page.one("div", id="errors")
    assert typed["words"].strip("\u202e\u200b\u0007 \n") in page.text or len(typed["words"]) > 1000
    assert not ChangeRequest.objects.exists()


def test_words_cannot_write_html_or_turn_the_line(guest: Client, booking: Booking) -> None:
    guest.post(f"/trips/{booking.reference}/request",
               {"topic": "other", "words": "<script>alert(1)</script> \u202eevil \U0001f6eb שלום"})
    source = guest.get(f"/trips/{booking.reference}").content.decode()
    assert "<script>alert" not in source
    assert "\u202e" not in source
    assert "שלום" in source


def test_a_trip_that_begins_soon_is_answered_within_4_hours(booking: Booking) -> None:
    now = clock.now()
    assert afterwards.answer_by(now, now + timedelta(hours=71)) == now + timedelta(hours=4)
    assert afterwards.answer_by(now, now + timedelta(hours=73)) == now + timedelta(hours=24)


def test_the_answer_of_staff_reaches_the_customer_by_mail_and_page(
        guest: Client, client: Client, booking: Booking) -> None:
    made = afterwards.ask(booking=booking, topic="date", words=WORDS, now=clock.now())
    case = Case.objects.get()
    staff = Client()
    staff.force_login(User.objects.create_superuser("staff"))
    here = f"/admin/bookings/case/{case.pk}/"
    assert WORDS in staff.get(f"{here}change/").content.decode()
    closing = staff.post(f"{here}do/mark_handled/", {"reason": "done"})
    assert closing.status_code == 409  # the customer would wait for ever
    assert pressing.press(staff, f"{here}do/answer_customer/", private_answer=" ").status_code == 422
    answer = "The 22nd is possible for USD 75."
    assert pressing.press(staff, f"{here}do/answer_customer/", private_answer=answer).status_code == 302
    made.refresh_from_db()
    case.refresh_from_db()
    assert (made.answer, case.closed_because) == ("The 22nd is possible for USD 75.", "The customer was answered.")
    assert Outbox.objects.filter(kind="change_answered", version=str(made.pk)).count() == 1
    text = read(guest.get(f"/trips/{booking.reference}")).text
    assert "The 22nd is possible for USD 75." in text
    assert "Ask for a change" in text  # the next one may come
    with pytest.raises(Problem, match="already"):
        afterwards.answer_request(case=case, words="Twice", operator=User.objects.get(), now=clock.now())


@pytest.mark.parametrize("status", ["CANCELLED", "FAILED", "EXPIRED", "CANCELLING"])
def test_nothing_is_offered_for_a_booking_that_has_ended(guest: Client, booking: Booking, status: str) -> None:
    Booking.objects.filter(pk=booking.pk).update(status=status, progress="closed", wish="cancel")
    page = read(guest.get(f"/trips/{booking.reference}"))
    assert "Manage this booking" not in page.text
    for path in ("request", "contact"):
        assert guest.get(f"/trips/{booking.reference}/{path}").headers["Location"] == f"/trips/{booking.reference}"
    assert guest.post(f"/trips/{booking.reference}/request", {"topic": "date", "words": WORDS}).status_code == 302
    assert not ChangeRequest.objects.exists()


# --- contact data -----------------------------------------------------------------------------------------------


def test_new_contact_data_is_kept_and_the_old_address_is_told(guest: Client, booking: Booking) -> None:
    here = f"/trips/{booking.reference}/contact"
    page = read(guest.get(here))
    assert page.one("input", id="email")["value"] == "anna@example.com"
    answer = guest.post(here, {"email": "new@example.com", "phone": "+44 20 8016 0508"})
    assert answer.headers["Location"] == f"/trips/{booking.reference}?done=contact"
    booking.refresh_from_db()
    assert (booking.contact_email, booking.contact_phone) == ("new@example.com", "+442080160508")
    assert list(Outbox.objects.values_list("kind", "to")) == [("contact_changed", "anna@example.com")]


@pytest.mark.parametrize(("email", "phone", "field"), [
    ("", "+442080160508", "email"), ("anna", "+442080160508", "email"), ("ä@example.com", "+442080160508", "email"),
    ("anna@example.com", "555", "phone"), ("anna@example.com", "", "phone"), ("a@b.c" + "d" * 400, "+1", "email"),
])
def test_wrong_contact_data_changes_nothing(guest: Client, booking: Booking, email: str, phone: str,
                                            field: str) -> None:
    page = read(guest.post(f"/trips/{booking.reference}/contact", {"email": email, "phone": phone}))
    assert page.one("input", id=field)["aria-invalid"] == "true"
    booking.refresh_from_db()
    assert booking.contact_email == "anna@example.com"
    assert not Outbox.objects.exists()


# --- the refund -------------------------------------------------------------------------------------------------


def refunded(booking: Booking, **changes: Any) -> None:
    order = rows.order(booking, external_id=f"ord_{booking.pk}", state="cancelled")
    payment = rows.payment(booking, state="captured", captured_minor=59999, card_brand="visa", card_last4="4242",
                           order=order)
    rows.refund(payment, **{"amount_minor": 40000, **changes})


@pytest.mark.parametrize(("state", "steps", "says"), [
    ("requested", ["done", "now", ""], "We send it by Wed 2 Dec 2026"),  # Thanksgiving lies between
    ("sent", ["done", "done", "now"], "After that, banks usually take 5 to 10 days"),
    ("succeeded", ["done", "done", "done"], "on your statement within 5 to 10 days"),
    ("failed", ["done", "", ""], "Your bank sent this refund back."),
])
def test_the_tracker_shows_the_refund_of_the_ledger(guest: Client, booking: Booking, state: str, steps: list[str],
                                                    says: str) -> None:
    Booking.objects.filter(pk=booking.pk).update(status="CANCELLING", progress="undoing", money="refunding",
                                                 wish="cancel", agreed_refund_minor=40000)
    at = rows.NOW + timedelta(minutes=5)
    refunded(booking, state=state, sent_at=at if state != "requested" else None,
             done_at=at if state == "succeeded" else None)
    page = read(guest.get(f"/trips/{booking.reference}"))
    assert [tag["class"] for tag in page.all("li") if "class" in tag] == steps
    assert "USD 400.00" in page.text and "to Visa ending 4242" in page.text
    assert says in page.text


def test_a_refund_the_airline_owes_names_the_legal_date(guest: Client, booking: Booking) -> None:
    Booking.objects.filter(pk=booking.pk).update(status="CANCELLING", progress="undoing", money="refunding",
                                                 closing="airline_cancelled")
    refunded(booking, state="requested", amount_minor=59999, cause="no_order")
    assert "You are entitled to it by Wed 2 Dec 2026" in read(guest.get(f"/trips/{booking.reference}")).text


def test_what_was_agreed_is_shown_before_the_refund_has_a_row(guest: Client, booking: Booking) -> None:
    Booking.objects.filter(pk=booking.pk).update(status="CANCELLING", progress="undoing", wish="cancel",
                                                 agreed_refund_minor=12345)
    page = read(guest.get(f"/trips/{booking.reference}"))
    assert "Your refund" in page.text and "USD 123.45" in page.text
    Booking.objects.filter(pk=booking.pk).update(agreed_refund_minor=0)
    assert "Your refund" not in read(guest.get(f"/trips/{booking.reference}")).text


@pytest.mark.parametrize(("since", "last"), [
    (datetime(2026, 11, 20, 22, 0, tzinfo=UTC), date(2026, 12, 2)),  # a Friday, 17:00 in New York; Thanksgiving
    (datetime(2026, 11, 21, 3, 0, tzinfo=UTC), date(2026, 12, 2)),  # still that Friday in New York
    (datetime(2026, 12, 21, 15, 0, tzinfo=UTC), date(2026, 12, 31)),  # Christmas
    (datetime(2027, 12, 22, 15, 0, tzinfo=UTC), date(2028, 1, 4)),  # Christmas on a Saturday: observed the day before
    (datetime(2026, 6, 30, 15, 0, tzinfo=UTC), date(2026, 7, 10)),  # 4 July on a Saturday
    (datetime(2026, 3, 2, 15, 0, tzinfo=UTC), date(2026, 3, 11)),
])
def test_the_refund_clock_counts_business_days(since: datetime, last: date) -> None:
    assert refund_clock.legal_date(since) == last


def test_new_years_day_on_a_saturday_is_observed_in_the_year_before() -> None:
    assert not refund_clock.is_business_day(date(2027, 12, 31))
    assert refund_clock.is_business_day(date(2026, 12, 31))


def test_old_requests_are_erased_and_open_ones_never(booking: Booking) -> None:
    from bookings import retention

    now = clock.now()
    old = afterwards.ask(booking=booking, topic="date", words=WORDS, now=now)
    ChangeRequest.objects.filter(pk=old.pk).update(asked_at=now - timedelta(days=401))
    assert retention.run(now)["requests"] == 0  # nobody has answered it yet
    ChangeRequest.objects.filter(pk=old.pk).update(answer="Yes.", answered_at=now - timedelta(days=400))
    assert retention.run(now)["requests"] == 1
    old.refresh_from_db()
    assert (old.words, old.answer, old.topic) == ("", "(erased)", "date")
    assert retention.run(now)["requests"] == 0


def test_requests_of_one_address_are_limited(guest: Client, principal: str) -> None:
    for number in range(6):
        one = make(principal, status="CONFIRMED", progress="done")
        answer = guest.post(f"/trips/{one.reference}/request", {"topic": "date", "words": WORDS})
        assert answer.status_code == (302 if number < 5 else 429)
