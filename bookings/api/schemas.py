"""The shapes of bookings and payments, for the OpenAPI page. A test compares them with real answers."""

from __future__ import annotations

from rest_framework import serializers as s

from bookings.api.shapes import (
    IDEMPOTENCY_KEY,
    PREFER,
    REQUIRES,
    TICKETING,
    AmountOut,
    ConditionsOut,
    MoneyOut,
    PlaceOut,
    PriceOut,
    SeatInLine,
    SliceOut,
    refusals,
)

__all__ = ["IDEMPOTENCY_KEY", "PREFER", "refusals"]


class MoneyStory(s.Serializer):
    """What has happened to the customer's money."""

    word = s.ChoiceField(choices=("none", "reserved", "charged", "refunding", "refunded"))
    sentence = s.CharField()


class MessageOut(s.Serializer):
    """What the customer should know."""

    code = s.CharField()
    text = s.CharField()
    action = s.CharField()
    tip = s.CharField()


class DocumentOut(s.Serializer):
    """A travel document, its number masked."""

    kind = s.CharField()
    number = s.CharField()
    country = s.CharField()
    expiresOn = s.CharField(allow_null=True)
    city = s.CharField(help_text="Where it was issued, where the airline asked for it")


class LoyaltyOut(s.Serializer):
    """A frequent flyer account."""

    carrier = s.CharField()
    number = s.CharField()


class PassengerOut(SeatInLine):
    """A traveller."""

    title = s.CharField()
    gender = s.CharField()
    givenName = s.CharField()
    familyName = s.CharField()
    bornOn = s.DateField(allow_null=True)
    infantPosition = s.IntegerField(allow_null=True)
    document = DocumentOut(allow_null=True)
    knownTravellerNumber = s.CharField(allow_null=True, help_text="Masked")
    redressNumber = s.CharField(allow_null=True, help_text="Masked")
    loyalty = LoyaltyOut(many=True)
    residence = s.CharField(allow_null=True, help_text="ISO 3166 alpha-2, where the airline asked for it")


class SelectionOut(s.Serializer):
    """A chosen extra."""

    serviceId = s.CharField()
    kind = s.CharField()
    label = s.CharField()  # type: ignore[assignment]
    passenger = s.IntegerField(allow_null=True)
    segments = s.ListField(child=s.IntegerField())
    quantity = s.IntegerField()
    unit = MoneyOut()
    amount = MoneyOut()


class AddressOut(s.Serializer):
    """The address, where the airline asked for one."""

    line = s.CharField()
    postalCode = s.CharField()
    city = s.CharField()
    country = s.CharField()


class ReferenceOut(s.Serializer):
    """What to give to whom."""

    label = s.CharField()  # type: ignore[assignment]
    reference = s.CharField()


class ContactOut(s.Serializer):
    """How the customer is reached."""

    email = s.CharField()
    phone = s.CharField()
    address = AddressOut(allow_null=True)


class TicketOut(s.Serializer):
    """A document issued by the airline."""

    kind = s.CharField()
    number = s.CharField()


class OrderOut(s.Serializer):
    """The airline's order."""

    state = s.CharField()
    pnr = s.CharField()
    isHold = s.BooleanField()
    tickets = TicketOut(many=True)
    payBy = s.DateTimeField(allow_null=True)
    priceGuaranteedUntil = s.DateTimeField(allow_null=True)
    voidUntil = s.DateTimeField(allow_null=True)
    cancelledAt = s.DateTimeField(allow_null=True)
    changed = s.BooleanField()


class PaymentOut(s.Serializer):
    """The card payment; the client secret only while it is open."""

    state = s.CharField()
    amount = MoneyOut()
    captured = MoneyOut()
    refunded = MoneyOut()
    authorised = s.BooleanField(help_text="The bank has agreed at some time")
    clientSecret = s.CharField(allow_null=True)
    needsCustomer = s.BooleanField()
    cardBrand = s.CharField()
    cardLast4 = s.CharField()
    declines = s.IntegerField()
    declineKind = s.CharField()
    attemptsLeft = s.IntegerField()


class RefundOut(s.Serializer):
    """Money on its way back."""

    state = s.CharField()
    amount = MoneyOut()
    card = s.CharField()
    requestedAt = s.DateTimeField(allow_null=True)
    sentAt = s.DateTimeField(allow_null=True)
    doneAt = s.DateTimeField(allow_null=True)


class DeadlinesOut(s.Serializer):
    """Deadlines, UTC."""

    offerExpiresAt = s.DateTimeField(allow_null=True)
    payBy = s.DateTimeField(allow_null=True)
    windowEndsAt = s.DateTimeField(allow_null=True)


class ConsentOut(s.Serializer):
    """A higher price that waits for the customer's word."""

    old = MoneyOut()
    new = MoneyOut()
    difference = MoneyOut()


class QuoteOut(s.Serializer):
    """What a cancellation gives back."""

    refund = MoneyOut()
    refundTo = s.CharField()
    penalty = MoneyOut(allow_null=True)
    expiresAt = s.DateTimeField(allow_null=True)
    known = s.BooleanField()


class HeadOut(s.Serializer):
    """What identifies a booking and where it stands."""

    id = s.UUIDField()
    publicId = s.UUIDField()
    reference = s.CharField()
    bookingReference = s.CharField()
    offerId = s.UUIDField()
    status = s.ChoiceField(choices=("DRAFT", "PENDING", "HOLD", "PENDING_PAYMENT", "PENDING_TICKETING", "CONFIRMED",
                                    "CANCELLING", "CANCELLED", "EXPIRED", "FAILED"))
    progress = s.ChoiceField(choices=("reserving", "checking", "consent", "card", "bank", "ticket", "done", "held",
                                      "staff", "undoing", "closed"))
    isHold = s.BooleanField()
    createdAt = s.DateTimeField()
    expiresAt = s.DateTimeField(allow_null=True)
    total = MoneyOut()
    pnr = s.CharField()


class BundlePartOut(s.Serializer):
    """A part of a bundle at the supplier's price, for everybody and all flights it is for."""

    what = s.ChoiceField(choices=("bag", "seat", "flex"))
    label = s.CharField()  # type: ignore[assignment]
    notes = s.ListField(child=s.CharField(), help_text="Such as the seats of each flight")
    included = s.BooleanField(help_text="In the fare already")
    price = MoneyOut()
    link = s.CharField(help_text="Terms, or empty")


class BundleOut(s.Serializer):
    """Several extras at once for exactly the sum of their parts, best first."""

    key = s.ChoiceField(choices=("light", "bag", "bag_seat", "flexible", "complete"))
    choice = s.CharField(help_text="Send this as `bundle`: refused if contents or prices have changed")
    title = s.CharField()
    parts = BundlePartOut(many=True)
    price = MoneyOut(help_text="On top of the draft's fare")
    total = MoneyOut()
    changesFare = s.BooleanField()
    chosen = s.BooleanField()
    hasExtras = s.BooleanField(help_text="The draft has extras now, which a bundle replaces")
    rankedBy = s.ChoiceField(choices=("model", "rules"))
    popular = s.BooleanField(help_text="A model found it the likeliest for such trips")
    madeUp = s.BooleanField(help_text="The model learned from made-up history; test sites only")


class DraftOut(HeadOut):
    """A booking (or draft) with everything a customer may read."""

    money = MoneyStory()
    message = MessageOut(allow_null=True)
    price = PriceOut()
    slices = SliceOut(many=True)
    passengers = PassengerOut(many=True)
    selections = SelectionOut(many=True)
    bundles = BundleOut(many=True, required=False, help_text="Step 1 of a draft only")
    news = s.ListField(child=s.CharField(), help_text="Extras of a draft that were lost or cost something else now")
    contact = ContactOut()
    airlineReferences = ReferenceOut(many=True)
    order = OrderOut(allow_null=True)
    payment = PaymentOut(allow_null=True)
    refund = RefundOut(allow_null=True)
    deadlines = DeadlinesOut()
    consent = ConsentOut(allow_null=True)
    quote = QuoteOut(allow_null=True)
    actions = s.ListField(child=s.CharField())
    conditions = ConditionsOut()
    documentsRequired = s.BooleanField()
    documentKinds = s.ListField(child=s.CharField())
    requires = s.ListField(child=s.CharField(), help_text=REQUIRES)
    ticketing = s.ChoiceField(choices=("instant", "manual"), help_text=TICKETING)
    ticketBy = s.DateTimeField(allow_null=True, help_text="Of the offer; the reservation's own is deadlines.payBy")
    loyaltyCarriers = s.ListField(child=s.CharField())
    bagsText = s.CharField()
    brand = s.CharField()
    ownerName = s.CharField()
    ownerCode = s.CharField()
    conditionsUrl = s.CharField()
    emissionsKg = s.CharField()
    canHold = s.BooleanField()
    hasSeats = s.BooleanField()


class BookingOut(DraftOut):
    """A booking; the client secret of its open payment on top."""

    clientSecret = s.CharField(allow_null=True)


class BookingHead(HeadOut):
    """A booking just written down; with `Prefer: respond-async` there is no more to tell yet."""

    clientSecret = s.CharField(allow_null=True)


class DraftAnswer(s.Serializer):
    """The whole draft with its price as the server computes it."""

    success = s.BooleanField()
    draft = DraftOut()


class BookingAnswer(s.Serializer):
    """A booking."""

    success = s.BooleanField()
    booking = BookingOut()


class BookingMade(BookingAnswer):
    """Made (201), or there already (200, duplicate)."""

    duplicate = s.BooleanField(required=False)
    statusUrl = s.CharField()


class BookingAccepted(s.Serializer):
    """Written down and still running: watch `statusUrl`."""

    success = s.BooleanField(help_text="true with Prefer: respond-async, false after a time-out")
    timeout = s.BooleanField(required=False)
    duplicate = s.BooleanField(required=False)
    code = s.CharField(required=False)
    message = s.CharField(required=False)
    action = s.CharField(required=False)
    tip = s.CharField(required=False)
    booking = BookingHead()
    statusUrl = s.CharField()


class MoneyWordOut(s.Serializer):
    """What has happened to the money, in one word."""

    word = s.CharField()


class BookingLine(HeadOut):
    """A booking in a list."""

    money = MoneyWordOut()
    origin = PlaceOut()
    destination = PlaceOut()
    departingLocal = s.CharField()
    ownerName = s.CharField()


class BookingsAnswer(s.Serializer):
    """Own bookings, newest first."""

    success = s.BooleanField()
    bookings = BookingLine(many=True)
    next = s.CharField(allow_null=True)


class QuoteAnswer(BookingAnswer):
    """What a cancellation would give back."""

    quote = QuoteOut()


class IntentAnswer(s.Serializer):
    """What the browser needs to confirm the payment."""

    success = s.BooleanField()
    bookingReference = s.CharField()
    status = s.CharField()
    clientSecret = s.CharField()
    publishableKey = s.CharField()
    amount = AmountOut()
    amountMinor = s.IntegerField()
    currency = s.CharField()


class StatusAnswer(s.Serializer):
    """Where a booking stands."""

    success = s.BooleanField()
    bookingCreated = s.BooleanField()
    bookingPending = s.BooleanField()
    bookingReference = s.CharField()
    status = s.CharField()
    step = s.CharField()
    code = s.CharField()
    message = s.CharField()
    action = s.CharField()
    tip = s.CharField()
