"""Results through the API: every filter of the page has its parameter, and the answers agree with the schema."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client

from bookings import access
from bookings.api import requests
from bookings.selectors.filters import RULES
from tests.doors.test_listing import picture, stored

pytestmark = pytest.mark.django_db


@pytest.fixture
def me() -> Client:
    client = Client()
    client.cookies[settings.GUEST_COOKIE_NAME] = signing.dumps({"id": "caller"}, salt=access._SALT)
    return client


def asked(me: Client, search: Any, **more: Any) -> Any:
    search.principal = access._guest_principal("caller")
    search.save(update_fields=["principal"])
    return me.get(f"/api/flights/search/{search.pk}", more)


def test_every_filter_of_the_page_has_a_parameter() -> None:
    named = {name for table in (requests.CODE_FILTERS, requests.NUMBER_FILTERS, requests.FLAG_FILTERS)
             for name, _ in table}
    assert named == set(RULES)
    assert {field for table in (requests.CODE_FILTERS, requests.NUMBER_FILTERS, requests.FLAG_FILTERS)
            for _, field in table} <= set(requests.ResultsSerializer().fields)


@pytest.mark.parametrize(("more", "numbers"), [
    ({}, ["1", "2", "3", "3"]), ({"oneFarePerTrip": "true"}, ["1", "2", "3"]), ({"maxStops": 0}, ["1", "3", "3"]),
    ({"withoutAirlines": "BA"}, ["2", "3", "3"]), ({"viaAirports": "KEF,DUB"}, ["2"]), ({"leave1From": 12}, ["3", "3"]),
    ({"checkedBag": "true"}, ["3"]), ({"maxHours": 10, "leave1Until": 12}, ["1"]), ({"airlines": "BA,IB"}, ["1"])])
def test_filters_add_up(me: Client, more: dict[str, Any], numbers: list[str]) -> None:
    search = stored([picture(1, airline="BA", total=30000), picture(2, via="KEF", total=40000, minutes=900),
                     picture(3, leaves="14:00", total=50000),
                     picture(3, leaves="14:00", total=60000, brand="Flex", bags=1)])
    told = asked(me, search, sort="cheapest", **more).json()
    assert [offer["slices"][0]["segments"][0]["flightNumber"] for offer in told["offers"]] == numbers
    assert told["matching"] == len(numbers)


def test_a_bag_and_co2_are_told_with_the_offer(me: Client) -> None:
    search = stored([picture(number, total=30000 + number, bags=number % 2, emissions_kg=str(100 * number + 300))
                     for number in range(3)])
    told = asked(me, search, sort="cheapest", pricesWithBag="true").json()
    assert told["typicalEmissionsKg"] == 400
    assert [(offer["shownTotal"]["minor"], offer["withBag"], offer["bagUnknown"]) for offer in told["offers"]] == [
        (30001, True, False), (30000, False, True), (30002, False, True)]
    assert told["offers"][1]["emissions"] == {"kg": 300, "percent": -25, "text": "25 % less than typical here"}
    assert set(told) == {"success", "searchId", "complete", "suppliers", "found", "matching", "tabs", "airlines",
                         "typicalEmissionsKg", "offers"}


@pytest.mark.parametrize("more", [{"leave1From": 25}, {"airlines": "british"}, {"viaAirports": "kef"}, {"maxHours": 0}])
def test_nonsense_is_refused_with_its_field(me: Client, more: dict[str, Any]) -> None:
    answer = asked(me, stored([picture(1)]), **more)
    assert answer.status_code == 400
    assert set(answer.json()["fieldErrors"]) == set(more)
