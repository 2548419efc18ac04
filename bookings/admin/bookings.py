"""Bookings in the console: found by whatever the caller reads out, shown as a story."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from bookings.admin import actions, as_customer, dossier, ticketing
from bookings.admin.columns import money_at_risk
from bookings.admin.find import bookings_matching
from bookings.admin.story import story_of
from bookings.facts import load
from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.readonly import ReadOnlyAdmin, amount


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    """Every booking, newest first."""

    hidden = ("trip_digest", "acknowledgements", "principal")
    change_form_template = "admin/bookings/booking/story.html"
    list_display = ("reference", "status", "wish", "route", "agreed", "contact_email", "departs_at", "created_at")
    list_filter = ("status", "wish", "route")
    narrowed_by = ("due_at", "parked_at")  # the dashboard's bookings that are due
    ordering = ("-created_at",)
    search_fields = ("reference",)  # switches the box on; get_search_results does the looking up
    search_help_text = "Reference, airline reference (PNR), order id, payment id, e-mail or family name"

    @admin.display(description="agreed total", ordering="accepted_minor")
    def agreed(self, obj: Booking) -> str:
        """What the customer agreed to pay."""
        return amount(obj.accepted_minor, obj.currency) if obj.accepted_minor else "–"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Booking],
                           search_term: str) -> tuple[QuerySet[Booking], bool]:
        """Look the words up through indexes instead of scanning for them."""
        return (queryset.filter(bookings_matching(search_term)) if search_term.strip() else queryset), False

    def get_urls(self) -> list[URLPattern]:
        """The addresses of what may be done, before the admin's own."""
        site = self.admin_site
        return [*ticketing.urls(site), *actions.booking_urls(site), *as_customer.urls(site), *super().get_urls()]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "",
                    extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The booking's page: the story instead of a form."""
        booking = self.get_object(request, object_id)
        page: dict[str, Any] = {"title": f"Booking {booking}", "subtitle": None}
        if booking is not None and self.has_view_permission(request, booking):
            story = load(booking)
            buttons = actions.buttons_for(request, booking=booking, story=story)
            page |= {"story": story_of(booking, story), "booking": booking, "at_risk": money_at_risk(story),
                     "look_for": dossier.look_for(booking, story.order, buttons), **dossier.arranged(buttons),
                     **dossier.of_booking(request, booking, story, clock.now())}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **page})
