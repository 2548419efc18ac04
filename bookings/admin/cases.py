"""The page of one case: the verdict and why, what to do, three records, the money, and all that happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from bookings import afterwards
from bookings.admin import actions, dossier, elsewhere
from bookings.admin.columns import money_at_risk, outside
from bookings.admin.queue import QueueAdmin
from bookings.admin.timeline import timeline_of
from bookings.admin.values import plainly
from bookings.admin.words import in_words, severity_badge, span
from bookings.cases import KINDS, title_of
from bookings.facts import load
from bookings.models import Case
from fly2any.kernel import clock
from fly2any.kernel.readonly import amount


@admin.register(Case)
class CaseAdmin(QueueAdmin):
    """The page of one case; the list of them is the queue."""

    change_form_template = "admin/bookings/case/page.html"

    def get_urls(self) -> list[URLPattern]:
        """The addresses of what may be done, before the admin's own."""
        return [*actions.case_urls(self.admin_site), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The case with its three records."""
        case = self.get_object(request, object_id)
        if case is not None and self.has_view_permission(request, case):
            extra_context = {**(extra_context or {}), **page_of(request, case)}
        return super().change_view(request, object_id, form_url, extra_context)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With whoever owns it, closed it, and the booking."""
        return super().get_queryset(request).select_related("booking", "taken_by", "closed_by")


def page_of(request: HttpRequest, case: Case) -> dict[str, Any]:
    """Everything that the page of a case shows; a constant number of queries."""
    kind, now = KINDS.get(case.kind), clock.now()
    story = load(case.booking) if case.booking else None
    buttons = actions.buttons_for(request, case=case, story=story)
    page: dict[str, Any] = {
        "case": case, "title": title_of(case.kind), "subtitle": None,
        "badge": severity_badge(case), "rule": _rule(case), "fired": _fired(case),
        "advice": kind.advice if kind else "", "request_of_customer": afterwards.request_of(case),
        "age": span((case.closed_at or now) - case.opened_at),
        "due": in_words(case.deadline, now), "late": case.deadline is not None and case.deadline < now,
        "snoozed": case.snoozed_until is not None and case.snoozed_until > now,
        **dossier.arranged(buttons)}
    if case.booking is not None and story is not None:
        return {**page, **dossier.of_booking(request, case.booking, story, now), "booking": case.booking,
                "look_for": dossier.look_for(case.booking, story.order, buttons),
                "at_risk": money_at_risk(story), "stranger": _stranger(case, story)}
    return {**page, "at_risk": amount(case.money_minor, case.currency), "links": elsewhere.links_to(case),
            "lines": outside(case, _ago(case.seen_at or case.opened_at, now)) if _is_object(case) else [],
            "timeline": timeline_of(request.GET, case=case), "notes": dossier.notes(case=case)}


def _rule(case: Case) -> str:
    """The rule that fired: its code and what it says in general."""
    kind = KINDS.get(case.kind)
    code = getattr(kind, "code", "")
    general = kind.verdict if kind and kind.verdict != case.verdict else ""
    return " ".join(part for part in (f"Rule {code}." if code else "", general) if part)


def _fired(case: Case) -> list[tuple[str, str]]:
    """The values that were seen when it fired."""
    seen = case.facts if isinstance(case.facts, dict) else {}
    return [(_label(name), amount(value, case.currency) if name.endswith("_minor") and isinstance(value, int)
             else plainly(value)) for name, value in sorted(seen.items())]


def _label(name: str) -> str:
    return name.removesuffix("_minor").replace("_", " ").capitalize()


def _is_object(case: Case) -> bool:
    """Whether the case is about one object at a vendor."""
    return case.subject.partition(":")[0] in ("duffel", "amadeus", "stripe")


def _stranger(case: Case, story: Any) -> str:
    """The id of an object outside that the case is about and that is not this booking's own; "" when it is."""
    own = {row.external_id for row in (*story.orders, *story.payments, *story.refunds)}
    external_id = case.subject.partition(":")[2]
    return external_id if _is_object(case) and external_id not in own else ""


def _ago(at: datetime, now: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC, {span(now - at)} ago"
