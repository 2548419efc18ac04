"""Offers as searched and priced, who claimed them, the airline's orders, and the inbox of supplier messages."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce

from fly2any.kernel import machine
from suppliers.stored import offer_from_json
from suppliers.types import BY_LOCATOR, LIVE, OfferInfo, OrderState

IN_FLIGHT = (OrderState.CREATING, OrderState.UNKNOWN)
ORDER_MOVES: dict[OrderState, frozenset[OrderState]] = {
    OrderState.CREATING: frozenset({OrderState.HELD, OrderState.RESERVED, OrderState.TICKETED, OrderState.UNKNOWN,
                                    OrderState.NOT_CREATED, OrderState.LAPSED, OrderState.CANCELLED}),
    OrderState.UNKNOWN: frozenset({OrderState.HELD, OrderState.RESERVED, OrderState.TICKETED, OrderState.NOT_CREATED,
                                   OrderState.LAPSED, OrderState.CANCELLED}),
    # a late order: found after we had given up (reliability.md 4)
    OrderState.NOT_CREATED: frozenset({OrderState.HELD, OrderState.RESERVED, OrderState.TICKETED, OrderState.LAPSED,
                                       OrderState.CANCELLED}),
    OrderState.HELD: frozenset({OrderState.PAYING, OrderState.TICKETED, OrderState.LAPSED, OrderState.CANCELLING,
                                OrderState.CANCELLED}),
    OrderState.RESERVED: frozenset({OrderState.TICKETED, OrderState.LAPSED, OrderState.CANCELLING,
                                    OrderState.CANCELLED}),
    OrderState.PAYING: frozenset({OrderState.TICKETED, OrderState.HELD, OrderState.LAPSED, OrderState.CANCELLED}),
    # the consolidator made every ticket void: the seats stay reserved, and tickets may be issued anew
    OrderState.TICKETED: frozenset({OrderState.CANCELLING, OrderState.CANCELLED, OrderState.RESERVED}),
    OrderState.CANCELLING: frozenset({OrderState.CANCELLED, OrderState.LAPSED, OrderState.HELD, OrderState.TICKETED,
                                      OrderState.RESERVED}),
    OrderState.LAPSED: frozenset({OrderState.CANCELLED}),
    OrderState.CANCELLED: frozenset(),
}


class OneByOneJSONField(models.JSONField):
    """JSON that is inserted in many rows at once as so many values, and not as one array of texts.

    Django sends rows of nothing but plain fields as one array a column (UNNEST), in which psycopg masks each quotation
    mark of a document twice: sixty offers of 5 kB take 43 ms of processor instead of 9.
    """

    def get_placeholder(self, value: Any, compiler: Any, connection: Any) -> str:
        """That a field has one is what keeps Django from UNNEST (django.db.backends.postgresql.compiler)."""
        return "%s"

    def deconstruct(self) -> Any:
        """To a migration it is JSON as any other."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs


BY_STAFF = "staff"  # who a ticket number comes from when the airline has not shown it


def _choices(states: type[OrderState]) -> list[tuple[str, str]]:
    return [(state.value, state.value.replace("_", " ")) for state in states]


class Search(models.Model):
    """One customer's search. Never shared between customers: an offer request is bookable once (reliability.md 5)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    principal = models.CharField(max_length=80)
    query = models.JSONField()
    outcome = models.JSONField(default=dict)  # per supplier: {"state": asking|done|failed, "offers": n, "code": ""}
    complete = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "searches"
        indexes = [models.Index(fields=["created_at"], name="search_by_age")]

    def __str__(self) -> str:
        return f"search {self.id}"


class Offer(models.Model):
    """A supplier's offer as searched and, later, as priced with its services."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    search = models.ForeignKey(Search, null=True, on_delete=models.SET_NULL, related_name="offers")
    principal = models.CharField(max_length=80)
    supplier = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200)
    request_id = models.CharField(max_length=200)
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()
    searched = OneByOneJSONField()
    brief = models.JSONField(null=True, blank=True)  # what a list needs of `searched` (bookings.selectors.lines)
    priced = models.JSONField(null=True, blank=True)
    priced_at = models.DateTimeField(null=True, blank=True)
    document = models.TextField(blank=True, default="", db_default="")  # as the supplier gave it, where it keeps none
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["supplier", "external_id"], name="offer_is_stored_once"),
            models.CheckConstraint(condition=Q(total_minor__gte=0), name="offer_total_is_not_negative"),
        ]
        indexes = [models.Index(fields=["created_at"], name="offer_by_age")]

    def __str__(self) -> str:
        return f"{self.supplier} {self.external_id}"

    @property
    def info(self) -> OfferInfo:
        """The offer as last seen: priced when it was priced, else as searched."""
        return offer_from_json(self.priced or self.searched)


class OfferClaim(models.Model):
    """Who may book an offer. Only a definite no takes it away again."""

    supplier = models.CharField(max_length=20)
    offer_key = models.CharField(max_length=210)  # "offer:<id>" and "request:<id>"
    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="claims")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["supplier", "offer_key"], name="offer_is_claimed_once")]

    def __str__(self) -> str:
        return f"{self.supplier} {self.offer_key}"


class SupplierOrder(models.Model):
    """The airline's order as we last knew it. The row is committed before the airline is asked (I2)."""

    booking = models.ForeignKey("bookings.Booking", on_delete=models.PROTECT, related_name="orders")
    supplier = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200, blank=True, default="")
    offer_external_id = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=_choices(OrderState), default=OrderState.CREATING)
    hold = models.BooleanField()
    pnr = models.CharField(max_length=20, blank=True, default="")
    locators = models.JSONField(default=list, blank=True, db_default=[])  # [[carrier or system, its reference]]
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    asked_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    news_at = models.DateTimeField(null=True, blank=True)
    pay_by = models.DateTimeField(null=True, blank=True)  # of a reservation: ticketed by then, or it is gone
    lapses_at = models.DateTimeField(null=True, blank=True)  # a reservation nobody tickets is gone by then for certain
    price_guaranteed_until = models.DateTimeField(null=True, blank=True)
    void_until = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    ticketed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    failed_notice_at = models.DateTimeField(null=True, blank=True)  # the supplier said: creation failed
    watch_until = models.DateTimeField(null=True, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)  # by reconciliation, until the flights have left
    attach_id = models.CharField(max_length=200, blank=True, default="")  # the order that staff say is this one
    handler = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL,
                                related_name="+")  # who of ours issues the tickets of a reservation
    refusal = models.CharField(max_length=60, blank=True, default="")
    refusal_detail = models.JSONField(default=dict, blank=True)
    changed = models.BooleanField(default=False)  # the airline changed the flights
    tickets = models.JSONField(default=list, blank=True)
    actions = models.JSONField(default=list, blank=True)
    itinerary = models.JSONField(default=list, blank=True)
    travellers = models.JSONField(default=list, blank=True, db_default=[])  # [[passenger id, keyed hash of the name]]
    # the airline's newest change of flights: {"external_id", "before": [slices], "after", "actions", "taken"}
    flight_change = models.JSONField(default=dict, blank=True)
    change_seen_at = models.DateTimeField(null=True, blank=True)
    change_answer_by = models.DateTimeField(null=True, blank=True)
    change_answer = models.CharField(max_length=8, blank=True, default="")  # the customer's: accept, refund
    change_answered_at = models.DateTimeField(null=True, blank=True)
    quote_id = models.CharField(max_length=200, blank=True, default="")
    quote_refund_minor = models.BigIntegerField(null=True, blank=True)
    quote_refund_to = models.CharField(max_length=40, blank=True, default="")
    quote_expires_at = models.DateTimeField(null=True, blank=True)
    quoted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["supplier", "external_id"], condition=~Q(external_id=""),
                                    name="order_is_recorded_once"),
            models.UniqueConstraint(fields=["supplier", "offer_external_id"],
                                    condition=Q(state__in=sorted([*LIVE, *IN_FLIGHT])),
                                    name="offer_has_one_live_order"),
            models.UniqueConstraint(fields=["booking"], condition=Q(state__in=sorted([*LIVE, *IN_FLIGHT])),
                                    name="booking_has_one_live_order"),
            models.CheckConstraint(condition=Q(state__in=sorted(OrderState)), name="order_state_is_known"),
            models.CheckConstraint(condition=~Q(state__in=sorted(LIVE)) | ~Q(external_id=""),
                                   name="live_order_has_the_airlines_id"),
        ]
        indexes = [models.Index(fields=["pnr"], name="order_by_pnr"),
                   models.Index(fields=["created_at"], name="order_by_age"),
                   models.Index(fields=["offer_external_id"], name="order_by_offer"),
                   models.Index(fields=["look_again_at"], condition=Q(look_again_at__isnull=False),
                                name="order_to_look_at_again"),
                   # what the detectors of mismatches look for (docs/mismatches.md)
                   models.Index(fields=["asked_at"], condition=Q(state__in=["creating", "unknown", "paying"]),
                                name="order_in_doubt"),
                   models.Index(fields=["watch_until"], condition=Q(state="not_created", watch_until__isnull=False),
                                name="order_watched"),
                   models.Index(fields=["pay_by"], condition=Q(state="held"), name="order_held"),
                   models.Index(fields=["pay_by", "id"], condition=Q(state="reserved"), name="order_to_ticket"),
                   models.Index(fields=["handler", "pay_by", "id"], name="order_to_ticket_owned",
                                condition=Q(state="reserved", handler__isnull=False)),
                   models.Index(fields=["ticketed_at"], name="order_ticketed_by_us",
                                condition=Q(state="ticketed", lapses_at__isnull=False)),
                   GinIndex(fields=["locators"], opclasses=["jsonb_path_ops"], name="order_by_locator",
                            condition=~Q(locators=[]), fastupdate=False),
                   models.Index(fields=["ticketed_at"], name="order_lost", condition=Q(
                       ticketed_at__isnull=False, state__in=["lapsed", "not_created", "creating", "unknown"])),
                   models.Index(Coalesce("cancelled_at", "looked_at", "asked_at"), name="order_cancelled_newest",
                                condition=Q(state="cancelled", ticketed_at__isnull=False)),
                   models.Index(fields=["change_seen_at"], name="order_change_open", condition=Q(
                       state__in=["ticketed", "cancelling"], change_seen_at__isnull=False, flight_change__taken="")),
                   GinIndex(fields=["tickets"], opclasses=["jsonb_path_ops"], name="order_by_ticket",
                            condition=~Q(tickets=[]), fastupdate=False)]

    def __str__(self) -> str:
        return f"{self.supplier} {self.pnr or self.external_id or 'not made yet'}"

    @property
    def by_locator(self) -> bool:
        """Whether staff know only its record locator, so that the airline cannot be asked about it."""
        return self.external_id.startswith(BY_LOCATOR)

    @property
    def change_subject(self) -> str:
        """How calls name the airline's newest change of flights, in 40 letters."""
        return f"change:{self.flight_change.get('external_id', '')[-33:]}"

    def move(self, to: OrderState) -> bool:
        """Set the state if the machine allows it; False when it is there already. Raises IllegalMove."""
        return machine.move(self, to, ORDER_MOVES)


class SupplierEvent(models.Model):
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
    order_id = models.CharField(max_length=200, blank=True, default="")
    offer_id = models.CharField(max_length=200, blank=True, default="")
    fate = models.CharField(max_length=12, choices=Fate.choices)
    booking = models.ForeignKey("bookings.Booking", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(null=True, blank=True)  # the sender's clock
    received_at = models.DateTimeField()
    deliveries = models.PositiveIntegerField(db_default=1, default=1)  # times it came; 0: we fetched it ourselves
    last_at = models.DateTimeField(null=True, blank=True)  # when it came again
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="supplier_event_is_kept_once")]
        indexes = [models.Index(fields=["received_at"], condition=Q(fate="unmatched"), name="supplier_event_waiting"),
                   models.Index(fields=["order_id"], condition=Q(booking=None), name="supplier_event_of_nobody"),
                   BrinIndex(fields=["received_at"], autosummarize=True, name="supplier_event_by_coming")]

    def __str__(self) -> str:
        return f"{self.provider} {self.raw_kind} {self.event_id}"


class BreakerState(models.Model):
    """Until when new bookings by one kind of call are stopped, seen by every process."""

    supplier = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    open_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["supplier", "kind"], name="breaker_is_one_per_call_kind")]

    def __str__(self) -> str:
        return f"{self.supplier} {self.kind}"


class SalesPause(models.Model):
    """New bookings are not taken: of one supplier, or of all (`supplier` empty). Lifted, never changed or deleted."""

    class Cause(models.TextChoices):
        STAFF = "staff", "paused by staff"
        BALANCE = "balance", "our balance with the supplier is used up"
        RESTORED = "restored", "the books were restored and are compared with the vendors' first"

    supplier = models.CharField(max_length=20, blank=True, default="")
    cause = models.CharField(max_length=8, choices=Cause.choices)
    reason = models.CharField(max_length=500)
    since = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                           related_name="+")  # nobody: the machine did it
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                                  related_name="+")
    lifted_because = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["supplier", "cause"], condition=Q(lifted_at__isnull=True),
                                               name="sales_are_paused_once_per_cause")]
        indexes = [models.Index(fields=["-since"], name="pause_newest")]

    def __str__(self) -> str:
        return f"{self.supplier or 'all suppliers'} {self.cause}"


class SupplierBalance(models.Model):
    """What our account with a supplier held when it was last told; one row per supplier and currency."""

    supplier = models.CharField(max_length=20)
    currency = models.CharField(max_length=3)
    available_minor = models.BigIntegerField()
    told_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["supplier", "currency"], name="balance_is_one_per_currency")]

    def __str__(self) -> str:
        return f"{self.supplier} {self.currency}"
