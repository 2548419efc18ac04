"""Faults of the hotel and activity specifications, mended in memory (amadeus.md 9.2, numbers 3 to 7, 9 and 13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
DOUBLED = r"^\\d+(\\.\\d+)?$"  # escaped twice: no amount fits


def repaired(stem: str, doc: Json) -> Json:
    """Return the specification with its known faults mended; it is changed in place."""
    match stem:
        case "HotelList_v1":
            _hotel_list(doc)
        case "HotelSearch_v3":
            _hotel_search(doc)
        case "ToursandActivities_v1":
            _activities(doc)
    return doc


def _hotel_list(doc: Json) -> None:
    hotel = doc["components"]["schemas"]["Hotel"]
    for each in _objects(hotel):
        if "distance" in each.get("properties", {}):
            each["properties"]["distance"]["properties"]["unit"]["enum"] += ["KM", "MILE"]
            each["properties"]["dupeId"] = {"type": "integer"}  # in every example, in no schema


def _hotel_search(doc: Json) -> None:
    parts = doc["definitions"]
    for each in _objects(parts):
        if each.get("pattern") == DOUBLED:
            each["pattern"] = r"\d+(\.\d+)?"
        if each.get("format") == "date-time":
            del each["format"]  # the hotel's time, with its zone or without
    offers = parts["MultiResponse"]["properties"]
    offers["data"] = {"type": "array", "items": offers["data"]}  # an object by the schema, a list in the example
    parts["HotelOffer"]["properties"]["rateCode"]["pattern"] = "[A-Z0-9* ]{3}"  # "V  "
    parts["PaymentType"]["enum"] += [word.lower() for word in parts["PaymentType"]["enum"]]
    policy = {"$ref": "#/definitions/HotelProduct_CancellationPolicy"}
    parts["HotelProduct_PolicyDetails"]["properties"]["cancellation"] = policy
    parts["Hotel"]["properties"] |= {"type": {"type": "string"}, "latitude": {"type": "number"},
                                     "longitude": {"type": "number"}, "address": {"type": "object"},
                                     "amenities": {"type": "array"}}  # fmt: skip


def _activities(doc: Json) -> None:
    """Numbers come as text as well."""
    parts = doc["definitions"]
    for each in parts["GeoCode"]["properties"].values():
        each["type"] = ["number", "string"]
    parts["Collection_Meta"]["properties"]["count"]["type"] = ["integer", "string"]


def _objects(node: Any) -> Iterator[Json]:
    """Yield every object of a tree."""
    if isinstance(node, dict):
        yield node
        for value in list(node.values()):
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)
