"""The search form: many flights, an age per child, places by name, and everything that people may type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from suppliers.models import Search
from tests.pages.html import Page, read
from tests.pages.test_search import asked
from tests.pages.test_search import searches as searches  # the fixture

pytestmark = pytest.mark.django_db
ROME, KENNEDY = "Rome, Leonardo Da Vinci (Fiumicino) (FCO)", "New York, John F Kennedy (JFK)"


def day(ahead: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def trip(**changes: str) -> dict[str, str]:
    """Three flights."""
    return {"trip": "multi", "origin": "JFK", "destination": "LHR", "departureDate": day(30), "origin2": "CDG",
            "destination2": "FCO", "departureDate2": day(35), "origin3": "FCO", "destination3": "JFK",
            "departureDate3": day(40), "adults": "1", "children": "0", "infants": "0", "cabin": "economy", **changes}


def wrong_fields(page: Page) -> list[str]:
    return [tag["id"] for tag_name, tag in page.tags if tag_name in ("input", "select")
            and tag.get("aria-invalid") == "true"]


def shown_values(page: Page) -> dict[str, str]:
    """What stands in the boxes and lists of the form."""
    values = {tag["name"]: tag["value"] for tag in page.all("input") if tag.get("type") in ("text", "date")}
    name = ""
    for kind, tag in page.tags:
        name = tag["name"] if kind == "select" else name
        if kind == "option" and "selected" in tag:
            values[name] = tag["value"]
    return values


# --- kinds of trip -------------------------------------------------------------------------------------------------


def test_three_flights_are_one_search_with_an_address_to_share(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", trip(children="2", age1="4", age2="11", infants="1")).headers["Location"]
    assert "trip=multi" in there
    assert "childAges=4%2C11" in there
    legs = [(leg.origin, leg.destination, leg.date.isoformat()) for leg in searches[0].legs]
    assert legs == [("JFK", "LHR", day(30)), ("CDG", "FCO", day(35)), ("FCO", "JFK", day(40))]
    assert (searches[0].adults, searches[0].child_ages, searches[0].infants) == (1, (4, 11), 1)
    assert client.get(there).status_code == 200
    stranger = Client().get(there.split("&s=")[0])
    assert stranger.status_code == 302
    assert searches[1] == searches[0], "who gets the address sees the same search"


def test_one_way_forgets_the_way_back_and_the_other_flights(client: Client, searches: list[Any]) -> None:
    client.get("/flights", trip(trip="oneway", returnDate=day(50)))
    client.get("/flights", trip(trip="return", returnDate=day(50)))
    assert [len(query.legs) for query in searches] == [1, 2]


def test_an_address_without_a_kind_of_trip_means_what_it_says(client: Client, searches: list[Any]) -> None:
    for sent in (trip(), asked(), asked(returnDate="")):
        del sent["trip"]
        client.get("/flights", sent)
    assert [len(query.legs) for query in searches] == [3, 2, 1]


def test_empty_flights_at_the_end_are_not_asked_about(client: Client, searches: list[Any]) -> None:
    client.get("/flights", trip(origin3="", destination3="", departureDate3=""))
    assert [len(query.legs) for query in searches] == [2]


@pytest.mark.parametrize(("changes", "field", "text"), [
    ({"origin2": ""}, "origin2", "Enter the city or airport flight 2 starts from."),
    ({"destination3": ""}, "destination3", "Enter the city or airport flight 3 goes to."),
    ({"departureDate2": ""}, "departureDate2", "Choose the day of flight 2"),
    ({"departureDate3": day(20)}, "departureDate3", "Flight 3 cannot leave before flight 2"),
    ({"departureDate3": "2020-01-01"}, "departureDate3", "This date has passed."),
    ({"departureDate3": "9999-12-31"}, "departureDate3", "up to 330 days ahead"),
    ({"destination2": "CDG"}, "destination2", "differs from the place you start from"),
    ({"origin3": "LON", "destination3": "LGW"}, "destination3", "differs from the place you start from"),
    ({"origin2": "", "destination2": "", "departureDate2": ""}, "origin2", "flight 2 starts from"),
])
def test_a_mistake_is_told_at_its_own_flight(client: Client, searches: list[Any], changes: dict[str, str], field: str,
                                             text: str) -> None:
    page = read(client.get("/flights", trip(**changes)))
    assert text in page.text
    assert wrong_fields(page)[0] == field
    assert [tag["href"] for tag in page.all("a") if tag.get("href") == f"#{field}"]
    assert searches == []


def test_there_and_back_asked_as_two_flights_names_the_second_flight(client: Client, searches: list[Any]) -> None:
    sent = trip(origin2="LHR", destination2="JFK", departureDate2=day(20), origin3="", destination3="",
                departureDate3="")
    assert wrong_fields(read(client.get("/flights", sent))) == ["departureDate2"]


def test_every_mistake_is_told_at_once(client: Client, searches: list[Any]) -> None:
    page = read(client.get("/flights", asked(origin="", departureDate="2020-01-01", infants="3", children="1")))
    assert wrong_fields(page) == ["origin", "departureDate", "infants", "age1"]
    assert searches == []


# --- without JavaScript ----------------------------------------------------------------------------------------------


def test_flights_are_added_and_removed_without_javascript(client: Client) -> None:
    page = read(client.get("/", {"trip": "multi"}))
    assert page.one("input", type="radio", value="multi")["checked"] == ""
    assert hidden_legs(page) == ["3", "4"]
    more = page.one("button", name="flights")
    assert (more["value"], more["formaction"]) == ("3", "/")
    page = read(client.get("/", trip(origin3="", destination3="", departureDate3="", flights="3")))
    assert hidden_legs(page) == ["4"]
    assert shown_values(page)["origin3"] == ROME, "it starts where the last one ended"
    page = read(client.get("/", trip(remove="2")))
    values = shown_values(page)
    assert (values["origin"], values["origin2"], values["departureDate2"], values["origin3"]) == (
        KENNEDY, ROME, day(40), "")
    assert hidden_legs(page) == ["3", "4"]
    full = read(client.get("/", trip(flights="4")))
    assert hidden_legs(full) == []
    assert "hidden" in full.one("button", name="flights")


def hidden_legs(page: Page) -> list[str]:
    return [tag["data-leg"] for tag in page.all("fieldset") if "data-leg" in tag and "hidden" in tag]


@pytest.mark.parametrize("odd", [{"flights": "99"}, {"flights": "x"}, {"remove": "7"}, {"remove": "-1"},
                                 {"trip": "banana"}, {"children": "²"}, {"children": "99999999999999999999"}])
def test_odd_addresses_of_the_home_page_show_the_form(client: Client, odd: dict[str, str]) -> None:
    assert client.get("/", {**trip(), **odd}).status_code == 200


# --- which London? -----------------------------------------------------------------------------------------------------


def test_several_names_are_asked_about_on_one_page_and_nothing_is_lost(client: Client, searches: list[Any]) -> None:
    sent = trip(origin="london", destination2="springfield", children="1", age1="7", cabin="business")
    page = read(client.get("/flights", sent))
    assert "Which places did you mean?" in page.text
    assert "From: “london”" in page.text
    assert "Flight 2, to: “springfield”" in page.text
    assert {tag["name"] for tag in page.all("input", type="radio")} == {"origin", "destination2"}
    assert not [tag for tag in page.all("input", type="radio") if "checked" in tag]
    kept = {tag["name"]: tag["value"] for tag in page.all("input", type="hidden")}
    again = client.get("/flights", {**kept, "origin": "LON", "destination2": "SPI", "destination": "PAR"})
    assert again.status_code == 302
    query = searches[0]
    assert [(leg.origin, leg.destination) for leg in query.legs] == [("LON", "PAR"), ("CDG", "SPI"), ("FCO", "JFK")]
    assert (query.child_ages, query.cabin) == ((7,), "business")


def test_a_name_nobody_has_offers_the_nearest(client: Client, searches: list[Any]) -> None:
    page = read(client.get("/flights", asked(origin="lodnon", destination="barcelnoa")))
    assert "called “lodnon”. Did you mean London, all airports (LON)?" in page.text
    assert wrong_fields(page) == ["origin", "destination"]
    link = next(tag["href"] for tag in page.all("a") if "origin=LON" in tag.get("href", ""))
    assert "destination=barcelnoa" in link, "the other box stays as it was"
    assert wrong_fields(read(client.get(link))) == ["destination"]


@pytest.mark.parametrize("typed", ["LHR", "lhr", " London Heathrow (LHR) ", "heathrow", "London, all airports (LHR)"])
def test_a_code_a_suggestion_and_an_unmistakable_name_pass(client: Client, searches: list[Any], typed: str) -> None:
    assert client.get("/flights", asked(destination=typed)).status_code == 302
    assert searches[0].legs[0].destination == "LHR"


# --- whatever is typed ---------------------------------------------------------------------------------------------------

BAD = {
    "empty": "", "too long": "x" * 5000, "wrong alphabet": "Лондон東京", "script": "<script>alert(1)</script>",
    "right to left": "מטוס \u202eevil", "emoji": "✈️🛫", "nul": "a\x00b\x1b[0m", "quote": "\"><img src=x onerror=1>",
    "template": "{{ 7*7 }}{% now %}", "sql": "' OR 1=1 --", "digits": "٣٤", "minus": "-1", "float": "1e309",
}


@pytest.mark.parametrize("kind", BAD)
def test_whatever_stands_in_a_field_is_answered_with_a_sentence_and_kept(client: Client, searches: list[Any],
                                                                         kind: str) -> None:
    fields = ["origin", "destination", "departureDate", "origin3", "departureDate3", "adults", "children", "infants",
              "cabin"]
    response = client.get("/flights", trip(**dict.fromkeys(fields, BAD[kind])))
    assert response.status_code == 200
    page, defaults = read(response), {"adults": "1", "children": "0", "infants": "0", "cabin": "economy"}
    wrong = fields if BAD[kind] else [name for name in fields if name not in defaults]
    assert wrong_fields(page) == [name for name in page_order(page) if name in wrong]
    assert all(any(tag.get("id") == f"{name}-error" for tag in page.all("p")) for name in wrong)
    assert "<script>alert" not in page.source
    assert "<img src=x" not in page.source
    kept = "".join(letter for letter in BAD[kind] if letter.isprintable() or letter == "\u202e")[:80].strip()
    shown = shown_values(page)
    assert {name: shown.get(name, "") for name in wrong} == dict.fromkeys(wrong, kept)
    assert shown["destination2"] == ROME, "the other fields stay"
    assert searches == []


def page_order(page: Page) -> list[str]:
    return [tag["id"] for name, tag in page.tags if name in ("input", "select") and "id" in tag]


@pytest.mark.parametrize(("changes", "field"), [
    ({"adults": "10"}, "adults"), ({"adults": "0"}, "adults"), ({"adults": "5", "infants": "5"}, "adults"),
    ({"adults": "1", "infants": "2"}, "infants"), ({"adults": "1", "children": "9"}, "children"),
    ({"children": "1", "age1": "18"}, "age1"), ({"children": "1", "age1": "1"}, "age1"),
    ({"children": "2", "age1": "5", "age2": "<b>"}, "age2"), ({"children": "1", "childAges": "4,5,,,"}, ""),
    ({"departureDate": "2027-02-30"}, "departureDate"), ({"departureDate": "20270210"}, "departureDate"),
    ({"departureDate": "9999-12-31"}, "departureDate"), ({"departureDate": "0000-00-00"}, "departureDate"),
])
def test_limits_of_travellers_and_days(client: Client, searches: list[Any], changes: dict[str, str],
                                       field: str) -> None:
    response = client.get("/flights", trip(**changes))
    if not field:  # an age too many is the age of nobody
        assert (response.status_code, searches[0].child_ages) == (302, (4,))
        return
    page = read(response)
    assert wrong_fields(page)[0] == field
    assert shown_values(page)[field] == changes[field]
    assert searches == []


def test_a_parameter_sent_twice_counts_once(client: Client, searches: list[Any]) -> None:
    sent = "&".join(f"{name}={value}" for name, value in trip().items())
    assert client.get(f"/flights?origin=LAX&trip=return&{sent}&s=1&s=2").status_code == 302
    assert searches[0].legs[0].origin == "JFK"


def test_the_form_above_the_results_holds_the_search(client: Client, searches: list[Any]) -> None:
    there = client.get("/flights", trip(children="1", age1="9")).headers["Location"]
    values = shown_values(read(client.get(there)))
    assert (values["origin"], values["destination3"], values["departureDate2"], values["children"], values["age1"]) == (
        KENNEDY, KENNEDY, day(35), "1", "9")
    assert Search.objects.count() == 1
