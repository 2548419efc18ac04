"""The buttons of a case or a booking: what may be done, what may not and why, from one look at how things stand."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from bookings import desk
from bookings.admin import press
from bookings.cases import KINDS
from bookings.facts import Story
from bookings.flow import Route
from bookings.models import Booking, Case, Proposal
from fly2any.kernel import clock
from fly2any.kernel.readonly import amount

COUNTED = 100  # waiting proposals that are counted; more is "100+"
NOT_YOURS = "Your role does not allow this."
TITLES = {"look": "Look and go on", "money": "Money", "order": "Airline order", "customer": "Customer",
          "case": "This case", "system": "Messages and sales"}


@dataclass(frozen=True)
class Button:
    """One action as drawn: `why_not` is empty when it may be pressed."""

    action: desk.Action
    address: str
    why_not: str
    key: str  # for a short one, which is pressed right here
    recommended: bool = False

    @property
    def at_once(self) -> bool:
        """Whether it is done by one press, without a page that asks first."""
        return self.action.short and not self.action.needs_reason


@dataclass(frozen=True)
class Group:
    """The buttons that belong together: those that may be pressed, and those that may not."""

    title: str
    ready: tuple[Button, ...]
    shut: tuple[Button, ...]


@dataclass(frozen=True)
class Waiting:
    """A proposal that waits for a second person, and the page to decide it (or to look at it)."""

    row: Proposal
    words: str
    address: str
    may_decide: bool


@dataclass(frozen=True)
class Buttons:
    """Everything `parts/action_buttons.html` draws."""

    recommended: Button | None
    groups: tuple[Group, ...]
    proposals: tuple[Waiting, ...]


def buttons_for(request: HttpRequest, *, case: Case | None = None, booking: Booking | None = None,
                story: Story | None = None) -> Buttons:
    """What may be done about a case, or about a booking. `story`, when at hand, spares loading it again.

    A constant number of queries, however many actions there are.
    """
    situation = (desk.Situation(now=clock.now(), case=case, story=story) if story
                 else desk.situation_of(case=case, booking=booking))
    made = [_button(request, action, situation) for action in desk.ACTIONS.values()]
    advised = next((one for one in made if one.recommended and not one.why_not), None)
    groups = [_group(title, [one for one in made if one.action.group == name and one is not advised
                             and _belongs(one, situation)])
              for name, title in TITLES.items()]
    return Buttons(advised, tuple(one for one in groups if one.ready or one.shut),
                   tuple(_waiting(request, row) for row in proposals_of(situation)))


@dataclass(frozen=True)
class House:
    """What may be done about no case in particular, and how many proposals wait for a second person ("100+")."""

    group: Group
    waiting: str
    mine: bool  # whether this person may decide them


def house_of(request: HttpRequest) -> House:
    """The switches of the whole house, for its home page; a constant number of queries."""
    actions = [action for action in desk.ACTIONS.values()
               if action.group == "system" and request.user.has_perm(action.permission)]
    nothing = desk.Situation(now=clock.now()) if actions else None
    may = [_button(request, action, nothing) for action in actions] if nothing else []
    found = Proposal.objects.filter(decided_at=None)[:COUNTED + 1].count() if request.user.has_perm(
        "bookings.view_proposal") else 0
    return House(_group("Messages and sales", may), f"{COUNTED}+" if found > COUNTED else str(found or ""),
                 request.user.has_perm("bookings.do_second"))


def proposals_of(situation: desk.Situation) -> list[Proposal]:
    """The proposals about this booking (or this case) that wait for a second person, oldest first."""
    rows = Proposal.objects.filter(decided_at=None).select_related("proposed_by")
    if situation.booking is not None:
        return list(rows.filter(booking=situation.booking).order_by("pk"))
    return list(rows.filter(case=situation.case).order_by("pk")) if situation.case else []


def _waiting(request: HttpRequest, row: Proposal) -> Waiting:
    may = request.user.has_perm("bookings.do_second")
    address = reverse(f"admin:bookings_proposal_{'decide' if may else 'change'}", args=[row.pk])
    label = desk.ACTIONS[row.verb].label if row.verb in desk.ACTIONS else row.verb
    return Waiting(row, f"{label}: {amount(row.amount_minor, row.currency)}", address, may)


def _button(request: HttpRequest, action: desk.Action, situation: desk.Situation) -> Button:
    case, booking = situation.case, situation.booking
    if case is not None:
        about, address = f"case:{case.pk}", reverse("admin:bookings_case_verb", args=[case.pk, action.name])
    elif booking is not None:
        about, address = f"booking:{booking.pk}", reverse("admin:bookings_booking_verb", args=[booking.pk, action.name])
    else:
        about, address = "system", reverse("admin:bookings_system_verb", args=[action.name])
    best = advised(case) if case is not None else ""
    allowed = request.user.has_perm(action.permission)
    return Button(
        action, address, why_not=action.unavailable(situation) if allowed else NOT_YOURS,
        key=press.new_key(request.user.pk, action.name, about), recommended=action.name == best)


def advised(case: Case) -> str:
    """The name of the one action that is recommended for a case; a lost reservation is not looked for by machine."""
    if case.kind == "unknown_outcome" and case.booking is not None and case.booking.route == Route.MANUAL:
        return "attach_order"
    return getattr(KINDS.get(case.kind), "action", "")


def _group(title: str, made: list[Button]) -> Group:
    return Group(title, tuple(one for one in made if not one.why_not), tuple(one for one in made if one.why_not))


def _belongs(button: Button, situation: desk.Situation) -> bool:
    """A booking's page has no actions on a case; stopping all sales stands with cases that have no booking."""
    if button.action.group == "case" and situation.case is None:
        return not button.why_not
    return button.action.permission != "bookings.do_pause" or button.recommended or situation.booking is None
