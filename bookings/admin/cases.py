"""The queue of cases and the page of one: three records side by side, and the verbs that answer it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from bookings import afterwards
from bookings.admin import actions
from bookings.admin.columns import money_at_risk, side_by_side
from bookings.admin.queue import QueueAdmin
from bookings.admin.words import severity_badge
from bookings.cases import KINDS
from bookings.facts import load
from bookings.models import Case
from fly2any.kernel import clock

LOOKING = timedelta(seconds=20)  # how long the page waits for fresh answers by itself


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
            "buttons": actions.buttons_for(request, case=case, story=story),
            "diary": list(case.booking.diary.order_by("-at", "-pk")[:20]) if case.booking else [],
        }


def _still_looking(since: str, checked: list[datetime | None], now: datetime) -> bool:
    """True for some seconds after *look again* while an answer is older than the press."""
    if not since.isdigit() or not checked or now.timestamp() - int(since) > LOOKING.total_seconds():
        return False
    return any(at is None or at.timestamp() < int(since) for at in checked)
