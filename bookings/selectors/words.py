"""How stored offers are said: money, places, flights, bags, conditions. Plain dicts, no queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from fly2any.kernel.money import Money

Raw = Mapping[str, Any]
TITLES = {"mr": "Mr", "ms": "Ms", "mrs": "Mrs", "miss": "Miss", "dr": "Dr"}


def money(minor: int, currency: str) -> dict[str, Any]:
    """An amount for people and machines: {"amount", "currency", "minor", "text"}."""
    value = Money(minor, currency)
    return {"amount": str(value.amount), "currency": currency, "minor": minor, "text": str(value)}


def maybe_money(raw: Raw | None) -> dict[str, Any] | None:
    """The same from a stored amount, None when there is none."""
    return money(raw["minor"], raw["currency"]) if raw else None


def condition(raw: Raw | None) -> str:
    """Whether something is allowed and what it costs, by the table of ux.md 5."""
    if not raw or raw.get("allowed") is None:
        return "Not stated by the airline"
    if not raw["allowed"]:
        return "Not allowed"
    fee = raw.get("fee")
    if fee is None:
        return "Allowed, the airline sets the fee"
    return f"{Money(fee['minor'], fee['currency'])} fee" if fee["minor"] else "Free"


def place(raw: Raw) -> dict[str, str]:
    """An airport or city."""
    return {"code": raw["code"], "name": raw["name"], "city": raw["city"]}


@lru_cache(maxsize=4096)
def local(text: str) -> datetime | None:
    """An airport's own time, without a zone; None when it cannot be read."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def next_day(departing: str, arriving: str) -> int:
    """How many days later by the calendar a flight arrives (may be -1 across the date line)."""
    out, back = local(departing), local(arriving)
    return (back.date() - out.date()).days if out and back else 0


def segment(raw: Raw, positions: Mapping[str, int]) -> dict[str, Any]:
    """One flight; `positions` are the travellers' places in line by the supplier's passenger id."""
    return {
        "carrierCode": raw["carrier_code"], "carrierName": raw["carrier_name"], "flightNumber": raw["flight_number"],
        "operatingName": raw["operating_name"], "operatingNumber": raw["operating_number"],
        "origin": place(raw["origin"]), "destination": place(raw["destination"]),
        "departingLocal": raw["departing_local"], "arrivingLocal": raw["arriving_local"],
        "nextDay": next_day(raw["departing_local"], raw["arriving_local"]),
        "durationMinutes": raw["duration_minutes"], "cabin": raw["cabin"], "cabinName": raw["cabin_name"],
        "aircraft": raw["aircraft"],
        "terminals": {"departure": raw["origin_terminal"], "arrival": raw["destination_terminal"]},
        "stops": list(raw["stops"]),
        "bags": [{"passenger": positions.get(bag.get("passenger", "")), "kind": bag.get("kind", ""),
                  "quantity": bag.get("quantity", 0)} for bag in raw["bags"]],
    }


def flight_slice(raw: Raw, positions: Mapping[str, int]) -> dict[str, Any]:
    """One direction of the trip."""
    return {
        "origin": place(raw["origin"]), "destination": place(raw["destination"]),
        "durationMinutes": raw["duration_minutes"], "brand": raw["brand"], "change": condition(raw.get("change")),
        "segments": [segment(item, positions) for item in raw["segments"]],
    }


def line_of(passengers: Sequence[Raw]) -> dict[str, int]:
    """The travellers' places in line by the supplier's passenger id."""
    return {item["external_id"]: index for index, item in enumerate(passengers)}


def bags(offer: Raw) -> str:
    """The bags included for each traveller on every flight, in words: the least that any flight allows."""
    seats = [item["external_id"] for item in offer["passengers"] if item["kind"] != "infant"]
    counted: list[dict[str, int]] = []
    for piece in offer["slices"]:
        for flight in piece["segments"]:
            allowed = {seat: {"carry_on": 0, "checked": 0} for seat in seats}
            for bag in flight["bags"]:
                if bag.get("passenger") in allowed and bag.get("kind") in ("carry_on", "checked"):
                    allowed[bag["passenger"]][bag["kind"]] += int(bag.get("quantity") or 0)
            counted += allowed.values() if flight["bags"] else []
    if not counted:
        return ""
    carry_on, checked = (min(item[kind] for item in counted) for kind in ("carry_on", "checked"))
    parts = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in (
        (carry_on, "carry-on bag"), (checked, "checked bag")) if number]
    each = " per traveller" if len(seats) > 1 else ""
    return f"{' and '.join(parts)}{each}" if parts else "No bag included"


def checked_bags(offer: Raw) -> int:
    """How many checked bags each traveller has on every flight."""
    found = [sum(int(bag.get("quantity") or 0) for bag in flight["bags"]
                 if bag.get("kind") == "checked" and bag.get("passenger") == seat["external_id"])
             for seat in offer["passengers"] if seat["kind"] != "infant"
             for piece in offer["slices"] for flight in piece["segments"]]
    return min(found, default=0)


def service_label(kind: str, detail: Raw) -> str:
    """What an extra is, in words."""
    if kind == "baggage":
        name = {"checked": "Checked bag", "carry_on": "Carry-on bag"}.get(str(detail.get("bag_kind")), "Bag")
        return f"{name}, up to {detail['weight_kg']} kg" if detail.get("weight_kg") else name
    if kind == "seat":
        return f"Seat {detail.get('designator', '')}".strip()
    return {"cancel_for_any_reason": "Cancel for any reason"}.get(kind, kind.replace("_", " ").capitalize())


def selection_label(kind: str, detail: str) -> str:
    """What a chosen extra is, from what is kept of it ("checked 23", "14C")."""
    if kind == "baggage":
        bag_kind, _, weight = detail.partition(" ")
        return service_label(kind, {"bag_kind": bag_kind, "weight_kg": weight.split(" ")[0]})
    return service_label(kind, {"designator": detail})


def iso(moment: datetime | None) -> str | None:
    """A time as ISO 8601, UTC."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None
