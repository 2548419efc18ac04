"""Seats of a flight: who may sit where, at which price, and what happens to a seat that is gone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from bookings import drafts
from bookings.models import Booking, Passenger
from bookings.selectors import cabin
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem
from suppliers.types import Seat
from tests.pages.html import Page, read
from tests.pages.planes import party, plane

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def planes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    cache.clear()
    maps = [plane()]
    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", lambda offer: maps)
    monkeypatch.setattr("bookings.drafts.booking.priced", lambda offer, now: offer)
    return maps


def at(booking: Booking, **query: str) -> str:
    more = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/checkout/{booking.public_id}/seats/1" + (f"?{more}" if more else "")


def names(page: Page) -> dict[str, str]:
    """Accessible names of what stands in the plane, by seat."""
    found = [tag["aria-label"] for name, tag in page.tags if name in ("button", "span") and "aria-label" in tag]
    return {name.split(",")[0]: name for name in found}


def take(guest: Client, booking: Booking, seat: str, traveller: int = 1, **more: str) -> Any:
    return guest.post(at(booking), {"traveller": str(traveller), "seat": seat, **more})


def kept(booking: Booking) -> list[tuple[int | None, str, int]]:
    return [(item.passenger_position, item.detail, item.unit_minor) for item in booking.selections.order_by("pk")]


def test_the_plane_names_every_seat(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "child")
    page = read(guest.get(at(booking)))
    assert names(page) == {
        "14A": "14A, window, USD 18.00, available", "14B": "14B, aisle, taken", "14C": "14C, aisle, USD 18.00, available",
        "14D": "14D, window, USD 18.00, available", "15A": "15A, window, exit row, USD 54.00, available",
        "15B": "15B, aisle, exit row, USD 54.00, available", "15C": "15C, aisle, exit row, no extra charge, available",
        "15D": "15D, not for sale"}
    assert not [tag for tag in page.all("button") if "aria-pressed" in tag], "nothing is chosen for anybody"
    assert "Skip – the airline assigns" in page.text
    child = names(read(guest.get(at(booking, traveller="2"))))
    assert child["14C"] == "14C, aisle, USD 9.00, available"
    assert child["15A"].endswith("not available: Exit rows are for adults only.")
    assert child["14D"].endswith("not available: The airline gives this seat to adults only.")


def test_a_seat_is_taken_changed_and_given_back(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "adult")
    assert take(guest, booking, "14C").headers["Location"] == at(booking, traveller="1")
    assert kept(booking) == [(0, "14C", 1800)]
    page = read(guest.get(at(booking)))
    assert names(page)["14C"] == "14C, aisle, USD 18.00, your seat"
    assert "617.99" in page.text
    assert names(read(guest.get(at(booking, traveller="2"))))["14C"] == "14C, aisle, chosen for traveller 1"
    take(guest, booking, "14A")
    take(guest, booking, "14C", 2)
    assert sorted(kept(booking)) == [(0, "14A", 1800), (1, "14C", 900)]
    take(guest, booking, "none")
    assert kept(booking) == [(1, "14C", 900)]
    guest.post(at(booking).replace("seats/1", "extras"), {"then": "stay"})
    assert kept(booking) == [(1, "14C", 900)], "the other form does not touch seats"


def test_the_list_is_the_same_without_a_plane(guest: Client, principal: str) -> None:
    booking = party(principal)
    page = read(guest.get(at(booking, view="list")))
    assert [tag["value"] for tag in page.all("input", type="radio")] == ["none", "14A", "14C", "14D", "15A", "15B", "15C"]
    assert not [tag for tag in page.all("input", type="radio") if "checked" in tag]
    assert take(guest, booking, "14A", view="list").headers["Location"] == at(booking, traveller="1", view="list")
    page = read(guest.get(at(booking, view="list")))
    assert [tag["value"] for tag in page.all("input", type="radio") if "checked" in tag] == ["14A"]
    assert guest.post(at(booking), {"traveller": "1", "view": "list"}).status_code == 422


def test_an_exit_row_is_agreed_to_before_it_is_taken(guest: Client, principal: str) -> None:
    booking = party(principal)
    asked = take(guest, booking, "15A")
    assert asked.headers["Location"] == at(booking, traveller="1", ask="15A")
    page = read(guest.get(asked.headers["Location"]))
    assert cabin.EXIT_TEXT in page.text
    assert "checked" not in page.one("input", id="agreed")
    refused = take(guest, booking, "15A", ask="15A")
    assert (refused.status_code, kept(booking)) == (422, [])
    assert "Tick the box to take this seat" in read(refused).text
    take(guest, booking, "15A", ask="15A", agreed="yes")
    assert kept(booking) == [(0, "15A", 5400)]
    assert booking.selections.get().agreed_at is not None
    booking, said = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    assert (said, booking.selections.get().agreed_at is not None) == ([], True)


@pytest.mark.parametrize(("kinds", "traveller", "seat", "status"), [
    (("adult", "child"), 2, "15A", 422), (("adult", "child"), 2, "14D", 422), (("adult", "infant"), 1, "15A", 422),
    (("adult", "adult"), 1, "14B", 409), (("adult", "adult"), 1, "99Z", 409), (("adult", "adult"), 1, "", 422),
    (("adult", "adult"), 1, "<script>", 409), (("adult", "adult"), 1, "15D", 409)])
def test_seats_that_cannot_be_had(guest: Client, principal: str, kinds: tuple[str, ...], traveller: int, seat: str,
                                  status: int) -> None:
    booking = party(principal, *kinds)
    response = take(guest, booking, seat, traveller, agreed="yes")
    assert response.status_code == status
    assert kept(booking) == []
    assert "<script>" not in response.content.decode().replace("<script src", "").lower()


def test_a_baby_has_no_seat_and_nobody_is_number_nine(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "infant")
    for number in (2, 9, 0):
        take(guest, booking, "14A", number)
    assert [who for who, _, _ in kept(booking)] == [0], "unknown travellers are the first one"
    with pytest.raises(Problem) as told:
        drafts.customize(booking=booking, choices=[{"key": "seat.1.0.14C", "quantity": 1}], now=clock.now())
    assert told.value.field_errors == {"services.0.serviceId": "A baby on the lap has no seat of its own."}


def test_two_travellers_never_share_a_seat(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "adult")
    take(guest, booking, "14C")
    response = take(guest, booking, "14C", 2)
    assert response.status_code == 422
    assert "Seat 14C is taken by traveller 1." in read(response).text
    assert kept(booking) == [(0, "14C", 1800)]
    both = [{"key": f"seat.{who}.0.14A", "quantity": 1} for who in (0, 1)]
    with pytest.raises(Problem) as told:
        drafts.customize(booking=booking, choices=both, now=clock.now())
    assert told.value.field_errors == {"services.1.serviceId": "Two travellers cannot have the same seat."}


def test_an_adult_who_takes_the_baby_loses_the_exit_row(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "adult")
    take(guest, booking, "15A", agreed="yes")
    Passenger.objects.create(booking=booking, position=0, external_id="pas_1", kind="adult", infant_position=1)
    booking, said = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    assert said == ["Seat 15A for traveller 1 on AA 6143 was taken out. Exit rows are not for an adult with a baby on "
                    "the lap."]
    assert kept(booking) == []


def test_a_seat_that_is_gone_is_named(guest: Client, principal: str, planes: list[Any],
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    booking = party(principal, "adult", "adult")
    take(guest, booking, "14C")
    take(guest, booking, "14A", 2)
    planes[:] = [plane(without=("14C",))]
    monkeypatch.setattr("bookings.drafts.booking.priced", _later)
    booking, said = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    assert said == ["Seat 14C for traveller 1 on AA 6143 is no longer sold and was taken out."]
    assert kept(booking) == [(1, "14A", 1800)]


def test_seats_are_kept_while_nobody_can_look(guest: Client, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = party(principal)
    take(guest, booking, "14C")

    def away(offer: Any) -> None:
        raise Problem("supplier_down", "away", status=503)

    monkeypatch.setattr("bookings.drafts.offers._fetch_seats", away)
    monkeypatch.setattr("bookings.drafts.booking.priced", _later)
    booking, said = drafts.refresh(booking=Booking.objects.get(), now=clock.now())
    assert said == ["We could not look at the seats just now. The seats you chose are kept and checked again before you "
                    "pay."]
    assert kept(booking) == [(0, "14C", 1800)]


def _later(offer: Any, now: Any) -> Any:
    offer.priced_at = now + timedelta(seconds=1)
    return offer


def test_strangers_and_odd_addresses(guest: Client, principal: str) -> None:
    booking = party("guest:somebody-else")
    assert guest.get(at(booking)).status_code == 404
    mine = party(principal)
    assert guest.get(at(mine).replace("seats/1", "seats/2")).status_code == 404
    assert guest.get(at(mine, traveller="x", ask="99Z", view="odd")).status_code == 200


def test_the_api_says_and_asks_the_same(guest: Client, principal: str) -> None:
    booking = party(principal, "adult", "child")
    cells = [cell for row in guest.get(f"/api/flights/offers/{booking.offer_id}/seat-maps").json()["seatMaps"][0][
        "cabins"][0]["rows"] for section in row for cell in section]
    found = {cell["designator"]: cell for cell in cells if cell["designator"]}
    assert [found["15A"][key] for key in ("position", "exitRow", "adultsOnly")] == ["window", True, True]
    assert found["15A"]["disclosures"] == [cabin.EXIT_TEXT]
    assert found["14D"]["disclosures"] == ["Passenger must be an adult"]
    assert [item["price"]["text"] for item in found["14C"]["services"]] == ["USD 18.00", "USD 9.00"]

    def put(service: str, **more: Any) -> Any:
        body = json.dumps({"services": [{"serviceId": service, "quantity": 1, **more}]})
        return guest.put(f"/api/checkout/{booking.public_id}/customize", body, content_type="application/json")

    asked = put("ase_15A_pas_1")
    assert (asked.status_code, list(asked.json()["fieldErrors"])) == (422, ["services.0.agreed"])
    assert put("ase_15A_pas_2", agreed=True).status_code == 422
    assert put("ase_other_offer").status_code == 409
    assert put("ase_15A_pas_1", agreed=True).json()["draft"]["price"]["total"]["text"] == "USD 653.99"


# --- the cabin, without any page ----------------------------------------------------------------------------------


def test_exit_rows_lie_behind_the_exits() -> None:
    seats, doors = [[Seat("seat", "1A")]], [[Seat("exit_row")]]
    assert cabin.exit_rows([seats, doors, seats, seats]) == {2}
    assert cabin.exit_rows([doors, [[Seat("lavatory")]], seats]) == {2}
    assert cabin.exit_rows([seats, [[Seat("seat", "2A"), Seat("exit_row")]]]) == {1}
    assert cabin.at_exit(Seat("seat", "1A", disclosures=("Emergency exit seat",)), 0, frozenset())


def test_narrow_rows_stand_under_their_letters() -> None:
    full = [[Seat("seat", f"1{letter}") for letter in part] for part in ("ABC", "DEF")]
    narrow = [[Seat("seat", "2A"), Seat("seat", "2C")], [Seat("lavatory")]]
    letters = cabin.columns([full, narrow])
    assert letters == [["A", "B", "C"], ["D", "E", "F"]]
    assert [(cell.designator or cell.kind, span) for part in cabin.placed(narrow, letters) for cell, span in part] == [
        ("2A", 1), ("empty", 1), ("2C", 1), ("lavatory", 3)]
    assert [cabin.position(narrow, 0, cell) for cell in narrow[0]] == ["window", "aisle"]


@pytest.mark.parametrize(("kinds", "laps", "barred"), [
    (("adult", "adult"), (), []), (("adult", "child"), (), [1]), (("adult", "adult", "infant"), (), [0, 1, 2]),
    (("adult", "adult", "infant"), (1,), [1, 2])])
def test_who_may_not_sit_at_an_exit(kinds: tuple[str, ...], laps: tuple[int, ...], barred: list[int]) -> None:
    people = [Passenger(position=at, infant_position=2 if at in laps else None) for at in range(len(kinds))]
    assert sorted(cabin.bars(kinds, people)) == barred
