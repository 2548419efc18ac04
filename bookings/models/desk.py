"""What people of ours did and proposed: append-only, so that every staff action can be told years later (I8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class StaffAction(models.Model):
    """One thing a person did in the console: who, what, why, before, after, when, from where. Never changed."""

    key = models.CharField(max_length=64, unique=True)  # of the page that asked: the second press finds this row
    verb = models.CharField(max_length=30)
    operator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                               related_name="+")  # who proposed it, when two people were needed
    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT,
                                related_name="staff_actions")
    case = models.ForeignKey("bookings.Case", null=True, blank=True, on_delete=models.PROTECT,
                             related_name="staff_actions")
    subject = models.CharField(max_length=220, blank=True, default="")  # what it was about when it was no booking
    reason = models.CharField(max_length=500, blank=True, default="")
    params = models.JSONField(default=dict, blank=True)  # ids, amounts, states: no personal data
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    said = models.CharField(max_length=400, blank=True, default="")  # what the operator was told
    at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True, default="")
    request_id = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["booking", "at"], name="staff_action_by_booking"),
                   models.Index(fields=["case", "at"], name="staff_action_by_case"),
                   models.Index(fields=["operator", "-at"], name="staff_action_by_operator"),
                   models.Index(fields=["-at"], name="staff_action_newest")]
        permissions = [
            ("do_look_again", "Ask the airline and the bank again"),
            ("do_resume", "Let the worker go on with a parked booking"),
            ("do_replay", "Hear a stored message again"),
            ("do_resend", "Send a mail again"),
            ("do_note", "Write notes, assign, snooze"),
            ("do_handle", "Mark cases handled, answer customers"),
            ("do_contact", "Correct a customer's contact data"),
            ("do_pay_link", "Send a customer the link to pay"),
            ("do_tickets", "Enter ticket numbers"),
            ("do_attach", "Attach an airline order to a booking, or say that none was made"),
            ("do_cancel", "Ask what a cancellation gives back, and cancel"),
            ("do_capture", "Take reserved money"),
            ("do_void", "Release reserved money"),
            ("do_refund", "Give money back"),
            ("do_record_payment", "Record money that was taken elsewhere"),
            ("do_record_refund", "Record money that was given back elsewhere"),
            ("do_record_cancellation", "Record what the consolidator cancelled"),
            ("do_second", "Agree to, or refuse, what somebody else proposed"),
            ("do_pause", "Pause and resume sales"),
            ("do_reveal", "See travel documents in full"),
            ("do_export", "Export lists"),
            ("do_people", "Reset second factors and lift locks of colleagues"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.booking_id or self.case_id or self.subject}"


class Proposal(models.Model):
    """An action that waits for a second person: it is done, with its precondition checked anew, when they agree."""

    class Decision(models.TextChoices):
        AGREED = "agreed", "agreed"
        REFUSED = "refused", "refused"

    verb = models.CharField(max_length=30)
    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT,
                                related_name="proposals")
    case = models.ForeignKey("bookings.Case", null=True, blank=True, on_delete=models.PROTECT,
                             related_name="proposals")
    params = models.JSONField(default=dict, blank=True)
    reason = models.CharField(max_length=500)
    amount_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                                   related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=8, choices=Decision.choices, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["booking", "verb"], condition=Q(decided_at__isnull=True),
                                    name="proposal_is_open_once"),
            models.CheckConstraint(condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("proposed_by"))
                                   | Q(decision="refused"), name="proposal_is_agreed_by_somebody_else"),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}: {self.verb}"


class SavedFilter(models.Model):
    """A way to look at the queue that somebody named; shared ones are offered to everybody, changed by their owner."""

    name = models.CharField(max_length=60)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    query = models.CharField(max_length=300, blank=True, default="")  # as in the queue's address; choices only
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="filter_is_named_once")]
        indexes = [models.Index(fields=["name"], condition=Q(shared=True), name="filter_shared")]

    def __str__(self) -> str:
        return self.name
