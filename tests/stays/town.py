"""Somebody who knows what a test says of a town, its threads worked by hand, and a trip that leads there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bookings.models import Booking
from fly2any.kernel import clock
from fly2any.kernel.errors import Unavailable
from fly2any.kernel.money import Money
from suppliers import surroundings
from suppliers.stays import Activity, HotelOffer

HOTEL = HotelOffer("Hotel O'Hara & Söhne", 0.8, Money(123450, "EUR"), 1)
TOUR = Activity("Walking tour", "On foot.", None, "https://tickets.example/1", "tickets.example")
DOWN = Unavailable("supplier_timeout")


class Known:
    """Somebody who knows what a test says; an error is raised."""

    def __init__(self, hotels: Any = (HOTEL,), activities: Any = (TOUR,)) -> None:
        self.answers, self.asked = {"hotels": hotels, "activities": activities}, []

    def hotels_near(self, *asked: Any) -> Any:
        return self._told("hotels", asked)

    def activities_near(self, *asked: Any) -> Any:
        return self._told("activities", asked)

    def _told(self, kind: str, asked: tuple[Any, ...]) -> Any:
        self.asked.append((kind, *asked))
        if isinstance(self.answers[kind], Exception):
            raise self.answers[kind]
        return self.answers[kind]


class Hand:
    """The threads, worked by hand."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Any, ...]] = []

    def submit(self, work: Any, *given: Any) -> None:
        self.waiting.append(given)

    def work(self) -> None:
        while self.waiting:
            surroundings._answer(*self.waiting.pop(0))
            surroundings._places.release()


def moved(booking: Booking, days: int, nights: int = 5) -> Booking:
    """The booking's flights to London begin so many days from now and lead back after `nights`."""
    day, raw = clock.now().date() + timedelta(days=days), booking.offer.priced
    out = raw["slices"][0]
    out["segments"][0] |= {"departing_local": f"{day}T19:00:00", "arriving_local": f"{day + timedelta(days=1)}T07:05:00"}
    back = day + timedelta(days=1 + nights)
    flight = {**out["segments"][0], "origin": out["destination"], "destination": out["origin"],
              "departing_local": f"{back}T09:00:00", "arriving_local": f"{back}T12:00:00"}
    raw["slices"] = [out, {**out, "origin": out["destination"], "destination": out["origin"], "segments": [flight]}]
    booking.offer.priced = booking.offer.searched = raw
    booking.offer.save()
    return booking
