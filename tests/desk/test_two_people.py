"""The second person cannot be done without: not by small steps, a lost role, a changed amount, or a borrowed key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail as outbound

from bookings import desk, mail, telling
from bookings.models import Booking, Outbox, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from payments.models import Refund
from tests.console import rows
from tests.desk.pressing import Desk, as_it_stands, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def limit(at_desk: Desk, settings: Any) -> Desk:
    settings.SECOND_PERSON_ABOVE = {"USD": 10_000}
    return at_desk


def agree(booking: Booking, by: User, key: str = "agrees") -> desk.Done:
    return desk.decide_proposal(booking.proposals.get().pk, agreed=True, by=desk.By(by, "right", key),
                                actions=desk.ACTIONS)


@pytest.mark.failure("U4")
def test_small_refunds_of_one_person_on_one_booking_count_together(limit: Desk) -> None:
    b, anna, ben = rows.confirmed(), somebody("do_refund"), somebody("do_refund")
    assert not limit.press("refund", booking=b, amount="60.00", by=anna).proposed
    assert not limit.press("refund", booking=rows.confirmed(), amount="60.00", by=anna).proposed, "another booking"
    assert not limit.press("refund", booking=b, amount="60.00", by=ben).proposed, "another person"
    assert not limit.press("refund", booking=b, amount="40.00", by=anna).proposed, "exactly the limit"
    done = limit.press("refund", booking=b, amount="0.01", by=anna)
    assert done.proposed and "USD 100.00 that you moved within 24 hours" in done.said
    assert sum(Refund.objects.filter(payment__booking=b).values_list("amount_minor", flat=True)) == 16_000


def test_a_day_later_it_is_counted_anew(limit: Desk) -> None:
    b, anna, given = rows.confirmed(), somebody("do_refund"), {"moved_minor": 10_000, "moved_currency": "USD"}
    old = StaffAction(key="old", verb="refund", operator=anna, booking=b, params=given)
    old.at = clock.now() - timedelta(hours=24, minutes=1)
    old.save()
    assert not limit.press("refund", booking=b, amount="100.00", by=anna).proposed
    assert limit.press("refund", booking=b, amount="0.01", by=anna).proposed, "the control: within a day it counts"


def test_a_cancellation_after_refunds_counts_with_them(limit: Desk) -> None:
    b, anna = rows.confirmed(), somebody("do_refund", "do_cancel")
    b.orders.update(quote_id="ore_1", quote_refund_minor=30_000, quote_refund_to="balance",
                    quote_expires_at=clock.now() + timedelta(hours=1))
    limit.press("refund", booking=b, amount="90.00", by=anna)
    b.orders.update(quote_refund_minor=9_000)
    assert limit.press("cancel", booking=b, by=anna).proposed


def test_the_page_says_that_a_second_person_is_needed_before_the_press(limit: Desk, client: Any) -> None:
    b, anna = rows.confirmed(), User.objects.create_superuser("anna")
    limit.press("refund", booking=b, amount="90.00", by=anna)
    client.force_login(anna)
    page = client.post(f"/admin/bookings/booking/{b.pk}/do/refund/", {"amount": "20.00", "show": "1"})
    assert "Propose: give money back: USD 20.00" in page.content.decode()


def test_a_proposal_is_mailed_to_those_who_may_decide_it_and_to_nobody_else(limit: Desk, settings: Any) -> None:
    settings.ALERT_EMAIL = "night@example.com"
    b, anna, ben, carl = rows.confirmed(), *(somebody(*may) for may in (
        ("do_refund", "do_second"), ("do_second",), ("do_refund",)))
    for one in (anna, ben, carl):
        User.objects.filter(pk=one.pk).update(email=f"{one.pk}@example.com", is_staff=True)
    now = clock.now()
    assert limit.press("refund", booking=b, amount="120.00", by=anna).proposed
    mail.send_due(now + timedelta(minutes=1), 10)
    (told,) = [one for one in outbound.outbox if "proposal" in one.subject]
    assert told.to == [f"{ben.pk}@example.com"]
    assert f"/admin/bookings/proposal/{b.proposals.get().pk}/decide/" in told.body
    assert "USD 120.00" in told.body and b.reference in told.body
    for private in (b.contact_email, anna.username, "traveller", "{"):
        assert private not in told.body.lower()


def test_a_proposal_that_was_decided_is_not_mailed_late_and_without_a_decider_it_goes_where_alerts_go(
        limit: Desk, settings: Any) -> None:
    settings.ALERT_EMAIL = "night@example.com"
    b, anna, ben = rows.confirmed(), somebody("do_refund"), User.objects.create_superuser("ben")
    limit.press("refund", booking=b, amount="120.00", by=anna)
    row = Outbox.objects.get(kind="proposal_waits")
    assert row.to == "night@example.com" and telling.late(row) == ""
    agree(b, ben)
    assert telling.late(row) == "somebody has decided"


def test_a_proposal_of_somebody_who_lost_the_role_is_not_done(limit: Desk) -> None:
    b, anna, ben = rows.confirmed(), somebody("do_refund"), somebody("do_second")
    limit.press("refund", booking=b, amount="200.00", by=anna)
    anna.user_permissions.clear()
    with pytest.raises(Problem) as refused:
        agree(b, ben)
    assert refused.value.code == "proposer_may_not" and not Refund.objects.exists()
    desk.decide_proposal(b.proposals.get().pk, agreed=False, by=desk.By(ben, "no", "refuses"), actions=desk.ACTIONS)


def test_a_proposal_whose_amount_has_changed_is_not_done(limit: Desk) -> None:
    b, ben = rows.confirmed(), somebody("do_second")
    b.orders.update(quote_id="ore_1", quote_refund_minor=20_000, quote_refund_to="balance",
                    quote_expires_at=clock.now() + timedelta(hours=1))
    limit.press("cancel", booking=b)
    b.orders.update(quote_refund_minor=30_000)
    with pytest.raises(Problem) as refused:
        agree(b, ben)
    b.refresh_from_db()
    assert refused.value.code == "changed_meanwhile" and b.wish == "book"


def test_nobody_agrees_to_their_own_by_another_session_or_as_superuser(limit: Desk) -> None:
    b = rows.confirmed()
    limit.press("refund", booking=b, amount="200.00")
    with pytest.raises(Problem) as refused:
        agree(b, User.objects.get(pk=limit.operator.pk))
    assert refused.value.code == "same_person" and not Refund.objects.exists()


@pytest.mark.parametrize("whose", ["somebody else's", "another action's", "another booking's"])
def test_a_key_of_another_press_is_refused_and_tells_nothing(limit: Desk, whose: str) -> None:
    b, anna = rows.confirmed(), somebody("do_refund", "do_cancel", "do_note")
    limit.press("refund", booking=b, amount="50.00", by=anna, key="the-key")
    by = somebody("do_refund") if whose.startswith("somebody") else anna
    about = rows.confirmed() if whose.endswith("booking's") else b
    name = "note" if whose.startswith("another action") else "refund"
    params = desk.ACTIONS["note"].form(as_it_stands(booking=b)) and {"text": "x"} if name == "note" else {
        "amount_minor": 5_000, "again": 0, "seen": 0}
    with pytest.raises(Problem) as refused:
        limit.press(name, booking=about, by=by, key="the-key", params=params)
    assert refused.value.code == "key_taken" and "50.00" not in refused.value.message
    assert Refund.objects.count() == 1


def test_a_key_of_another_decision_is_refused(limit: Desk) -> None:
    ben = somebody("do_second")
    one, two = rows.confirmed(), rows.confirmed()
    for b in (one, two):
        limit.press("refund", booking=b, amount="200.00")
    agree(one, ben, "the-key")
    with pytest.raises(Problem) as refused:
        agree(two, ben, "the-key")
    assert refused.value.code == "key_taken" and Refund.objects.count() == 1
    assert two.proposals.get().decided_at is None
