"""Pressing a button as the console does: the form is filled in from what it proposes, and checked."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import Permission, User

from bookings import desk
from bookings.models import Booking, Case


def somebody(*permissions: str) -> User:
    """A member of staff with exactly these permissions ("do_refund")."""
    user = User.objects.create_user(f"staff-{secrets.token_hex(4)}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions, content_type__app_label="bookings"))
    return user


def filled(action: desk.Action, situation: desk.Situation, **typed: Any) -> dict[str, Any]:
    """The values of the action's form with `typed` over what it proposes. AssertionError when the form refuses."""
    kind = action.form(situation)
    if kind is None:
        return typed
    proposed = {name: field.initial for name, field in kind().fields.items() if field.initial is not None}
    form = kind({**proposed, **typed})
    assert form.is_valid(), form.errors
    return dict(form.cleaned_data)


def form_errors(action: desk.Action, situation: desk.Situation, **typed: Any) -> dict[str, list[str]]:
    """What the action's form says to these values."""
    kind = action.form(situation)
    assert kind is not None
    proposed = {name: field.initial for name, field in kind().fields.items() if field.initial is not None}
    return dict(kind({**proposed, **typed}).errors)


def as_it_stands(*, booking: Booking | None = None, case: Case | None = None) -> desk.Situation:
    """What a page that is opened now is about."""
    return desk.situation_of(booking=Booking.objects.get(pk=booking.pk) if booking else None,
                             case=Case.objects.get(pk=case.pk) if case else None)


class Desk:
    """One member of staff who may do everything."""

    def __init__(self) -> None:
        self.operator = User.objects.create_user(f"manager-{secrets.token_hex(4)}", is_staff=True, is_superuser=True)

    def why_not(self, name: str, *, booking: Booking | None = None, case: Case | None = None) -> str:
        """Why the action is not offered now; "" when it is."""
        return desk.ACTIONS[name].unavailable(as_it_stands(booking=booking, case=case))

    def press(self, name: str, *, booking: Booking | None = None, case: Case | None = None, key: str = "",
              by: User | None = None, reason: str = "as agreed on the phone", params: dict[str, Any] | None = None,
              **typed: Any) -> desk.Done:
        """Do it now; `params` for values that were filled in earlier."""
        action, situation = desk.ACTIONS[name], as_it_stands(booking=booking, case=case)
        values = filled(action, situation, **typed) if params is None else params
        return desk.do(action, by=desk.By(by or self.operator, reason, key or secrets.token_urlsafe(12)),
                       params=values, case_id=case.pk if case else None, booking_id=booking.pk if booking else None)
