"""The outbox: every kind tells the truth in text and HTML, goes out once, and survives a crash and a dead server."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail as outbound
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template import engines
from django.template.loader import render_to_string

from bookings import cases, detectors, letter, mail, selectors
from bookings.models import AccessLink, Booking, Case, Outbox
from tests.trail import rows
from tests.trail.rows import NOW

pytestmark = pytest.mark.django_db
KINDS = ("confirmed", "hold_created", "hold_reminder_24", "hold_reminder_2", "not_booked", "expired", "cancelled",
         "refund_sent", "price_changed", "checking", "pay_needed", "pay_link", "schedule_changed", "lookup_link", "received",
         "reserved", "card_released", "airline_cancelled", "change_received", "change_answered", "case_alert")
FITS: dict[str, dict[str, Any]] = {  # what a booking looks like when this mail is due
    "confirmed": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
    "hold_created": {"status": "HOLD", "wish": "hold", "progress": "held"},
    "hold_reminder_24": {"status": "HOLD", "wish": "hold", "progress": "held"},
    "hold_reminder_2": {"status": "HOLD", "wish": "hold", "progress": "held"},
    "not_booked": {"status": "FAILED", "closing": "sold_out"},
    "expired": {"status": "EXPIRED", "closing": "payment_window"},
    "cancelled": {"status": "CANCELLED", "wish": "cancel", "money": "refunding", "agreed_refund_minor": 50000},
    "refund_sent": {"status": "CANCELLED", "wish": "cancel", "money": "refunded"},
    "price_changed": {"progress": "consent", "priced_minor": 65999},
    "checking": {"progress": "checking", "money": "reserved"},
    "pay_needed": {"status": "PENDING_PAYMENT", "money": "none"},
    "pay_link": {"status": "PENDING_PAYMENT", "money": "none"},
    "schedule_changed": {"status": "FAILED", "closing": "schedule_changed"},
    "lookup_link": {},
    "received": {"status": "PENDING_PAYMENT", "progress": "card"},
    "reserved": {"status": "PENDING_TICKETING", "progress": "staff"},
    "card_released": {"status": "PENDING_TICKETING", "progress": "staff"},
    "airline_cancelled": {"status": "CANCELLING", "progress": "undoing", "closing": "airline_cancelled",
                          "money": "refunding"},
    "change_received": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
    "change_answered": {"status": "CONFIRMED", "progress": "done", "money": "charged"},
}
PLAIN_KINDS = ("case_healed", "contact_changed", "factor_reset", "flights_changed", "flights_accepted",
               "proposal_waits")  # each has a test of its own
ACCOUNT_KINDS = ("verify_address", "account_exists", "reset_password", "password_changed")


def queue(kind: str, booking: Booking | None, **changes: Any) -> Outbox:
    words: dict[str, Any] = {"kind": kind, "booking": booking, "due_at": NOW, "created_at": NOW}
    return Outbox.objects.create(**(words | changes))


def story(kind: str) -> tuple[Booking, Outbox]:
    """A booking for which this mail is due, with an order, a payment and a refund where it needs them."""
    booking = rows.booking(pay_by=NOW + timedelta(hours=20), **FITS[kind])
    if kind not in ("not_booked", "expired", "checking", "price_changed"):
        rows.order(booking, external_id=f"ord_{booking.pk}", state="held" if "hold" in kind else "ticketed",
                   pnr="RZPNX8", tickets=[{"kind": "ticket", "number": "1-1252106312810", "passenger_ids": []}],
                   void_until=NOW + timedelta(hours=30))
    version = "1"
    if booking.money in ("charged", "refunding", "refunded"):
        payment = rows.payment(booking, state="captured", captured_minor=59999, captured_elsewhere=True,
                               card_brand="visa", card_last4="4242")
        if booking.money != "charged":
            version = str(rows.refund(payment, amount_minor=50000).pk)
    if kind.startswith("change_"):
        answered = {"answer": "Yes, for USD 75.", "answered_at": NOW} if kind == "change_answered" else {}
        version = str(booking.requests.create(topic="date", words="One day later & please\nnot early.", asked_at=NOW,
                                              answer_by=NOW + timedelta(hours=24), **answered).pk)
    return booking, queue(kind, booking, version=version)


def sent() -> EmailMultiAlternatives:
    (message,) = outbound.outbox
    assert isinstance(message, EmailMultiAlternatives)
    return message


def html(message: EmailMultiAlternatives) -> str:
    ((content, kind),) = message.alternatives
    assert kind == "text/html"
    return re.sub(r"(?s)<style>.*?</style>", "", str(content))


def as_text(markup: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", markup)))


@pytest.fixture
def tell_unfilled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a template names and nobody gives is written out as UNFILLED."""
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", "UNFILLED %s")


@pytest.mark.usefixtures("tell_unfilled")
@pytest.mark.parametrize("kind", KINDS[:-1])
def test_every_kind_goes_to_the_customer_in_text_and_html(kind: str) -> None:
    booking, row = story(kind)
    assert mail.send_due(NOW, 10) == 1
    message = sent()
    assert message.to == ["anna@example.com"]
    assert message.extra_headers["Message-ID"].startswith(f"<outbox-{row.pk}@")
    assert booking.reference in message.subject and "\n" not in message.subject
    for text in (message.body, html(message)):
        assert booking.reference in text
        assert "/manage/link/" in text
        assert "{" not in text and "UNFILLED" not in text and "<strong>" not in message.body
    amounts = [re.findall(r"[A-Z]{3} [\d,]+\.\d\d", text) for text in (message.body, as_text(html(message)))]
    assert amounts[0] == amounts[1]
    row.refresh_from_db()
    assert row.sent_at is not None and row.dropped == ""


@pytest.mark.usefixtures("tell_unfilled")
@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_every_kind_about_an_account_goes_to_its_mailbox_alone(kind: str) -> None:
    user = User.objects.create_user("anna@example.com", "anna@example.com", "tomato window river")
    row = queue(kind, None, to=user.email, version=f"{user.pk}:1", context={"user": user.pk})
    assert mail.send_due(NOW, 10) == 1
    message = sent()
    assert message.to == [user.email]
    for text in (message.body, html(message)):
        assert "/account/verify/" in text if kind == "verify_address" else "/account/reset/" in text
        assert "UNFILLED" not in text and "{" not in text
    secret = re.findall(r"/account/\S+/([^/\s]+)/\s", message.body)[0]
    row.refresh_from_db()
    assert secret not in str(row.context)


def test_every_template_has_its_kind_and_every_kind_its_three_templates() -> None:
    folder = settings.BASE_DIR / "templates" / "mail"
    known = {*KINDS, *ACCOUNT_KINDS, *PLAIN_KINDS}
    for ending in (".subject", ".txt", ".html"):
        assert {path.stem for path in folder.glob(f"*{ending}")} - {"frame"} == known, ending


def test_the_address_before_is_told_without_a_key_to_the_booking() -> None:
    booking = rows.booking(**FITS["confirmed"])
    queue("contact_changed", booking, to="old@example.com")
    mail.send_due(NOW, 10)
    message = sent()
    assert message.to == ["old@example.com"] and booking.reference in message.body
    assert "/manage/link/" not in message.body + html(message) and not AccessLink.objects.exists()


def test_headers_say_that_a_machine_wrote_and_nothing_follows_the_reader() -> None:
    story("confirmed")
    mail.send_due(NOW, 10)
    message = sent()
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in message.message()
    assert not re.search(r"<img|<script|@import|url\(", message.alternatives[0][0])
    assert "prefers-color-scheme: dark" in message.alternatives[0][0]


MONEY = {
    "received": "You have not been charged.",
    "airline_cancelled": "USD 500.00 is on its way back to Visa ending 4242.",
    "change_answered": "Your payment of USD 599.99 is safe.",
    "confirmed": "Your payment of USD 599.99 is safe.",
    "hold_created": "You have not been charged.",
    "checking": "The amount is reserved on your card, not charged.",
    "not_booked": "You have not been charged.",
    "cancelled": "USD 500.00 is on its way back to Visa ending 4242.",
    "refund_sent": "USD 500.00 has been sent back to Visa ending 4242.",
}


@pytest.mark.parametrize("kind", MONEY)
def test_the_money_sentence_is_what_the_rows_say(kind: str) -> None:
    story(kind)
    mail.send_due(NOW, 10)
    message = sent()
    assert MONEY[kind] in message.body
    assert MONEY[kind] in as_text(html(message))


def test_the_confirmation_carries_what_an_e_ticket_confirmation_must() -> None:
    booking, _ = story("confirmed")
    mail.send_due(NOW, 10)
    message = sent()
    for text in (message.body, as_text(html(message))):
        for needed in (
            f"Our reference{':' if text is message.body else ''} {booking.reference}", "RZPNX8", "1-1252106312810",
            "AA 6143", "Operated by British Airways", "1 carry-on and 1 checked per traveller included",
            "first and second checked bag", "https://www.aa.com/conditions", "Ms Anna Müller",
            "Sun 20 Dec 2026, 19:00", "Mon 21 Dec 2026, 07:05 (+1 day)", "New York Airport (JFK), terminal 8",
            "USD 75.00 fee", "Not allowed", "Fare", "Taxes and charges", "USD 99.99", "USD 599.99",
            "You paid USD 599.99 with Visa ending 4242",
            "Free cancellation until Sun 22 Nov 2026, 05:00 (New York time)",  # 24 h, though the airline gives 30
            "you get your money back to the card", "Dangerous goods",
        ):
            assert needed in text, needed


def test_the_price_has_the_lines_of_the_page() -> None:
    booking, _ = story("confirmed")
    mail.send_due(NOW, 10)
    page = render_to_string("parts/price.html", {"price": selectors.booking_view(booking)["price"]})
    lines = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', page.split("<tfoot>")[0])
    assert lines
    for label, amount in lines:
        assert f"{label}: {amount}" in sent().body


def test_no_free_cancellation_is_promised_within_a_week_of_departure() -> None:
    booking, _ = story("confirmed")
    booking.departs_at = NOW + timedelta(days=6)
    booking.save(update_fields=["departs_at"])
    mail.send_due(NOW, 10)
    assert "Free cancellation" not in sent().body


def test_names_cannot_write_html() -> None:
    booking, _ = story("confirmed")
    booking.passengers.update(given_name="<script>alert(1)</script>", family_name="O'Hara")
    mail.send_due(NOW, 10)
    message = sent()
    assert "<script>" not in html(message)
    assert "O'Hara" in message.body  # the text is not escaped


def test_the_link_opens_this_booking_until_30_days_after_the_last_flight() -> None:
    booking, _ = story("confirmed")
    mail.send_due(NOW, 10)
    found = re.search(r"/manage/link/([A-Za-z0-9_-]+)/", sent().body)
    assert found is not None
    link = AccessLink.objects.get()
    assert len(found[1]) == 22  # 128 bits
    assert link.token_hash == hashlib.sha256(found[1].encode()).hexdigest()
    assert link.booking == booking
    assert link.expires_at == booking.arrives_at + timedelta(days=30)
    assert found[1] not in str(Outbox.objects.values())


def test_staff_are_told_of_a_case_without_a_customers_link() -> None:
    booking = rows.booking()
    case = cases.open_case(kind="ticketed_unpaid", subject=f"booking:{booking.pk}", booking=booking, now=NOW)
    queue("case_alert", booking, case=case, to="staff@example.com")
    assert mail.send_due(NOW, 10) == 1
    message = sent()
    assert message.to == ["staff@example.com"]
    assert "TICKETED UNPAID" in message.subject and booking.reference in message.subject
    assert f"/admin/bookings/case/{case.pk}/change/" in message.body
    assert not AccessLink.objects.exists()


def test_a_mail_goes_out_once() -> None:
    story("confirmed")
    assert [mail.send_due(NOW + timedelta(hours=hour), 10) for hour in range(3)] == [1, 0, 0]
    assert len(outbound.outbox) == 1


def test_what_a_mail_said_is_kept_without_the_links_that_open_something() -> None:
    booking, row = story("confirmed")
    mail.send_due(NOW, 10)
    row.refresh_from_db()
    sent = outbound.outbox[-1]
    assert row.subject == sent.subject
    assert booking.reference in row.text
    token = re.search(r"/manage/link/([^/\s]+)/", str(sent.body))
    assert token is not None
    assert token[1] not in row.text
    assert "http" not in row.text
    assert row.text.count("[link]") == len(re.findall(r"https?://", str(sent.body)))
    lost = queue("reset_password", None, context={"user": User.objects.create_user("a", "a@example.com").pk},
                 to="a@example.com")
    mail.send_due(NOW, 10)
    lost.refresh_from_db()
    assert (lost.sent_at is not None, lost.text, lost.subject) == (True, "", "")  # about no booking: nobody needs to read it


def test_what_is_not_due_waits() -> None:
    booking = rows.booking(**FITS["hold_created"], pay_by=NOW + timedelta(days=2))
    queue("hold_reminder_24", booking, due_at=NOW + timedelta(hours=24))
    assert mail.send_due(NOW + timedelta(hours=23, minutes=59), 10) == 0
    assert mail.send_due(NOW + timedelta(hours=24), 10) == 1


@pytest.mark.parametrize(("kind", "now_is", "why"), [
    ("hold_reminder_24", {"status": "CONFIRMED"}, "no longer held"),
    ("hold_reminder_2", {"status": "CANCELLED"}, "no longer held"),
    ("hold_reminder_2", {"pay_by": NOW - timedelta(minutes=1)}, "no longer held"),
    ("hold_created", {"status": "CONFIRMED"}, "no longer held"),
    ("price_changed", {"progress": "card"}, "answered"),
    ("checking", {"progress": "done"}, "the airline has answered"),
    ("pay_needed", {"status": "CONFIRMED"}, "nothing to pay"),
    ("pay_link", {"status": "CONFIRMED"}, "nothing to pay"),
    ("pay_link", {"status": "CANCELLING"}, "nothing to pay"),
    ("card_released", {"status": "CONFIRMED"}, "nothing to pay"),
    ("not_booked", {"status": "CONFIRMED"}, "booked after all"),
    ("received", {"status": "CONFIRMED"}, "told otherwise"),
    ("received", {"progress": "consent"}, "told otherwise"),
    ("reserved", {"status": "CONFIRMED"}, "no longer pending"),
])
@pytest.mark.failure("M5")
def test_a_mail_that_would_no_longer_be_true_is_dropped(kind: str, now_is: dict[str, Any], why: str) -> None:
    booking, row = story(kind)
    Booking.objects.filter(pk=booking.pk).update(**now_is)
    assert mail.send_due(NOW, 10) == 0
    row.refresh_from_db()
    assert (row.dropped, row.sent_at, outbound.outbox) == (why, None, [])


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


@pytest.mark.failure("M3")
def test_killed_after_sending_the_twin_carries_the_same_message_id(monkeypatch: pytest.MonkeyPatch) -> None:
    _, row = story("confirmed")
    real = mail.get_connection

    class Dying:
        def send_messages(self, messages: list[Any]) -> int:
            real().send_messages(messages)
            raise Killed

    monkeypatch.setattr(mail, "get_connection", Dying)
    with pytest.raises(Killed):
        mail.send_due(NOW, 10)
    monkeypatch.setattr(mail, "get_connection", real)
    row.refresh_from_db()
    assert row.sent_at is None
    assert mail.send_due(NOW + timedelta(seconds=30), 10) == 0  # its lease still runs: perhaps it is being sent
    assert mail.send_due(NOW + timedelta(minutes=3), 10) == 1
    first, second = outbound.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert mail.send_due(NOW + timedelta(hours=5), 10) == 0


def test_a_refused_address_stands_in_no_log_line(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The server's own words quote whom it refused (reliability.md 10)."""
    booking, _ = story("confirmed")

    class Refusing:
        def send_messages(self, messages: list[Any]) -> int:
            raise SMTPRecipientsRefused({to: (550, f"no such user: {to}".encode()) for to in messages[0].to})

    monkeypatch.setattr(mail, "get_connection", Refusing)
    assert booking.contact_email and mail.send_due(NOW, 10) == 0
    lines = [str(vars(record)) for record in caplog.records if record.getMessage() == "mail.failed"]
    assert len(lines) == 1 and "SMTPRecipientsRefused" in lines[0]
    assert booking.contact_email not in lines[0] and booking.contact_email.partition("@")[0] not in lines[0]


@pytest.mark.failure("M1")
def test_a_dead_mail_server_is_tried_after_1_5_15_and_60_minutes_then_hourly(
        monkeypatch: pytest.MonkeyPatch) -> None:
    _, row = story("confirmed")
    tries: list[int] = []

    class Dead:
        def send_messages(self, messages: list[Any]) -> int:
            tries.append(minute)
            raise OSError("connection refused")

    real = mail.get_connection
    monkeypatch.setattr(mail, "get_connection", Dead)
    for minute in range(4 * 60):
        assert mail.send_due(NOW + minute * timedelta(seconds=60.5), 10) == 0
        if minute < 20:
            detectors.run(NOW + minute * timedelta(seconds=60.5), ["M17"])
    assert tries == [0, 1, 6, 21, 81, 141, 201]
    case = Case.objects.get(kind="mail_undelivered")
    assert case.subject == "outbox" and case.closed_at is None
    assert case.opened_at - NOW <= timedelta(minutes=17)
    monkeypatch.setattr(mail, "get_connection", real)
    assert mail.send_due(NOW + timedelta(hours=5), 10) == 1
    detectors.run(NOW + timedelta(hours=5), ["M17"])
    case.refresh_from_db()
    assert case.closed_because == "the mail is out"
    row.refresh_from_db()
    assert row.tries == len(tries) + 1


@pytest.mark.failure("M2")
def test_after_72_hours_a_mail_is_dropped_and_a_person_told(monkeypatch: pytest.MonkeyPatch) -> None:
    booking, row = story("confirmed")
    booking.contact_email = ""
    booking.save(update_fields=["contact_email"])
    for hour in range(75):
        mail.send_due(NOW + timedelta(hours=hour), 10)
    row.refresh_from_db()
    assert row.dropped == "undeliverable"
    case = Case.objects.get(kind="mail_undelivered", closed_at=None)
    assert (case.subject, case.booking) == (f"outbox:{row.pk}", booking)


@pytest.mark.failure("M6")
def test_one_bad_mail_does_not_hold_up_the_others() -> None:
    broken = rows.booking(**FITS["confirmed"], contact_email="")
    queue("confirmed", broken)
    story("confirmed")
    assert mail.send_due(NOW, 10) == 1
    assert sent().to == ["anna@example.com"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.failure("M4")
def test_ten_senders_at_once_send_each_mail_once() -> None:
    for _ in range(12):
        story("confirmed")

    def send(_: int) -> int:
        try:
            return mail.send_due(NOW, 20)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(send, range(10))) == 12
    ids = [message.extra_headers["Message-ID"] for message in outbound.outbox]
    assert len(ids) == len(set(ids)) == 12


SAYS = {
    "price_changed": ["from USD 599.99 to USD 659.99", "Nothing goes on until you agree"],
    "refund_sent": ["We sent USD 500.00 back to Visa ending 4242."],
    "not_booked": ["The airline has just sold the last seat at this fare."],
    "expired": ["The time for paying ran out."],
    "schedule_changed": ["The airline changed the times or flights of this trip"],
    "hold_created": ["Sun 22 Nov 2026, 01:00 (New York time)"],
    "pay_needed": ["Please pay by Sun 22 Nov 2026, 01:00 (New York time)"],
    "pay_link": ["Please pay by Sun 22 Nov 2026, 01:00 (New York time)", "the page where you can pay"],
    "cancelled": ["as you asked", "Agreed refund: USD 500.00"],
    "checking": ["Please do not book this trip again and do not pay again."],
    "received": ["not a confirmed booking yet"],
    "airline_cancelled": ["You have the right to your money back in the way you paid, Visa ending 4242",
                          "Wednesday 2 December 2026"],
    "change_received": ["One day later & please", "answers you by Sun 22 Nov 2026, 05:00 (New York time)"],
    "change_answered": ["One day later & please", "Yes, for USD 75."],
}


@pytest.mark.parametrize("kind", SAYS)
def test_each_kind_says_what_happened(kind: str) -> None:
    booking, _ = story(kind)
    booking.selections.create(kind="baggage", detail="checked 23", quantity=2, unit_minor=3500,
                              service_external_id="ase_1", passenger_position=0, segment_positions=[0])
    mail.send_due(NOW, 10)
    message = sent()
    for text in (message.body, as_text(html(message))):
        for sentence in SAYS[kind]:
            assert sentence in text
    assert message.body.count("You have not been charged.") <= 1
    if "Extras" in message.body:
        assert "Checked bag, up to 23 kg × 2: USD 70.00" in message.body


BY = "Sat 21 Nov 2026, 23:00 (New York time)"  # the airline's ticketing deadline of the reservations below
MANUAL = {
    "reserved": ({}, ["There is nothing to pay online now", f"our team issues your tickets by {BY}", "you owe nothing"]),
    "pay_link": ({"card_wanted": True}, ["USD 599.99", "Please do it by Sat 21 Nov 2026, 22:50", "only reserved on your card",
                                         "within 8 hours", "Give your card"]),
    "card_released": ({}, ["nothing was charged", f"are still reserved, until {BY}", "we send you a new link"]),
    "expired": ({"status": "EXPIRED", "closing": "reservation_lapsed"}, ["let the reserved seats go before tickets"]),
    "confirmed": ({"status": "CONFIRMED", "progress": "done", "money": "charged"},
                  ["You paid USD 599.99 by bank transfer.", "Tickets: 125-2345678901"]),
    "refund_sent": ({"status": "CANCELLED", "wish": "cancel", "money": "refunded"},
                    ["We sent USD 500.00 back to you, in cash."]),
}


@pytest.mark.parametrize("kind", MANUAL)
def test_the_mails_of_a_trip_that_our_staff_ticket(kind: str) -> None:
    changes, sentences = MANUAL[kind]
    b = rows.booking(**{"route": "manual", "supplier": "amadeus", "status": "PENDING_TICKETING", "progress": "staff",
                        **changes})
    done, version = kind in ("confirmed", "refund_sent"), "1"
    rows.order(b, external_id="eJz1", state="ticketed" if done else "reserved", pnr="X4RT2K", supplier="amadeus",
               pay_by=datetime(2026, 11, 22, 4, 0, tzinfo=UTC),
               tickets=[{"kind": "ticket", "number": "125-2345678901", "passengers": ["pas_1"]}] if done else [])
    if done:
        paid = rows.payment(b, provider="desk", method="bank_transfer", external_id="desk:RF1", state="captured",
                            captured_minor=59999, captured_elsewhere=True)
        version = str(rows.refund(paid, amount_minor=50000, method="cash", external_id="desk:B1", state="succeeded").pk)
    queue(kind, b, version=version if kind == "refund_sent" else "1")
    mail.send_due(NOW, 10)
    for text in (sent().body, as_text(html(sent()))):
        for sentence in sentences:
            assert sentence in text


def test_bags_are_told_by_name_where_travellers_differ() -> None:
    bags = [{"passenger": 0, "kind": "checked", "quantity": 1}, {"passenger": 1, "kind": "carry_on", "quantity": 1},
            {"passenger": None, "kind": "checked", "quantity": 9}]
    assert letter.bags_text(bags, ["Anna", "Bo"]) == "Anna: 0 carry-on and 1 checked; Bo: 1 carry-on and 0 checked"
    assert letter.bags_text([], ["Anna"]) == "the airline states no free bags"


@pytest.mark.parametrize(("zone", "text"), [
    ("America/New_York", "Sun 1 Nov 2026, 01:30 (X time)"),  # the hour that comes twice
    ("Pacific/Kiritimati", "Sun 1 Nov 2026, 19:30 (X time)"), ("", "Sun 1 Nov 2026, 05:30 (UTC)"),
    ("No/Where", "Sun 1 Nov 2026, 05:30 (UTC)")])
def test_deadlines_name_the_clock_they_are_on(zone: str, text: str) -> None:
    assert letter.deadline(datetime(2026, 11, 1, 5, 30, tzinfo=UTC), zone, "X") == text
