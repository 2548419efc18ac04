"""The queue of cases and the page of one: three records side by side, and the verbs that answer it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings import afterwards, desk
from bookings.access import address_of
from bookings.admin.columns import money_at_risk, side_by_side
from bookings.admin.find import bookings_matching
from bookings.cases import KINDS
from bookings.facts import load
from bookings.models import Booking, Case
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from fly2any.kernel.readonly import ReadOnlyAdmin, amount

SIGNS = {Case.Severity.CRITICAL: "▲", Case.Severity.HIGH: "◆", Case.Severity.MEDIUM: "●", Case.Severity.LOW: "○"}
LOOKING = timedelta(seconds=20)  # how long the page waits for fresh answers by itself


class OpenFilter(admin.SimpleListFilter):
    """Open cases unless one asks for closed ones."""

    title = "cases"
    parameter_name = "closed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The other choice."""
        return [("yes", "Closed")]

    def choices(self, changelist: Any) -> Any:
        """Open, closed."""
        for name, value in (("Open", None), ("Closed", "yes")):
            query = changelist.get_query_string({self.parameter_name: value} if value else {}, [self.parameter_name])
            yield {"selected": self.value() == value, "query_string": query, "display": name}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        """Open ones, unless closed ones are wanted."""
        return queryset.filter(closed_at__isnull=self.value() != "yes")


class ReasonForm(forms.Form):
    """Why a person does this. Ids and facts, please: the diary keeps it for ever."""

    reason = forms.CharField(label="Reason", max_length=500, strip=True, widget=forms.Textarea(attrs={"rows": 3}),
                             help_text="What you found and what was done. No passport or card data.",
                             error_messages={"required": "Please say why."})


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """The queue: the most severe first, then the nearest deadline, then the oldest."""

    change_form_template = "admin/bookings/case/page.html"
    list_display = ("what", "urgency", "verdict", "who", "at_risk", "age", "due", "contact")
    list_display_links = ("what",)
    list_filter = (OpenFilter, "severity")
    list_select_related = ("booking",)
    ordering = ("severity", "deadline", "opened_at")
    search_fields = ("subject",)  # switches the box on
    search_help_text = "Reference, airline reference (PNR), order id, payment id, e-mail or family name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """The rows with the database's time at which they were read."""
        return super().get_queryset(request).annotate(read_at=Now())

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Case],
                           search_term: str) -> tuple[QuerySet[Case], bool]:
        """Cases of the bookings that the words mean, and cases about exactly that object outside."""
        word = search_term.strip()
        if not word:
            return queryset, False
        ids = list(Booking.objects.filter(bookings_matching(word)).order_by("-pk").values_list("pk", flat=True)[:500])
        subjects = [word, *(f"{vendor}:{word}" for vendor in ("duffel", "amadeus", "stripe"))]
        return queryset.filter(booking__in=ids) | queryset.filter(subject__in=subjects), False

    # --- the queue ---

    @admin.display(description="case", ordering="kind")
    def what(self, case: Case) -> str:
        """The name staff know it by."""
        return KINDS[case.kind].title if case.kind in KINDS else case.kind.replace("_", " ").upper()

    @admin.display(description="severity", ordering="severity")
    def urgency(self, case: Case) -> SafeString:
        """Sign and word, never colour alone."""
        return severity_badge(case)

    @admin.display(description="booking")
    def who(self, case: Case) -> SafeString | str:
        """Whose booking, or which object outside."""
        return self.booking_link(case) if case.booking_id else case.subject

    @admin.display(description="money at risk", ordering="money_minor")
    def at_risk(self, case: Case) -> str:
        """How much hangs on it."""
        return amount(case.money_minor, case.currency)

    @admin.display(description="age", ordering="opened_at")
    def age(self, case: Case) -> str:
        """How long it has been waiting."""
        return span((case.closed_at or _read_at(case)) - case.opened_at)

    @admin.display(description="deadline", ordering="deadline")
    def due(self, case: Case) -> str:
        """Until when it must be solved."""
        return in_words(case.deadline, _read_at(case))

    @admin.display(description="contact")
    def contact(self, case: Case) -> str:
        """How to reach the customer."""
        return f"{case.booking.contact_email} {case.booking.contact_phone}".strip() if case.booking else "–"

    # --- the page of one case ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue under its own name."""
        title = "Closed cases" if request.GET.get(OpenFilter.parameter_name) == "yes" else "Cases to solve"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})

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


def severity_badge(case: Case) -> SafeString:
    """The severity as sign and word."""
    word = Case.Severity(case.severity).label
    return format_html('<span class="severity severity-{}"><span aria-hidden="true">{}</span> {}</span>', word,
                       SIGNS[Case.Severity(case.severity)], word)


def span(length: timedelta) -> str:
    """A length of time for a reader: 40 s, 12 min, 5 h 20 min, 3 d 4 h."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{days} d {hours % 24} h"


def _read_at(case: Case) -> datetime:
    """The database's time when this row was read, so that a list asks for it once."""
    read_at: datetime = vars(case)["read_at"]
    return read_at


def in_words(deadline: datetime | None, now: datetime) -> str:
    """A deadline for a reader."""
    if deadline is None:
        return "–"
    left = deadline - now
    return f"in {span(left)}" if left > timedelta(0) else f"{span(-left)} ago"


def _still_looking(since: str, checked: list[datetime | None], now: datetime) -> bool:
    """True for some seconds after *look again* while an answer is older than the press."""
    if not since.isdigit() or not checked or now.timestamp() - int(since) > LOOKING.total_seconds():
        return False
    return any(at is None or at.timestamp() < int(since) for at in checked)
