"""Rules of our own people: any button, on any booking or case, at any moment, with what one would type."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from bookings import desk
from bookings.models import Booking, Case, Proposal, StaffAction
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.models import SupplierOrder
from tests.desk.pressing import as_it_stands
from tests.property.others import Others
from tests.property.steps import deed

BUTTONS = {"refund": 6, "cancel": 5, "quote": 4, "capture": 4, "void": 4, "attach_order": 4, "look_again": 2,
           "resume": 1, "mark_handled": 2, "enter_tickets": 5, "send_pay_link": 4, "take_back_link": 1, "not_made": 4,
           "record_payment": 4, "record_refund": 4, "record_cancellation": 3, "take_ticketing": 1, "resend_mail": 1,
           "correct_contact": 1, "replay": 1, "snooze": 1, "assign": 1, "note": 1}


class Staff(Others):
    """Two people of ours at the console."""

    @deed(6)
    def press(self) -> str:
        """Any button, offered or not; some twice with one key, some by two people."""
        case = self.told_of() if self.dice.random() < 0.4 else None
        booking = None if case else self.one()
        names, here = list(BUTTONS), as_it_stands(booking=booking, case=case)
        if self.dice.random() < 0.85:  # mostly what is offered; else anything
            names = [name for name in names if not desk.ACTIONS[name].unavailable(here)] or names
        name = self.dice.choices(names, [BUTTONS[name] for name in names])[0]
        return self._pressed(name, case, booking)


    @deed(5)
    def press_on_a_reservation(self) -> str:
        """A button of the manual route."""
        booking = Booking.objects.filter(route="manual").exclude(wish="draft").order_by("-pk").first()
        if booking is None:
            return self.forward(self.one())
        here = as_it_stands(booking=booking)
        names = [name for name in BUTTONS if not desk.ACTIONS[name].unavailable(here)]
        return self._pressed(self.dice.choices(names, [BUTTONS[name] for name in names])[0], None, booking)


    def _pressed(self, name: str, case: Case | None, booking: Booking | None) -> str:
        action, situation = desk.ACTIONS[name], as_it_stands(booking=booking, case=case)
        refused, params = bool(action.unavailable(situation)), self._typed(action, situation)
        if params is None:
            self.tally.presses[f"{name}: nothing to type"] += 1
            return f"{name}: the form refuses"
        told = self._do(action, params, case, booking, refused)
        if self.dice.random() < 0.2:
            told += f"; and {self._do(action, params, case, booking, False)}"
        of = booking or (case.booking if case else None)
        return f"{name} {of.reference if of else ''} {told}; {self.driven(of, 0.6) if of else ''}"

    def _do(self, action: desk.Action, params: dict[str, Any], case: Case | None, booking: Booking | None,
            refused: bool) -> str:
        by = desk.By(self.dice.choice(self.people), "the walk wants it", secrets.token_urlsafe(12))
        before, told = StaffAction.objects.count(), "?"
        for _ in range(1 + (self.dice.random() < 0.1)):
            try:
                done = desk.do(action, by=by, params=params, case_id=case.pk if case else None,
                               booking_id=booking.pk if booking else None)
            except Problem as problem:
                told = f"refused: {problem.code}"
            else:
                told = "proposed" if done.proposed else "done"
                if refused:
                    self.check([f"{action.name} was not offered, and was done"])
        if StaffAction.objects.count() - before != (not told.startswith("refused")):
            self.check([f"{action.name} {told}: {StaffAction.objects.count() - before} lines"])
        self.tally.presses[f"{action.name}: {told}"] += 1
        return told

    @deed(2)
    def second_person(self) -> str:
        """Somebody agrees or refuses; the one who proposed may try too."""
        proposal = Proposal.objects.filter(decided_at=None).order_by("-pk").first()
        if proposal is None:
            return self.forward(self.one())
        by = desk.By(self.dice.choice(self.people), "looked at", secrets.token_urlsafe(12))
        agreed = self.dice.random() < 0.8
        desk.decide_proposal(proposal.pk, agreed=agreed, by=by, actions=desk.ACTIONS)
        self.tally.presses[f"{proposal.verb}: {'agreed' if agreed else 'turned down'}"] += 1
        told = f"{proposal.verb} {'agreed' if agreed else 'turned down'}"
        return f"{told} {self.driven(proposal.booking, 0.6)}" if proposal.booking else told

    def _typed(self, action: desk.Action, situation: desk.Situation) -> dict[str, Any] | None:
        """A form filled in as staff might; None when it refuses."""
        kind = action.form(situation)
        if kind is None:
            return {}
        fields = kind().fields
        typed = {name: field.initial for name, field in fields.items() if field.initial is not None}
        for name, field in fields.items():
            choices = [value for value, _ in getattr(field, "choices", []) if value != ""]
            if choices:
                typed[name] = self.dice.choice(choices)
        typed |= {name: value for name, value in self._words(action.name, situation, set(fields)).items() if name in fields}
        done_there = {"record_cancellation": ("void_tickets", "expire"), "enter_tickets": ("ticket",)}
        for one in self._at_the_consolidator(situation):  # whoever writes it down has done it there
            for what in done_there.get(action.name, ()):
                self.http.post(f"/_amadeus/orders/{one['pnr']}/{what}", json={})
        if action.name == "not_made" and self._at_the_consolidator(situation):
            return None  # whoever looks finds it
        form = kind({**typed, "other_stock": True})
        return dict(form.cleaned_data) if form.is_valid() else None

    def _words(self, name: str, situation: desk.Situation, fields: set[str]) -> dict[str, Any]:
        typed: dict[str, Any] = {
            "reference": self.one().reference, "receipt": f"R {secrets.token_hex(4)}", "by_name": True, "by_remark": True,
            "private_email": f"walker{self.dice.randrange(9)}@example.com", "private_phone": "+442080160508"}
        typed |= {one: f"125{self.dice.randrange(10**10):010d}" for one in fields if one.startswith("private_ticket")}
        if self.dice.random() < 0.8:
            typed["amount"] = self.dice.choice(("1.00", "1.00", "25.00", "60", "99999"))
        if "order_id" in fields:
            made = self._at_the_consolidator(situation)
            theirs = [doc["id"] for doc in self.docs("order")]
            missed = SupplierOrder.objects.filter(external_id="").exists()
            typed["order_id"] = self.dice.choice([one["id"] for one in made] or [*theirs, *theirs[-2:] * missed, "ord_nobodyknowsit"])
            if made and self.dice.random() < 0.5:
                typed |= {"order_id": made[-1]["pnr"], "ticket_by": f"{clock.now() + timedelta(hours=30):%Y-%m-%dT%H:%M}"}
        return typed

    def _at_the_consolidator(self, situation: desk.Situation) -> list[dict[str, Any]]:
        booking = situation.booking
        return self.world.at_the_consolidator(booking) if booking and booking.supplier == "amadeus" else []
