"""The page of an action: it tells, it does once what it told, and it loses nothing of what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings import desk
from bookings.models import Booking, Case, Diary, Proposal, StaffAction
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from payments.models import Payment
from tests.console import rows
from tests.console.pressing import hidden, press

pytestmark = pytest.mark.django_db
MAY = ("view_case", "view_booking", "view_proposal", "view_staffaction", "do_look_again", "do_handle", "do_refund",
       "do_second", "do_note", "do_pause")


def person(model: Any, name: str, *permissions: str) -> tuple[Client, Any]:
    user = model.objects.create_user(name, password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="bookings"))
    client = Client()
    client.force_login(user)
    return client, user


class HowMuch(forms.Form):
    """An amount, as the real refund asks for it."""

    amount = forms.DecimalField(label="Amount in USD", initial="120.00", max_value=500, help_text="At most USD 500.00.")
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        return {"amount_minor": int(found["amount"] * 100), "seen": found.get("seen")} if "amount" in found else found


def _form(situation: desk.Situation) -> type[forms.Form]:
    count = len(situation.story.refunds) if situation.story else 0
    return type("Now", (HowMuch,), {"seen": forms.IntegerField(widget=forms.HiddenInput, initial=count)})


def _money(_: desk.Situation, params: desk.Params) -> Money | None:
    return Money(params["amount_minor"], "USD") if "amount_minor" in params else None


def _plan(situation: desk.Situation, params: desk.Params) -> desk.Plan:
    words = f"{_money(situation, params)} goes back." if params else "Some money goes back."
    return desk.Plan(will=(words,), calls=("Stripe: POST /v1/refunds",), amounts=(("Taken", "USD 500.00"),),
                     mail=desk.Mail("greta@example.org", "Your refund", "Dear Greta,\nmoney comes."))


def _give(situation: desk.Situation, params: desk.Params, by: desk.By) -> str:
    if params["seen"] != len(situation.story.refunds if situation.story else ()):
        raise Problem("changed_meanwhile", "Money has been given back meanwhile.", status=409)
    if params["amount_minor"] == 6_66:
        raise Problem("refund_exceeds", "Not this amount.", status=422, field_errors={"amount": "Another, please."})
    if situation.story and situation.story.payment:
        rows.refund(situation.story.payment, params["amount_minor"], "requested", external_id="", cause="staff:1")
    return f"{_money(situation, params)} goes back now."


def _charged(situation: desk.Situation) -> str:
    if situation.story is None or situation.story.payment is None or situation.story.payment.state != "captured":
        return "No money was taken."
    return "" if situation.case is None or situation.case.closed_at is None else "This case was closed."


GIVE = desk.Action("give", "Refund", "money", "bookings.do_refund", plan=_plan, perform=_give, unavailable=_charged,
                   form=_form, money=_money, danger=True)


@pytest.fixture(autouse=True)
def actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(desk.ACTIONS, "give", GIVE)
    return


@pytest.fixture
def anna(django_user_model: Any) -> Client:
    return person(django_user_model, "anna", *MAY)[0]


@pytest.fixture
def case() -> Case:
    return rows.case(rows.confirmed(), "ledgers_differ")


def page_of(case: Case, name: str = "give") -> str:
    return reverse("admin:bookings_case_verb", args=[case.pk, name])


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode().replace("&#x27;", "'")))


# --- what it tells ----------------------------------------------------------------------------------------------


def test_the_page_tells_everything_before_it_is_pressed(anna: Client, case: Case) -> None:
    told = text(anna.get(page_of(case)))
    for words in ("Refund: LEDGERS DIFFER", "USD 120.00 goes back.", "Stripe: POST /v1/refunds", "Taken USD 500.00",
                  "greta@example.org", "Your refund", "Dear Greta, money comes.", "Status CONFIRMED",
                  "Payment captured", "Airline order ticketed", "At most USD 500.00.", "▲ Refund: USD 120.00",
                  "Moves money"):
        assert words in told, words


def test_the_button_says_what_was_typed_and_another_amount_is_shown_first(anna: Client, case: Case) -> None:
    answer = press(anna, page_of(case), amount="80.00", reason="The bag was lost.")
    assert answer.status_code == 200
    assert "▲ Refund: USD 80.00" in text(answer)
    assert "USD 80.00 goes back." in text(answer)
    assert "You changed what was typed." in text(answer)
    assert not StaffAction.objects.exists()
    page = answer.content.decode()
    assert ">The bag was lost.</textarea>" in page.replace("\n", "")
    answer = anna.post(page_of(case), {**hidden(page), "amount": "80.00", "seen": "0", "reason": "The bag was lost."})
    assert answer.status_code == 302
    assert StaffAction.objects.get().said == "USD 80.00 goes back now."


def test_showing_what_will_happen_does_nothing(anna: Client, case: Case) -> None:
    answer = press(anna, page_of(case), amount="33.00", show="1", reason="half a word")
    assert (answer.status_code, "▲ Refund: USD 33.00" in text(answer), "half a word" in text(answer)) == (200, True, True)
    answer = press(anna, page_of(case), amount="9000", show="1")
    assert (answer.status_code, "▲ Refund:" in text(answer)) == (422, False)
    assert not StaffAction.objects.exists()


def test_wrong_values_come_back_with_a_summary_that_has_the_focus(anna: Client, case: Case) -> None:
    answer = press(anna, page_of(case), amount="abc", reason="")
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'role="alert" tabindex="-1" autofocus' in page
    assert '<a href="#id_amount">Amount in USD: Enter a number.</a>' in page
    assert '<a href="#id_reason">Reason: Please say why.</a>' in page
    assert 'value="abc"' in page
    answer = press(anna, page_of(case), amount="6.66", reason="Kept words.", shown=hidden(press(
        anna, page_of(case), amount="6.66", show="1").content.decode())["shown"], seen="0")
    assert answer.status_code == 422  # what the action itself says no to, at its field
    assert '<a href="#id_amount">Amount in USD: Another, please.</a>' in answer.content.decode()
    assert 'name="reason" value="Kept words."' in answer.content.decode()
    assert not StaffAction.objects.exists()


def test_every_action_can_be_drawn_wherever_it_may_stand(case: Case) -> None:
    """What the pages count on: forms and plans without typed values raise for no situation in which it is possible."""
    lost = rows.case(None, "orphaned_booking")
    drawn = set()
    for situation in (desk.situation_of(case=case), desk.situation_of(booking=case.booking),
                      desk.situation_of(case=lost), desk.situation_of()):
        for name, action in desk.ACTIONS.items():
            action.form(situation)  # also where it is not possible: what was typed is shown by its labels
            if not action.unavailable(situation):
                assert action.plan(situation, {}).will, name
                assert action.money(situation, {}) is None or action.danger, name
                drawn.add(name)
    assert {"look_again", "mark_handled", "replay", "pause_sales", "refund", "note"} <= drawn


# --- once, and only what was seen -------------------------------------------------------------------------------


def test_pressed_twice_it_is_done_once_and_says_so(anna: Client, case: Case) -> None:
    values = {**hidden(anna.get(page_of(case)).content.decode()), "amount": "120.00", "seen": "0", "reason": "Lost bag."}
    first, second = anna.post(page_of(case), values), anna.post(page_of(case), values, follow=True)
    assert first["Location"] == reverse("admin:bookings_case_change", args=[case.pk])
    assert "Done already: USD 120.00 goes back now." in text(second)
    assert StaffAction.objects.filter(verb="give").count() == 1
    assert Diary.objects.filter(event="staff.give").count() == 1


def test_only_a_key_that_our_page_gave_to_this_person_for_this_is_believed(
        anna: Client, case: Case, django_user_model: Any) -> None:
    bert = person(django_user_model, "bert", *MAY)[0]
    good = hidden(anna.get(page_of(case)).content.decode())
    other = hidden(anna.get(page_of(case, "mark_handled")).content.decode())["key"]
    hers = hidden(bert.get(page_of(case)).content.decode())["key"]
    for key in ("", "x", "a" * 200, "ключ", good["key"][:-1], other, hers):
        answer = anna.post(page_of(case), {"key": key, "shown": good["shown"], "amount": "120.00", "seen": "0",
                                           "reason": "My words."})
        assert answer.status_code == 422, key
        assert "Press again: the page is fresh now." in text(answer)
        assert "My words." in text(answer)
    assert not StaffAction.objects.exists()
    fresh = hidden(answer.content.decode())
    assert anna.post(page_of(case), {**fresh, "amount": "120.00", "seen": "0", "reason": "x"}).status_code == 302


def test_a_page_from_before_a_change_is_shown_again_with_what_changed(anna: Client, case: Case) -> None:
    old = hidden(anna.get(page_of(case)).content.decode())
    paid = Payment.objects.get(booking=case.booking)
    rows.refund(paid, 5_000)
    answer = anna.post(page_of(case), {**old, "amount": "120.00", "seen": "0", "reason": "Lost bag."})
    assert answer.status_code == 409
    told = text(answer)
    assert "Something changed since this page was made." in told
    assert "Given back USD 0.00 USD 50.00" in told
    assert "Lost bag." in told
    assert not StaffAction.objects.exists()
    assert 'name="seen" value="1"' in answer.content.decode()  # what it carries hidden is fresh
    values = {**hidden(answer.content.decode()), "amount": "120.00", "seen": "1", "reason": "Lost bag."}
    assert anna.post(page_of(case), values).status_code == 302


def test_when_it_is_no_longer_possible_it_says_why_and_keeps_the_words(anna: Client, case: Case) -> None:
    old = hidden(anna.get(page_of(case)).content.decode())
    Payment.objects.update(state="voided", captured_minor=0)
    told = text(anna.get(page_of(case)))
    assert "No money was taken." in told
    assert "What will happen" not in told
    answer = anna.post(page_of(case), {**old, "amount": "120.00", "seen": "0", "reason": "An hour of writing."})
    assert answer.status_code == 409
    for words in ("No money was taken.", "An hour of writing.", "Payment captured voided"):
        assert words in text(answer), words
    Payment.objects.update(state="captured", captured_minor=50_000)  # possible again: what was typed still stands
    again = re.search(r"<form(?:(?!</form>).)*typed-1.*?</form>", answer.content.decode(), re.DOTALL)
    assert again is not None
    assert 'name="show"' in again[0]
    shown = anna.post(page_of(case), {**old, "amount": "120.00", "reason": "An hour of writing.", "show": "1"})
    assert (shown.status_code, "An hour of writing." in text(shown)) == (200, True)
    assert not StaffAction.objects.exists()


# --- where it leads back, and from where ------------------------------------------------------------------------


def test_done_from_a_booking_it_leads_back_to_the_booking(anna: Client, case: Case) -> None:
    booking = case.booking
    assert booking is not None
    address = reverse("admin:bookings_booking_verb", args=[booking.pk, "give"])
    answer = press(anna, address, amount="120.00", seen="0", reason="Lost bag.")
    assert answer["Location"] == reverse("admin:bookings_booking_change", args=[booking.pk])
    row = StaffAction.objects.get()
    assert (row.booking_id, row.case_id, row.reason) == (booking.pk, None, "Lost bag.")
    assert row.address == "127.0.0.1"
    assert len(row.request_id) == 36  # the one that the log knows


def test_what_is_not_there_is_a_404_and_other_methods_are_refused(anna: Client, case: Case) -> None:
    for address in (page_of(case, "retry_order"), reverse("admin:bookings_case_verb", args=[999_999, "give"]),
                    reverse("admin:bookings_booking_verb", args=[999_999, "give"]),
                    reverse("admin:bookings_system_verb", args=["give"]),  # about a booking, not about the house
                    reverse("admin:bookings_system_verb", args=["nothing"]),
                    reverse("admin:bookings_proposal_decide", args=[999_999])):
        assert anna.get(address).status_code == anna.post(address, {"reason": "x"}).status_code == 404, address
    for method in ("PUT", "PATCH", "DELETE", "PURGE"):
        assert anna.generic(method, page_of(case)).status_code == 405


def test_a_refusal_tells_nothing_of_what_may_not_be_seen(case: Case, django_user_model: Any) -> None:
    blind = person(django_user_model, "blind", "do_refund", "do_handle")[0]  # may do, may not see
    for address in (page_of(case), reverse("admin:bookings_booking_verb", args=[case.booking_id, "give"])):
        for answer in (blind.get(address), blind.post(address, {"reason": "x"})):
            told = text(answer)
            assert answer.status_code == 403
            assert "Your role does not allow this." in told
            assert case.booking is not None
            assert case.booking.reference not in told
            assert case.verdict not in told


def test_a_form_without_its_token_is_refused(anna: Client, case: Case) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = anna.cookies
    for address in (page_of(case), page_of(case, "look_again"), reverse("admin:bookings_system_verb", args=["x"])):
        assert strict.post(address, {"reason": "x"}).status_code == 403
    assert not StaffAction.objects.exists()


# --- two people -------------------------------------------------------------------------------------------------


def proposed(client: Client, case: Case) -> Proposal:
    answer = press(client, page_of(case), amount="120.00", seen="0", reason="Lost bag.")
    assert answer.status_code == 302
    return Proposal.objects.get(decided_at=None)


@pytest.fixture
def two(settings: Any) -> None:
    settings.SECOND_PERSON_ABOVE = {"USD": 10_000}


@pytest.mark.usefixtures("two")
def test_above_the_limit_the_page_says_so_before_and_makes_a_proposal(anna: Client, case: Case) -> None:
    told = text(anna.get(page_of(case)))
    assert "Two people are needed." in told
    assert "Propose: refund: USD 120.00" in told
    row = proposed(anna, case)
    assert (row.amount_minor, row.currency, row.verb) == (12_000, "USD", "give")
    assert not Payment.objects.get(booking=case.booking).refunds.exists()
    told = text(anna.get(page_of(case)))
    assert "anna proposed this already" in told
    assert "Propose: refund" not in told  # not a second time
    for place in (reverse("admin:bookings_case_change", args=[case.pk]),
                  reverse("admin:bookings_booking_change", args=[case.booking_id])):
        assert "Refund: USD 120.00 waits for a second person." in text(anna.get(place))
    listed = anna.get(reverse("admin:bookings_proposal_changelist"))
    for words in ("Waiting (1)", "USD 120.00", "Lost bag.", "Decide…"):
        assert words in text(listed), words


@pytest.mark.usefixtures("two")
def test_the_proposer_may_withdraw_and_nobody_agrees_alone(anna: Client, case: Case) -> None:
    row = proposed(anna, case)
    address = reverse("admin:bookings_proposal_decide", args=[row.pk])
    told = text(anna.get(address))
    assert "somebody else must agree" in told
    assert "Agree: USD" not in told
    assert press(anna, address, decision="agree", reason="Me again.").status_code == 409
    row.refresh_from_db()
    assert row.decided_at is None
    assert press(anna, address, decision="refuse", reason="Not needed.").status_code == 302
    row.refresh_from_db()
    assert (row.decision, StaffAction.objects.filter(verb="refuse").count()) == ("refused", 1)


@pytest.mark.usefixtures("two")
def test_a_second_person_agrees_once(anna: Client, case: Case, django_user_model: Any) -> None:
    bert = person(django_user_model, "bert", *MAY)[0]
    address = reverse("admin:bookings_proposal_decide", args=[proposed(anna, case).pk])
    told = text(bert.get(address))
    for words in ("USD 120.00 goes back.", "Agree: USD 120.00", "Lost bag.", "anna", "Payment captured"):
        assert words in told, words
    values = {**hidden(bert.get(address).content.decode()), "decision": "agree", "reason": "Checked."}
    first, second = bert.post(address, values), bert.post(address, values, follow=True)
    assert first["Location"] == reverse("admin:bookings_case_change", args=[case.pk])
    assert "Done already: USD 120.00 goes back now." in text(second)
    assert Payment.objects.get(booking=case.booking).refunds.count() == 1
    assert sorted(StaffAction.objects.values_list("verb", flat=True)) == ["agree", "give", "propose_give"]
    assert "There is nothing left to decide." in text(bert.get(address))


@pytest.mark.usefixtures("two")
def test_a_proposal_that_no_longer_holds_says_why_and_stays_refusable(
        anna: Client, case: Case, django_user_model: Any) -> None:
    bert = person(django_user_model, "bert", *MAY)[0]
    row = proposed(anna, case)
    address = reverse("admin:bookings_proposal_decide", args=[row.pk])
    old = hidden(bert.get(address).content.decode())
    Payment.objects.update(state="voided", captured_minor=0)
    stale = bert.post(address, {**old, "decision": "agree", "reason": "Checked."})
    assert (stale.status_code, "Payment captured voided" in text(stale)) == (409, True)
    answer = press(bert, address, decision="agree", reason="Checked.")
    assert (answer.status_code, "No money was taken." in text(answer), "Checked." in text(answer)) == (409, True, True)
    row.refresh_from_db()
    assert row.decided_at is None
    assert press(bert, address, decision="refuse", reason="").status_code == 422
    assert press(bert, address, decision="later", reason="x").status_code == 422
    assert press(bert, address, decision="refuse", reason="Too late.").status_code == 302
    assert Proposal.objects.get().decision == "refused"


def test_the_home_has_the_switches_of_the_house_and_says_that_proposals_wait(
        anna: Client, case: Case, django_user_model: Any, two: None) -> None:
    home = reverse("admin:index")
    assert "waits for a second person" not in text(anna.get(home))
    proposed(anna, case)
    shown = anna.get(home)
    assert "1 proposal waits for a second person. Agree or refuse…" in text(shown)
    assert f'href="{reverse("admin:bookings_system_verb", args=["pause_sales"])}"' in shown.content.decode()
    assert "Resume sales Nobody of us has paused any sales." in text(shown)
    viewer = person(django_user_model, "viewer", "view_case", "view_proposal")[0]
    assert "1 proposal waits for a second person. Look at them" in text(viewer.get(home))
    assert "Pause sales" not in text(viewer.get(home))


# --- the buttons and the book -----------------------------------------------------------------------------------


def test_what_cannot_be_pressed_stands_there_with_its_reason(anna: Client, case: Case, django_user_model: Any) -> None:
    viewer = person(django_user_model, "viewer", "view_case", "view_booking")[0]
    address = reverse("admin:bookings_case_change", args=[case.pk])
    assert f'href="{page_of(case)}"' in anna.get(address).content.decode()
    assert f'href="{page_of(case)}"' not in viewer.get(address).content.decode()
    assert "Refund Your role does not allow this." in text(viewer.get(address))
    Payment.objects.update(state="voided", captured_minor=0)
    assert "Refund No money was taken." in text(anna.get(address))


def test_the_buttons_cost_the_same_however_many_there_are(
        anna: Client, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    address = reverse("admin:bookings_case_change", args=[case.pk])
    anna.get(address)
    with CaptureQueriesContext(connection) as few:
        anna.get(address)
    for n in range(20):
        monkeypatch.setitem(desk.ACTIONS, f"give{n}", desk.Action(
            f"give{n}", f"Refund {n}", "money", "bookings.do_refund", plan=_plan, perform=_give, unavailable=_charged))
    with CaptureQueriesContext(connection) as many:
        assert "Refund 19…" in anna.get(address).content.decode()
    assert len(many) == len(few)


def test_the_book_tells_who_did_what_and_what_it_changed(anna: Client, case: Case) -> None:
    assert press(anna, page_of(case, "mark_handled"), reason="The airline refunded.").status_code == 302
    other = rows.case(rows.confirmed())
    assert press(anna, page_of(other, "mark_handled"), reason="Something else.").status_code == 302
    assert isinstance(case.booking, Booking)
    listed = reverse("admin:bookings_staffaction_changelist")
    for word, shown in ((case.booking.reference, {"The airline refunded."}), ("nobody", set()),
                        ("anna", {"The airline refunded.", "Something else."})):
        page = text(anna.get(listed, {"q": word}))
        assert {said for said in ("The airline refunded.", "Something else.") if said in page} == shown
    row = StaffAction.objects.get(case=case)
    told = text(anna.get(reverse("admin:bookings_staffaction_change", args=[row.pk])))
    for words in ("Mark handled", "anna", "The airline refunded.", "The case is closed.", "Case open closed"):
        assert words in told, words
