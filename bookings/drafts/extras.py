"""Paid extras: what was asked for, at the supplier's own price, kept by what it is (ux.md 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bookings.drafts.offers import priced, seats_on_sale
from bookings.models import Selection
from bookings.selectors.cabin import bars
from bookings.selectors.sold import Extra, Meaning, flight_ids, key_of, meaning_of, named, on_offer
from fly2any.kernel.errors import Problem
from fly2any.kernel.money import Money
from suppliers.models import Offer

Raw = dict[str, Any]


@dataclass(frozen=True)
class Remapped:
    """Selections under today's ids and prices, those that are no longer sold, and both in sentences."""

    kept: list[Selection]
    lost: list[Meaning] = field(default_factory=list)
    news: list[str] = field(default_factory=list)


def on_sale(offer: Offer, *, seats: bool, fresh: bool = False) -> dict[str, Extra]:
    """Every extra of the offer by the supplier's id; with `seats` also those of the seat maps (may ask outside)."""
    raw: Raw = offer.priced or offer.searched
    found = on_offer(raw)
    if seats:
        line = {item["external_id"]: index for index, item in enumerate(raw["passengers"])}
        flights = flight_ids(raw)
        for service, seat in (seats_on_sale(offer, fresh=True) if fresh else seats_on_sale(offer)).items():
            where = (flights.index(seat["segment"]),) if seat["segment"] in flights else ()
            found[service] = Extra(service, "seat", line.get(seat["passenger"]), where, seat["designator"], 1,
                                   seat["minor"], seat["currency"], seat.get("exit", False), seat.get("adult", False),
                                   tuple(seat.get("disclosures", ())))
    return found


def choose(offer: Offer, choices: Sequence[Mapping[str, Any]], at: str = "services", *, people: Iterable[Any] = (),
           agreed_before: Iterable[Meaning] = (), now: datetime) -> list[Selection]:
    """Unsaved selections for what was asked: [{"serviceId" or "key", "quantity", "agreed"}] at the supplier's prices.

    `people`: the travellers known so far (who has a baby on the lap); `agreed_before`: exit-row seats whose terms were
    agreed to earlier. Raises Problem services_unavailable (409) for an extra that is not sold, validation_failed (422).
    """
    if not choices:
        return []
    known = _known(offer, choices)
    raw: Raw = offer.priced or offer.searched
    barred = bars([item["kind"] for item in raw["passengers"]], people)
    before, wrong = set(agreed_before), dict[str, str]()
    chosen: list[tuple[Extra, int, bool]] = []
    for index, choice in enumerate(choices):
        extra = known.get(choice.get("serviceId") or choice.get("key", ""))
        if extra is None:
            raise Problem("services_unavailable", "A bag or seat you chose is no longer sold.", status=409,
                          action="Choose extras again", field_errors={f"{at}.{index}.serviceId": "No longer sold."})
        agreed = bool(choice.get("agreed")) or extra.meaning in before
        _check(extra, choice["quantity"], offer, f"{at}.{index}", wrong)
        _check_seat(extra, raw, barred, agreed, f"{at}.{index}", wrong)
        chosen.append((extra, choice["quantity"], agreed))
    _check_together([extra for extra, _, _ in chosen], at, wrong)
    if wrong:
        raise Problem("validation_failed", "Please check your extras.", status=422, action="Choose extras again",
                      field_errors=wrong)
    return [selection(extra, quantity, now if extra.exit and agreed else None) for extra, quantity, agreed in chosen]


def _known(offer: Offer, choices: Sequence[Mapping[str, Any]]) -> dict[str, Extra]:
    """What is on sale by id and by key; seat maps are asked only when something else is wanted."""
    wanted = {choice.get("serviceId") or choice.get("key", "") for choice in choices}
    found = on_sale(offer, seats=False)
    if not wanted <= set(found) | {extra.key for extra in found.values()}:
        found = on_sale(offer, seats=True)
    return {extra.key: extra for extra in found.values()} | found


def selection(extra: Extra, quantity: int, agreed_at: datetime | None = None) -> Selection:
    """An unsaved row of an extra."""
    return Selection(kind=extra.kind, passenger_position=extra.passenger, segment_positions=list(extra.segments),
                     detail=extra.detail, quantity=quantity, unit_minor=extra.unit_minor,
                     service_external_id=extra.external_id, agreed_at=agreed_at)


def _check(extra: Extra, quantity: int, offer: Offer, at: str, wrong: dict[str, str]) -> None:
    if not 1 <= quantity <= extra.max_quantity:
        wrong[f"{at}.quantity"] = f"Choose between 1 and {extra.max_quantity}."
    if extra.currency != offer.currency:
        wrong[f"{at}.serviceId"] = f"This extra is sold in {extra.currency} and cannot be added to this booking."


def _check_seat(extra: Extra, raw: Raw, barred: Mapping[int, str], agreed: bool, at: str,
                wrong: dict[str, str]) -> None:
    """Who may sit there, and whether the terms of an exit row were agreed to."""
    if extra.kind != "seat" or extra.passenger is None:
        return
    kind = raw["passengers"][extra.passenger]["kind"]
    if kind == "infant":
        wrong[f"{at}.serviceId"] = "A baby on the lap has no seat of its own."
    elif extra.exit and extra.passenger in barred:
        wrong[f"{at}.serviceId"] = barred[extra.passenger]
    elif extra.adult and kind != "adult":
        wrong[f"{at}.serviceId"] = "The airline gives this seat to adults only."
    elif extra.exit and not agreed:
        wrong[f"{at}.agreed"] = "Read and agree to the conditions of the exit row first."


def _check_together(chosen: Sequence[Extra], at: str, wrong: dict[str, str]) -> None:
    """Each extra once; one seat for a traveller on a flight, and no seat for two."""
    meanings: set[Any] = set()
    seats: set[Any] = set()
    for index, extra in enumerate(chosen):
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


def together(kept: Sequence[Selection], chosen: Sequence[Selection]) -> list[Selection]:
    """What stays and what is new, in one list. Raises Problem validation_failed (422) when two want the same seat.

    A new choice of the same traveller and flight replaces the old seat; the same extra replaces the old one.
    """
    mine = {_place(item) for item in chosen}
    stays = [item for item in kept if _place(item) not in mine]
    taken = {(tuple(item.segment_positions), item.detail): item for item in stays if item.kind == "seat"}
    for index, item in enumerate(chosen):
        other = taken.get((tuple(item.segment_positions), item.detail)) if item.kind == "seat" else None
        if other is not None:
            raise Problem("validation_failed", "Please check your extras.", status=422, action="Choose extras again",
                          field_errors={f"services.{index}.serviceId": (
                              f"Seat {item.detail} is taken by traveller {(other.passenger_position or 0) + 1}.")})
    return [*stays, *chosen]


def _place(item: Selection) -> Any:
    if item.kind == "seat":
        return "seat", item.passenger_position, tuple(item.segment_positions)
    return meaning_of(item)


def remap(offer: Offer, wanted: Sequence[Selection], *, people: Iterable[Any] = (), fresh: bool = False,
          because: str = "is no longer sold and was taken out") -> Remapped:
    """The selections again under today's ids and prices; what was lost or costs something else is named.

    `fresh`: ask for the seats anew. When the seats cannot be asked, chosen seats stay as they are and that is said.
    """
    raw: Raw = offer.priced or offer.searched
    seats, away = any(item.kind == "seat" for item in wanted), False
    try:
        found = on_sale(offer, seats=seats, fresh=fresh)
    except Problem:
        found, away = on_sale(offer, seats=False), True
    known = {extra.meaning: extra for extra in found.values() if extra.currency == offer.currency}
    barred = bars([item["kind"] for item in raw["passengers"]], people)
    result = Remapped([])
    for item in wanted:
        extra = known.get(meaning_of(item))
        if item.kind == "seat" and away:
            result.kept.append(item)
        elif extra is None or extra.max_quantity < 1:
            _lose(result, item, raw, because)
        elif extra.exit and extra.passenger in barred:
            _lose(result, item, raw, f"was taken out. {barred[extra.passenger or 0]}")
        else:
            _keep(result, item, extra, raw)
    if away:
        result.news.append("We could not look at the seats just now. The seats you chose are kept and checked again "
                           "before you pay.")
    return result


def _lose(result: Remapped, item: Selection, raw: Raw, why: str) -> None:
    result.lost.append(meaning_of(item))
    result.news.append(f"{named(meaning_of(item), raw)} {why.rstrip('.')}.")


def _keep(result: Remapped, item: Selection, extra: Extra, raw: Raw) -> None:
    quantity = min(item.quantity, extra.max_quantity)
    if quantity < item.quantity:
        result.news.append(f"{named(extra.meaning, raw)}: only {quantity} can be bought now, not {item.quantity}.")
    if item.unit_minor != extra.unit_minor:
        new, old = Money(extra.unit_minor, extra.currency), Money(item.unit_minor, extra.currency)
        result.news.append(f"{named(extra.meaning, raw)} now costs {new} instead of {old}.")
    again = selection(extra, quantity, item.agreed_at)
    result.kept.append(again)


def with_services(offer: Offer, choices: Sequence[Mapping[str, Any]], now: datetime) -> Offer:
    """The offer with its services known: asked outside only when extras are wanted and were never fetched."""
    unknown = (offer.priced or offer.searched)["services"] is None
    return priced(offer, now) if choices and unknown else offer


__all__ = ["Extra", "Remapped", "choose", "key_of", "on_sale", "remap", "selection", "together", "with_services"]
