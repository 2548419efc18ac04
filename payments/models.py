"""Payments, refunds and disputes as we last knew them, and the inbox of gateway messages. Amounts: minor units."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from fly2any.kernel import machine
from payments.types import PaymentState, RefundState

ACTIVE = (PaymentState.NEW, PaymentState.OPEN, PaymentState.AUTHORISED, PaymentState.CAPTURING,
          PaymentState.CAPTURED, PaymentState.VOIDING)
PAYMENT_MOVES: dict[PaymentState, frozenset[PaymentState]] = {
    PaymentState.NEW: frozenset({PaymentState.OPEN, PaymentState.AUTHORISED, PaymentState.CAPTURED,
                                 PaymentState.VOIDED}),
    PaymentState.OPEN: frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURED, PaymentState.VOIDING,
                                  PaymentState.VOIDED}),
    PaymentState.AUTHORISED: frozenset({PaymentState.CAPTURING, PaymentState.CAPTURED, PaymentState.VOIDING,
                                        PaymentState.VOIDED}),
    # back to AUTHORISED or OPEN: we looked, and the gateway had not done it
    PaymentState.CAPTURING: frozenset({PaymentState.CAPTURED, PaymentState.AUTHORISED, PaymentState.VOIDED}),
    PaymentState.VOIDING: frozenset({PaymentState.VOIDED, PaymentState.AUTHORISED, PaymentState.OPEN,
                                     PaymentState.CAPTURED}),
    PaymentState.CAPTURED: frozenset(),
    PaymentState.VOIDED: frozenset(),
}
REFUND_MOVES: dict[RefundState, frozenset[RefundState]] = {
    # SUCCEEDED at once: given back by hand; only what was sent can fail
    RefundState.REQUESTED: frozenset({RefundState.SENT, RefundState.SUCCEEDED}),
    RefundState.SENT: frozenset({RefundState.SUCCEEDED, RefundState.FAILED, RefundState.REQUESTED}),
    RefundState.SUCCEEDED: frozenset({RefundState.FAILED}),
    RefundState.FAILED: frozenset(),
}


def _choices(states: type[PaymentState] | type[RefundState]) -> list[tuple[str, str]]:
    return [(state.value, state.value) for state in states]


class Payment(models.Model):
    """One intent to take money for one booking, for ever (I3). Committed before the gateway is asked (I2)."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="payments")
    order = models.ForeignKey("suppliers.SupplierOrder", null=True, blank=True, on_delete=models.PROTECT,
                              related_name="payments")  # the live order it is captured for
    provider = models.CharField(max_length=20)  # the gateway; "desk" for money that staff took, or saw taken, elsewhere
    external_id = models.CharField(max_length=200, blank=True, default="")  # at the desk "desk:<receipt>"
    method = models.CharField(max_length=20, blank=True, default="", db_default="")  # how it was taken elsewhere
    state = models.CharField(max_length=12, choices=_choices(PaymentState), default=PaymentState.NEW)
    amount_minor = models.BigIntegerField()
    captured_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)  # ours that went out, and what was given back by hand
    by_hand_minor = models.BigIntegerField(db_default=0, default=0)  # of it: at the gateway, with no refund of ours
    by_hand_before_minor = models.BigIntegerField(db_default=0, default=0)  # of that: when a cancellation was agreed
    currency = models.CharField(max_length=3)
    client_secret = models.CharField(max_length=255, blank=True, default="")
    captured_elsewhere = models.BooleanField(default=False)  # the gateway holds money that we did not ask to take
    needs_customer = models.BooleanField(default=False)
    # the bank asked for 3-D Secure, with a question to the customer or without
    secured = models.BooleanField(default=False, db_default=False)
    declines = models.PositiveSmallIntegerField(default=0)
    decline_kind = models.CharField(max_length=40, blank=True, default="")
    decline_code = models.CharField(max_length=60, blank=True, default="")
    attempt_id = models.CharField(max_length=200, blank=True, default="")
    card_brand = models.CharField(max_length=20, blank=True, default="")
    card_last4 = models.CharField(max_length=4, blank=True, default="")
    capture_before = models.DateTimeField(null=True, blank=True)
    disputed = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    news_at = models.DateTimeField(null=True, blank=True)
    authorised_at = models.DateTimeField(null=True, blank=True)
    captured_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], condition=~Q(external_id=""),
                                    name="payment_is_recorded_once"),
            models.UniqueConstraint(fields=["booking"], condition=Q(state__in=sorted(ACTIVE)),
                                    name="booking_has_one_active_payment"),
            models.CheckConstraint(condition=Q(state__in=sorted(PaymentState)), name="payment_state_is_known"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payment_is_for_something"),
            models.CheckConstraint(condition=Q(captured_minor__gte=0, captured_minor__lte=F("amount_minor")),
                                   name="payment_never_captures_more_than_agreed"),
            models.CheckConstraint(condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("captured_minor")),
                                   name="payment_never_refunds_more_than_captured"),
            models.CheckConstraint(condition=~Q(state__in=[PaymentState.CAPTURED, PaymentState.CAPTURING])
                                   | Q(order__isnull=False) | Q(captured_elsewhere=True),
                                   name="payment_captured_needs_an_airline_order"),
        ]
        indexes = [models.Index(fields=["asked_at"], condition=Q(state__in=["open", "authorised", "capturing"]),
                                name="payment_still_open"),
                   # what the detectors of mismatches look for (docs/mismatches.md)
                   models.Index(fields=["booking"], name="payment_without_order", condition=Q(
                       state="captured", order__isnull=True, refunded_minor__lt=F("captured_minor"))),
                   models.Index(fields=["authorised_at"], name="payment_reserved", condition=Q(
                       state__in=["authorised", "capturing", "voiding"])),
                   models.Index(fields=["looked_at"], name="payment_given_back", condition=Q(
                       captured_minor__gt=0, refunded_minor__gte=F("captured_minor"))),
                   models.Index(fields=["booking"], condition=Q(disputed=True), name="payment_disputed"),
                   models.Index(fields=["asked_at"], name="payment_by_asking"),
                   models.Index(fields=["captured_at"], condition=Q(captured_at__isnull=False),
                                name="payment_by_capture")]

    def __str__(self) -> str:
        return f"{self.provider} {self.external_id or 'not opened yet'}"

    def move(self, to: PaymentState) -> bool:
        """Set the state if the machine allows it; False when it is there already. Raises IllegalMove."""
        return machine.move(self, to, PAYMENT_MOVES)


class Refund(models.Model):
    """Money to give back, one row for each cause."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    cause = models.CharField(max_length=60)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=10, choices=_choices(RefundState), default=RefundState.REQUESTED)
    external_id = models.CharField(max_length=200, blank=True, default="")  # given back by hand: "desk:<receipt>"
    method = models.CharField(max_length=20, blank=True, default="", db_default="")  # how it was given back by hand
    failure = models.CharField(max_length=60, blank=True, default="")
    requested_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)
    news_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payment", "cause"], name="refund_is_made_once_per_cause"),
            models.UniqueConstraint(fields=["external_id"], condition=~Q(external_id=""),
                                    name="refund_is_recorded_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_is_of_something"),
            models.CheckConstraint(condition=Q(state__in=sorted(RefundState)), name="refund_state_is_known"),
        ]
        indexes = [models.Index(fields=["requested_at"], condition=Q(state__in=["requested", "sent", "failed"]),
                                name="refund_not_done"),
                   models.Index(fields=["sent_at"], name="refund_by_sending"),
                   models.Index(fields=["requested_at"], condition=Q(state="requested"), name="refund_owed")]

    def __str__(self) -> str:
        return f"refund {self.pk} of payment {self.payment_id}"

    def move(self, to: RefundState) -> bool:
        """Set the state if the machine allows it; False when it is there already. Raises IllegalMove."""
        return machine.move(self, to, REFUND_MOVES)


class Dispute(models.Model):
    """A customer's bank asks for the money back. It never changes the order by itself."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    external_id = models.CharField(max_length=200, unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=40)
    reason = models.CharField(max_length=60, blank=True, default="")
    answer_by = models.DateTimeField(null=True, blank=True)  # the last day for evidence
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"dispute {self.external_id}"


class GatewayEvent(models.Model):
    """A verified webhook, kept before it is heard. It holds ids only: the object itself is fetched."""

    class Fate(models.TextChoices):
        HEARD = "heard", "woke its booking"
        KNOWN = "known", "told us what our own call had told us"
        UNMATCHED = "unmatched", "its object is not known here (yet)"
        IGNORED = "ignored", "nothing to do for this kind"
        GIVEN_UP = "given_up", "a case was opened"

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    raw_kind = models.CharField(max_length=80)
    intent_id = models.CharField(max_length=200, blank=True, default="")
    object_id = models.CharField(max_length=200, blank=True, default="")
    fate = models.CharField(max_length=12, choices=Fate.choices)
    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(null=True, blank=True)  # the sender's clock
    received_at = models.DateTimeField()
    deliveries = models.PositiveIntegerField(db_default=1, default=1)  # times it came; 0: we fetched it ourselves
    last_at = models.DateTimeField(null=True, blank=True)  # when it came again
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="gateway_event_is_kept_once")]
        indexes = [models.Index(fields=["received_at"], condition=Q(fate="unmatched"), name="gateway_event_waiting"),
                   models.Index(fields=["intent_id"], condition=Q(booking=None), name="gateway_event_of_nobody"),
                   BrinIndex(fields=["received_at"], autosummarize=True, name="gateway_event_by_coming")]

    def __str__(self) -> str:
        return f"{self.provider} {self.raw_kind} {self.event_id}"
