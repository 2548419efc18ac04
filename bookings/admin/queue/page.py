"""The list of open cases, from which staff work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from bookings.admin.find import bookings_matching
from bookings.admin.words import in_words, severity_badge, span
from bookings.cases import KINDS
from bookings.models import Booking, Case
from fly2any.kernel.readonly import ReadOnlyAdmin, amount


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


class QueueAdmin(ReadOnlyAdmin):
    """The queue: the most severe first, then the nearest deadline, then the oldest."""

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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue under its own name."""
        title = "Closed cases" if request.GET.get(OpenFilter.parameter_name) == "yes" else "Cases to solve"
        return super().changelist_view(request, {**(extra_context or {}), "title": title})


def _read_at(case: Case) -> datetime:
    """The database's time when this row was read, so that a list asks for it once."""
    read_at: datetime = vars(case)["read_at"]
    return read_at
