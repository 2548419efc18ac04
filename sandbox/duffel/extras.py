"""What can be bought with an offer: bags and cancel for any reason. Seats are in `planes`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.duffel import ids
from sandbox.flights.carriers import BY_CODE
from sandbox.flights.fares import money

Doc = dict[str, Any]
TERMS_URL = "https://duffel.com/cfar_terms_and_conditions"


def generated_services(offer: Doc) -> list[Doc]:
    """Return the bags and the cancellation cover of a generated offer, without ids."""
    code = offer["owner"]["iata_code"]
    carrier = BY_CODE[code]
    if code in ("RJ", "MS", "PK"):
        return []
    travellers = [p["id"] for p in offer["passengers"] if p["type"] != "infant_without_seat"]
    found: list[Doc] = []
    for leg in offer["slices"]:
        segments = [segment["id"] for segment in leg["segments"]]
        price = 2400 if carrier.low_cost else 3500 if code != "ZZ" else 2000
        kinds = [("checked", price, 23)] + ([("carry_on", price - 600, 10)] if carrier.low_cost else [])
        for kind, cents, weight in kinds:
            for traveller in travellers:
                size = (75, 90, 90) if kind == "checked" else (None, None, None)
                found.append(
                    {
                        "type": "baggage",
                        "total_amount": money(cents),
                        "total_currency": offer["total_currency"],
                        "maximum_quantity": 3 if carrier.low_cost else 2,
                        "segment_ids": segments,
                        "passenger_ids": [traveller],
                        "metadata": {
                            "type": kind,
                            "maximum_weight_kg": weight,
                            "maximum_depth_cm": size[0],
                            "maximum_height_cm": size[1],
                            "maximum_length_cm": size[2],
                        },
                    }
                )
    if code in ("ZZ", "AA", "DL", "BA"):
        found.append(_cover(offer, travellers))
    return found


def _cover(offer: Doc, travellers: list[str]) -> Doc:
    total = Decimal(offer["total_amount"])
    return {
        "type": "cancel_for_any_reason",
        "total_amount": str((total * Decimal("0.15")).quantize(Decimal("0.01"))),
        "total_currency": offer["total_currency"],
        "maximum_quantity": 1,
        "passenger_ids": travellers,
        "segment_ids": [segment["id"] for leg in offer["slices"] for segment in leg["segments"]],
        "metadata": {
            "refund_amount": str((total * Decimal("0.75")).quantize(Decimal("0.01"))),
            "terms_and_conditions_url": TERMS_URL,
            "merchant_copy": "Cancel for any reason up to 24 hours before the first departure and get back up to 75% of"
            " the fare. This is not insurance.",
        },
    }


def number_services(services: list[Doc], offer_number: int) -> list[Doc]:
    """Give every service its id, from the offer's number."""
    start = ids.SERVICES + (offer_number - ids.OFFERS) * ids.PER_OFFER
    for number, service in enumerate(services):
        prefix = "cfa" if service["type"] == "cancel_for_any_reason" else "ase"
        service["id"] = ids.make(prefix, start + number)
    return services
