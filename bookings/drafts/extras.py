"""Paid extras: what was asked for, at the supplier's own price, kept by what it is (ux.md 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bookings.drafts.offers import priced, seats_on_sale
from bookings.models import Selection
from fly2any.kernel.errors import Problem
from suppliers.models import Offer

Raw = dict[str, Any]


@dataclass(frozen=True)
class Extra:
    """One extra on sale: for which traveller (None: all) and flights, by position; the price of one, minor units."""

    external_id: str
    kind: str
    passenger: int | None
    segments: tuple[int, ...]
    detail: str
    max_quantity: int
    unit_minor: int
    currency: str

    @property
    def meaning(self) -> tuple[str, int | None, tuple[int, ...], str]:
        """What it is, whatever the supplier calls it today."""
        return self.kind, self.passenger, self.segments, self.detail


def on_sale(offer: Offer, *, seats: bool) -> dict[str, Extra]:
    """Every extra of the offer by the supplier's id; with `seats` also those of the seat maps (may ask outside)."""
    raw: Raw = offer.priced or offer.searched
    line = {item["external_id"]: index for index, item in enumerate(raw["passengers"])}
    flights = [flight["external_id"] for piece in raw["slices"] for flight in piece["segments"]]
    found = {item["external_id"]: _extra(item, line, flights) for item in raw["services"] or ()}
    if seats:
        for service, seat in seats_on_sale(offer).items():
            where = (flights.index(seat["segment"]),) if seat["segment"] in flights else ()
            found[service] = Extra(service, "seat", line.get(seat["passenger"]), where, seat["designator"], 1,
                                   seat["minor"], seat["currency"])
    return found


def _extra(item: Raw, line: Mapping[str, int], flights: Sequence[str]) -> Extra:
    people = [line[key] for key in item["passenger_ids"] if key in line]
    detail = item["detail"]
    if item["kind"] == "baggage":
        words = [detail.get("bag_kind") or "bag", *(str(detail[key]) for key in (
            "weight_kg", "length_cm", "height_cm", "depth_cm") if detail.get(key))]
    else:
        words = [detail.get("designator") or ""]
    return Extra(item["external_id"], item["kind"], people[0] if len(people) == 1 else None,
                 tuple(sorted(flights.index(key) for key in item["segment_ids"] if key in flights)),
                 " ".join(words)[:60], 1 if item["kind"] == "seat" else item["max_quantity"],
                 item["price"]["minor"], item["price"]["currency"])


def choose(offer: Offer, choices: Sequence[Mapping[str, Any]], at: str = "services") -> list[Selection]:
    """Unsaved selections for what was asked: [{"serviceId", "quantity"}]. Prices are the supplier's.

    Raises Problem services_unavailable (409) for an extra that is not sold, validation_failed (422) otherwise.
    """
    if not choices:
        return []
    known = on_sale(offer, seats=False)
    if any(choice["serviceId"] not in known for choice in choices):
        known = on_sale(offer, seats=True)
    wrong: dict[str, str] = {}
    chosen: list[tuple[Extra, int]] = []
    for index, choice in enumerate(choices):
        extra = known.get(choice["serviceId"])
        if extra is None:
            raise Problem("services_unavailable", "A bag or seat you chose is no longer sold.", status=409,
                          action="Choose extras again", field_errors={f"{at}.{index}.serviceId": "No longer sold."})
        _check(extra, choice["quantity"], offer, f"{at}.{index}", wrong)
        chosen.append((extra, choice["quantity"]))
    _check_together(chosen, at, wrong)
    if wrong:
        raise Problem("validation_failed", "Please check your extras.", status=422, action="Choose extras again",
                      field_errors=wrong)
    return [selection(extra, quantity) for extra, quantity in chosen]


def selection(extra: Extra, quantity: int) -> Selection:
    """An unsaved row of an extra."""
    return Selection(kind=extra.kind, passenger_position=extra.passenger, segment_positions=list(extra.segments),
                     detail=extra.detail, quantity=quantity, unit_minor=extra.unit_minor,
                     service_external_id=extra.external_id)


def _check(extra: Extra, quantity: int, offer: Offer, at: str, wrong: dict[str, str]) -> None:
    if not 1 <= quantity <= extra.max_quantity:
        wrong[f"{at}.quantity"] = f"Choose between 1 and {extra.max_quantity}."
    if extra.currency != offer.currency:
        wrong[f"{at}.serviceId"] = f"This extra is sold in {extra.currency} and cannot be added to this booking."


def _check_together(chosen: list[tuple[Extra, int]], at: str, wrong: dict[str, str]) -> None:
    """Each extra once; one seat for a traveller on a flight, and no seat for two."""
    meanings: set[Any] = set()
    seats: set[Any] = set()
    for index, (extra, _) in enumerate(chosen):
        if extra.meaning in meanings:
            wrong[f"{at}.{index}.serviceId"] = "Chosen twice: raise the number instead."
        meanings.add(extra.meaning)
        if extra.kind != "seat":
            continue
        for mine, text in (((extra.passenger, extra.segments), "One seat for each traveller and flight."),
                           ((extra.detail, extra.segments), "Two travellers cannot have the same seat.")):
            if mine in seats:
                wrong[f"{at}.{index}.serviceId"] = text
            seats.add(mine)


def remap(offer: Offer, kept: Sequence[Selection]) -> tuple[list[Selection], list[Selection]]:
    """The selections again under today's ids and prices, and those that are no longer sold."""
    known = {extra.meaning: extra for extra in on_sale(
        offer, seats=any(item.kind == "seat" for item in kept)).values() if extra.currency == offer.currency}
    again, lost = [], []
    for item in kept:
        extra = known.get((item.kind, item.passenger_position, tuple(item.segment_positions), item.detail))
        if extra is None or item.quantity > extra.max_quantity:
            lost.append(item)
        else:
            again.append(selection(extra, item.quantity))
    return again, lost


def with_services(offer: Offer, choices: Sequence[Mapping[str, Any]], now: Any) -> Offer:
    """The offer with its services known: asked outside only when extras are wanted and were never fetched."""
    unknown = (offer.priced or offer.searched)["services"] is None
    return priced(offer, now) if choices and unknown else offer
