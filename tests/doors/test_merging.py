"""The same flights, fare and bags from two suppliers: one card, the cheaper first, both kept; counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bookings import selectors
from bookings.selectors import filters, lines, merging, sorting
from bookings.selectors.lines import Line
from bookings.selectors.results import Filters
from fly2any.kernel import clock
from suppliers.models import Offer, Search
from tests.doors.test_listing import ME, picture

BY = "2026-11-27T23:59:00+00:00"


def sold(supplier: str, number: int = 1, *, total: int = 50000, **more: Any) -> Line:
    raw = picture(number, total=total, **more)
    return replace(lines.line_of(f"{supplier}-{number}-{total}", total, "USD", lines.brief(raw)), supplier=supplier)


@pytest.mark.parametrize(("one", "other"), [
    ("Economy Light", "LIGHT"), ("ECONOMYLIGHT", "Eco Light"), ("Basic Economy", "BASIC"), ("Main Cabin", "MAIN"),
    ("Business Flex", "FLEX"), ("Premium Economy Flex", "flex fare"), ("Light Fare", "light"), ("", "")])
def test_a_fares_name_is_the_same_however_a_supplier_writes_it(one: str, other: str) -> None:
    assert merging.fare_key(one) == merging.fare_key(other)


@pytest.mark.parametrize(("one", "other"), [
    ("Economy Classic", "Economy Standard"), ("Light", "Light Plus"), ("Premium Flex", "Flex"), ("", "Economy"),
    ("Economy", "Eco"), ("Basic", "Main")])
def test_names_that_may_mean_something_else_stay_apart(one: str, other: str) -> None:
    assert merging.fare_key(one) != merging.fare_key(other)


CHEAP = sold("a", total=40000, brand="Economy Light")


@pytest.mark.parametrize(("other", "expected"), [
    (sold("b", brand="LIGHT"), True),
    (sold("a", brand="LIGHT"), False),  # one supplier's own two offers differ in something
    (sold("b", brand="FLEX"), False),
    (sold("b", brand=""), False),  # an unknown name is no name that fits
    (sold("b", brand="LIGHT", bags=1), False),
    (replace(sold("b", brand="LIGHT"), currency="EUR"), False),
    (replace(sold("b", brand="LIGHT"), carry_on=0), False),
    (replace(sold("b", brand="LIGHT"), carry_on=0, hand_told=False), True),  # it says nothing of carry-on bags
], ids=range(8))
def test_only_the_same_cabin_fare_and_bags_are_the_same(other: Line, expected: bool) -> None:
    assert merging.same(CHEAP, other) is merging.same(other, CHEAP) is expected


def test_cabin_of_every_flight_counts() -> None:
    raw = picture(1, via="DUB", brand="FLEX")
    better = picture(1, via="DUB", brand="FLEX")
    better["slices"][0]["segments"][1]["cabin"] = "business"
    assert merging.product_of(raw) != merging.product_of(better)


def test_flights_are_the_same_whoever_sells_them() -> None:
    raw, other = picture(1, via="DUB"), picture(1, via="DUB", owner_code="IB")
    other["slices"][0]["comparison_key"] = "BmlZDw=="
    for flight in other["slices"][0]["segments"]:
        flight["flight_number"] = "0" + flight["flight_number"]
    assert merging.flights_of(raw) == merging.flights_of(other)
    other["slices"][0]["segments"][1]["departing_local"] = "2026-12-20T19:15:00"
    assert merging.flights_of(raw) != merging.flights_of(other)


def test_each_offer_is_kept_with_one_cheaper_and_no_dearer_one() -> None:
    shelf = [sold("a", total=300), sold("a", total=305), sold("b", total=310), sold("b", total=320),
             sold("b", 2, total=310)]
    assert merging.pairs(shelf) == {"b-1-310": "a-1-300", "b-1-320": "a-1-305"}


def test_of_two_equal_ones_the_ticket_at_once_comes_first() -> None:
    slow, quick = replace(sold("a"), manual=True, id="1"), replace(sold("b"), id="2")
    for sort in sorting.SORTS:
        assert sorting.ranked([slow, quick], sort) == [quick, slow]


def test_how_the_ticket_comes_is_no_choice_where_all_are_alike() -> None:
    shelf = [sold("a"), sold("b", 2)]
    assert filters.choices("ticketing", shelf, None) == []
    mixed = [*shelf, replace(sold("c", 3), manual=True)]
    assert filters.choices("ticketing", mixed, None) == ["instant", "manual"]
    assert filters.choices("ticketing", shelf, "manual") == ["instant", "manual"], "what is chosen can be taken back"


# --- with rows --------------------------------------------------------------------------------------------------------


def stored(*offers: tuple[str, dict[str, Any]]) -> Search:
    """A search with these offers (supplier, picture)."""
    names = {name for name, _ in offers}
    search = Search.objects.create(principal=ME, query={}, complete=True, outcome={
        name: {"state": "done", "offers": 1, "code": ""} for name in names})
    for at, (name, raw) in enumerate(offers):
        raw |= {"supplier": name, "external_id": f"{name}_{at}"}
        Offer.objects.create(
            search=search, principal=ME, supplier=name, external_id=raw["external_id"], request_id="", searched=raw,
            total_minor=raw["total"]["minor"], currency="USD", brief=lines.brief(raw),
            expires_at=clock.now() + timedelta(minutes=20), document="MARKED")
    return search


def mixed() -> Search:
    """Flight 1 from both in one fare, and in another from one; flight 2 and 3 from one each."""
    team = {"manual": True, "ticket_by": BY, "instant_only": False}
    return stored(("duffel", picture(1, total=50000, brand="Economy Light")),
                  ("duffel", picture(1, total=70000, brand="Economy Flex")), ("duffel", picture(2, total=60000)),
                  ("amadeus", picture(1, total=45000, brand="LIGHT", **team)),
                  ("amadeus", picture(3, total=90000, **team)))


@pytest.mark.django_db
def test_one_card_the_cheaper_first_both_kept_and_counted_once() -> None:
    view = selectors.results_view(mixed(), Filters(one_per_journey=True), now=clock.now())
    assert (view["found"], view["matching"], view["airlines"][0]["count"]) == (3, 3, 3)
    card = view["offers"][0]
    assert (card["total"]["minor"], card["ticketing"], card["ticketBy"], card["fares"]) == (45000, "manual", BY, 2)
    assert [(item["total"]["minor"], item["ticketing"], item["ticketBy"]) for item in card["also"]] == [
        (50000, "instant", None)]
    assert card["also"][0]["id"] == str(Offer.objects.get(total_minor=50000).pk), "and that one can be booked"
    assert not card["canHold"], "what our team tickets waits without payment anyway"
    assert [one["also"] for one in view["offers"][1:]] == [[], []]
    assert view["facets"]["stops"] == {0: 3, 1: 3, 2: 3}
    assert view["facets"]["ticketing"] == {"instant": 2, "manual": 2}
    assert not {"duffel", "amadeus", "MARKED"} & set(str(view["offers"]).replace("'", " ").split())


@pytest.mark.django_db
def test_each_fare_for_itself_is_merged_too() -> None:
    search = mixed()
    view = selectors.results_view(search, Filters(sort="cheapest"), now=clock.now())
    assert [(one["total"]["minor"], len(one["also"])) for one in view["offers"]] == [
        (45000, 1), (60000, 0), (70000, 0), (90000, 0)]
    assert (view["found"], view["matching"]) == (4, 4)
    instant = selectors.results_view(search, Filters(wanted={"ticketing": "instant"}, sort="cheapest"), now=clock.now())
    assert [(one["total"]["minor"], one["also"]) for one in instant["offers"]] == [(50000, []), (60000, []), (70000, [])]
