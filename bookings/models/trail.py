"""What was asked outside, what happened, what a person must look at, and what must be mailed."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

FAR = datetime(3000, 1, 1, tzinfo=UTC)  # stands for "no deadline" where cases are sorted


class ExternalCall(models.Model):
    """One deed asked of the outside world: committed as INTENDED before the call, answered after it (I2)."""

    class State(models.TextChoices):
        INTENDED = "intended", "asked, no answer stored"
        ANSWERED = "answered", "answered, not yet merged into the facts"
        MERGED = "merged", "done"

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="calls")
    kind = models.CharField(max_length=24)  # a Step
    subject = models.CharField(max_length=40)  # order:<pk>, payment:<pk>, refund:<pk>, booking
    key = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.INTENDED)
    attempts = models.PositiveSmallIntegerField(default=1)
    outcome = models.CharField(max_length=12, blank=True, default="")  # ok, refused, unavailable, unknown
    code = models.CharField(max_length=60, blank=True, default="")
    vendor_code = models.CharField(max_length=80, blank=True, default="")
    vendor_request_id = models.CharField(max_length=120, blank=True, default="")
    external_id = models.CharField(max_length=200, blank=True, default="")
    detail = models.JSONField(default=dict, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    first_failed_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="call_is_one_row_per_deed")]
        indexes = [models.Index(fields=["kind", "-asked_at"], name="call_by_kind"),
                   models.Index(fields=["booking", "asked_at"], name="call_by_booking"),
                   models.Index(fields=["retry_at"], name="call_to_try_again", condition=Q(retry_at__isnull=False))]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class CallRecord(models.Model):
    """One request to the outside as it went over the wire, looks included: append-only, purged after 90 days.

    `sent` and `got` hold ids, states, amounts and codes only (the allow-lists `suppliers.duffel.kept` and
    `payments.gateways.stripe.kept`), 8 KB each at most. `outcome` is that of the deed the request belonged to.
    """

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="call_records")
    step = models.CharField(max_length=24)
    subject = models.CharField(max_length=40)
    attempt = models.PositiveSmallIntegerField(default=1)  # of the deed
    at = models.DateTimeField()
    vendor = models.CharField(max_length=20)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    key = models.CharField(max_length=200, blank=True, default="")
    request_id = models.CharField(max_length=120, blank=True, default="")  # the vendor's
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of HTTP; none: no answer came
    milliseconds = models.PositiveIntegerField()
    outcome = models.CharField(max_length=12)
    code = models.CharField(max_length=60, blank=True, default="")
    sent = models.JSONField(null=True, blank=True)
    got = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["booking", "at"], name="call_record_by_booking"),
                   BrinIndex(fields=["at"], name="call_record_by_age", autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Diary(models.Model):
    """The append-only story of a booking; a trigger forbids changing it. No personal data."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="diary")
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)  # user:<id>, guest, worker, sweeper, staff:<id>, webhook:<event>
    event = models.CharField(max_length=60)  # noun.past
    subject = models.CharField(max_length=40, blank=True, default="")
    before = models.CharField(max_length=60, blank=True, default="")
    after = models.CharField(max_length=60, blank=True, default="")
    cause = models.CharField(max_length=200, blank=True, default="")
    request_id = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        verbose_name_plural = "diary"
        indexes = [models.Index(fields=["booking", "at"], name="diary_by_booking")]

    def __str__(self) -> str:
        return f"{self.event} {self.before} → {self.after}"


class Case(models.Model):
    """Something a person must look at: one open case per kind and subject."""

    class Severity(models.IntegerChoices):
        CRITICAL = 1, "critical"
        HIGH = 2, "high"
        MEDIUM = 3, "medium"
        LOW = 4, "low"

    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT,
                                related_name="cases")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=220)  # booking:<pk>, duffel:<order id>, stripe:<intent id>
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    verdict = models.CharField(max_length=400)
    facts = models.JSONField(default=dict, blank=True)
    money_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    opened_at = models.DateTimeField()
    deadline = models.DateTimeField(null=True, blank=True)
    alerted_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                                 related_name="+")  # its owner: the alert is acknowledged
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snoozed_because = models.CharField(max_length=500, blank=True, default="")
    seen_at = models.DateTimeField(null=True, blank=True)  # when its detector last saw the mismatch (UTC)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                                  related_name="+")
    closed_because = models.CharField(max_length=500, blank=True, default="")
    due = models.GeneratedField(expression=Coalesce("deadline", Value(FAR)), output_field=models.DateTimeField(),
                                db_persist=True)  # the deadline as the queue sorts it: none comes last

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject"], condition=Q(closed_at__isnull=True),
                                    name="case_is_opened_once"),
            models.CheckConstraint(condition=Q(closed_at__isnull=True) | ~Q(closed_because=""),
                                   name="case_is_closed_with_a_reason"),
        ]
        # the queue's order, for everything, for what nobody has, for one person, for one kind, for what is snoozed
        indexes = [models.Index(fields=["severity", "due", "opened_at", "id"], condition=Q(closed_at__isnull=True),
                                name="case_queue"),
                   models.Index(fields=["severity", "due", "opened_at", "id"], name="case_queue_unowned",
                                condition=Q(closed_at__isnull=True, taken_by__isnull=True)),
                   models.Index(fields=["taken_by", "severity", "due", "opened_at", "id"], name="case_queue_owned",
                                condition=Q(closed_at__isnull=True, taken_by__isnull=False)),
                   models.Index(fields=["kind", "severity", "due", "opened_at", "id"], name="case_queue_kind",
                                condition=Q(closed_at__isnull=True)),
                   models.Index(fields=["severity", "due", "opened_at", "id"], name="case_queue_snoozed",
                                condition=Q(closed_at__isnull=True, snoozed_until__isnull=False)),
                   models.Index(fields=["-closed_at", "-id"], condition=Q(closed_at__isnull=False),
                                name="case_closed_newest"),
                   models.Index(fields=["subject"], name="case_by_subject"),
                   models.Index(fields=["opened_at"], name="case_by_opening"),
                   models.Index(fields=["kind", "subject"], name="case_by_object")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Outbox(models.Model):
    """Something to tell: written with the fact it tells, sent later; a mail with the same Message-ID every time."""

    class Channel(models.TextChoices):
        MAIL = "mail", "mail"
        CHAT = "chat", "chat of the staff"

    kind = models.CharField(max_length=40)
    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT,
                                related_name="outbox")
    case = models.ForeignKey(Case, null=True, blank=True, on_delete=models.PROTECT, related_name="outbox")
    version = models.CharField(max_length=40, default="1")
    channel = models.CharField(max_length=4, choices=Channel.choices, default=Channel.MAIL, db_default=Channel.MAIL)
    to = models.EmailField(max_length=254, blank=True, default="")  # empty: the booking's contact
    context = models.JSONField(default=dict, blank=True)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    dropped = models.CharField(max_length=60, blank=True, default="")  # why it was not sent after all
    subject = models.CharField(max_length=200, blank=True, default="", db_default="")  # as it was sent, about a booking
    text = models.TextField(blank=True, default="", db_default="")  # as it was sent; every address in it is blanked
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "outbox"
        constraints = [models.UniqueConstraint(fields=["kind", "booking", "case", "version", "channel"],
                                               name="mail_is_sent_once", nulls_distinct=False)]
        indexes = [models.Index(fields=["due_at"], condition=Q(sent_at__isnull=True, dropped=""), name="mail_due"),
                   models.Index(fields=["channel", "due_at"], name="alert_due", condition=Q(
                       sent_at__isnull=True, dropped="", case__isnull=False)),
                   models.Index(fields=["case", "kind"], condition=Q(case__isnull=False), name="told_of_case"),
                   models.Index(fields=["created_at"], condition=~Q(to=""), name="outbox_with_address"),
                   models.Index(fields=["id"], condition=Q(dropped="undeliverable", sent_at__isnull=True),
                                name="outbox_undeliverable"),
                   models.Index(fields=["created_at"], condition=~Q(text=""), name="outbox_with_text")]

    def __str__(self) -> str:
        return f"{self.kind} {self.booking_id or self.case_id}"

    @property
    def first_version(self) -> str:
        """What the mail is about; a mail sent again carries "~" and a number behind it."""
        return self.version.partition("~")[0]
