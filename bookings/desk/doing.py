"""Do a staff action once: lock, check again, act or propose, and write who did what, in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from bookings import locks, telling
from bookings.desk.action import Action, By, Done, Params, Situation
from bookings.desk.limits import done_alone, needs_two
from bookings.facts import load
from bookings.models import Booking, Case, Diary, Proposal, StaffAction
from fly2any.kernel import clock, faultpoints
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money

MAX_SAID = 400
faultpoints.register_commit("desk")
faultpoints.register_commit("decision")


def situation_of(*, case: Case | None = None, booking: Booking | None = None) -> Situation:
    """How things stand now, for a page: read without a lock."""
    about = booking or (case.booking if case else None)
    return Situation(now=clock.now(), case=case, story=load(about) if about else None)


def do(action: Action, *, by: By, params: Params, case_id: int | None = None, booking_id: int | None = None,
       subject: str = "") -> Done:
    """Do the action now, once for `by.key`, with an audit line in the same commit.

    Above the limit (with what the same person moved on this booking within 24 hours) it becomes a proposal for a
    second person. Problem forbidden, unavailable, reason_missing, proposed_already, key_taken, and whatever the action
    itself refuses. Nothing is written when a Problem is raised.
    """
    if not by.operator.has_perm(action.permission):
        raise Problem("forbidden", "Your role does not allow this.", status=403, action="Ask somebody who may")
    if action.needs_reason and not by.reason.strip():
        raise Problem("reason_missing", "Please say why.", status=422, action="Write a reason",
                      field_errors={"reason": "Please say why."})
    try:
        with transaction.atomic(durable=True):
            done = _do(action, by, params, case_id, booking_id, subject)
            faultpoints.committing("desk")
            return done
    except IntegrityError as error:  # the twin of a double press was first
        twin = _done_before(by, (action.name, _proposing(action)), case_id, booking_id, subject)
        if twin is None:
            raise Problem("proposed_already", "Somebody has just done or proposed the same.", status=409,
                          action="Look at the case again") from error
        return twin


def _do(action: Action, by: By, params: Params, case_id: int | None, booking_id: int | None, subject: str) -> Done:
    situation = _locked(case_id, booking_id)
    twin = _done_before(by, (action.name, _proposing(action)), case_id, booking_id, subject)
    if twin is not None:
        return twin
    why_not = action.unavailable(situation)
    if why_not:
        raise Problem("unavailable", why_not, status=409, action="Look at the case again")
    before, money, kept = picture(situation), action.money(situation, params), _plain(params)
    if by.proposed_by is None and needs_two(money, done_alone(situation, by.operator, money)):
        said, verb = _propose(action, situation, params, by), _proposing(action)
    else:
        said, verb = action.perform(situation, params, by), action.name
        kept |= {"moved_minor": money.minor, "moved_currency": money.currency} if money is not None else {}
    if action.takes and situation.case and situation.case.closed_at is None:
        Case.objects.filter(pk=situation.case.pk, taken_by=None).update(taken_by=by.operator)
    row = StaffAction.objects.create(
        key=by.key, verb=verb, operator=by.operator, second=by.proposed_by, booking=situation.booking,
        case=situation.case, subject=subject or (situation.case.subject if situation.case else ""),
        reason=by.reason.strip()[:500], params=kept, before=before, after=picture(_again(situation)),
        said=said[:MAX_SAID], at=situation.now, address=by.address[:64], request_id=by.request_id[:120])
    if situation.booking is not None:
        Diary.objects.create(booking=situation.booking, at=situation.now, actor=by.actor, event=f"staff.{verb}"[:60],
                             subject=f"action:{row.pk}", cause=by.reason.strip()[:200])
    return Done(said=said, row=row, proposed=verb != action.name)


def _proposing(action: Action) -> str:
    """What the book calls it when the action became a proposal."""
    return f"propose_{action.name}"[:30]


def _done_before(by: By, verbs: tuple[str, ...], case_id: int | None, booking_id: int | None,
                 subject: str) -> Done | None:
    """What this very press has done already. Problem key_taken when the key is of another press, or somebody else's."""
    row = StaffAction.objects.filter(key=by.key).first()
    if row is None:
        return None
    same = row.case_id == case_id and (case_id is not None or row.booking_id == booking_id)
    if row.operator_id != by.operator.pk or row.verb not in verbs or not same or (subject and row.subject != subject):
        raise Problem("key_taken", "This page is of another press. Nothing was done.", status=409,
                      action="Open the page again")
    return Done(said=row.said, row=row, again=True)


def _locked(case_id: int | None, booking_id: int | None) -> Situation:
    """Lock the booking first, then the case: the order of every other writer."""
    if booking_id is None and case_id is not None:
        booking_id = Case.objects.values_list("booking_id", flat=True).get(pk=case_id)
    story, now = None, clock.now()
    if booking_id is not None:
        booking, now = locks.booking_for_update(booking_id)
        story = load(booking)
    case = Case.objects.select_for_update(of=("self",), no_key=True).get(pk=case_id) if case_id is not None else None
    return Situation(now=now, case=case, story=story)


def _again(situation: Situation) -> Situation:
    """The same after the deed."""
    case = Case.objects.get(pk=situation.case.pk) if situation.case else None
    story = load(Booking.objects.get(pk=situation.booking.pk)) if situation.booking else None
    return Situation(now=situation.now, case=case, story=story)


def _propose(action: Action, situation: Situation, params: Params, by: By) -> str:
    money = action.money(situation, params)
    proposal = Proposal.objects.create(
        verb=action.name, booking=situation.booking, case=situation.case, params=_plain(params),
        reason=by.reason.strip()[:500], amount_minor=money.minor if money else None,
        currency=money.currency if money else "", proposed_by=by.operator, proposed_at=situation.now)
    telling.proposed(proposal, action.label, situation.now)
    alone = done_alone(situation, by.operator, money)
    already = f", with {Money(alone, money.currency)} that you moved within 24 hours," if money and alone else ""
    return f"{money}{already} needs a second person. Your proposal waits for them; nothing has moved."


def decide_proposal(proposal_id: int, *, agreed: bool, by: By, actions: Mapping[str, Action]) -> Done:
    """A second person agrees (then it is done, everything checked anew) or refuses.

    Problem forbidden, same_person, decided_already, proposer_may_not, changed_meanwhile (the amount is no longer the
    one proposed), and whatever the action refuses: the proposal then stays open.
    """
    if not by.operator.has_perm("bookings.do_second"):
        raise Problem("forbidden", "Your role does not allow this.", status=403, action="Ask somebody who may")
    if not by.reason.strip():
        raise Problem("reason_missing", "Please say why.", status=422, action="Write a reason",
                      field_errors={"reason": "Please say why."})
    with transaction.atomic(durable=True):
        known = Proposal.objects.select_related("proposed_by").get(pk=proposal_id)
        situation = _locked(known.case_id, known.booking_id)
        proposal = Proposal.objects.select_for_update(of=("self",)).select_related("proposed_by").get(pk=proposal_id)
        twin = _done_before(by, ("agree", "refuse"), known.case_id, situation.booking.pk if situation.booking else None,
                            f"proposal:{proposal.pk}")
        if twin is not None:
            return twin
        _may_decide(proposal, agreed, by)
        if agreed:
            _still_stands(proposal, actions[proposal.verb], situation)
            deed = By(operator=by.operator, reason=by.reason, key=f"{by.key}+"[:64], address=by.address,
                      request_id=by.request_id, proposed_by=proposal.proposed_by)
            said = _do(actions[proposal.verb], deed, proposal.params, proposal.case_id, proposal.booking_id, "").said
        else:
            said = "The proposal was refused; nothing has moved."
        proposal.decided_by, proposal.decided_at = by.operator, situation.now
        proposal.decision = Proposal.Decision.AGREED if agreed else Proposal.Decision.REFUSED
        proposal.save(update_fields=["decided_by", "decided_at", "decision"])
        row = StaffAction.objects.create(
            key=by.key, verb="agree" if agreed else "refuse", operator=by.operator, second=proposal.proposed_by,
            booking=situation.booking, case=situation.case, subject=f"proposal:{proposal.pk}",
            reason=by.reason.strip()[:500], params={"verb": proposal.verb, **proposal.params}, said=said[:MAX_SAID],
            at=situation.now, address=by.address[:64], request_id=by.request_id[:120])
        faultpoints.committing("decision")
        return Done(said=said, row=row)


def _may_decide(proposal: Proposal, agreed: bool, by: By) -> None:
    if proposal.decided_at is not None:
        raise Problem("decided_already", f"Somebody has {proposal.decision} this already.", status=409,
                      action="Look at the case again")
    if agreed and proposal.proposed_by_id == by.operator.pk:
        raise Problem("same_person", "You proposed this yourself: somebody else must agree.", status=409,
                      action="Ask a colleague")


def _still_stands(proposal: Proposal, action: Action, situation: Situation) -> None:
    """Whoever proposed may still do it, and it is still the amount that was proposed."""
    if not proposal.proposed_by.has_perm(action.permission):
        raise Problem("proposer_may_not", "Whoever proposed this may not do it any more: refuse it.", status=409,
                      action="Refuse the proposal")
    money = action.money(situation, proposal.params)
    if (money.minor if money else None, money.currency if money else "") != (proposal.amount_minor, proposal.currency):
        raise Problem("changed_meanwhile", f"It would move {money or 'nothing'} now, which is not what was proposed.",
                      status=409, action="Refuse the proposal")


def picture(situation: Situation) -> dict[str, Any]:
    """The states and amounts (minor units) that an audit line keeps of before and after; no personal data."""
    seen: dict[str, Any] = {}
    if situation.story:
        b, o, p = situation.story.booking, situation.story.order, situation.story.payment
        seen |= {"status": b.status, "wish": b.wish, "closing": b.closing, "money": b.money,
                 "parked": bool(b.parked_at)}
        if o:
            seen |= {"order": o.state, "order_id": o.external_id}
        if p:
            seen |= {"payment": p.state, "captured_minor": p.captured_minor, "refunded_minor": p.refunded_minor}
        seen["refunds"] = [[r.cause, r.state, r.amount_minor] for r in situation.story.refunds]
    if situation.case:
        c = situation.case
        seen |= {"case_open": c.closed_at is None, "owner": c.taken_by_id, "severity": c.severity,
                 "snoozed_until": _iso(c.snoozed_until)}
    return seen


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _plain(params: Params) -> dict[str, Any]:
    """What is kept of a form: values that JSON knows, without what is personal (`private_…`)."""
    return {name: value for name, value in params.items()
            if not name.startswith("private_") and isinstance(value, str | int | bool | list | type(None))}
