"""What a bundle is made of: things this offer really sells, each with the supplier's own price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fly2any.kernel.money import Money
from suppliers.reading import web_address
from suppliers.types import OfferInfo, Service


@dataclass(frozen=True)
class Part:
    """One part of a bundle. `minor`: its price in minor units, 0 with `included`. `note`: lines of text."""

    what: str  # bag, seat, flex
    label: str
    minor: int = 0
    note: str = ""
    choices: tuple[tuple[str, int], ...] = ()  # (service id, quantity)
    included: bool = False
    meanings: tuple[str, ...] = ()  # what is bought, whatever the supplier calls it today
    link: str = ""


def bags(info: OfferInfo) -> Part | None:
    """One checked bag for each traveller on every flight: included already, or the cheapest that is sold. Else None."""
    people = [person.external_id for person in info.passengers if person.kind != "infant"]
    each = "per traveller, each way" if len(people) > 1 else "each way"
    if len(info.slices) == 1:
        each = each.removesuffix(", each way").replace("each way", "")
    label = f"1 checked bag {each}".strip()
    if people and all(_has_bag(info, person) for person in people):
        return Part("bag", label, included=True)
    found: list[Service] = []
    for person in people:
        cheapest = _cheapest_bags(info, person)
        if cheapest is None:
            return None
        found += cheapest
    if not found:
        return None
    weights = sorted({int(weight) for item in found if (weight := item.detail.get("weight_kg"))})
    kilos = f"Up to {weights[0]} kg each" if weights else ""
    return Part("bag", label, sum(item.price.minor for item in found), kilos,
                tuple((item.external_id, 1) for item in found),
                meanings=tuple(f"bag {item.price.minor} {item.detail.get('weight_kg')}" for item in found))


def _has_bag(info: OfferInfo, person: str) -> bool:
    """Whether the fare includes a checked bag for this traveller on every flight."""
    return all(any(bag.get("kind") == "checked" and bag.get("passenger") == person and bag.get("quantity")
                   for bag in flight.bags) for piece in info.slices for flight in piece.segments)


def _cheapest_bags(info: OfferInfo, person: str) -> list[Service] | None:
    """The cheapest bags of one traveller that together cover every flight exactly once; None when there are none."""
    flights = [flight.external_id for piece in info.slices for flight in piece.segments]
    sold = [item for item in info.services or () if item.kind == "baggage" and item.passenger_ids == (person,)
            and item.detail.get("bag_kind") == "checked" and item.price.currency == info.total.currency]
    sold.sort(key=lambda item: (item.price.minor, item.external_id))
    best: dict[frozenset[str], tuple[int, list[Service]]] = {frozenset(): (0, [])}
    for flight in flights:  # cover them in order: the next uncovered flight is in exactly one of the bags
        for done, (cost, taken) in list(best.items()):
            if flight in done:
                continue
            for item in sold:
                covers = frozenset(item.segment_ids)
                if flight not in covers or covers & done:
                    continue
                more = (cost + item.price.minor, [*taken, item])
                if covers | done not in best or more[0] < best[covers | done][0]:
                    best[covers | done] = more
    whole = best.get(frozenset(flights))
    return whole[1] if whole else None


def cover(info: OfferInfo) -> Part | None:
    """Cover to cancel for any reason, for everybody on all flights, where the supplier sells it."""
    people = {person.external_id for person in info.passengers if person.kind != "infant"}
    flights = {flight.external_id for piece in info.slices for flight in piece.segments}
    sold = [item for item in info.services or () if item.kind == "cancel_for_any_reason"
            and people <= set(item.passenger_ids) and flights <= set(item.segment_ids)
            and item.price.currency == info.total.currency]
    if not sold:
        return None
    item = min(sold, key=lambda one: (one.price.minor, one.external_id))
    return Part("flex", "Cancel for any reason", item.price.minor, _back(item),
                ((item.external_id, 1),), meanings=(f"cover {item.price.minor}",),
                link=web_address(item.detail.get("terms_url")))


def _back(item: Service) -> str:
    """What the cover pays back, as far as the supplier says it."""
    refund = item.detail.get("refund")
    if not refund:
        return "Its terms say what you get back."
    return f"Get back {Money.parse(refund['amount'], refund['currency'])} of the fare. Its terms say until when."


def total(parts: Sequence[Part]) -> int:
    """The exact sum of the parts, minor units."""
    return sum(part.minor for part in parts)
