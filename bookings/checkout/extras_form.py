"""Fares, bags, cover and seats of a draft as plain lists, and the form that carries the choices.

Fields are named by what an extra is (traveller, flights, kind, weight), never by the supplier's id of the moment;
nothing is chosen for anybody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.http import QueryDict

from bookings import selectors
from bookings.checkout.words import moment
from bookings.models import Booking, Selection
from bookings.selectors import words
from bookings.selectors.fares import NOT_STATED, bag_counts
from bookings.selectors.offers import raw_of
from bookings.selectors.sold import Extra, key_of, meaning_of, meaning_of_key, named, on_offer, pays_back
from fly2any.kernel.money import Money
from suppliers.types import SeatMap

Raw = dict[str, Any]
COVER = "cancel_for_any_reason"
_HOURS = re.compile(r"(\d{1,3}) hours? (?:before|prior to)", re.I)
_ADDRESS = re.compile(r"\s*(?:here:\s*)?https?://\S+")


def choices(data: QueryDict, booking: Booking) -> tuple[list[Raw], dict[str, str]]:
    """What was chosen as the drafts want it, and a sentence for every field that cannot be used."""
    raw = raw_of(booking.offer)
    known = {extra.key: extra for extra in on_offer(raw).values()}
    chosen: list[Raw] = []
    wrong: dict[str, str] = {}
    for name in data:
        mark, _, key = name.partition("-")
        if mark not in ("q", "cover") or not key:
            continue
        value, extra = data.get(name, "").strip(), known.get(key)
        if value in ("", "0", "no"):
            continue
        if extra is None:
            meaning = meaning_of_key(key)
            what = named(meaning, raw) if meaning else "One of the extras"
            wrong[name] = f"{what} is not sold with this fare (any more). Everything else you chose is still here."
        elif value == "yes" and mark == "cover":
            chosen.append({"key": key, "quantity": 1})
        elif not (value.isascii() and value.isdecimal() and len(value) < 4 and int(value) <= extra.max_quantity):
            wrong[name] = f"{named(extra.meaning, raw)}: choose a number from 0 to {extra.max_quantity}."
        else:
            chosen.append({"key": key, "quantity": int(value)})
    return chosen, wrong


def lists(booking: Booking, maps: list[SeatMap] | None, typed: Mapping[str, str] | None = None,
          wrong: Mapping[str, str] | None = None) -> Raw:
    """Everything the page shows besides the flights. `maps` None: the seats could not be asked.

    `typed`: the fields of a refused form, shown again; `wrong`: the sentences at its fields.
    """
    raw = raw_of(booking.offer)
    kept = {key_of(meaning_of(item)): item for item in booking.selections.all()}
    extras = list(on_offer(raw).values())

    def shown(mark: str, key: str) -> str:
        if typed is not None:
            return typed.get(f"{mark}-{key}", "")
        item = kept.get(key)
        return ("yes" if mark == "cover" else str(item.quantity)) if item else ""

    known = {extra.key for extra in extras}
    lost = {name: text for name, text in (wrong or {}).items() if name.partition("-")[2] not in known}
    return {"directions": _directions(raw, extras, shown, wrong or {}),
            "covers": [_cover(extra, booking, raw, shown) for extra in extras if extra.kind == COVER],
            "others": [_row(extra, raw, shown, wrong or {}) for extra in extras
                       if extra.kind not in ("baggage", "seat", COVER)],
            "seats": seat_flights(booking, maps, list(kept.values())), "lost_fields": lost}


def fares(booking: Booking, typed: Mapping[str, str] | None = None) -> list[Raw]:
    """The draft's fare among the other fares of the same flights, cheapest first, with the difference."""
    offer = selectors.offer_view(booking.offer)
    found = sorted([{**offer, "mine": True}, *offer["fareFamily"]], key=lambda fare: fare["total"]["minor"])
    wanted = (typed or {}).get("fare") or offer["id"]
    for fare in found:
        more = fare["total"]["minor"] - offer["total"]["minor"]
        amount = str(Money(abs(more), fare["total"]["currency"]))
        fare["difference"] = f"{amount} {'more' if more > 0 else 'less'}" if more else "" if fare.get(
            "mine") else "Same price"
        fare["name"] = fare["brand"] or "This fare"
        fare["checked"] = fare["id"] == wanted
    return found


# --- bags -------------------------------------------------------------------------------------------------------


def _directions(raw: Raw, extras: list[Extra], shown: Callable[[str, str], str], wrong: Mapping[str, str]) -> list[Raw]:
    """For each direction and traveller: the bags included, then those that can be added. The whole trip comes last."""
    counts, first, found = bag_counts(raw), 0, []
    bags = [extra for extra in extras if extra.kind == "baggage"]
    groups: list[tuple[str, frozenset[int], list[Raw] | None]] = []
    for piece, included in zip(raw["slices"], counts, strict=True):
        where = frozenset(range(first, first := first + len(piece["segments"])))
        groups.append((f"{piece['origin']['code']} – {piece['destination']['code']}", where, included))
    everything = frozenset(range(first))
    for label, where, included in groups:
        mine = [bag for bag in bags if frozenset(bag.segments) <= where]
        found.append({"label": label, "people": _people(raw, mine, included, shown, wrong, stated=True)})
    whole = [bag for bag in bags if not any(frozenset(bag.segments) <= where for _, where, _ in groups)]
    if whole:
        all_flights = all(frozenset(bag.segments) == everything for bag in whole)
        label = "All flights together" if all_flights else "Several flights"
        found.append({"label": label, "people": _people(raw, whole, None, shown, wrong, stated=False)})
    return found


def _people(raw: Raw, bags: list[Extra], included: list[Raw] | None, shown: Callable[[str, str], str],
            wrong: Mapping[str, str], *, stated: bool) -> list[Raw]:
    people = []
    for at, item in enumerate(raw["passengers"]):
        rows = [_row(bag, raw, shown, wrong, short=True) for bag in bags if bag.passenger in (at, None)
                and (bag.passenger is not None or at == 0)]
        if item["kind"] == "infant" and not rows:
            continue
        people.append({"whom": traveller(raw, at), "included": _included(included[at] if included else None)
                       if stated else "", "bags": rows})
    return people


def _included(counts: Raw | None) -> str:
    if counts is None:
        return NOT_STATED
    parts = [f"{number} {word}{'s' if number > 1 else ''}" for number, word in (
        (counts["carry_on"], "carry-on bag"), (counts["checked"], "checked bag")) if number]
    return " and ".join(parts) or "no bag"


def traveller(raw: Raw, at: int) -> str:
    """A traveller by place in line: "Traveller 2 (child, 8)"."""
    item = raw["passengers"][at]
    age = f", {item['age']}" if item["kind"] == "child" and item["age"] is not None else ""
    return f"Traveller {at + 1} ({item['kind']}{age})"


def _row(extra: Extra, raw: Raw, shown: Callable[[str, str], str], wrong: Mapping[str, str], *,
         short: bool = False) -> Raw:
    """One extra that is bought by number; the field is named by what it is."""
    name = f"q-{extra.key}"
    value = shown("q", extra.key)
    label = words.selection_label(extra.kind, extra.detail) if short else named(extra.meaning, raw)
    return {"id": name, "label": label,
            "size": _size(extra), "price": words.money(extra.unit_minor, extra.currency),
            "numbers": [str(number) for number in range(extra.max_quantity + 1)], "most": extra.max_quantity,
            "value": value or "0", "odd": bool(wrong.get(name)) and not value.isdecimal(), "error": wrong.get(name, "")}


def _size(extra: Extra) -> str:
    sides = extra.detail.split(" ")[2:]
    return f"{' × '.join(sides)} cm" if len(sides) == 3 else ""


# --- cover ------------------------------------------------------------------------------------------------------


def _cover(extra: Extra, booking: Booking, raw: Raw, shown: Callable[[str, str], str]) -> Raw:
    """Cancel for any reason: what it pays back, until when, in the seller's own words too."""
    detail: Raw = next(item["detail"] for item in raw["services"] if item["external_id"] == extra.external_id)
    copy = str(detail.get("copy") or "")
    refund = pays_back(detail)
    hours = _HOURS.search(copy)
    first = raw["slices"][0]["segments"][0]
    leaves = moment(first["departing_local"])
    ends = leaves - timedelta(hours=int(hours[1])) if hours and leaves else None
    total = raw["total"]["minor"]
    return {"id": f"cover-{extra.key}", "value": shown("cover", extra.key),
            "price": words.money(extra.unit_minor, extra.currency), "refund": refund,
            "fare": words.money(total, booking.currency),
            "kept_back": words.money(total - refund["minor"], booking.currency) if refund and refund["minor"] < total
            else None, "ends": ends, "where": first["origin"]["city"] or first["origin"]["code"],
            "copy": _ADDRESS.sub("", copy).strip(), "terms_url": detail.get("terms_url") or ""}


# --- seats ------------------------------------------------------------------------------------------------------


def seat_flights(booking: Booking, maps: list[SeatMap] | None, kept: list[Selection]) -> list[Raw]:
    """Each flight with the seats chosen so far and whether seats can be chosen on it."""
    raw = raw_of(booking.offer)
    drawn = {seat_map.segment_id for seat_map in maps or () if seat_map.cabins}
    found = []
    for at, flight in enumerate(flight for piece in raw["slices"] for flight in piece["segments"]):
        people = [{"whom": f"Traveller {index + 1}", "seat": next((
            item for item in kept if item.kind == "seat" and item.passenger_position == index
            and item.segment_positions == [at]), None)}
            for index, item in enumerate(raw["passengers"]) if item["kind"] != "infant"]
        found.append({"number": at + 1, "label": flight_label(flight), "people": people,
                      "chosen": any(person["seat"] for person in people), "map": flight["external_id"] in drawn})
    return found


def flight_label(flight: Raw) -> str:
    """A flight on a line: "BA 117, JFK – LHR"."""
    return (f"{flight['carrier_code']} {flight['flight_number']}, {flight['origin']['code']} – "
            f"{flight['destination']['code']}")
