"""The pages of staff actions, drawn from `desk.Action` alone: GET says what will happen, POST does it once.

What a page showed is what is done: when the typed values or the booking changed meanwhile, a dangerous action is shown
again instead of done. `desk.do` checks everything once more under the lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import structlog
from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite, site
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookings import desk
from bookings.access import address_of
from bookings.admin import press, reveal
from bookings.admin.buttons import NOT_YOURS, Buttons, buttons_for, proposals_of
from bookings.admin.values import moved, standing
from bookings.admin.words import severity_badge
from bookings.cases import title_of
from bookings.desk.doing import picture
from bookings.desk.limits import done_alone, needs_two
from bookings.models import Booking, Case, StaffAction
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from fly2any.kernel.readonly import amount

__all__ = ["Buttons", "ReasonForm", "booking_urls", "buttons_for", "case_urls", "system_urls"]
MANY = 4  # fields of a form that stand side by side where there is room
WARNINGS = {"money": "Moves money", "order": "Changes the order with the airline, or ends it",
            "system": "Changes what customers can buy"}
STALE_KEY = "This page is too old, or it was not made for you. Nothing was done. Press again: the page is fresh now."
MOVED = "Something changed since this page was made. Nothing was done. Read what changed, then confirm again."
RETYPED = "You changed what was typed. This is what will happen now; confirm it."


class ReasonForm(forms.Form):
    """Why a person does this. Ids and facts, please: the diary keeps it for ever."""

    reason = forms.CharField(label="Reason", max_length=500, strip=True, widget=forms.Textarea(attrs={"rows": 3}),
                             help_text="What you found and what was done. No passport or card data.",
                             error_messages={"required": "Please say why."})


def kept_reason(request: HttpRequest) -> ReasonForm:
    """The reason as typed, without a complaint."""
    return ReasonForm(initial={"reason": request.POST.get("reason", "")}, label_suffix="")


def by_of(request: HttpRequest, operator: User, reason: str, key: str) -> desk.By:
    """Who acts, why, from where, in which request: for the book."""
    return desk.By(operator=operator, reason=reason, key=key, address=address_of(request),
                   request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")))


@dataclass(frozen=True)
class Subject:
    """What an action is about, and where its page leads back to."""

    code: str  # "case:5": part of the key
    back: str
    back_name: str
    case: Case | None = None
    booking: Booking | None = None
    permission: str = ""  # needed to see it at all

    @property
    def reference(self) -> str:
        """What a person calls it."""
        about = self.booking or (self.case.booking if self.case else None)
        return about.reference if about else self.case.subject if self.case else ""


# --- addresses --------------------------------------------------------------------------------------------------


def case_urls(admin: AdminSite) -> list[URLPattern]:
    """The pages of actions on a case."""
    return [path("<int:pk>/do/<slug:name>/", admin.admin_view(case_verb), name="bookings_case_verb")]


def booking_urls(admin: AdminSite) -> list[URLPattern]:
    """The pages of actions on a booking."""
    return [path("<int:pk>/do/<slug:name>/", admin.admin_view(booking_verb), name="bookings_booking_verb")]


def system_urls(admin: AdminSite) -> list[URLPattern]:
    """The pages of actions on the whole house."""
    return [path("do/<slug:name>/", admin.admin_view(system_verb), name="bookings_system_verb")]


def case_verb(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """An action on a case. 404 for a case or an action that is not."""
    case = Case.objects.select_related("booking", "taken_by").filter(pk=pk).first()
    if case is None:
        raise Http404
    back = reverse("admin:bookings_case_change", args=[pk])
    return _page(request, name, Subject(f"case:{pk}", back, "the case", case=case, permission="bookings.view_case"))


def booking_verb(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """An action on a booking. 404 for a booking or an action that is not."""
    booking = Booking.objects.filter(pk=pk).first()
    if booking is None:
        raise Http404
    back, word = reverse("admin:bookings_booking_change", args=[pk]), "the booking"
    if request.GET.get("from") == "ticketing":
        back, word = reverse("admin:bookings_ticketing"), "the worklist"
    return _page(request, name, Subject(f"booking:{pk}", back, word, booking=booking,
                                        permission="bookings.view_booking"))


def system_verb(request: HttpRequest, name: str) -> HttpResponse:
    """An action on the whole house. 404 for an action that is about one booking or case."""
    if name in desk.ACTIONS and desk.ACTIONS[name].group != "system":
        raise Http404
    return _page(request, name, _house())


def _house() -> Subject:
    return Subject("system", reverse("admin:index"), "the home page")


def _page(request: HttpRequest, name: str, subject: Subject) -> HttpResponse:
    action = desk.ACTIONS.get(name)
    if action is None or not isinstance(request.user, User):
        raise Http404
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    sees = not subject.permission or request.user.has_perm(subject.permission)
    page = ActionPage(request, request.user, action, subject if sees else _house())  # a refusal tells nothing of it
    if not sees or not request.user.has_perm(action.permission):
        return page.draw(problem=NOT_YOURS, refused=True, status=403)
    return page.press() if request.method == "POST" else page.explain()


# --- one page ---------------------------------------------------------------------------------------------------


class ActionPage:
    """One action about one subject, for one request."""

    def __init__(self, request: HttpRequest, operator: User, action: desk.Action, subject: Subject) -> None:
        self.request, self.operator, self.action, self.subject = request, operator, action, subject

    @cached_property
    def situation(self) -> desk.Situation:
        """How things stand now, read without a lock."""
        return desk.situation_of(case=self.subject.case, booking=self.subject.booking)

    @cached_property
    def why_not(self) -> str:
        """Why it cannot be done now."""
        return self.action.unavailable(self.situation)

    @cached_property
    def seen(self) -> tuple[dict[str, Any], str]:
        """What the page that was pressed had shown."""
        return press.was_shown(self.request.POST.get("shown", ""))

    def explain(self) -> HttpResponse:
        """GET: what will happen, for the values that the form proposes by itself."""
        if self.why_not:
            return self.draw(problem=self.why_not)
        form = self.form(None)
        return self.draw(form=form, params=_proposed(form))

    def press(self) -> HttpResponse:
        """POST: do it once, or say why not, and lose nothing of what was typed."""
        key = self.request.POST.get("key", "")
        mine = press.is_ours(key, self.operator.pk, self.action.name, self.subject.code)
        row = StaffAction.objects.filter(key=key).first() if mine else None
        if row is not None:
            return self.done(desk.Done(said=row.said, row=row, again=True))
        if self.why_not:
            return self.draw(problem=self.why_not, status=409)
        form, reason = self.form(self.request.POST), ReasonForm(self.request.POST, label_suffix="")
        good = form is None or form.is_valid()
        if "show" in self.request.POST:
            return self.again(status=200 if good else 422)
        if not mine:
            return self.again(problem=STALE_KEY, status=422)
        if not good or (self.action.needs_reason and not reason.is_valid()):
            return self.again(reason=reason, status=422)
        params = form.cleaned_data if form else {}
        return self.meant(params) or self.do(params, reason.data.get("reason", "").strip(), key)

    def meant(self, params: dict[str, Any]) -> HttpResponse | None:
        """The page again, when what a dangerous press had been shown is no longer what would happen."""
        before, of = self.seen
        if not self.action.danger:
            return None
        if moved(self.situation, before):
            return self.again(problem=MOVED, status=409)
        return self.again(note=RETYPED) if of != press.digest(params) else None

    def do(self, params: dict[str, Any], reason: str, key: str) -> HttpResponse:
        """Act, or explain the refusal."""
        by = by_of(self.request, self.operator, reason if self.action.needs_reason else "", key)
        case, booking = self.subject.case, self.subject.booking
        try:
            done = desk.do(self.action, by=by, params=params, case_id=case.pk if case else None,
                           booking_id=booking.pk if booking else None)
        except Problem as problem:
            return self.refuse(problem)
        return self.done(done)

    def refuse(self, problem: Problem) -> HttpResponse:
        """What the action itself said no to; how things stand is read again."""
        for name in ("situation", "why_not"):
            self.__dict__.pop(name, None)
        for row in (self.subject.case, self.subject.booking):
            if row is not None:
                row.refresh_from_db()
        if self.why_not:
            return self.draw(problem=problem.message, status=problem.status)
        return self.again(problem=problem.message, status=problem.status, fields=problem.field_errors)

    def again(self, *, problem: str = "", note: str = "", reason: ReasonForm | None = None, status: int = 200,
              fields: Mapping[str, str] | None = None) -> HttpResponse:
        """The page with what was typed; what it carries hidden is fresh, as is what it says will happen."""
        form = self.form(self.request.POST)
        if form is not None:
            data = self.request.POST.copy()
            for hidden in form.hidden_fields():
                data[hidden.html_name] = "" if hidden.initial is None else str(hidden.initial)
            form = self.form(data)
        good = form is None or form.is_valid()
        params = (form.cleaned_data if form else {}) if good else None
        for name, said in (fields or {}).items():
            if form is not None and name in form.fields:
                form.add_error(name, said)
                params = None
        return self.draw(form=form, params=params, problem=problem, note=note, status=status,
                         reason=reason)

    def done(self, done: desk.Done) -> HttpResponse:
        """Back to where one came from, with what came of it; what was revealed is shown in the answer itself, once."""
        booking = self.subject.booking or (self.subject.case.booking if self.subject.case else None)
        if self.action.name == "reveal" and booking is not None and not done.again and not done.proposed:
            return reveal.page(self.request, self.operator, booking, done, self.subject.back)
        tell = messages.warning if done.proposed else messages.success
        tell(self.request, f"Done already: {done.said}" if done.again else done.said)
        looks = self.action.group == "look" and self.action.short and self.subject.code != "system"
        since = f"?since={int(done.row.at.timestamp())}" if looks else ""
        return HttpResponseRedirect(f"{self.subject.back}{since}")

    # --- what is drawn ---

    def form(self, data: Any) -> forms.Form | None:
        """The action's own form, empty or filled in."""
        kind = self.action.form(self.situation)
        return kind(data, label_suffix="") if kind is not None else None

    def draw(self, *, form: forms.Form | None = None, params: dict[str, Any] | None = None,
             reason: ReasonForm | None = None, problem: str = "", note: str = "", refused: bool = False,
             status: int = 200) -> HttpResponse:
        """The page. `params` are the valid values that it tells the consequences of; None when there are none yet."""
        case = self.subject.case
        title = title_of(case.kind) if case else self.subject.reference
        context: dict[str, Any] = {
            **site.each_context(self.request), "action": self.action, "subject": self.subject, "case": case,
            "title": f"{self.action.label}: {title}" if title else self.action.label, "problem": problem, "note": note,
            "badge": severity_badge(case) if case else "", "refused": refused, "warning": warning_of(self.action),
            "key": press.new_key(self.operator.pk, self.action.name, self.subject.code),
            "at_risk": amount(case.money_minor, case.currency) if case else ""}
        if not refused:
            context |= self.shut() if self.why_not else self.open(form, params, reason or kept_reason(self.request))
        return TemplateResponse(self.request, "admin/bookings/action/page.html", context, status=status)

    def shut(self) -> dict[str, Any]:
        """What a page shows that cannot be confirmed: how things stand, what changed, and what had been typed."""
        form = self.form(None) if self.request.method == "POST" else None
        fields = {**(form.fields if form else {}), **ReasonForm().fields}
        kept = [(str(fields[name].label or name.replace("_", " ").capitalize()), name, value)
                for name, values in self.request.POST.lists()
                if name in fields and not fields[name].widget.is_hidden and (value := "\n".join(values))]
        return {"typed": kept, "shut": True, **standing(self.situation, self.seen[0])}

    def open(self, form: forms.Form | None, params: dict[str, Any] | None, reason: ReasonForm) -> dict[str, Any]:
        """What a page shows that can be confirmed."""
        values = params if params is not None else None if form else {}
        money = self.action.money(self.situation, values) if values is not None else None
        plan = self.action.plan(self.situation, values or {})
        two = needs_two(money, done_alone(self.situation, self.operator, money))
        before = [row for row in proposals_of(self.situation) if row.verb == self.action.name]
        can = values is not None or not self.action.danger  # what moves money is confirmed only when it is told in full
        return {
            "plan": plan, "form": form, "many": form is not None and len(form.fields) > MANY, "two": two,
            "reason": reason if self.action.needs_reason else None,
            "errors": errors_of([one for one in (form, reason) if one is not None]), "money": money,
            "shown": press.shown(picture(self.situation), values), "waiting": before,
            "confirm": self.confirm(plan, money, two) if can and not (two and before) else "",
            **standing(self.situation, self.seen[0])}

    def confirm(self, plan: desk.Plan, money: Money | None, two: bool) -> str:
        """The words on the button: with the amount, when money moves."""
        label, how_much = self.action.label, str(money) if money is not None else ""
        if not how_much and self.action.danger and len(plan.amounts) == 1:
            how_much = plan.amounts[0][1]
        if self.action.group == "order" and money is not None:
            label, how_much = f"{label}, {money} goes back", ""
        said = f"{label}: {how_much}" if how_much else label
        return f"Propose: {said[:1].lower()}{said[1:]}" if two else said


def warning_of(action: desk.Action) -> str:
    """What is said beside the button of a dangerous action; "" for a harmless one."""
    kept = "Cannot be taken back"
    if action.name.startswith("record_"):
        return kept  # what was done elsewhere is only written down
    return WARNINGS.get(action.group, kept) if action.danger else ""


def _proposed(form: forms.Form | None) -> dict[str, Any] | None:
    """The values a fresh form proposes by itself, when they are complete; None when something must be typed."""
    if form is None:
        return {}
    values = {form.add_prefix(name): form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    probe = type(form)({name: value for name, value in values.items() if value is not None})
    return probe.cleaned_data if probe.is_valid() else None


def errors_of(asked: Sequence[forms.Form]) -> list[tuple[str, str, str]]:
    """Of each field that is wrong: its id, its label, what is wrong with it; in the order of the page."""
    found = []
    for form in asked:
        for name, all_ in form.errors.items() if form.is_bound else ():
            field = form[name] if name in form.fields else None
            found += [(field.id_for_label, str(field.label), str(said)) if field else ("", "", str(said))
                      for said in all_]
    return found
