"""The queue of cases and the page of one: three records side by side, and the verbs that answer it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from bookings import afterwards, desk
from bookings.access import address_of
from bookings.admin.columns import money_at_risk, side_by_side
from bookings.admin.queue import QueueAdmin
from bookings.admin.words import severity_badge
from bookings.cases import KINDS
from bookings.facts import load
from bookings.models import Case
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem

LOOKING = timedelta(seconds=20)  # how long the page waits for fresh answers by itself


class ReasonForm(forms.Form):
    """Why a person does this. Ids and facts, please: the diary keeps it for ever."""

    reason = forms.CharField(label="Reason", max_length=500, strip=True, widget=forms.Textarea(attrs={"rows": 3}),
                             help_text="What you found and what was done. No passport or card data.",
                             error_messages={"required": "Please say why."})


@admin.register(Case)
class CaseAdmin(QueueAdmin):
    """The page of one case; the list of them is the queue."""

    change_form_template = "admin/bookings/case/page.html"

    def get_urls(self) -> list[URLPattern]:
        """One address for each verb, before the admin's own."""
        verb = path("<int:object_id>/do/<slug:name>/", self.admin_site.admin_view(self.verb_view),
                    name="bookings_case_verb")
        return [verb, *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The case with its three records."""
        case = self.get_object(request, object_id)
        if case is not None and self.has_view_permission(request, case):
            extra_context = {**(extra_context or {}), **self._page(request, case)}
        return super().change_view(request, object_id, form_url, extra_context)

    def _page(self, request: HttpRequest, case: Case) -> dict[str, Any]:
        story, kind, now = load(case.booking) if case.booking else None, KINDS.get(case.kind), clock.now()
        checked = [row.looked_at for row in (story.order, story.payment) if row and row.external_id] if story else []
        return {
            "case": case, "title": self.what(case), "subtitle": None, "badge": severity_badge(case),
            "request_of_customer": afterwards.request_of(case), "advice": kind.advice if kind else "",
            "lines": side_by_side(story) if story else [], "seen": sorted(case.facts.items()),
            "at_risk": money_at_risk(story) if story else self.at_risk(case), "age": self.age(case),
            "due": self.due(case), "looking": _still_looking(request.GET.get("since", ""), checked, now),
            "earlier": [*story.orders[:-1], *story.payments[:-1]] if story else [],
            "verbs": [self._button(request, case, action) for action in desk.ACTIONS.values()],
            "key": secrets.token_urlsafe(24),
            "diary": list(case.booking.diary.order_by("-at", "-pk")[:20]) if case.booking else [],
        }

    def _button(self, request: HttpRequest, case: Case, action: desk.Action) -> dict[str, Any]:
        why_not = action.unavailable(desk.situation_of(case=case))
        if not why_not and not request.user.has_perm(action.permission):
            why_not = "Your role does not allow this."
        return {"action": action, "why_not": why_not,
                "address": reverse("admin:bookings_case_verb", args=[case.pk, action.name])}

    # --- answering ---

    def verb_view(self, request: HttpRequest, object_id: int, name: str) -> HttpResponse:
        """GET explains what will happen, POST does it once."""
        case, action = self.get_object(request, str(object_id)), desk.ACTIONS.get(name)
        if case is None or action is None:
            raise Http404
        if request.user.is_anonymous or not (
                self.has_view_permission(request, case) and request.user.has_perm(action.permission)):
            raise PermissionDenied
        asked = self._forms(request, case, action)
        if request.method != "POST":
            return self._explain(request, case, action, asked)
        good = [form.is_valid() for form in asked]  # all of them, so that every error is shown
        if not all(good):
            return self._explain(request, case, action, asked, status=422)
        return self._act(request, request.user, case, action, asked)

    def _forms(self, request: HttpRequest, case: Case, action: desk.Action) -> list[forms.Form]:
        kinds = [action.form(desk.situation_of(case=case)), ReasonForm if action.needs_reason else None]
        return [kind(request.POST or None) for kind in kinds if kind is not None]

    def _act(self, request: HttpRequest, operator: User, case: Case, action: desk.Action,
             asked: list[forms.Form]) -> HttpResponse:
        values = {name: value for form in asked for name, value in form.cleaned_data.items()}
        by = desk.By(operator=operator, reason=values.pop("reason", ""), key=request.POST.get("key", "")[:60]
                     or secrets.token_urlsafe(24), address=address_of(request))
        try:
            done = desk.do(action, by=by, params=values, case_id=case.pk)
        except Problem as problem:
            return self._explain(request, case, action, asked, problem=problem.message, status=problem.status)
        self.log_change(request, case, f"{action.label}. {by.reason}".strip())
        messages.success(request, done.said)
        here = reverse("admin:bookings_case_change", args=[case.pk])
        return HttpResponseRedirect(f"{here}?since={int(done.row.at.timestamp())}" if action.short else here)

    def _explain(self, request: HttpRequest, case: Case, action: desk.Action, asked: list[forms.Form], *,
                 problem: str = "", status: int = 200) -> HttpResponse:
        situation = desk.situation_of(case=case)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "case": case, "action": action,
            "forms": asked, "title": f"{action.label}: {self.what(case)}", "plan": action.plan(situation, {}),
            "badge": severity_badge(case), "key": request.POST.get("key") or secrets.token_urlsafe(24),
            "why_not": problem or action.unavailable(situation), "at_risk": self.at_risk(case)}
        return TemplateResponse(request, "admin/bookings/case/verb.html", context, status=status)


def _still_looking(since: str, checked: list[datetime | None], now: datetime) -> bool:
    """True for some seconds after *look again* while an answer is older than the press."""
    if not since.isdigit() or not checked or now.timestamp() - int(since) > LOOKING.total_seconds():
        return False
    return any(at is None or at.timestamp() < int(since) for at in checked)
