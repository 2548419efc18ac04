"""Real captured offers, moved to the date asked for so that they stay bookable.

What changes: ids, dates, the party (amounts are shared out per head and multiplied again), expiry (30 minutes ahead).
What stays: carriers, flights, times of day, brands, prices per head, currencies, conditions, services.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from sandbox.duffel import ids
from sandbox.duffel.generated import LIFETIME, Numbers, Search, passengers, stamp
from sandbox.duffel.reference import DATA
from sandbox.flights.airports import city_of

Doc = dict[str, Any]
FILES = (
    "offer_zz_return_2pax_hold_services",
    "offer_request_v2_live_return_2025",
    "offer_request_fare_families_2024",
    "offer_request_test_zz_2023",
    "offer_to_oneway_instant_services",
    "offer_os_return_hold_no_price_guarantee",
    "offer_jl_return_null_brand_no_services",
)
# Keys the older captures still carry and v2 has dropped, and keys v2 answers have that they lack.
REMOVED = ("allowed_passenger_identity_document_types", "ngs_shelf")
ADDED = {
    "intended_payment_methods": [],
    "intended_services": [],
    "private_fares": [],
    "supported_loyalty_programmes": [],
    "available_payment_types": ["balance"],
    "available_airline_credit_ids": [],
    "available_services": None,
    "supported_passenger_identity_document_types": [],
    "partial": False,
}
CENT = Decimal("0.01")


@cache
def _library() -> list[Doc]:
    """Return every captured offer."""
    found: list[Doc] = []
    for name in FILES:
        doc = json.loads((DATA / "captured" / f"{name}.json").read_text())
        doc = doc.get("data", doc)
        found += doc.get("offers", [doc])
    return found


def offers(search: Search, numbers: Numbers) -> Iterator[tuple[Doc, list[Doc]]]:
    """Yield (offer, services) for each captured offer of this route, with blank cores and relative times."""
    if search.cabin != "economy":
        return
    for original in _library():
        legs = original["slices"]
        one_way_of_return = len(legs) == 2 and len(search.slices) == 1
        if len(search.slices) != len(legs) and not one_way_of_return:
            continue
        if not all(
            _serves(leg, wanted.origin, wanted.destination) for leg, wanted in zip(legs, search.slices, strict=False)
        ):
            continue
        most = search.max_connections
        if most is not None and any(len(leg["segments"]) - 1 > most for leg in legs):
            continue
        moved = _moved(original, search, numbers)
        if moved is not None:
            yield moved


def _serves(leg: Doc, origin: str, destination: str) -> bool:
    ends = ((leg["origin"]["iata_code"], origin), (leg["destination"]["iata_code"], destination))
    return all(wanted in (code, city_of().get(code)) for code, wanted in ends)


def _moved(original: Doc, search: Search, numbers: Numbers) -> tuple[Doc, list[Doc]] | None:
    offer = copy.deepcopy(original)
    legs = offer["slices"] = offer["slices"][: len(search.slices)]
    portion = Decimal(len(legs)) / len(original["slices"]) / len(original["passengers"])
    for leg, wanted in zip(legs, search.slices, strict=True):
        _redate(leg, (wanted.day - datetime.fromisoformat(leg["segments"][0]["departing_at"]).date()).days)
    if len(legs) > 1 and legs[1]["segments"][0]["departing_at"] <= legs[0]["segments"][-1]["arriving_at"]:
        return None
    segment_ids: dict[str, str] = {}
    for leg in legs:
        _renumber(leg, search, numbers, segment_ids)
    heads = _heads(search)
    _scale(offer, portion, heads)
    offer["passengers"] = passengers(search)
    offer["payment_requirements"] = _payment_requirements(original)
    for name in REMOVED:
        offer.pop(name, None)
    for name, value in ADDED.items():
        offer.setdefault(name, copy.deepcopy(value))
    services = _services(offer.pop("available_services") or [], original, segment_ids, search, portion)
    offer.update(
        {
            "id": numbers.next("off"),
            "live_mode": False,
            "created_at": stamp(0),
            "updated_at": stamp(0),
            "expires_at": stamp(LIFETIME),
            "available_services": None,
        }
    )
    return offer, services


def _redate(leg: Doc, days: int) -> None:
    for segment in leg["segments"]:
        for name in ("departing_at", "arriving_at"):
            segment[name] = (datetime.fromisoformat(segment[name]) + timedelta(days=days)).isoformat()


def _renumber(leg: Doc, search: Search, numbers: Numbers, segment_ids: dict[str, str]) -> None:
    leg["id"] = numbers.next("sli")
    leg.setdefault("ngs_shelf", None)
    flights = [
        (s["marketing_carrier"]["iata_code"], s["marketing_carrier_flight_number"], s["departing_at"])
        for s in leg["segments"]
    ]
    if not leg.get("comparison_key"):
        from sandbox.duffel.generated import comparison_key

        leg["comparison_key"] = comparison_key(flights)
    conditions = leg.get("conditions") or {}
    leg["conditions"] = {
        "change_before_departure": None,
        "refund_before_departure": None,
        "advance_seat_selection": None,
        "priority_boarding": None,
        "priority_check_in": None,
        **conditions,
    }
    for segment in leg["segments"]:
        old = segment["id"]
        segment["id"] = segment_ids[old] = numbers.next("seg")
        segment.setdefault("stops", [])
        pattern = segment["passengers"][0]
        segment["passengers"] = [
            {**copy.deepcopy(pattern), "passenger_id": ids.make("pas", ids.PASSENGERS + number)}
            for number in range(len(search.party))
        ]


def _heads(search: Search) -> Decimal:
    """Return how many adult fares the party costs."""
    return sum(
        (Decimal("0.1") if type == "infant_without_seat" else Decimal(1) for type, _ in search.party), Decimal(0)
    )


def _scale(offer: Doc, portion: Decimal, heads: Decimal) -> None:
    tax = _cents(Decimal(offer["tax_amount"]) * portion * heads) if offer.get("tax_amount") else Decimal(0)
    total = _cents(Decimal(offer["total_amount"]) * portion * heads)
    offer.update({"total_amount": str(total), "tax_amount": str(tax), "base_amount": str(total - tax)})
    for terms in offer["conditions"].values():
        if terms and terms.get("penalty_amount"):
            terms["penalty_amount"] = str(
                _cents(Decimal(terms["penalty_amount"]) * portion * len(offer["passengers"]) * heads)
            )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _payment_requirements(original: Doc) -> Doc:
    terms, made = original["payment_requirements"], datetime.fromisoformat(original["created_at"])
    moved: Doc = {"requires_instant_payment": terms["requires_instant_payment"]}
    for name in ("price_guarantee_expires_at", "payment_required_by"):
        moved[name] = stamp((datetime.fromisoformat(terms[name]) - made).total_seconds()) if terms[name] else None
    return moved


def _services(
    services: list[Doc], original: Doc, segment_ids: dict[str, str], search: Search, portion: Decimal
) -> list[Doc]:
    """Return one bag service per traveller and segment pattern, and the others once for the whole party."""
    everyone = [
        ids.make("pas", ids.PASSENGERS + n) for n, (type, _) in enumerate(search.party) if type != "infant_without_seat"
    ]
    first = original["passengers"][0]["id"]
    found: list[Doc] = []
    for service in services:
        segments = [segment_ids[old] for old in service["segment_ids"] if old in segment_ids]
        if not segments:
            continue
        if service["type"] == "cancel_for_any_reason":
            price = _cents(Decimal(service["total_amount"]) * portion * len(everyone))
            refund = _cents(Decimal(service["metadata"]["refund_amount"]) * portion * len(everyone))
            found.append(
                {
                    **service,
                    "segment_ids": segments,
                    "passenger_ids": everyone,
                    "total_amount": str(price),
                    "metadata": {**service["metadata"], "refund_amount": str(refund)},
                }
            )
        elif service["passenger_ids"] == [first]:
            found += [{**service, "segment_ids": segments, "passenger_ids": [each]} for each in everyone]
    return found
