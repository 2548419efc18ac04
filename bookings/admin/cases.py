"""The queue of cases and the page of one: three records side by side, and the verbs that answer it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.safestring import SafeString

from bookings import afterwards
from bookings.admin import actions
from bookings.admin.columns import money_at_risk, side_by_side
from bookings.admin.find import bookings_matching
from bookings.admin.words import in_words, severity_badge, span
from bookings.cases import KINDS
from bookings.facts import load
from bookings.models import Booking, Case
from fly2any.kernel import clock
from fly2any.kernel.readonly import ReadOnlyAdmin, amount

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


def _read_at(case: Case) -> datetime:
    """The database's time when this row was read, so that a list asks for it once."""
    read_at: datetime = vars(case)["read_at"]
    return read_at


def _still_looking(since: str, checked: list[datetime | None], now: datetime) -> bool:
    """True for some seconds after *look again* while an answer is older than the press."""
    if not since.isdigit() or not checked or now.timestamp() - int(since) > LOOKING.total_seconds():
        return False
    return any(at is None or at.timestamp() < int(since) for at in checked)
