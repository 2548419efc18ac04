"""What the doors remember: answered requests, counted attempts, links in mails, and who is alive."""

from __future__ import annotations

from django.db import models


class Idempotency(models.Model):
    """A request that makes something, remembered for 7 days per principal and endpoint (reliability.md 5)."""

    principal = models.CharField(max_length=80)
    endpoint = models.CharField(max_length=60)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    booking = models.ForeignKey("bookings.Booking", null=True, on_delete=models.CASCADE, related_name="+")
    status = models.PositiveSmallIntegerField(null=True)  # null: still running
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "endpoint", "key"],
                                               name="request_is_answered_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.key}"


class Attempt(models.Model):
    """A counter of attempts in a time slot, for limits that protect money or logins (reliability.md 13)."""

    scope = models.CharField(max_length=40)
    subject = models.CharField(max_length=100)
    slot = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "subject", "slot"], name="attempt_is_counted_once")]
        indexes = [models.Index(fields=["slot"], name="attempt_by_age")]

    def __str__(self) -> str:
        return f"{self.scope} {self.count}"


class AccessLink(models.Model):
    """A link in a mail: 128 random bits, stored hashed, expiring."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"link to booking {self.booking_id}"


class Share(models.Model):
    """A page of the flights for others: 128 random bits stored hashed, expiring, revocable."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.CASCADE, related_name="shares")
    token_hash = models.CharField(max_length=64, unique=True)
    names = models.JSONField(default=list, blank=True)  # places in line whose first names the owner ticked
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="share_by_end")]

    def __str__(self) -> str:
        return f"share of booking {self.booking_id}"


class Heartbeat(models.Model):
    """When a process last did its round, and where a periodic job stands."""

    name = models.CharField(max_length=60, primary_key=True)
    beat_at = models.DateTimeField()
    note = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.name
