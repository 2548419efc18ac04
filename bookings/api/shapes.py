"""The shapes shared by all answers, and those of searches and offers, for the OpenAPI page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers as s

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]+$"},
    OpenApiParameter.HEADER, required=False,
    description="1 to 200 visible ASCII characters. The same key and body are carried out once; the twin gets the "
                "stored answer with Idempotent-Replayed: true, 409 while the first runs, 422 for another body.")
PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, required=False,
                          description="respond-async: answer 202 as soon as the wish is written down (RFC 7240).")


class MoneyOut(s.Serializer):
    """An amount: exact decimal, ISO 4217 code, minor units, and as text for people."""

    amount = s.CharField()
    currency = s.CharField()
    minor = s.IntegerField()
    text = s.CharField()


class AmountOut(s.Serializer):
    """An amount, short."""

    amount = s.CharField()
    currency = s.CharField()


class Refusal(s.Serializer):
    """Every error has this shape."""

    success = s.BooleanField(default=False)
    code = s.CharField(help_text="Stable; branch on this")
    message = s.CharField()
    action = s.CharField()
    tip = s.CharField()
    fieldErrors = s.DictField(child=s.CharField(), help_text="Field path to a sentence, such as passengers.0.givenName")
    requestId = s.CharField()


_MEANINGS = {
    400: "A field is missing, unknown or cannot be read", 403: "Not accepted as the visitor's own request",
    404: "Not there, or not yours", 409: "In conflict with how things stand", 410: "The offer is gone",
    413: "More than 64 KiB", 415: "Not JSON", 422: "Understood, but wrong: see fieldErrors",
    429: "Too many; see Retry-After", 503: "Cannot be done right now; see Retry-After", 504: "The supplier was silent",
}


def refusals(*statuses: int) -> dict[int, Any]:
    """The error answers of an operation."""
    return {status: OpenApiResponse(Refusal, _MEANINGS[status]) for status in statuses}


class PlaceOut(s.Serializer):
    """An airport or city."""

    code = s.CharField()
    name = s.CharField()
    city = s.CharField()


class PlaceSuggestion(PlaceOut):
    """A suggestion; a city carries its airports."""

    text = s.CharField(help_text="One line with the code at its end")
    country = s.CharField(help_text="ISO 3166 alpha-2")
    countryName = s.CharField()
    cityCode = s.CharField(help_text="Metropolitan code the airport belongs to, or empty")
    kind = s.CharField(help_text="airport or city")
    airports = s.ListField(child=s.CharField())


class PlacesAnswer(s.Serializer):
    """Suggestions, the likeliest first."""

    success = s.BooleanField()
    places = PlaceSuggestion(many=True)


class BagOut(s.Serializer):
    """Bags that are included."""

    passenger = s.IntegerField(allow_null=True)
    kind = s.CharField()
    quantity = s.IntegerField()


class TerminalsOut(s.Serializer):
    """Terminals, empty when not known."""

    departure = s.CharField()
    arrival = s.CharField()


class SegmentOut(s.Serializer):
    """One flight. Times are the airports' own."""

    carrierCode = s.CharField()
    carrierName = s.CharField()
    flightNumber = s.CharField()
    operatingName = s.CharField()
    operatingNumber = s.CharField()
    origin = PlaceOut()
    destination = PlaceOut()
    departingLocal = s.CharField()
    arrivingLocal = s.CharField()
    nextDay = s.IntegerField()
    durationMinutes = s.IntegerField(allow_null=True)
    cabin = s.CharField()
    cabinName = s.CharField()
    aircraft = s.CharField()
    terminals = TerminalsOut()
    stops = s.ListField(child=s.CharField())
    bags = BagOut(many=True)


class SliceOut(s.Serializer):
    """One direction."""

    origin = PlaceOut()
    destination = PlaceOut()
    durationMinutes = s.IntegerField(allow_null=True)
    brand = s.CharField()
    change = s.CharField()
    segments = SegmentOut(many=True)


class ConditionsOut(s.Serializer):
    """Change and refund, in words."""

    change = s.CharField()
    refund = s.CharField()


TICKETING = ("instant: ticketed when it is paid. manual: reserved without payment, ticketed by our team by ticketBy; "
             "how it is paid is told then")


class OfferCard(s.Serializer):
    """An offer in the results. The total is for all travellers and includes everything."""

    id = s.UUIDField()
    ownerCode = s.CharField()
    ownerName = s.CharField()
    total = MoneyOut()
    perPerson = MoneyOut()
    slices = SliceOut(many=True)
    durationMinutes = s.IntegerField()
    stops = s.IntegerField()
    brand = s.CharField()
    bagsText = s.CharField()
    checkedBags = s.IntegerField()
    conditions = ConditionsOut()
    canHold = s.BooleanField()
    ticketing = s.ChoiceField(choices=("instant", "manual"), help_text=TICKETING)
    ticketBy = s.DateTimeField(allow_null=True)
    emissionsKg = s.CharField()
    expiresAt = s.DateTimeField()


class EmissionsOut(s.Serializer):
    """CO2 in kg for each traveller, beside the median of what was found."""

    kg = s.IntegerField()
    percent = s.IntegerField(allow_null=True, help_text="More (or less, when negative) than typical; null: unknown")
    text = s.CharField()


REQUIRES = ("What the airline asks for besides: postal_code, address and invoice_address with the contact's address, "
            "residence with each passenger, document_city with each document, redress numbers where somebody has one")


class RuleOut(s.Serializer):
    """A part of the fare rules, as the airline wrote it: plain text with its own line ends."""

    title = s.CharField()
    text = s.CharField()


class AgainOut(s.Serializer):
    """The same fare from another source: it can be booked just as well."""

    id = s.UUIDField()
    total = MoneyOut()
    shownTotal = MoneyOut()
    ticketing = s.ChoiceField(choices=("instant", "manual"))
    ticketBy = s.DateTimeField(allow_null=True)


class FoundCard(OfferCard):
    """An offer in the list, with what depends on the others in it."""

    trip = s.CharField(help_text="The same for all fares of the same flights, when oneFarePerTrip was asked for")
    shownTotal = MoneyOut(help_text="As asked for: with a checked bag where that is known, else the total")
    shownPerPerson = MoneyOut()
    withBag = s.BooleanField(help_text="shownTotal contains a checked bag for everybody")
    bagUnknown = s.BooleanField(help_text="A bag was asked for, and its price is told with the single offer only")
    bagPrice = MoneyOut(allow_null=True, help_text="A checked bag for everybody; 0 when included; null: not known")
    fares = s.IntegerField(help_text="How many fares of these flights pass the filters")
    emissions = EmissionsOut(allow_null=True)
    also = AgainOut(many=True, help_text="The same flights, cabin, fare and bags from others, not cheaper")


class SupplierOut(s.Serializer):
    """How far a supplier has got."""

    name = s.CharField()
    state = s.ChoiceField(choices=("asking", "done", "failed"))
    offers = s.IntegerField()
    code = s.CharField()


class TabOut(s.Serializer):
    """The first offer of an order."""

    id = s.UUIDField()
    total = MoneyOut()
    minutes = s.IntegerField()
    withBag = s.BooleanField()


class TabsOut(s.Serializer):
    """The first offer of each order."""

    best = TabOut(allow_null=True)
    cheapest = TabOut(allow_null=True)
    fastest = TabOut(allow_null=True)


AirlineOut = type("AirlineOut", (s.Serializer,), {
    "__doc__": "An airline in the results.", "code": s.CharField(), "name": s.CharField(),
    "count": s.IntegerField(), "from": MoneyOut()})


class SearchAnswer(s.Serializer):
    """A search and its offers so far."""

    success = s.BooleanField()
    searchId = s.UUIDField()
    complete = s.BooleanField()
    suppliers = SupplierOut(many=True)
    found = s.IntegerField()
    matching = s.IntegerField()
    tabs = TabsOut()
    airlines = AirlineOut(many=True)
    typicalEmissionsKg = s.IntegerField(allow_null=True, help_text="Median CO2 of the trips, for each traveller")
    offers = FoundCard(many=True)


class LineOut(s.Serializer):
    """A line of a price."""

    label = s.CharField()  # type: ignore[assignment]
    amount = MoneyOut()


class PriceOut(s.Serializer):
    """The price block: the parts add up to the total."""

    fare = MoneyOut()
    base = MoneyOut(allow_null=True)
    taxes = MoneyOut(allow_null=True)
    services = LineOut(many=True)
    fee = MoneyOut(allow_null=True)
    total = MoneyOut()


class SeatInLine(s.Serializer):
    """A traveller the offer is for."""

    position = s.IntegerField()
    kind = s.CharField(help_text="adult, child or infant")
    age = s.IntegerField(allow_null=True)


class ServiceOut(s.Serializer):
    """An extra on sale; travellers and flights by position."""

    id = s.CharField()
    kind = s.CharField()
    label = s.CharField()  # type: ignore[assignment]
    passengers = s.ListField(child=s.IntegerField())
    segments = s.ListField(child=s.IntegerField())
    maxQuantity = s.IntegerField()
    price = MoneyOut()
    detail = s.DictField()
    paysBack = MoneyOut(allow_null=True, help_text="What a cover pays back; null for anything else")


class FareFacts(s.Serializer):
    """What every fare says, in the same words."""

    plainClass = s.CharField(help_text="Basic, Standard, Flex or Business where known, else empty")
    cabin = s.CharField()
    carryOnText = s.CharField()
    checkedText = s.CharField()


class FamilyOut(FareFacts):
    """Another fare of the same flights."""

    id = s.UUIDField()
    brand = s.CharField()
    total = MoneyOut()
    conditions = ConditionsOut()
    bagsText = s.CharField()
    canHold = s.BooleanField()
    ticketing = s.ChoiceField(choices=("instant", "manual"))
    ticketBy = s.DateTimeField(allow_null=True)


class OfferOut(FareFacts, OfferCard):
    """An offer with everything needed to choose it."""

    price = PriceOut()
    passengers = SeatInLine(many=True)
    payBy = s.DateTimeField(allow_null=True)
    priceGuaranteedUntil = s.DateTimeField(allow_null=True)
    documentsRequired = s.BooleanField()
    documentKinds = s.ListField(child=s.CharField())
    requires = s.ListField(child=s.CharField(), help_text=REQUIRES)
    rules = RuleOut(many=True, help_text="The airline's own rules of the fare; known once the offer was priced")
    loyaltyCarriers = s.ListField(child=s.CharField())
    conditionsUrl = s.CharField()
    services = ServiceOut(many=True)
    pricedAt = s.DateTimeField(allow_null=True)
    fareFamily = FamilyOut(many=True)


class OfferAnswer(s.Serializer):
    """A re-priced offer."""

    success = s.BooleanField()
    offer = OfferOut()


class SeatServiceOut(s.Serializer):
    """What a seat costs for one traveller."""

    serviceId = s.CharField()
    passenger = s.IntegerField()
    price = MoneyOut()


class SeatOut(s.Serializer):
    """A seat, or another cell of a row. Without services it is taken."""

    kind = s.CharField()
    designator = s.CharField()
    name = s.CharField()
    position = s.CharField(help_text="window, aisle or middle; empty for what is no seat")
    exitRow = s.BooleanField(help_text="Asks for agreed: true; not for children, nor with a baby on the lap")
    adultsOnly = s.BooleanField()
    disclosures = s.ListField(child=s.CharField())
    services = SeatServiceOut(many=True)


class CabinOut(s.Serializer):
    """A cabin: rows of sections of seats."""

    cabin = s.CharField()
    deck = s.IntegerField()
    wings = s.ListField(child=s.IntegerField(), allow_null=True, help_text="First and last row over the wings, from 0")
    rows = s.ListField(child=s.ListField(child=s.ListField(child=SeatOut())))


class SeatMapOut(s.Serializer):
    """The seats of one flight."""

    segment = s.IntegerField(allow_null=True)
    cabins = CabinOut(many=True)


class SeatMapsAnswer(s.Serializer):
    """One map per flight."""

    success = s.BooleanField()
    seatMaps = SeatMapOut(many=True)


def keys_of(serializer: type[s.Serializer]) -> Mapping[str, Any]:
    """The declared fields, for the test that compares them with real answers."""
    return serializer().fields
