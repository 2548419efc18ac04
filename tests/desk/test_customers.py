"""The link to pay, a mail again, another address, documents in full."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbound

from bookings import desk, mail
from bookings.models import AccessLink, Diary, Outbox, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from tests.console import rows
from tests.desk.pressing import Desk, form_errors, somebody
from tests.desk.test_money import confirmed
from tests.world import World

pytestmark = pytest.mark.django_db


def sent() -> list[Any]:
    """Every mail that goes out now."""
    outbound.outbox.clear()
    mail.send_due(clock.now() + timedelta(seconds=1), 20)
    return list(outbound.outbox)


def test_the_link_to_pay_is_previewed_and_mailed(world: World, at_desk: Desk) -> None:
    booking = world.drive(world.booked(hold=True))
    sent()
    links = AccessLink.objects.count()
    plan = desk.ACTIONS["send_pay_link"].plan(desk.situation_of(booking=booking), {})
    assert plan.mail is not None and plan.mail.to == "ada@example.com" and "Pay now" in plan.mail.text
    assert AccessLink.objects.count() == links, "looking makes no link"
    done = at_desk.press("send_pay_link", booking=booking)
    assert booking.contact_email and booking.contact_email not in done.row.said, "the book is for ever"
    at_desk.press("send_pay_link", booking=booking)
    mails = sent()
    assert [message.to for message in mails] == [["ada@example.com"]] * 2 and "/manage/link/" in mails[0].body
    assert mails[0].subject == plan.mail.subject


@pytest.mark.parametrize(("order", "status", "why"), [
    ("ticketed", "CONFIRMED", "nothing to pay"), ("reserved", "PENDING_TICKETING", "nothing to pay"),
    ("cancelled", "CANCELLED", "nothing to pay"), ("unknown", "PENDING_PAYMENT", "not known")])
def test_no_link_where_nothing_can_be_paid(at_desk: Desk, order: str, status: str, why: str) -> None:
    b = rows.booking(status=status)
    rows.order(b, order)
    assert why in at_desk.why_not("send_pay_link", booking=b)


def test_a_mail_goes_out_again_to_the_present_address(world: World, at_desk: Desk) -> None:
    booking = confirmed(world)
    at_desk.press("refund", booking=booking, amount="50.00")
    booking = world.drive(booking)
    first = {message.subject for message in sent()}
    kinds = {row.kind: row.pk for row in Outbox.objects.filter(booking=booking).exclude(sent_at=None)}
    assert {"confirmed", "refund_sent"} <= set(kinds)
    at_desk.press("correct_contact", booking=booking, private_email="new@example.com", private_phone="+442080160508")
    told = sent()
    assert [message.to for message in told] == [["ada@example.com"]]
    for kind in ("confirmed", "refund_sent", "refund_sent"):
        done = at_desk.press("resend_mail", booking=booking, mail=kinds[kind])
        assert booking.contact_email not in done.row.said
    again = sent()
    assert [message.to for message in again] == [["new@example.com"]] * 3
    assert {message.subject for message in again} <= first and "50.00" in again[1].body
    assert not [row for row in Outbox.objects.all() if row.pk in [
        choice for choice, _ in desk.ACTIONS["resend_mail"].form(  # type: ignore[misc]
            desk.situation_of(booking=booking))().fields["mail"].choices] and row.kind == "contact_changed"]


def test_the_newest_mail_of_many_bookings_goes_out_by_one_choice(at_desk: Desk) -> None:
    for b in (rows.confirmed(), rows.confirmed()):
        Outbox.objects.create(kind="received", booking=b, due_at=rows.NOW, created_at=rows.NOW, sent_at=rows.NOW)
        Outbox.objects.create(kind="confirmed", booking=b, due_at=rows.NOW, created_at=rows.NOW,
                              sent_at=rows.NOW + timedelta(minutes=1))
        at_desk.press("resend_mail", booking=b, params={"mail": 0})
        assert Outbox.objects.get(booking=b, sent_at=None).version == "1~1"
        assert Outbox.objects.get(booking=b, sent_at=None).kind == "confirmed"


def test_a_mail_that_is_no_longer_true_is_not_sent_again(at_desk: Desk) -> None:
    b = rows.confirmed()
    row = Outbox.objects.create(kind="hold_created", booking=b, due_at=rows.NOW, created_at=rows.NOW, sent_at=rows.NOW)
    with pytest.raises(Problem, match="no longer held"):
        at_desk.press("resend_mail", booking=b, mail=row.pk)
    other = Outbox.objects.create(kind="confirmed", booking=rows.confirmed(), due_at=rows.NOW, created_at=rows.NOW,
                                  sent_at=rows.NOW)
    with pytest.raises(Problem, match="not sent for this booking"):
        at_desk.press("resend_mail", booking=b, params={"mail": other.pk})
    assert Outbox.objects.count() == 2 and not StaffAction.objects.exists()
    assert "No mail" in at_desk.why_not("resend_mail", booking=rows.confirmed())


def test_the_contact_is_corrected_by_the_rules_of_booking_and_kept_out_of_the_audit(at_desk: Desk) -> None:
    b = rows.confirmed()
    before = b.contact_email
    done = at_desk.press("correct_contact", booking=b, private_email="anna@example.com", private_phone="+1 212 555 0123")
    b.refresh_from_db()
    assert (b.contact_email, b.contact_phone) == ("anna@example.com", "+12125550123")
    assert Outbox.objects.get(kind="contact_changed").to == before
    assert Diary.objects.get(event="contact.changed").actor == f"staff:{at_desk.operator.pk}"
    kept = str((done.row.params, done.row.before, done.row.after, done.said, done.row.subject))
    assert "example.com" not in kept and "212" not in kept
    with pytest.raises(Problem, match="have already"):
        at_desk.press("correct_contact", booking=b)


@pytest.mark.parametrize(("field", "typed"), [
    ("private_email", "anna@"), ("private_email", "änna@example.com"), ("private_phone", "12"), ("private_phone", "")])
def test_a_contact_that_cannot_be_is_refused(at_desk: Desk, field: str, typed: str) -> None:
    b = rows.confirmed()
    situation = desk.situation_of(booking=b)
    assert list(form_errors(desk.ACTIONS["correct_contact"], situation, **{field: typed})) == [field]
    with pytest.raises(Problem):
        at_desk.press("correct_contact", booking=b,
                      params={"private_email": "a@b.de", "private_phone": "+12125550123", field: typed})


def test_one_customers_address_never_stands_in_anothers_form(at_desk: Desk) -> None:
    first, second = rows.confirmed(), rows.confirmed()
    action = desk.ACTIONS["correct_contact"]
    one, two = action.form(desk.situation_of(booking=first)), action.form(desk.situation_of(booking=second))
    assert one is not None and two is not None
    assert one().fields["private_email"].initial == first.contact_email != two().fields["private_email"].initial


def test_documents_are_shown_to_the_one_who_asked_for_two_minutes(at_desk: Desk) -> None:
    b = rows.confirmed()
    viewer, other = somebody("do_reveal"), somebody("do_reveal")
    row = at_desk.press("reveal", booking=b, by=viewer, reason="The airline asks for the passport.").row
    found = desk.documents_of(b, row=row, viewer=viewer, now=row.at)
    assert [(paper.number, paper.country) for paper in found] == [("X4RF81JK", "DE")]
    assert "X4RF81JK" not in str(StaffAction.objects.values())
    wrong = [(b, row, other, row.at), (rows.confirmed(), row, viewer, row.at),
             (b, row, viewer, row.at + timedelta(minutes=2, seconds=1)),
             (b, at_desk.press("note", booking=b, by=at_desk.operator).row, at_desk.operator, row.at)]
    for booking, of, who, when in wrong:
        with pytest.raises(Problem):
            desk.documents_of(booking, row=of, viewer=who, now=when)
    b.passengers.update(document="")
    assert "No documents" in at_desk.why_not("reveal", booking=b)


@pytest.mark.parametrize("name", ["send_pay_link", "resend_mail", "correct_contact", "reveal"])
def test_customers_are_reached_by_permission_only(at_desk: Desk, name: str) -> None:
    with pytest.raises(Problem) as refused:
        at_desk.press(name, booking=rows.confirmed(), by=somebody("do_refund", "do_note"), params={})
    assert refused.value.code == "forbidden" and not StaffAction.objects.exists()
