"""The queue's own address, and the addresses of what can be done with it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from bookings.admin.queue import bulk, export, saved, searching
from bookings.admin.queue.board import board_of
from bookings.admin.words import in_words, span
from bookings.cases import title_of
from bookings.models import Case
from fly2any.kernel import clock
from fly2any.kernel.readonly import ReadOnlyAdmin, amount


class QueueAdmin(ReadOnlyAdmin):
    """The list of cases: the most severe first, then the nearest deadline, then the oldest."""

    list_select_related = ("booking",)
    ordering = ("severity", "due", "opened_at", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """The rows with the database's time at which they were read."""
        return super().get_queryset(request).annotate(read_at=Now())

    def what(self, case: Case) -> str:
        """The name staff know it by."""
        return title_of(case.kind)

    def at_risk(self, case: Case) -> str:
        """How much hangs on it."""
        return amount(case.money_minor, case.currency)

    def age(self, case: Case) -> str:
        """How long it has been waiting."""
        return span((case.closed_at or clock.now()) - case.opened_at)

    def due(self, case: Case) -> str:
        """Until when it must be solved."""
        return in_words(case.deadline, clock.now())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The queue."""
        if request.user.is_anonymous or not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        board = board_of(request, request.user)
        return TemplateResponse(request, "admin/bookings/queue/list.html", {
            **self.admin_site.each_context(request), "opts": self.opts, "title": f"Cases: {board['heading']}",
            "board": board, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """What can be done with many lines, before the admin's own addresses."""
        wrap = self.admin_site.admin_view
        return [
            path("find/", wrap(searching.find_view), name="bookings_find"),
            path("export/", wrap(export.export_view), name="bookings_queue_export"),
            path("bulk/", wrap(bulk.bulk_view), name="bookings_queue_bulk"),
            path("filters/", wrap(saved.save_view), name="bookings_filter_save"),
            path("filters/<int:filter_id>/delete/", wrap(saved.delete_view), name="bookings_filter_delete"),
            *super().get_urls()]
