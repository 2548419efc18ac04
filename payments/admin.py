"""Payments, refunds, disputes and gateway messages in the console, to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from fly2any.kernel.readonly import ReadOnlyAdmin, amount
from payments.models import Dispute, GatewayEvent, Payment, Refund

GATEWAYS = {"provider__in": ("stripe", "phonepe")}  # the indexes begin with the provider


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """One intent to take money. The client secret is never shown: who has it can act on the payment."""

    hidden = ("client_secret",)
    list_display = ("external_id", "booking_link", "state", "amount", "captured", "refunded", "card", "asked_at")
    list_filter = ("state", "disputed", "captured_elsewhere")
    list_select_related = ("booking",)
    looked_up_by = {"external_id": GATEWAYS, "booking__reference": {}}
    search_help_text = "Stripe's payment id or our reference, in full"

    @admin.display(ordering="amount_minor")
    def amount(self, obj: Payment) -> str:
        """What may be taken at most."""
        return amount(obj.amount_minor, obj.currency)

    @admin.display(ordering="captured_minor")
    def captured(self, obj: Payment) -> str:
        """What was taken."""
        return amount(obj.captured_minor, obj.currency)

    @admin.display(ordering="refunded_minor")
    def refunded(self, obj: Payment) -> str:
        """What went back."""
        return amount(obj.refunded_minor, obj.currency)

    def card(self, obj: Payment) -> str:
        """Brand and last four digits: all we keep."""
        return f"{obj.card_brand} •••• {obj.card_last4}" if obj.card_last4 else "–"


class _OfPayment(ReadOnlyAdmin):
    list_select_related = ("payment__booking",)
    looked_up_by = {
        "external_id": {}, "payment__external_id": {"payment__provider__in": GATEWAYS["provider__in"]},
        "payment__booking__reference": {}}
    search_help_text = "An id at Stripe or our reference, in full"

    @admin.display(description="booking")
    def reference(self, obj: Any) -> str:
        """The booking whose money it is."""
        return self.booking_link(obj.payment)

    @admin.display(ordering="amount_minor")
    def amount(self, obj: Any) -> str:
        """How much."""
        return amount(obj.amount_minor, obj.currency)


@admin.register(Refund)
class RefundAdmin(_OfPayment):
    """Money given back, one row for each cause."""

    list_display = ("__str__", "reference", "state", "amount", "cause", "failure", "requested_at", "done_at")
    list_filter = ("state",)


@admin.register(Dispute)
class DisputeAdmin(_OfPayment):
    """A customer's bank asks for the money back."""

    list_display = ("external_id", "reference", "status", "amount", "reason", "seen_at")


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnlyAdmin):
    """Messages from Stripe as they came in."""

    list_display = ("event_id", "raw_kind", "fate", "booking_link", "intent_id", "received_at")
    list_filter = ("fate",)
    list_select_related = ("booking",)
    looked_up_by = {"event_id": GATEWAYS, "intent_id": {}, "object_id": {}}
    search_help_text = "An event, payment or object id at Stripe, in full"
