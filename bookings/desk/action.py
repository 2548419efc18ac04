"""What a staff action is: when it may be done, what it will do, and the doing, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth.models import User

from bookings.facts import Story
from bookings.models import Booking, Case, StaffAction
from fly2any.kernel.money import Money

Params = Mapping[str, Any]  # a form's cleaned data as JSON values: ids, integers (minor units), words


@dataclass(frozen=True)
class Situation:
    """What an action is about, as it stands now (or, under the lock, at the moment of doing). `now` is UTC.

    A case of an object outside has no booking; a booking's page has no case.
    """

    now: datetime
    case: Case | None = None
    story: Story | None = None

    @property
    def booking(self) -> Booking | None:
        """The booking it is about."""
        return self.story.booking if self.story else None


@dataclass(frozen=True)
class Mail:
    """A mail as it will go out, for the confirm page."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True)
class Plan:
    """What will happen, told before it is done."""

    will: tuple[str, ...]  # sentences
    calls: tuple[str, ...] = ()  # what is asked of whom, "Stripe: POST /v1/refunds"
    amounts: tuple[tuple[str, str], ...] = ()  # label, amount for a reader
    mail: Mail | None = None


@dataclass(frozen=True)
class By:
    """Who acts, why and from where; `key` is that of the press, `proposed_by` whom they agree with."""

    operator: User
    reason: str
    key: str
    address: str = ""
    request_id: str = ""
    proposed_by: User | None = None

    @property
    def actor(self) -> str:
        """The diary's name for them."""
        return f"staff:{self.operator.pk}"


def _always(_: Situation) -> str:
    return ""


def _no_form(_: Situation) -> type[forms.Form] | None:
    return None


def _no_money(_: Situation, __: Params) -> Money | None:
    return None


@dataclass(frozen=True)
class Action:
    """One thing that staff may do.

    `unavailable` gives the reason why not now ("" when it may be done); it is asked again under the lock. `perform`
    runs in the transaction that holds the booking's row: it writes wishes, answers and wakes, calls nobody, and
    returns what the operator is told. It raises Problem when a value is wrong. `money` is the amount that needs a
    second person above the limit.
    """

    name: str
    label: str
    group: str  # look, money, order, customer, case, system
    permission: str  # bookings.do_...
    plan: Callable[[Situation, Params], Plan]
    perform: Callable[[Situation, Params, By], str]
    unavailable: Callable[[Situation], str] = _always
    form: Callable[[Situation], type[forms.Form] | None] = _no_form
    money: Callable[[Situation, Params], Money | None] = _no_money
    needs_reason: bool = True
    short: bool = False  # harmless: a button at once, without a confirm page
    bulk: bool = False  # may be done to many lines of the queue at once
    danger: bool = False  # moves money or ends an order
    takes: bool = True  # whoever does it becomes the owner of a case that has none


@dataclass(frozen=True)
class Done:
    """What came of an action. `proposed` when it waits for a second person instead."""

    said: str
    row: StaffAction
    proposed: bool = False
    again: bool = False  # this very press had been done before
