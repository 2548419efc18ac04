"""The plain lists: calls, diary, mails and heartbeats."""

from __future__ import annotations

from django.contrib import admin

from bookings.models import Diary, ExternalCall, Heartbeat, Outbox
from fly2any.kernel.readonly import ReadOnlyAdmin


@admin.register(ExternalCall)
class ExternalCallAdmin(ReadOnlyAdmin):
    """Every deed asked of the outside world, and what came of it."""

    list_display = ("__str__", "booking_link", "state", "outcome", "code", "attempts", "milliseconds", "asked_at")
    list_filter = ("state", "outcome")
    list_select_related = ("booking",)
    looked_up_by = {"booking__reference": {}}
    search_help_text = "Our reference, in full"


@admin.register(Diary)
class DiaryAdmin(ReadOnlyAdmin):
    """The append-only story of all bookings."""

    list_display = ("at", "booking_link", "actor", "event", "subject", "before", "after", "cause")
    list_select_related = ("booking",)
    looked_up_by = {"booking__reference": {}}
    search_help_text = "Our reference, in full"


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """Mails due and sent. What they are filled with is not shown: it may hold a link that opens a booking."""

    hidden = ("context",)
    list_display = ("kind", "booking_link", "version", "due_at", "tries", "sent_at", "dropped")
    list_select_related = ("booking",)
    looked_up_by = {"booking__reference": {}}
    search_help_text = "Our reference, in full"


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When each process last did its round."""

    list_display = ("name", "beat_at", "note")
    ordering = ("name",)
