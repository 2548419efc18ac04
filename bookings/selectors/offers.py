"""Offers as plain dicts: what they cost, what they hold, and the other fares of the same flights (ux.md 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from bookings.pricing import total_of_offer
from bookings.selectors import fares, merging, words
from bookings.selectors.sold import pays_back
from suppliers.models import Offer

Raw = dict[str, Any]


def fee_minor() -> int:
    """Our service fee per booking, minor units of the offer's currency."""
    return int(settings.SERVICE_FEE_MINOR)


def raw_of(offer: Offer) -> Raw:
    """The stored picture: as priced when it was priced, else as searched."""
    picture: Raw = offer.priced or offer.searched
    return picture


def minutes_of(raw: Raw) -> int:
    """How long all directions take together; unknown directions count as what their flights take."""
    return sum(piece["duration_minutes"] or sum(flight["duration_minutes"] or 0 for flight in piece["segments"])
               for piece in raw["slices"])


def stops_of(raw: Raw) -> int:
    """The most stops in one direction, changes of plane and technical stops alike."""
    return max((len(piece["segments"]) - 1 + sum(len(flight["stops"]) for flight in piece["segments"])
                for piece in raw["slices"]), default=0)


def price_lines(raw: Raw, services: list[Raw], services_minor: int, fee: int, fare_minor: int | None = None) -> Raw:
    """The price block, the same everywhere: fare, taxes, extras, our fee, total. Their sum is the total."""
    currency, fare = raw["total"]["currency"], raw["total"]["minor"] if fare_minor is None else fare_minor
    tax = raw["tax"]
    split = bool(tax) and tax["currency"] == currency and 0 <= tax["minor"] <= fare
    return {
        "fare": words.money(fare, currency),
        "base": words.money(fare - tax["minor"], currency) if split else None,
        "taxes": words.money(tax["minor"], currency) if split else None,
        "services": services,
        "fee": words.money(fee, currency) if fee else None,
        "total": words.money(fare + services_minor + fee, currency),
    }


def card(offer: Offer) -> Raw:
    """An offer as a line of the results."""
    raw, fee = raw_of(offer), fee_minor()
    line = words.line_of(raw["passengers"])
    total = total_of_offer(raw, fee)
    seats = len(raw["passengers"]) or 1
    return {
        "id": str(offer.pk),
        "ownerCode": raw["owner_code"], "ownerName": raw["owner_name"],
        "total": words.money(total, offer.currency),
        "perPerson": words.money(-(-total // seats), offer.currency),
        "slices": [words.flight_slice(item, line) for item in raw["slices"]],
        "durationMinutes": minutes_of(raw), "stops": stops_of(raw),
        "brand": brand(raw), "bagsText": words.bags(raw), "checkedBags": words.checked_bags(raw),
        "conditions": {"change": words.condition(raw["change"]), "refund": words.condition(raw["refund"])},
        "canHold": holdable(raw), "ticketing": ticketing(raw.get("manual", False)), "ticketBy": raw.get("ticket_by"),
        "emissionsKg": raw["emissions_kg"],
        "expiresAt": words.iso(offer.expires_at),
    }


def ticketing(manual: bool) -> str:
    """How the ticket comes: instant, or manual (reserved now without payment, ticketed by our team)."""
    return "manual" if manual else "instant"


def holdable(raw: Raw) -> bool:
    """Whether the customer may hold it and pay later; what our team tickets waits without payment anyway."""
    return not raw["instant_only"] and not raw.get("manual")


def document_kinds(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The papers that the airline takes with the booking; one that asks for redress numbers takes those."""
    kinds = tuple(raw["document_kinds"])
    asks = "redress" in raw.get("requires", ()) and "passenger_redress_number" not in kinds
    return (*kinds, "passenger_redress_number") if asks else kinds


def fare_rules(raw: Raw) -> list[dict[str, str]]:
    """The airline's own rules of the fare, as it wrote them: [{"title", "text"}]."""
    return [{"title": title, "text": text} for title, text in raw.get("rules", ())]


def brand(raw: Raw) -> str:
    """The fare's name: the brands of its directions, or the cabin where the airline names none."""
    names = [piece["brand"] or (piece["segments"][0]["cabin_name"] or piece["segments"][0]["cabin"]).replace("_", " ")
             .capitalize() for piece in raw["slices"]]
    return " / ".join(dict.fromkeys(name for name in names if name))


def offer_view(offer: Offer) -> Raw:
    """An offer with everything needed to choose it: conditions, services, fare family, documents."""
    raw = raw_of(offer)
    return {
        **card(offer),
        **fares.facts(raw),
        "price": price_lines(raw, [], 0, fee_minor()),
        "passengers": [{"position": index, "kind": item["kind"], "age": item["age"]}
                       for index, item in enumerate(raw["passengers"])],
        "payBy": raw["pay_by"], "priceGuaranteedUntil": raw["price_guaranteed_until"],
        "documentsRequired": raw["documents_required"], "documentKinds": list(document_kinds(raw)),
        "requires": list(raw.get("requires", ())), "rules": fare_rules(raw),
        "loyaltyCarriers": list(raw["loyalty_carriers"]), "conditionsUrl": raw["conditions_url"],
        "services": [service(item, raw) for item in raw["services"] or ()],
        "pricedAt": words.iso(offer.priced_at),
        "fareFamily": [family_card(item) for item in family(offer)],
    }


def service(item: Raw, raw: Raw) -> Raw:
    """An extra on sale: for whom (positions), on which flights (positions), at which price for one."""
    line = words.line_of(raw["passengers"])
    flights = [flight["external_id"] for piece in raw["slices"] for flight in piece["segments"]]
    return {
        "id": item["external_id"], "kind": item["kind"], "label": words.service_label(item["kind"], item["detail"]),
        "passengers": [line[key] for key in item["passenger_ids"] if key in line],
        "segments": [flights.index(key) for key in item["segment_ids"] if key in flights],
        "maxQuantity": item["max_quantity"],
        "price": words.money(item["price"]["minor"], item["price"]["currency"]),
        "detail": {key: item["detail"][key] for key in ("bag_kind", "weight_kg", "length_cm", "height_cm", "depth_cm",
                                                        "designator", "disclosures", "copy", "terms_url")
                   if item["detail"].get(key)},
        "paysBack": pays_back(item["detail"]),
    }


def family_card(offer: Offer) -> Raw:
    """A fare of the same flights, for the list of fares."""
    whole = card(offer)
    return {**{key: whole[key] for key in ("id", "brand", "total", "conditions", "bagsText", "canHold", "ticketing",
                                      "ticketBy")},
            **fares.facts(raw_of(offer))}


def journey_of(raw: Raw) -> tuple[str, ...]:
    """What makes two offers the same flights (duffel.md 3.3): comparison keys, else carrier, numbers and times."""
    keys = tuple(piece["comparison_key"] for piece in raw["slices"])
    if all(keys):
        return keys
    return (raw["owner_code"], *(f"{flight['carrier_code']}{flight['flight_number']}@{flight['departing_local']}"
                                 for piece in raw["slices"] for flight in piece["segments"]))


def siblings(offer: Offer) -> list[Offer]:
    """Other fares of the same flights from the same supplier in the same search, cheapest first, one of each brand."""
    own = brand(raw_of(offer))
    found: dict[str, Offer] = {}
    for other in _same_flights(offer, supplier=offer.supplier):
        name = brand(other.searched)
        if journey_of(other.searched) == journey_of(offer.searched) and name != own:
            found.setdefault(name, other)
    return list(found.values())


def family(offer: Offer) -> list[Offer]:
    """`siblings`, and what other suppliers ask for the same flights: the cheapest of each fare and way of ticketing."""
    flights = merging.flights_of(offer.searched)
    found = {_sold_as(other): other for other in siblings(offer)}
    for other in _same_flights(offer):
        if other.supplier != offer.supplier and merging.flights_of(other.searched) == flights:
            found.setdefault(_sold_as(other), other)
    found.pop(_sold_as(offer), None)
    return sorted(found.values(), key=lambda other: (other.total_minor, str(other.pk)))


def _sold_as(offer: Offer) -> tuple[str, bool]:
    return merging.product_of(offer.searched), bool(offer.searched.get("manual"))


def _same_flights(offer: Offer, **more: Any) -> QuerySet[Offer]:
    """Live offers of the same search and currency whose first flight is the same, cheapest first."""
    if offer.search_id is None:
        return Offer.objects.none()
    first = offer.searched["slices"][0]["segments"][0]
    return Offer.objects.filter(
        search_id=offer.search_id, currency=offer.currency, expires_at__gt=Now(),
        searched__slices__0__segments__0__contains={"carrier_code": first["carrier_code"],
                                                    "departing_local": first["departing_local"]},
        **more).exclude(pk=offer.pk).defer("document").order_by("total_minor", "pk")
