"""The list of results: order without favour, filters and their counts, fares of one trip, bags, CO2; few queries."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings import selectors
from bookings.selectors import filters, lines, sorting
from bookings.selectors.lines import Line
from bookings.selectors.results import Filters
from fly2any.kernel import clock
from suppliers.models import Offer, Search
from tests.trail.rows import offer_json, place

ME = "guest:me"
HUBS = {"KEF": "Reykjavik", "DUB": "Dublin", "AMS": "Amsterdam"}


def picture(number: int, *, total: int = 50000, airline: str = "AA", via: str = "", minutes: int = 400,
            leaves: str = "09:30", brand: str = "Basic", bags: int = 0, **more: Any) -> dict[str, Any]:
    """A one-way offer from JFK to LHR; `number` names its flights."""
    raw = offer_json(f"off_{number}_{brand}_{total}", total_minor=total)
    raw |= {"owner_code": airline, "owner_name": f"Airline {airline}", "services": None, **more}
    flight = raw["slices"][0]["segments"][0] | {
        "carrier_code": airline, "carrier_name": f"Airline {airline}", "flight_number": str(number),
        "operating_name": f"Airline {airline}", "departing_local": f"2026-12-20T{leaves}:00"}
    flight["bags"] = [{"passenger": "pas_1", "kind": "checked", "quantity": bags},
                      {"passenger": "pas_1", "kind": "carry_on", "quantity": 1}]
    flights = [flight]
    if via:
        hub = place(via, HUBS[via], "Europe/London")
        flights = [flight | {"destination": hub, "arriving_local": "2026-12-20T18:00:00"},
                   flight | {"origin": hub, "departing_local": "2026-12-20T19:10:00", "external_id": "seg_2"}]
    raw["slices"][0] |= {"segments": flights, "duration_minutes": minutes, "brand": brand}
    return raw


def line(number: int, **more: Any) -> Line:
    raw = picture(number, **more)
    return lines.line_of(f"id-{number}-{raw['slices'][0]['brand']}", raw["total"]["minor"], "USD", lines.brief(raw))


def stored(pictures: list[dict[str, Any]], **more: Any) -> Search:
    search = Search.objects.create(principal=ME, query={}, **{"complete": True, **more}, outcome={
        "duffel": {"state": "done", "offers": len(pictures), "code": ""}})
    for raw in pictures:
        Offer.objects.create(
            search=search, principal=ME, supplier="duffel", external_id=raw["external_id"], request_id="orq",
            total_minor=raw["total"]["minor"], currency=raw["total"]["currency"], searched=raw,
            brief=lines.brief(raw), expires_at=clock.now() + timedelta(minutes=20))
    return search


def view(search: Search, wanted: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return selectors.results_view(search, Filters(wanted=wanted or {}, **{"one_per_journey": True, **more}),
                                  now=clock.now())


def totals(seen: dict[str, Any]) -> list[int]:
    return [item["shownTotal"]["minor"] for item in seen["offers"]]


# --- the order --------------------------------------------------------------------------------------------------------

MIXED = [line(1, total=40000, minutes=900, via="KEF"), line(2, total=60000, minutes=420), line(3, total=45000),
         line(4, total=45000, minutes=500, airline="BA"), line(5, total=90000, minutes=380, airline="ZZ")]


def test_each_tab_sorts_by_what_it_says() -> None:
    numbers = {sort: [int(one.id.split("-")[1]) for one in sorting.ranked(MIXED, sort)] for sort in sorting.SORTS}
    assert numbers["cheapest"] == [1, 3, 4, 2, 5]
    assert numbers["fastest"] == [5, 3, 2, 4, 1]
    scores = {int(one.id.split("-")[1]): round(sorting.score(one, 40000, 380), 4) for one in MIXED}
    assert scores == {1: 1.5105, 2: 1.3316, 3: 1.0908, 4: 1.1697, 5: 1.75}
    assert numbers["best"] == [3, 4, 2, 1, 5]


@pytest.mark.parametrize("sort", sorting.SORTS)
def test_no_permutation_of_the_airlines_changes_any_order(sort: str) -> None:
    before = [one.id for one in sorting.ranked(MIXED, sort)]
    names = [(one.airline, one.airline_name, one.flown_by) for one in MIXED]
    for order in itertools.permutations(names):
        renamed = [Line(**{**one.__dict__, "airline": code, "airline_name": name, "flown_by": flown})
                   for one, (code, name, flown) in zip(MIXED, order, strict=True)]
        assert [one.id for one in sorting.ranked(renamed, sort)] == before


@pytest.mark.django_db
@pytest.mark.parametrize("sort", sorting.SORTS)
def test_our_fee_steers_nothing(settings: Any, sort: str) -> None:
    search = stored([picture(1, total=40000, minutes=700), picture(2, total=47000, minutes=600), picture(3)])
    settings.SERVICE_FEE_MINOR = 0
    free = [item["trip"] for item in view(search, sort=sort)["offers"]]
    settings.SERVICE_FEE_MINOR = 5_000_000
    seen = view(search, sort=sort)
    assert [item["trip"] for item in seen["offers"]] == free
    assert min(totals(seen)) == 5_040_000, "and it is in every price"


def test_what_is_equal_leaves_in_the_order_of_departure() -> None:
    twins = [line(1, leaves="14:00"), line(2, leaves="08:00"), line(3, leaves="11:00")]
    for sort in sorting.SORTS:
        assert [one.departs[11:13] for one in sorting.ranked(twins, sort)] == ["08", "11", "14"]


def test_a_price_in_another_currency_is_not_compared() -> None:
    odd = Line(**{**line(9).__dict__, "price": 1, "currency": "BHD"})
    assert sorting.ranked([odd, *MIXED], "cheapest")[-1] is odd
    assert [one.id for one in sorting.ranked([odd, *MIXED], "best")][:-1] == [
        one.id for one in sorting.ranked(MIXED, "best")]


# --- filters and counts -----------------------------------------------------------------------------------------------


def shelf() -> list[Line]:
    """Sixty offers that differ in everything that can be filtered."""
    dice = random.Random(7)
    found = []
    for number in range(30):
        facts = {"airline": dice.choice(["AA", "BA", "IB"]), "via": dice.choice(["", "", *HUBS]),
                 "minutes": dice.randrange(380, 1200), "leaves": f"{dice.randrange(24):02d}:15"}
        for brand, bags in (("Basic", 0), ("Flex", dice.randrange(2))):
            allowed = {"allowed": brand == "Flex" and dice.random() < 0.7, "fee": None}
            found.append(line(number, brand=brand, bags=bags, refund=allowed, total=dice.randrange(30000, 90000),
                              change={"allowed": dice.random() < 0.5, "fee": None}, **facts))
    return found


CHOSEN: list[dict[str, Any]] = [
    {}, {"stops": 0}, {"airline": frozenset({"AA", "IB"})}, {"without": frozenset({"BA"})}, {"bag": True},
    {"leave1From": 6, "leave1Until": 12}, {"hours": 12, "refundable": True},
    {"via": frozenset({"KEF", "DUB"}), "changeable": True, "carryOn": True},
    {"airline": frozenset({"BA"}), "without": frozenset({"AA"}), "stops": 1, "arrive1Until": 20, "bag": True},
    {"stops": 0, "airline": frozenset({"AA"}), "bag": True, "refundable": True, "hours": 7, "leave1From": 9},
]


@pytest.mark.parametrize("wanted", CHOSEN, ids=str)
def test_the_number_beside_a_choice_is_what_it_would_show(wanted: dict[str, Any]) -> None:
    all_lines = shelf()
    chosen = filters.clean(wanted, all_lines)
    sieve = filters.sift(all_lines, chosen)
    checked = 0
    for name in filters.RULES:
        for choice, count in filters.counts(name, chosen, all_lines, sieve).items():
            instead = chosen | {name: filters.alone(name, choice, all_lines)}
            would = {one.journey for one in all_lines if not filters.failures(one, instead)}
            assert count == len(would), (name, choice)
            checked += 1
    assert checked > 40


@pytest.mark.parametrize(("wanted", "passes"), [
    ({"stops": 0}, lambda one: one.stops == 0), ({"airline": frozenset({"BA"})}, lambda one: one.airline == "BA"),
    ({"without": frozenset({"BA"})}, lambda one: one.airline != "BA"), ({"bag": True}, lambda one: one.checked > 0),
    ({"hours": 10}, lambda one: one.longest <= 600), ({"leave1From": 8}, lambda one: one.leaves[0] >= 8),
    ({"leave1Until": 8}, lambda one: one.leaves[0] < 8), ({"changeable": True}, lambda one: one.changeable),
    ({"refundable": True}, lambda one: one.refundable), ({"via": frozenset({"KEF"})}, lambda one: "KEF" in one.via)])
def test_each_filter_keeps_what_it_names(wanted: dict[str, Any], passes: Callable[[Line], bool]) -> None:
    all_lines = shelf()
    kept = filters.sift(all_lines, filters.clean(wanted, all_lines)).passing
    assert {one.id for one in kept} == {one.id for one in all_lines if passes(one)}
    assert 0 < len(kept) < len(all_lines)


def test_an_airline_left_out_neither_sells_nor_flies() -> None:
    raw = picture(1, airline="AA")
    raw["slices"][0]["segments"][0]["operating_name"] = "Airline BA"
    flown_by_ba = lines.line_of("x", 1, "USD", lines.brief(raw))
    shown = [flown_by_ba, line(2, airline="BA"), line(3, airline="IB")]
    wanted = filters.clean({"without": frozenset({"BA"})}, shown)
    assert [one.airline for one in filters.sift(shown, wanted).passing] == ["IB"]


@pytest.mark.django_db
def test_filters_that_leave_nothing_say_which_one_to_drop() -> None:
    search = stored([picture(1, via="KEF"), picture(2, via="DUB"), picture(3, airline="BA")])
    seen = view(search, {"stops": 0, "airline": frozenset({"AA"})})
    assert (seen["matching"], seen["rescue"]) == (0, {"stops": 2, "airline": 1})


# --- trips, bags, CO2 -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_fares_of_the_same_flights_are_one_card_with_the_cheapest_that_passes() -> None:
    search = stored([picture(1, total=30000), picture(1, total=45000, brand="Flex", bags=1), picture(2, total=40000)])
    seen = view(search, sort="cheapest")
    assert [(item["shownTotal"]["minor"], item["fares"], item["brand"]) for item in seen["offers"]] == [
        (30000, 2, "Basic"), (40000, 1, "Basic")]
    assert (seen["found"], seen["matching"]) == (2, 2)
    with_bag = view(search, {"bag": True})
    assert [(item["shownTotal"]["minor"], item["fares"], item["brand"]) for item in with_bag["offers"]] == [
        (45000, 1, "Flex")]
    assert len(view(search, one_per_journey=False)["offers"]) == 3


def bag(passenger: str, flights: list[str], minor: int, kind: str = "checked") -> dict[str, Any]:
    return {"external_id": f"ase_{minor}", "kind": "baggage", "passenger_ids": [passenger], "segment_ids": flights,
            "max_quantity": 1, "price": {"minor": minor, "currency": "USD"}, "detail": {"bag_kind": kind}}


@pytest.mark.parametrize(("services", "price"), [
    (None, None), ([], None), ([bag("pas_1", ["seg_1"], 5000)], 5000),
    ([bag("pas_1", ["seg_1"], 5000), bag("pas_1", ["seg_1"], 4000), bag("pas_1", ["seg_1"], 10, "carry_on")], 4000),
    ([bag("pas_2", ["seg_1"], 5000)], None), ([bag("pas_1", ["seg_9"], 5000)], None),
    ([bag("pas_1", ["seg_1"], 5000) | {"price": {"minor": 1, "currency": "GBP"}}], None)])
def test_a_bags_price_is_the_suppliers_or_not_known(services: Any, price: int | None) -> None:
    assert lines.bag_price(picture(1, services=services)) == price


def test_a_bag_for_everybody_in_both_directions() -> None:
    raw = picture(1, services=[
        bag("pas_1", ["seg_1", "seg_b"], 9000), bag("pas_1", ["seg_1"], 4000), bag("pas_1", ["seg_b"], 4500),
        bag("pas_2", ["seg_1"], 4000), bag("pas_2", ["seg_1", "seg_b"], 7000)])
    raw["passengers"] = [{"external_id": name, "kind": kind, "age": None}
                         for name, kind in (("pas_1", "adult"), ("pas_2", "child"), ("pas_3", "infant"))]
    back = [{**raw["slices"][0]["segments"][0], "external_id": "seg_b"}]
    raw["slices"] = [raw["slices"][0], {**raw["slices"][0], "segments": back}]
    assert lines.bag_price(raw) == 8500 + 7000


@pytest.mark.django_db
def test_prices_with_a_bag_put_unknown_ones_last_and_invent_none() -> None:
    search = stored([picture(1, total=30000), picture(2, total=50000, bags=1),
                     picture(3, total=41000, services=[bag("pas_1", ["seg_1"], 6000)])])
    seen = view(search, sort="cheapest", with_bag=True)
    assert [(item["shownTotal"]["minor"], item["withBag"], item["bagUnknown"]) for item in seen["offers"]] == [
        (47000, True, False), (50000, True, False), (30000, False, True)]
    assert seen["tabs"]["cheapest"]["total"]["minor"] == 47000
    assert [item["bagPrice"] and item["bagPrice"]["minor"] for item in seen["offers"]] == [6000, 0, None]


@pytest.mark.django_db
def test_an_offer_priced_since_tells_its_bag() -> None:
    search = stored([picture(1, total=30000)])
    offer = Offer.objects.get()
    offer.priced, offer.priced_at = {**offer.searched, "services": [bag("pas_1", ["seg_1"], 2500)]}, clock.now()
    offer.save()
    assert totals(view(search, with_bag=True)) == [32500]


@pytest.mark.django_db
def test_co2_is_told_for_each_traveller_beside_the_median() -> None:
    pictures = [picture(number, emissions_kg=str(kilograms)) for number, kilograms in enumerate((400, 500, 520, 900))]
    for raw in pictures:
        raw["passengers"] = [{"external_id": f"pas_{seat}", "kind": "adult", "age": None} for seat in (1, 2)]
    seen = view(stored(pictures), sort="cheapest")
    assert seen["typicalEmissionsKg"] == 255
    assert sorted((item["emissions"]["kg"], item["emissions"]["text"]) for item in seen["offers"]) == [
        (200, "22 % less than typical here"), (250, "about typical here"), (260, "about typical here"),
        (450, "76 % more than typical here")]
    assert view(stored([picture(9, emissions_kg="")]))["offers"][0]["emissions"] is None


# --- cost, age --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("with_briefs", [True, False])
def test_more_offers_take_no_more_queries(with_briefs: bool) -> None:
    taken = []
    for number in (2, 60):
        search = stored([picture(at) | {"external_id": f"off_{number}_{at}"} for at in range(number)])
        if not with_briefs:
            Offer.objects.update(brief=None)
        with CaptureQueriesContext(connection) as queries:
            assert len(view(search)["offers"]) == min(number, 50)
        taken.append(len(queries))
    assert taken == ([3, 3] if with_briefs else [4, 4]), "the clock's included"


@pytest.mark.django_db
def test_a_brief_of_another_version_is_read_from_the_picture() -> None:
    search = stored([picture(1)])
    Offer.objects.update(brief={"v": 0})
    assert totals(view(search)) == [50000]


@pytest.mark.django_db
def test_lapsed_offers_are_not_shown_and_a_dead_search_is_over() -> None:
    search = stored([picture(1, total=20000), picture(2, total=30000)])
    Offer.objects.filter(total_minor=20000).update(expires_at=clock.now())
    seen = view(search)
    assert (totals(seen), seen["lapsed"]) == ([30000], 1)
    Search.objects.update(complete=False)
    search.refresh_from_db()
    assert selectors.results_view(search, now=clock.now())["complete"] is False
    assert selectors.results_view(search, now=clock.now() + timedelta(minutes=2))["complete"] is True
