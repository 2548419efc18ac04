"""The storm's walk with staff in it: they press any button, on any booking or case, at any moment, sometimes twice."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any

from django.contrib.auth.models import User

from bookings import desk
from bookings.models import Booking, Case, Proposal, StaffAction
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.desk.pressing import as_it_stands
from tests.storm import promises
from tests.storm.walk import DEEDS, Walk

BUTTONS = {"refund": 6, "cancel": 5, "quote": 4, "capture": 4, "void": 4, "attach_order": 4, "look_again": 2,
           "resume": 1, "mark_handled": 3, "enter_tickets": 1, "send_pay_link": 1, "record_refund": 2, "resend_mail": 1,
           "correct_contact": 1, "replay": 1, "snooze": 1, "assign": 1, "note": 1}
PRESSES = 120  # how often somebody presses, beside the weights of the storm's deeds


class DeskWalk(Walk):
    """A walk on which two people of ours press buttons; `pressed` counts what came of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pressed = Counter[str]()
        self.people = [User.objects.create_user(f"walker-{n}-{secrets.token_hex(3)}", is_staff=True, is_superuser=True)
                       for n in range(2)]

    def _draw(self) -> Any:
        if self.dice.randrange(sum(DEEDS.values()) + PRESSES) < PRESSES:
            return self.dice.choice((self.press, self.press, self.press, self.second_person))
        return super()._draw()

    def press(self) -> str:
        """Any button, offered or not; a tenth of them twice with one key, a fifth by two people at once."""
        case = self._case() if self.dice.random() < 0.5 else None
        booking = None if case else self._one()
        names, here = list(BUTTONS), as_it_stands(booking=booking, case=case)
        if self.dice.random() < 0.6:  # mostly what is offered; else anything
            names = [name for name in names if not desk.ACTIONS[name].unavailable(here)] or names
        name = self.dice.choices(names, [BUTTONS[name] for name in names])[0]
        action, situation = desk.ACTIONS[name], as_it_stands(booking=booking, case=case)
        why_not = action.unavailable(situation)
        params = self._typed(action, situation)
        if params is None:
            self.pressed[f"{name}: nothing to type"] += 1
            return f"{name}: the form refuses"
        told = self._do(action, params, case, booking, bool(why_not))
        if self.dice.random() < 0.2:
            told += f"; and {self._do(action, params, case, booking, False)}"
        reference = booking.reference if booking else case.subject if case else ""
        if self.dice.random() < 0.6 and (of := booking or (case.booking if case else None)):
            told += f"; {self._drive(of.pk)} {self._said(of)}"
        return f"{name} {reference} {told}"

    def _do(self, action: desk.Action, params: dict[str, Any], case: Case | None, booking: Booking | None,
            refused: bool) -> str:
        by = desk.By(self.dice.choice(self.people), "the walk wants it", secrets.token_urlsafe(12))
        before = StaffAction.objects.count()
        told = "?"
        for _ in range(1 + (self.dice.random() < 0.1)):
            try:
                done = desk.do(action, by=by, params=params, case_id=case.pk if case else None,
                               booking_id=booking.pk if booking else None)
            except Problem as problem:
                told = f"refused: {problem.code}"
            else:
                assert not refused, f"{action.name} was not offered, and was done"
                told = "proposed" if done.proposed else "done"
        assert StaffAction.objects.count() - before == (not told.startswith("refused"))
        self.pressed[f"{action.name}: {told}"] += 1
        return told

    def second_person(self) -> str:
        """Somebody agrees or refuses; the one who proposed may try too."""
        proposal = Proposal.objects.filter(decided_at=None).order_by("-pk").first()
        if proposal is None:
            return "nothing proposed"
        by = desk.By(self.dice.choice(self.people), "looked at", secrets.token_urlsafe(12))
        agreed = self.dice.random() < 0.8
        desk.decide_proposal(proposal.pk, agreed=agreed, by=by, actions=desk.ACTIONS)
        self.pressed[f"{proposal.verb}: {'agreed' if agreed else 'turned down'}"] += 1
        return f"{proposal.verb} {'agreed' if agreed else 'turned down'}"

    def _case(self) -> Case | None:
        every = list(Case.objects.filter(closed_at=None).order_by("-pk")[:6])
        return self.dice.choice(every) if every else None

    def _typed(self, action: desk.Action, situation: desk.Situation) -> dict[str, Any] | None:
        kind = action.form(situation)
        if kind is None:
            return {}
        fields = kind().fields
        typed = {name: field.initial for name, field in fields.items() if field.initial is not None}
        for name, field in fields.items():
            choices = [value for value, _ in getattr(field, "choices", []) if value != ""]
            if choices:
                typed[name] = self.dice.choice(choices)
        if "amount" in fields and self.dice.random() < 0.8:
            typed["amount"] = self.dice.choice(("1.00", "1.00", "25.00", "60", "99999"))
        if "order_id" in fields:
            theirs = [doc["id"] for doc in self._docs("order")]
            missed = SupplierOrder.objects.filter(external_id="").exists()
            typed["order_id"] = self.dice.choice([*theirs, *theirs[-2:] * missed, "ord_nobodyknowsit"])
        if "reference" in fields:
            typed["reference"] = self._one().reference
        if "receipt" in fields:
            typed["receipt"] = f"R {secrets.token_hex(4)}"
        if "private_email" in fields:
            typed |= {"private_email": f"walker{self.dice.randrange(9)}@example.com", "private_phone": "+442080160508"}
        form = kind({**typed, **{name: "2202345678901" for name in fields if name.startswith("private_ticket")}})
        return dict(form.cleaned_data) if form.is_valid() else None

    def _rest(self) -> None:
        """The storm's rest; what a person has marked as handled is theirs, not unrest of the machine."""
        real = promises.unrest

        def unhandled(ledger: promises.Ledger) -> list[str]:
            handled = set(Case.objects.exclude(closed_by=None).exclude(booking=None).values_list(
                "booking__reference", flat=True))
            return [line for line in real(ledger) if line.partition(":")[0] not in handled]

        promises.unrest = unhandled
        try:
            super()._rest()
        finally:
            promises.unrest = real
