"""The must-hit list of ux.md 3, and what a code stands for."""

from __future__ import annotations

import pytest

from suppliers import places


def codes(q: str, limit: int = 10) -> list[str]:
    return [place.code for place in places.suggest(q, limit)]


@pytest.mark.parametrize(("typed", "first"), [
    ("NYC", "NYC"), ("nyc", "NYC"), ("new york", "NYC"), ("LON", "LON"), ("london", "LON"), ("zürich", "ZRH"),
    ("zurich", "ZRH"), ("ZUERICH", "ZRH"), ("paris", "PAR"), ("heathrow", "LHR"), ("wash", "WAS"), ("JFK", "JFK"),
    ("tokyo", "TYO"), ("münchen", "MUC"), ("roma", "ROM"), ("são paulo", "SAO"), ("bombay", "BOM"), ("o'hare", "ORD"),
    ("london heathrow", "LHR"), ("  Paris,  ", "PAR"), ("frankfurt", "FRA"), ("sydney", "SYD"), ("milano", "MIL"),
])
def test_the_first_suggestion_is_what_was_meant(typed: str, first: str) -> None:
    assert codes(typed)[0] == first


def test_cities_come_with_their_airports() -> None:
    assert set(places.suggest("NYC")[0].airports) == {"JFK", "LGA", "EWR"}
    assert codes("london")[:2] == ["LON", "LHR"]
    assert {"JFK", "EWR", "LGA"} <= set(codes("nyc"))


def test_several_matches_are_ranked_by_traffic() -> None:
    assert "DFW" in codes("dallas")[:2]
    assert {"SAN", "SFO"} <= set(codes("san")[:3])
    assert codes("japan")[:3] == ["TYO", "HND", "NRT"]
    assert codes("texas")[0] == "DFW"


def test_an_airfields_code_does_not_hide_a_city() -> None:
    found = codes("new")  # NEW is an airfield near New Orleans
    assert found.index("NYC") < found.index("NEW") < 8


@pytest.mark.parametrize("typed", ["", "   ", "!?", "xyzq", "東京", "a" * 5000, "' OR 1=1 --"])
def test_nonsense_finds_nothing(typed: str) -> None:
    assert places.suggest(typed) == []


def test_the_limit_holds() -> None:
    assert len(places.suggest("a", 3)) == 3
    assert places.suggest("a", 0) == []


def test_codes_stand_for_airports() -> None:
    assert places.expand("nyc") == ("JFK", "EWR", "LGA")
    assert places.expand("JFK") == ("JFK",)
    assert places.expand("QQQ") == places.expand("") == ()
    found = places.airport("zrh")
    assert found is not None
    assert (found.city, found.country, found.time_zone) == ("Zurich", "CH", "Europe/Zurich")
    assert places.airport("NYC") is None
    city = places.city("NYC")
    assert city is not None and city.kind == "city"


def test_every_shipped_code_exists() -> None:
    ranked = places._codes()
    assert len(ranked) == len(set(ranked)) >= 300
    assert [code for code in ranked if places.airport(code) is None] == []
    cities, spellings = places._cities()
    assert [code for place in cities for code in place.airports if places.airport(code) is None] == []
    assert [place.code for place in cities if places.airport(place.code)] == []  # an airport's own code wins
    assert [code for code in spellings if not places.expand(code)] == []
