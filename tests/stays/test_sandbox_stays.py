"""Hotels and activities of the sandbox: every question and answer held to the official specifications, oddities there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.amadeus import schema, table
from tests.stays.conftest import Shop

LONDON = {"latitude": "51.5070", "longitude": "-0.1280"}
NEAR, CITY = "/v1/reference-data/locations/hotels/by-geocode", "/v1/reference-data/locations/hotels/by-city"
OFFERS, TODO = "/v3/shopping/hotel-offers", "/v1/shopping/activities"
SPECS = {NEAR: "HotelList_v1", CITY: "HotelList_v1", OFFERS: "HotelSearch_v3", TODO: "ToursandActivities_v1"}


def in_days(number: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=number)).isoformat()


def whole(path: str, body: Any) -> list[str]:
    """What the specification says against every row of an answer (the run-time check looks at the first three)."""
    contract = next(one.contract for one in table.OPERATIONS if one.path == path)
    return [problem for row in body["data"] for problem in contract.answer_problems(200, {**body, "data": [row]})]


@pytest.mark.parametrize(("path", "asked"), [
    (NEAR, {**LONDON, "radius": 10, "radiusUnit": "KM"}),
    (CITY, {"cityCode": "PAR"}),
    (TODO, {**LONDON, "radius": 20}),
    (OFFERS, {"hotelIds": ",".join(f"XXLON{n:03d}" for n in range(14)), "adults": 2, "roomQuantity": 2,
              "checkInDate": in_days(30), "checkOutDate": in_days(35), "bestRateOnly": "true"})])
def test_every_row_fits_the_official_specification(shop: Shop, path: str, asked: dict[str, Any]) -> None:
    status, body = shop.ask(path, **asked)
    assert (status, shop.wrong, whole(path, body)) == (200, [], [])
    assert len(body["data"]) > 5


@pytest.mark.parametrize("path", SPECS)
def test_the_specifications_own_examples_pass_once_their_faults_are_mended(path: str) -> None:
    contract = next(one.contract for one in table.OPERATIONS if one.path == path)
    if SPECS[path] == "HotelList_v1":
        found = contract.spec["responses"]["200"]["content"]["application/vnd.amadeus+json"]["examples"]
        examples = [one["value"] for one in found.values()]
    else:
        shape = contract._asked.follow(contract.spec["responses"]["200"])
        examples = [contract._asked.follow(shape["schema"])["example"]]
    assert examples
    assert [contract.answer_problems(200, one) for one in examples] == [[]] * len(examples)


def test_a_misspelt_key_is_still_noticed() -> None:
    contract = schema.contract("HotelSearch_v3", "GET", "/shopping/hotel-offers")
    hotel = {"hotelId": "XXLON001", "chaincode": "XX"}
    assert contract.answer_problems(200, {"data": [{"hotel": hotel}]}) != []


@pytest.mark.parametrize(("path", "asked", "code"), [
    (NEAR, {"latitude": "51.5"}, 477),
    (NEAR, {"latitude": "0.0", "longitude": "-140.0"}, 895),
    (NEAR, {**LONDON, "radius": 999}, 477),
    (CITY, {"cityCode": "QQQ"}, 895),
    (OFFERS, {"hotelIds": ",".join(f"XXLON{n:03d}" for n in range(21))}, 477),
    (OFFERS, {"hotelIds": "XXLON999"}, 392),
    (OFFERS, {"hotelIds": "XXLON006"}, 38420),
    (OFFERS, {"hotelIds": "XXLON000", "checkInDate": in_days(-5)}, 381),
    (OFFERS, {"hotelIds": "XXLON000", "checkInDate": in_days(400), "checkOutDate": in_days(401)}, 381),
    (OFFERS, {"hotelIds": "XXLON000", "checkInDate": in_days(9), "checkOutDate": in_days(9)}, 404),
    (TODO, {**LONDON, "radius": 40}, 572)])
def test_what_cannot_be_answered_is_refused_in_their_words(shop: Shop, path: str, asked: dict[str, Any],
                                                           code: int) -> None:
    status, body = shop.ask(path, **asked)
    assert (status, body["errors"][0]["code"]) == (400, code)
    assert [row for row in shop.wrong if row["event"] == "schema.answer"] == []


def test_a_price_is_a_rooms_for_the_whole_stay(shop: Shop) -> None:
    def total(**more: Any) -> str:
        return str(shop.ask(OFFERS, hotelIds="XXLON000", checkInDate=in_days(10), **more)[1]["data"][0]["offers"][0][
            "price"]["total"])

    assert (total(), total(checkOutDate=in_days(12)), total(roomQuantity=3)) == ("114.73", "229.46", "114.73")
