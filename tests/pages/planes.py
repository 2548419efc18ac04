"""A flight with a plane small enough to read: two exits, three travellers' prices, and drafts that sit in it."""

from __future__ import annotations

from typing import Any

from bookings.models import Booking
from fly2any.kernel.money import Money
from suppliers.types import Seat, SeatMap
from tests.pages.travel import make

PEOPLE = ("pas_1", "pas_2")


def seat(designator: str, minor: int | None = 1800, *, note: str = "", child: int | None = None) -> Seat:
    """A seat at this price for everybody (`child`: for the second traveller); None: taken."""
    prices = {} if minor is None else {"pas_1": minor, "pas_2": minor if child is None else child}
    services = {who: (f"ase_{designator}_{who}", Money(price, "USD")) for who, price in prices.items()}
    return Seat("seat", designator, disclosures=(note,) if note else (), services=services)


def plane(segment: str = "seg_1", without: tuple[str, ...] = ()) -> SeatMap:
    """Rows 14 and 15, an exit between them; 14B is taken, 15A is dear, 14D is for adults."""
    def row(*cells: Seat) -> list[list[Seat]]:
        kept = [Seat("seat", cell.designator) if cell.designator in without else cell for cell in cells]
        return [kept[:2], kept[2:]]

    rows = [row(seat("14A"), seat("14B", None), seat("14C", child=900), seat("14D", note="Passenger must be an adult")),
            [[Seat("exit_row")], [Seat("exit_row")]],
            row(seat("15A", 5400), seat("15B", 5400), seat("15C", 0), Seat("restricted", "15D")),
            [[Seat("lavatory")], [Seat("galley")]]]
    return SeatMap(segment, "sli_1", ({"cabin": "economy", "deck": 0, "wings": (0, 2), "rows": rows},))


def party(principal: str, *kinds: str, services: tuple[dict[str, Any], ...] = (), **offer: Any) -> Booking:
    """A draft for travellers of these kinds on one flight."""
    people = [{"external_id": f"pas_{at + 1}", "kind": kind, "age": {"child": 8, "infant": 1}.get(kind)}
              for at, kind in enumerate(kinds or ("adult",))]
    booking = make(principal, offer={"passengers": people, "services": list(services), **offer}, wish="draft",
                   status="DRAFT", wished_at=None, accepted_minor=0, contact_email="", contact_phone="")
    booking.passengers.all().delete()
    return booking


def service(name: str, kind: str = "baggage", who: tuple[str, ...] = ("pas_1",), minor: int = 6000, most: int = 2,
            **detail: Any) -> dict[str, Any]:
    """Something sold with the offer, as stored."""
    detail = detail or {"bag_kind": "checked", "weight_kg": 23}
    return {"external_id": name, "kind": kind, "passenger_ids": list(who), "segment_ids": ["seg_1"],
            "max_quantity": most, "price": {"minor": minor, "currency": "USD"}, "detail": detail}


COVER = service("cfa_1", "cancel_for_any_reason", PEOPLE, 9000, 1, terms_url="https://example.org/terms",
                refund={"amount": "450.00", "currency": "USD"},
                copy="Cancel up to 24 hours before the first departure. See https://example.org/terms")
