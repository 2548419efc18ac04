"""What callers may send. Every field is listed; one that is not is refused."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers

from bookings.api import shapes
from bookings.selectors.filters import TICKETING
from fly2any.kernel.money import Money, MoneyError
from suppliers.search import CABINS, MOST_LEGS, MOST_TRAVELLERS, leg_field

LEG = ("origin", "destination", "departureDate")


class Strict(serializers.Serializer):
    """Refuses fields that it does not list."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate, after refusing unknown fields."""
        if isinstance(data, dict):
            unknown = {str(name)[:60]: ["Unknown field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


def only_listed_fields(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Hook of drf-spectacular: the schema refuses the fields and the lengths of lists that we refuse."""
    kinds = [Strict]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        shape = result["components"]["schemas"].get(kind.__name__.removesuffix("Serializer"))
        if shape is None:
            continue
        shape["additionalProperties"] = False
        for name, field in kind().fields.items():
            if isinstance(field, serializers.ListSerializer):
                shape["properties"][name]["maxItems"] = field.max_length  # type: ignore[attr-defined]
    return result


def _text(**more: Any) -> serializers.CharField:
    """A text whose own rules live in bookings.forms: here it is only kept short."""
    return serializers.CharField(**{"max_length": 200, "allow_blank": True, **more})


def _many(serializer: type[serializers.Serializer], most: int, **more: Any) -> Any:
    """A list of at most `most`."""
    return serializer(many=True, max_length=most, **more)  # type: ignore[call-arg]


class AmountField(Strict):
    """An exact amount: {"amount": "599.99", "currency": "USD"}. Read as Money."""

    amount = serializers.RegexField(r"^[0-9]{1,10}(\.[0-9]{1,4})?$", help_text="A decimal string, such as 599.99")
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217")

    def to_internal_value(self, data: Any) -> Any:
        """Read it as Money. Raises ValidationError for decimals the currency does not have."""
        found = super().to_internal_value(data)
        try:
            return Money.parse(found["amount"], found["currency"])
        except MoneyError as error:
            raise serializers.ValidationError({"amount": ["This is not an amount in this currency."]}) from error


class ChoiceSerializer(Strict):
    """A paid extra by its id in the offer (or seat map), and how many."""

    serviceId = serializers.CharField(min_length=1, max_length=200)
    quantity = serializers.IntegerField(min_value=1, max_value=99, default=1)
    agreed = serializers.BooleanField(default=False, help_text="The conditions of an exit-row seat were agreed to")


class DocumentSerializer(Strict):
    """A travel document."""

    kind = _text(required=False, max_length=40)
    number = _text(required=False)
    country = _text(required=False, help_text="ISO 3166 alpha-2")
    expiresOn = _text(required=False, allow_null=True, help_text="YYYY-MM-DD")
    city = _text(required=False, help_text="Where it was issued, where the offer requires document_city")
    remove = serializers.BooleanField(required=False, help_text="Takes a stored document out, where none is required")


class LoyaltySerializer(Strict):
    """A frequent flyer account."""

    carrier = _text(max_length=3)
    number = _text(max_length=40)


class PassengerSerializer(Strict):
    """A traveller exactly as in the passport or ID."""

    position = serializers.IntegerField(min_value=0, max_value=MOST_TRAVELLERS - 1, required=False,
                                        help_text="The place in the offer's list of passengers; default: in order")
    title = _text(help_text="mr, mrs, ms, miss or dr")
    gender = _text(help_text="m or f")
    givenName = _text(help_text="1 to 20 Latin letters, hyphen, apostrophe, space")
    familyName = _text(help_text="1 to 20 Latin letters, hyphen, apostrophe, space")
    bornOn = _text(allow_null=True, help_text="YYYY-MM-DD")
    infantPosition = serializers.IntegerField(
        min_value=0, max_value=MOST_TRAVELLERS - 1, required=False, allow_null=True,
        help_text="On an adult: the position of the infant on the lap")
    document = DocumentSerializer(required=False, allow_null=True)
    knownTravellerNumber = _text(required=False, allow_null=True, help_text="Where documentKinds has "
                                 "known_traveler_number. Empty keeps a stored one, null removes it")
    redressNumber = _text(required=False, allow_null=True, help_text="Where documentKinds has "
                          "passenger_redress_number. Empty keeps a stored one, null removes it")
    loyalty = _many(LoyaltySerializer, 5, required=False)
    residence = _text(required=False, max_length=2, help_text="ISO 3166 alpha-2, where the offer requires residence")


class AddressSerializer(Strict):
    """An address, where the offer requires address, invoice_address (all of it) or postal_code (that and country)."""

    line = _text(required=False, help_text="Street and house number")
    postalCode = _text(required=False, max_length=12)
    city = _text(required=False)
    country = _text(required=False, max_length=2, help_text="ISO 3166 alpha-2")


class ContactSerializer(Strict):
    """How the customer is reached. The phone number with its country code, or as at home with its country."""

    email = _text(max_length=254)
    phone = _text(max_length=60)
    phoneCountry = _text(required=False, max_length=2, help_text="ISO 3166 alpha-2, for a number without +")
    address = AddressSerializer(required=False, allow_null=True)


class AcknowledgementSerializer(Strict):
    """A confirmation the customer gave: dangerous_goods and names_and_terms are both needed."""

    code = serializers.CharField(min_length=1, max_length=40)
    version = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")


class StartSerializer(Strict):
    """Begin a checkout."""

    offerId = serializers.UUIDField()


class CustomizeSerializer(Strict):
    """The extras of a draft, either one by one or those of a bundle; what is not named is taken out."""

    services = _many(ChoiceSerializer, 100, required=False)
    bundle = serializers.RegexField(r"\A[a-z_]{1,12}(\.[0-9a-f]{12})?\Z", required=False,
                                    help_text="The key of a bundle; its `choice` to get what was shown or nothing")

    def validate(self, attrs: Any) -> Any:
        """One of the two. Raises ValidationError."""
        if ("services" in attrs) == ("bundle" in attrs):
            raise serializers.ValidationError({"services": ["Send either services or a bundle."]})
        return attrs


class PassengersSerializer(Strict):
    """Everybody who travels, and the contact."""

    passengers = _many(PassengerSerializer, MOST_TRAVELLERS)
    contact = ContactSerializer()


class BookSerializer(Strict):
    """The final press on a complete draft."""

    isHold = serializers.BooleanField(default=False)
    acceptedTotal = AmountField(help_text="The total the customer saw: compared, never used")
    acknowledgements = _many(AcknowledgementSerializer, 10)
    bookAgain = serializers.BooleanField(
        default=False, help_text="Confirms a second trip of the same people on the same flights")


class BookingSerializer(BookSerializer):
    """The three steps in one call."""

    offerId = serializers.UUIDField()
    services = _many(ChoiceSerializer, 100, required=False)
    passengers = _many(PassengerSerializer, MOST_TRAVELLERS)
    contact = ContactSerializer()


class ContactChangeSerializer(Strict):
    """What of the contact shall change."""

    email = _text(required=False, max_length=254)
    phone = _text(required=False, max_length=60)
    phoneCountry = _text(required=False, max_length=2, help_text="ISO 3166 alpha-2, for a number without +")


class PatchSerializer(Strict):
    """Contact data is all that can be changed."""

    contact = ContactChangeSerializer()


class EmptySerializer(Strict):
    """No field at all."""


class CancelSerializer(Strict):
    """Confirm the cancellation at the refund that was quoted; required once a ticket exists."""

    acceptedRefund = AmountField(required=False)


class PaymentSerializer(Strict):
    """Which booking; a sent amount is compared, never used."""

    bookingReference = serializers.CharField(min_length=1, max_length=20)
    amount = AmountField(required=False)


class ConfirmSerializer(Strict):
    """Which booking."""

    bookingReference = serializers.CharField(min_length=1, max_length=20)


def _code(**more: Any) -> serializers.RegexField:
    return serializers.RegexField(r"^[A-Za-z]{3}$", help_text="IATA code of an airport or city", **more)


class SearchSerializer(Strict):
    """A search: one way, there and back (returnDate), or 2 to 4 flights (origin2, destination2, departureDate2, ...).

    Ages of children count on the day of the last flight.
    """

    trip = serializers.ChoiceField(choices=("return", "oneway", "multi"), required=False,
                                   help_text="Default: what the dates and places say")
    origin = _code()
    destination = _code()
    departureDate = serializers.DateField(help_text="YYYY-MM-DD")
    returnDate = serializers.DateField(required=False, help_text="YYYY-MM-DD; absent: one way")
    origin2 = _code(required=False)
    destination2 = _code(required=False)
    departureDate2 = serializers.DateField(required=False, help_text="YYYY-MM-DD")
    origin3 = _code(required=False)
    destination3 = _code(required=False)
    departureDate3 = serializers.DateField(required=False, help_text="YYYY-MM-DD")
    origin4 = _code(required=False)
    destination4 = _code(required=False)
    departureDate4 = serializers.DateField(required=False, help_text="YYYY-MM-DD")
    adults = serializers.IntegerField(min_value=0, max_value=MOST_TRAVELLERS, default=1)
    children = serializers.IntegerField(min_value=0, max_value=MOST_TRAVELLERS, required=False,
                                        help_text="Default: as many as there are ages")
    childAges = serializers.RegexField(
        r"^\d{1,2}(,\d{1,2})*$", required=False, help_text="One age (2 to 17) for each child, such as 4,11")
    infants = serializers.IntegerField(min_value=0, max_value=MOST_TRAVELLERS, default=0)
    cabin = serializers.ChoiceField(choices=CABINS, default="economy")
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ages and children must fit together, and so must the kind of trip and its flights."""
        ages = tuple(int(age) for age in attrs.get("childAges", "").split(",") if age)
        if len(ages) != attrs.get("children", len(ages)):
            raise serializers.ValidationError({"childAges": [
                "Give one age (2 to 17) for each child, separated by commas."]})
        begun = [number for number in range(2, MOST_LEGS + 1) if any(
            leg_field(name, number) in attrs for name in LEG)]
        trip = attrs.get("trip") or ("multi" if begun else "return" if "returnDate" in attrs else "oneway")
        flights = max([2, *begun]) if trip == "multi" else 1
        needed = [leg_field(name, number) for number in range(2, flights + 1) for name in LEG]
        needed += ["returnDate"] if trip == "return" else []
        odd = [name for name in attrs if name.rstrip("234") in LEG and name[-1].isdecimal() and trip != "multi"]
        odd += ["returnDate"] if trip != "return" and "returnDate" in attrs else []
        wrong = {name: ["This field is required for this kind of trip."] for name in needed if name not in attrs}
        wrong |= {name: ["This field does not belong to this kind of trip."] for name in odd}
        if wrong:
            raise serializers.ValidationError(wrong)
        return {**attrs, "ages": ages, "trip": trip, "flights": flights}


def _codes(letters: str, what: str) -> serializers.RegexField:
    return serializers.RegexField(rf"^{letters}(,{letters}){{0,39}}$", required=False, help_text=what)


# Filters of the results by their own name (selectors.filters), with the parameter that carries them.
CODE_FILTERS = (("airline", "airlines"), ("without", "withoutAirlines"), ("from", "fromAirports"),
                ("to", "toAirports"), ("via", "viaAirports"))
HOUR_FILTERS = tuple(f"{word}{direction}{end}" for word in ("leave", "arrive") for direction in (1, 2, 3, 4)
                     for end in ("From", "Until"))
NUMBER_FILTERS = (("stops", "maxStops"), ("hours", "maxHours"), ("ticketing", "ticketing"),
                  *((name, name) for name in HOUR_FILTERS))
FLAG_FILTERS = (("carryOn", "carryOnBag"), ("bag", "checkedBag"), ("changeable", "changeable"),
                ("refundable", "refundable"))


class ResultsSerializer(Strict):
    """Which part of the results, in which order. Filters add up; within a list of codes one of them is enough."""

    sort = serializers.ChoiceField(choices=("best", "cheapest", "fastest"), default="best")
    maxStops = serializers.IntegerField(min_value=0, max_value=9, required=False)
    maxHours = serializers.IntegerField(min_value=1, max_value=200, required=False,
                                        help_text="Of the longest direction")
    airlines = _codes("[A-Z0-9]{2}", "Sold by one of these")
    withoutAirlines = _codes("[A-Z0-9]{2}", "Neither sold nor flown by any of these")
    fromAirports = _codes("[A-Z]{3}", "Airports at the trip's start")
    toAirports = _codes("[A-Z]{3}", "Airports at its destination")
    viaAirports = _codes("[A-Z]{3}", "Airports where a plane is changed or stops")
    changeable = serializers.BooleanField(default=False)
    refundable = serializers.BooleanField(default=False)
    carryOnBag = serializers.BooleanField(default=False, help_text="A carry-on bag is included for everybody")
    checkedBag = serializers.BooleanField(default=False, help_text="A checked bag is included for everybody")
    ticketing = serializers.ChoiceField(choices=TICKETING, required=False, help_text=shapes.TICKETING)
    pricesWithBag = serializers.BooleanField(
        default=False, help_text="Prices and order with one checked bag each, where that price is known")
    oneFarePerTrip = serializers.BooleanField(default=False, help_text="Only the cheapest fare of the same flights")
    offset = serializers.IntegerField(min_value=0, max_value=100000, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)

    def get_fields(self) -> dict[str, Any]:
        """The fields, and two hours for each end of each direction (leave1From … arrive4Until)."""
        return {**super().get_fields(), **{name: serializers.IntegerField(
            min_value=0, max_value=24, required=False, help_text=_hour_help(name)) for name in HOUR_FILTERS}}


def _hour_help(name: str) -> str:
    """What leave2From means."""
    verb = "leaves" if name.startswith("leave") else "arrives"
    end = "at this hour or later" if name.endswith("From") else "before this hour"
    return f"Direction {re.sub('[^0-9]', '', name)} {verb} {end}, by the airport's clock"


class PlacesSerializer(Strict):
    """What was typed."""

    q = serializers.CharField(max_length=60)
    limit = serializers.IntegerField(min_value=1, max_value=20, default=10)


class ListSerializer(Strict):
    """Which part of the list."""

    after = serializers.CharField(max_length=20, required=False, allow_blank=True,
                                  help_text="The reference the last part ended with")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)
