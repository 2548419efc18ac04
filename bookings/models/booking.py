"""The booking with its travellers, flights and choices. Amounts are minor units of `Booking.currency`."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Reverse, Upper

from bookings.flow import Route, Wish
from bookings.status import MoneyWord, Progress, Status


class Booking(models.Model):
    """A customer's wish and everything we agreed with them. The facts are in orders, payments and refunds."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=12, unique=True)
    principal = models.CharField(max_length=80)  # "user:<id>" or "guest:<hash of the cookie>"
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT,
                             related_name="bookings")
    wish = models.CharField(max_length=8, choices=[(w.value, w.value) for w in Wish], default=Wish.DRAFT)
    route = models.CharField(max_length=12, choices=[(r.value, r.value) for r in Route], default=Route.AUTH_FIRST)
    chose_hold = models.BooleanField(default=False)
    status = models.CharField(max_length=20, choices=[(s.value, s.value) for s in Status], default=Status.DRAFT)
    progress = models.CharField(max_length=12, choices=[(p.value, p.value) for p in Progress],
                                default=Progress.RESERVING)
    money = models.CharField(max_length=10, choices=[(m.value, m.value) for m in MoneyWord], default=MoneyWord.NONE)
    closing = models.CharField(max_length=60, blank=True, default="")
    closing_detail = models.JSONField(default=dict, blank=True)
    notice = models.CharField(max_length=60, blank=True, default="")  # a message code that is not an end
    supplier = models.CharField(max_length=20)
    offer = models.ForeignKey("suppliers.Offer", on_delete=models.PROTECT, related_name="bookings")
    offer_external_id = models.CharField(max_length=200)
    offer_expires_at = models.DateTimeField()
    offer_gone = models.CharField(max_length=60, blank=True, default="")
    currency = models.CharField(max_length=3)
    fare_minor = models.BigIntegerField()  # the offer without services
    services_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)  # our own service fee, part of every total
    accepted_minor = models.BigIntegerField(default=0)  # what the customer agreed to pay on screen
    priced_minor = models.BigIntegerField(null=True, blank=True)  # what it costs now, services included
    priced_at = models.DateTimeField(null=True, blank=True)
    window_ends_at = models.DateTimeField(null=True, blank=True)
    pay_by = models.DateTimeField(null=True, blank=True)  # the airline's deadline, as a fact for lists
    agreed_refund_minor = models.BigIntegerField(null=True, blank=True)
    quote_wanted = models.BooleanField(default=False)
    card_wanted = models.BooleanField(default=False, db_default=False)  # staff sent a pay link for a reservation
    contact_email = models.EmailField(max_length=254, blank=True, default="")
    contact_phone = models.CharField(max_length=20, blank=True, default="")
    acknowledgements = models.JSONField(default=list, blank=True)  # [{code, version, at, address}]
    trip_digest = models.CharField(max_length=64, blank=True, default="")  # keyed hash: same people, same flights
    again_for = models.CharField(max_length=64, blank=True, default="")  # the trip_digest that "again" was said to
    typed = models.TextField(blank=True, default="")  # sealed JSON: the travellers' form as typed, while a draft
    news = models.JSONField(default=list, blank=True)  # sentences a draft's pages show until the extras are saved again
    departs_at = models.DateTimeField(null=True, blank=True)
    arrives_at = models.DateTimeField(null=True, blank=True)
    wakes = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # drives without progress
    parked_at = models.DateTimeField(null=True, blank=True)
    wished_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(accepted_minor__gte=0), name="booking_agreed_total_is_not_negative"),
            models.CheckConstraint(condition=Q(fare_minor__gte=0, services_minor__gte=0),
                                   name="booking_prices_are_not_negative"),
            models.CheckConstraint(condition=Q(wish=Wish.DRAFT) | Q(wished_at__isnull=False),
                                   name="booking_with_a_wish_says_since_when"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False, parked_at__isnull=True),
                         name="booking_due"),
            models.Index(fields=["principal", "-created_at"], name="booking_by_owner"),
            models.Index(fields=["offer_expires_at"], name="booking_draft_with_names",
                         condition=Q(wish=Wish.DRAFT) & ~(Q(typed="") & Q(contact_email=""))),
            models.Index(Upper("contact_email"), name="booking_by_email_any_case"),
            models.Index(OpClass(Reverse("contact_phone"), name="text_pattern_ops"), name="booking_by_phone_ending",
                         condition=~Q(contact_phone="")),
            models.Index(fields=["status", "-created_at"], name="booking_by_status"),
            models.Index(F("created_at").desc(), name="booking_newest"),
            models.Index(fields=["parked_at"], condition=Q(parked_at__isnull=False), name="booking_parked"),
        ]

    def __str__(self) -> str:
        return self.reference


class Passenger(models.Model):
    """A traveller. Travel document and security numbers are encrypted at rest."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="passengers")
    position = models.PositiveSmallIntegerField()
    external_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=8)  # adult, child, infant
    age = models.PositiveSmallIntegerField(null=True, blank=True)  # as searched, on the last flight
    title = models.CharField(max_length=8, blank=True, default="")
    gender = models.CharField(max_length=1, blank=True, default="")
    given_name = models.CharField(max_length=40, blank=True, default="")
    family_name = models.CharField(max_length=40, blank=True, default="")
    born_on = models.DateField(null=True, blank=True)
    infant_position = models.PositiveSmallIntegerField(null=True, blank=True)  # the infant on this adult's lap
    document = models.TextField(blank=True, default="")  # sealed JSON: kind, number, country, expires_on
    numbers = models.TextField(blank=True, default="")  # sealed JSON: known_traveller, redress (US security numbers)
    loyalty = models.JSONField(default=list, blank=True)  # [[carrier, number]]
    digest = models.CharField(max_length=64, blank=True, default="")  # keyed hash of name and birth date (same_trip)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["booking", "position"], name="passenger_has_one_seat_in_line")]
        ordering = ["booking", "position"]
        indexes = [
            models.Index(Upper("family_name"), F("id").desc(), name="passenger_by_name_any_case"),
            models.Index(fields=["digest"], condition=~Q(digest=""), name="passenger_same_person"),
            models.Index(fields=["id"], condition=~(Q(document="") & Q(numbers="")), name="passenger_with_documents"),
        ]

    def __str__(self) -> str:
        return f"traveller {self.position + 1}"


class Segment(models.Model):
    """One flight of the trip as it was booked."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="segments")
    position = models.PositiveSmallIntegerField()
    direction = models.PositiveSmallIntegerField()
    carrier_code = models.CharField(max_length=3)
    carrier_name = models.CharField(max_length=100)
    flight_number = models.CharField(max_length=8)
    operating_name = models.CharField(max_length=100)
    origin = models.CharField(max_length=3)
    destination = models.CharField(max_length=3)
    departing_local = models.CharField(max_length=19)
    arriving_local = models.CharField(max_length=19)
    departs_at = models.DateTimeField()
    arrives_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["booking", "position"], name="segment_has_one_place_in_line")]
        ordering = ["booking", "position"]
        indexes = [models.Index(fields=["departing_local"], opclasses=["varchar_pattern_ops"], name="segment_by_day")]

    def __str__(self) -> str:
        return f"{self.carrier_code}{self.flight_number} {self.origin}-{self.destination}"


class Selection(models.Model):
    """A paid extra, kept by what it is, not by the supplier's id of the moment (ux.md 5)."""

    booking = models.ForeignKey(Booking, on_delete=models.CASCADE, related_name="selections")
    kind = models.CharField(max_length=24)  # baggage, seat, cancel_for_any_reason
    passenger_position = models.PositiveSmallIntegerField(null=True, blank=True)
    segment_positions = models.JSONField(default=list)
    detail = models.CharField(max_length=60, blank=True, default="")  # "checked 23", "14C"
    quantity = models.PositiveSmallIntegerField(default=1)
    unit_minor = models.BigIntegerField()
    service_external_id = models.CharField(max_length=200)
    agreed_at = models.DateTimeField(null=True, blank=True)  # when the terms of an exit-row seat were agreed to

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["booking", "kind", "passenger_position", "segment_positions", "detail"],
                                    name="selection_is_made_once", nulls_distinct=False),
            models.CheckConstraint(condition=Q(quantity__gte=1, unit_minor__gte=0), name="selection_is_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}"
