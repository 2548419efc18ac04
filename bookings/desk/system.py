"""Actions on the house: hear a stored message again, stop and start selling."""

from __future__ import annotations

from django import forms

from bookings import cases
from bookings.desk.action import Action, By, Params, Plan, Situation
from fly2any.kernel.errors import Problem
from payments import inbox as payments_inbox
from payments.models import GatewayEvent
from suppliers import inbox as suppliers_inbox
from suppliers import pause, registry
from suppliers.models import SupplierEvent

LISTED = 30
EVERYBODY = "all"
NEWEST = "newest"  # the choice that fits every line when many are heard again at once
Event = GatewayEvent | SupplierEvent


# --- replay -----------------------------------------------------------------------------------------------------


def _name(event: Event) -> str:
    return f"{event.provider}:{event.event_id}"


def _events(situation: Situation) -> list[Event]:
    """The stored messages that the page is about: the case's own, or the newest of the booking."""
    if situation.case is not None and situation.case.kind == "unmatched_event":
        event = _find(situation.case.subject)
        return [event] if event else []
    if situation.booking is None:
        return []
    found: list[Event] = [
        *GatewayEvent.objects.filter(booking=situation.booking).order_by("-received_at", "-pk")[:LISTED],
        *SupplierEvent.objects.filter(booking=situation.booking).order_by("-received_at", "-pk")[:LISTED]]
    return sorted(found, key=lambda event: event.received_at, reverse=True)[:LISTED]


def _find(name: str) -> Event | None:
    """A message by "provider:id", or by its id alone."""
    provider, _, key = name.strip().rpartition(":")
    known = (payments_inbox.PROVIDER, *registry.names())
    wanted = [provider] if provider else list(known)
    return (GatewayEvent.objects.filter(provider__in=wanted, event_id=key).first()
            or SupplierEvent.objects.filter(provider__in=wanted, event_id=key).first())


class ReplayForm(forms.Form):
    """Which message; typed where the page is about nothing in particular."""

    event = forms.CharField(label="Message", max_length=220, strip=True,
                            help_text="The id that Stripe or the airline gave the message, such as evt_… or wev_…")


def _replay_form(situation: Situation) -> type[forms.Form] | None:
    if situation.case is None and situation.booking is None:
        return ReplayForm
    choices = [(_name(event), f"{event.raw_kind}, {event.received_at:%-d %b %Y, %H:%M:%S} UTC ({event.event_id})")
               for event in _events(situation)]
    return type("ReplayFormNow", (ReplayForm,), {"event": forms.ChoiceField(
        label="Message", choices=[(NEWEST, "The newest"), *choices], initial=NEWEST)})


def _cannot_replay(situation: Situation) -> str:
    if situation.case is None and situation.booking is None:
        return ""
    return "" if _events(situation) else "No message about this is kept."


def _replay(situation: Situation, params: Params, by: By) -> str:
    named = str(params.get("event", ""))
    event = next(iter(_events(situation)), None) if named == NEWEST else _find(named)
    if event is None:
        raise Problem("no_such_message", "No such message is kept.", status=422, action="Check the id",
                      field_errors={"event": "No message with this id is kept."})
    hear = payments_inbox.hear_again if isinstance(event, GatewayEvent) else suppliers_inbox.hear_again
    if hear(event.pk, situation.now) is None:
        return "It still names nothing that we know. Nothing was changed."
    cases.heal(kind="unmatched_event", subject=_name(event), now=situation.now, because="matched when heard again")
    return "Its booking was woken: the worker looks at what the message is about."


REPLAY = Action(
    "replay", "Hear a message again", "system", "bookings.do_replay",
    plan=lambda _, __: Plan(
        will=("The stored message is matched and heard as if it had just come in.",
              "It is not believed: the worker fetches what it is about and believes that. Hearing it twice changes "
              "nothing.")),
    perform=_replay, unavailable=_cannot_replay, form=_replay_form, bulk=True)


# --- sales ------------------------------------------------------------------------------------------------------


def _label(supplier: str) -> str:
    return supplier.capitalize() if supplier else "All suppliers"


class SupplierForm(forms.Form):
    """One supplier or all."""

    supplier = forms.ChoiceField(label="Supplier")


def _choices(suppliers: list[str]) -> type[forms.Form]:
    named = [(supplier or EVERYBODY, _label(supplier)) for supplier in suppliers]
    return type("SupplierFormNow", (SupplierForm,), {"supplier": forms.ChoiceField(
        label="Supplier", choices=named, initial=named[0][0] if named else None)})


def _paused_by_staff() -> list[str]:
    return [row.supplier for row in pause.open_pauses() if row.cause == pause.STAFF]


def _on_sale() -> list[str]:
    """What can be paused: each supplier and all of them, without those that staff paused."""
    paused = _paused_by_staff()
    return [] if pause.ALL in paused else [name for name in (*registry.names(), pause.ALL) if name not in paused]


def _supplier(params: Params) -> str:
    named = str(params.get("supplier", ""))
    return pause.ALL if named == EVERYBODY else named


def _pause(situation: Situation, params: Params, by: By) -> str:
    supplier = _supplier(params)
    if supplier not in _on_sale():
        raise Problem("paused_already", "Somebody has paused these sales already.", status=409, action="Look again")
    if pause.pause(supplier=supplier, cause=pause.STAFF, reason=by.reason, now=situation.now, by=by.operator) is None:
        raise Problem("paused_already", "Somebody has paused these sales already.", status=409, action="Look again")
    return f"{_label(supplier)}: no new bookings are taken."


PAUSE_SALES = Action(
    "pause_sales", "Pause sales", "system", "bookings.do_pause",
    plan=lambda _, __: Plan(
        will=("No new search, booking or hold is started with this supplier from now on.",
              "Bookings that are wished already go on to their end: nothing of them is cancelled.",
              "Visitors are told that these flights are not sold at the moment.",
              "It stays so until somebody resumes.")),
    perform=_pause, form=lambda _: _choices(_on_sale()), danger=True, takes=False,
    unavailable=lambda _: "" if _on_sale() else "Somebody of us has paused everything already.")


def _resume(situation: Situation, params: Params, by: By) -> str:
    supplier = _supplier(params)
    if not pause.resume(supplier=supplier, cause=pause.STAFF, now=situation.now, because=by.reason, by=by.operator):
        raise Problem("not_paused", "These sales are not paused by us.", status=409, action="Look again")
    left = pause.paused(supplier) if supplier else next((row.reason for row in pause.open_pauses()), None)
    return f"{_label(supplier)}: " + ("sold again." if left is None else f"our pause is lifted; another stands: {left}")


RESUME_SALES = Action(
    "resume_sales", "Resume sales", "system", "bookings.do_pause",
    plan=lambda _, __: Plan(
        will=("New bookings are taken again at once.",
              "A pause that the machine made because a balance is used up is not lifted by this: it ends with the "
              "top-up.")),
    perform=_resume, form=lambda _: _choices(_paused_by_staff()), takes=False,
    unavailable=lambda _: "" if _paused_by_staff() else "Nobody of us has paused any sales.")

ACTIONS = (REPLAY, PAUSE_SALES, RESUME_SALES)
