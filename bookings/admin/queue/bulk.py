"""One harmless action on many lines: a page that says what will happen, then each line on its own, with its result."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from bookings import desk
from bookings.admin.actions import ReasonForm, by_of
from bookings.admin.queue.doors import drawn, staff
from bookings.admin.queue.lines import Line, line_of
from bookings.admin.queue.reading import SHOWN_WITH, cases_of, ticked
from bookings.models import Case
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.keys import digest


@dataclass(frozen=True)
class Result:
    """What came of one line."""

    line: Line
    done: bool
    said: str


@require_http_methods(["GET", "POST"])
def bulk_view(request: HttpRequest) -> HttpResponse:
    """GET explains what will happen to the ticked lines, POST does it once for each."""
    user = staff(request)
    values = request.POST if request.method == "POST" else request.GET
    if values.get("action") == "export" and request.method == "GET":
        picked = "&".join(f"id={one}" for one in ticked(values.getlist("id")))
        return HttpResponseRedirect(f"{reverse('admin:bookings_queue_export')}?{picked}")
    action = desk.ACTIONS.get(values.get("action", ""))
    if action is None or not action.bulk or action.danger:
        raise Http404
    if not user.has_perm(action.permission):
        raise PermissionDenied
    now = clock.now()
    cases = cases_of(ticked(values.getlist("id")), Case.objects.select_related(*SHOWN_WITH))
    lines = [line_of(case, user, now) for case in cases]
    key = request.POST.get("key", "")[:40] or secrets.token_urlsafe(24)
    page: dict[str, Any] = {"action": action, "lines": lines, "key": key}
    if not cases:
        return drawn(request, "bulk.html", action.label, page)
    asked = _forms(action, cases[0], request)
    page |= {"forms": asked, "plan": action.plan(desk.situation_of(case=cases[0]), {})}
    if request.method == "POST":
        good = [form.is_valid() for form in asked]  # all of them, so that every error is shown
        if all(good):
            results = [_one(request, user, action, line, key) for line in lines]
            return drawn(request, "bulk_done.html", action.label, {
                **page, "results": results, "done": sum(result.done for result in results)})
    return drawn(request, "bulk.html", f"{action.label}: {len(cases)} lines", page,
                 status=422 if request.method == "POST" else 200)


def _forms(action: desk.Action, case: Case, request: HttpRequest) -> list[forms.Form]:
    """The action's own questions and the reason, as filled in."""
    kinds = [action.form(desk.situation_of(case=case)), ReasonForm if action.needs_reason else None]
    return [kind(request.POST if request.method == "POST" else None) for kind in kinds if kind is not None]


def _one(request: HttpRequest, user: User, action: desk.Action, line: Line, key: str) -> Result:
    """One line, checked and done on its own; the key of the press and the line keeps it from being done twice."""
    asked = _forms(action, line.case, request)
    if any(form.errors for form in asked):
        wrong = [str(error) for form in asked for errors in form.errors.values() for error in errors]
        return Result(line, done=False, said=" ".join(wrong))
    values: dict[str, Any] = {name: value for form in asked for name, value in form.cleaned_data.items()}
    by = by_of(request, user, values.pop("reason", ""), digest([user.pk, action.name, line.case.pk, key])[:60])
    try:
        done = desk.do(action, by=by, params=values, case_id=line.case.pk)
    except Problem as problem:
        return Result(line, done=False, said=problem.message)
    return Result(line, done=True, said=done.said)
