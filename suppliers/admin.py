"""Airline orders and supplier messages in the console, to look at."""

from __future__ import annotations

from django.contrib import admin

from fly2any.kernel.readonly import ReadOnlyAdmin, amount
from suppliers.models import SupplierEvent, SupplierOrder

SUPPLIERS = ("duffel", "amadeus")  # the indexes begin with the supplier


@admin.register(SupplierOrder)
class SupplierOrderAdmin(ReadOnlyAdmin):
    """The airline's order as we last knew it."""

    list_display = ("__str__", "booking_link", "state", "total", "pnr", "pay_by", "asked_at", "looked_at")
    list_filter = ("state", "supplier", "hold")
    list_select_related = ("booking",)
    looked_up_by = {"pnr": {}, "external_id": {"supplier__in": SUPPLIERS}, "booking__reference": {}}
    search_help_text = "Airline reference, order id or our reference, in full"

    @admin.display(ordering="total_minor")
    def total(self, obj: SupplierOrder) -> str:
        """The airline's price."""
        return amount(obj.total_minor, obj.currency)


@admin.register(SupplierEvent)
class SupplierEventAdmin(ReadOnlyAdmin):
    """Messages from suppliers as they came in."""

    list_display = ("event_id", "raw_kind", "fate", "booking_link", "order_id", "received_at")
    list_filter = ("fate",)
    list_select_related = ("booking",)
    looked_up_by = {"event_id": {"provider__in": SUPPLIERS}, "order_id": {}, "offer_id": {}}
    search_help_text = "An event, order or offer id at the supplier, in full"
