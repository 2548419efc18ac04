"""What customers have beside their bookings: an account, and requests that a person of ours answers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Account(models.Model):
    """A customer's sign-in. The user's name and e-mail are one address; nothing goes by it before it is verified."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account")
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"account {self.pk}"


class ChangeRequest(models.Model):
    """What a customer wants changed, in their words, and our answer. One open request at a time."""

    class Topic(models.TextChoices):
        DATE = "date", "Another date"
        FLIGHT = "flight", "Other flights on the same day"
        NAME = "name", "Correct a name"
        CONTACT = "contact", "The contact data the airline holds"
        REFUND = "refund", "What a cancellation gives back"
        OTHER = "other", "Something else"

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="requests")
    topic = models.CharField(max_length=8, choices=Topic.choices)
    words = models.TextField(max_length=1000)  # the customer's own; blanked by the retention job
    asked_at = models.DateTimeField()
    answer_by = models.DateTimeField()  # what we promised
    answer = models.TextField(max_length=2000, blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                                    related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["booking"], condition=Q(answered_at__isnull=True),
                                    name="booking_has_one_open_request"),
            models.CheckConstraint(condition=Q(answered_at__isnull=True) | ~Q(answer=""),
                                   name="request_is_answered_in_words"),
        ]
        indexes = [models.Index(fields=["asked_at"], name="request_by_age")]

    def __str__(self) -> str:
        return f"request {self.pk}"
