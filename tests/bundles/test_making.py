"""Bundles hold only what the supplier sells for this offer, at exactly its prices, with every seat named."""

from __future__ import annotations

from typing import Any

import pytest

from bookings.bundles import flexible, kinds, parts, seating
from suppliers.stored import offer_from_json
from suppliers.types import OfferInfo, Seat
from tests.bundles.sold import bag, cover, plan, row, seat
from tests.trail.rows import offer_json


def info(people: int = 1, services: list[dict[str, Any]] | None = None, kinds: str = "", directions: int = 1,
         included: int = 0) -> OfferInfo:
    raw = offer_json("off_1")
    letters = {"a": "adult", "c": "child", "i": "infant"}
    kinds = kinds or "a" * people
    raw["passengers"] = [{"external_id": f"p{at}", "kind": letters[letter], "age": None}
                         for at, letter in enumerate(kinds)]
    first = raw["slices"][0]
    raw["slices"] = []
    for number in range(1, directions + 1):
        flight = {**first["segments"][0], "external_id": f"seg_{number}", "bags": [
            {"passenger": f"p{at}", "kind": "checked", "quantity": included} for at in range(len(kinds))]}
        raw["slices"].append({**first, "external_id": f"sli_{number}", "segments": [flight]})
    raw["services"] = services or []
    return offer_from_json(raw)


# --- bags -------------------------------------------------------------------------------------------------------


def test_one_bag_per_traveller_and_direction_at_the_exact_price() -> None:
    sold = [bag(f"b{person}{flight}", f"p{person}", [f"seg_{flight}"], 2400 + person)
            for person in (0, 1) for flight in (1, 2)]
    part = parts.bags(info(2, sold, directions=2))
    assert part is not None
    assert (part.minor, part.note) == (2400 * 2 + 2401 * 2, "Up to 23 kg each")
    assert sorted(part.choices) == [("b01", 1), ("b02", 1), ("b11", 1), ("b12", 1)]
    assert part.label == "1 checked bag per traveller, each way"


def test_a_bag_for_the_whole_trip_is_taken_when_it_costs_less() -> None:
    single = [bag("out", "p0", ["seg_1"], 3000), bag("back", "p0", ["seg_2"], 3000)]
    whole = bag("both", "p0", ["seg_1", "seg_2"], 5000)
    cheap, dear = parts.bags(info(1, [*single, whole], directions=2)), parts.bags(
        info(1, [*single, {**whole, "price": {"minor": 6500, "currency": "USD"}}], directions=2))
    assert cheap is not None and dear is not None
    assert (cheap.choices, cheap.minor) == ((("both", 1),), 5000)
    assert (sorted(dear.choices), dear.minor) == ([("back", 1), ("out", 1)], 6000)


@pytest.mark.parametrize("sold", [
    [], [bag("b", "p0", ["seg_1"], 2400)], [bag("b", "p1", ["seg_1", "seg_2"], 2400)],
    [bag("b", "p0", ["seg_1", "seg_2"], 2400, price={"minor": 2400, "currency": "EUR"})],
    [bag("b", "p0", ["seg_1", "seg_2"], 2400, detail={"bag_kind": "carry_on"})],
], ids=["nothing", "one way only", "somebody else", "other currency", "carry-on"])
def test_no_bag_part_when_any_bag_is_missing(sold: list[dict[str, Any]]) -> None:
    assert parts.bags(info(1, sold, directions=2)) is None


def test_an_included_bag_is_not_sold_again() -> None:
    part = parts.bags(info(2, [bag("b", "p0", ["seg_1"], 2400)], included=1))
    assert part is not None
    assert (part.included, part.minor, part.choices) == (True, 0, ())


def test_cover_is_for_everybody_on_all_flights() -> None:
    sold = parts.cover(info(2, [cover(["p0", "p1"], ["seg_1"], 9000)]))
    assert sold is not None
    assert (sold.minor, sold.choices, sold.link) == (9000, (("cfa_1", 1),), "https://example.com/terms")
    assert parts.cover(info(2, [cover(["p0"], ["seg_1"], 9000)])) is None
    assert parts.cover(info(1, [cover(["p0"], ["seg_1"], 9000)], directions=2)) is None


# --- seats ------------------------------------------------------------------------------------------------------


def named(made: OfferInfo, *rows: list[list[Seat]]) -> list[str]:
    part = seating.seats(made, [plan(*rows)])
    return [] if part is None else [service.split("_")[1] for service, _ in part.choices]


def people(number: int) -> list[str]:
    return [f"p{at}" for at in range(number)]


def test_seats_are_together_and_then_cheap() -> None:
    two = people(2)
    assert named(info(2), row(1, two, "2x2/x22"), row(2, two, "1x1/1x1"), row(3, two, "11x/xxx")) == ["3A", "3B"]
    assert named(info(2), row(1, two, "2x2/x22"), row(2, two, "1x1/1x1")) == ["1E", "1F"], "together before cheap"
    assert named(info(2), row(1, two, "33x/xxx"), row(2, two, "00x/xxx")) == ["2A", "2B"], "free of charge first"


def test_four_on_three_seats_sit_behind_each_other() -> None:
    four = people(4)
    assert named(info(4), row(1, four, "111/x1x"), row(2, four, "x11/111")) == ["1B", "1C", "2B", "2C"] or named(
        info(4), row(1, four, "111/x1x"), row(2, four, "x11/111")) == ["1A", "1B", "2B", "2C"]
    assert named(info(4), row(7, four, "xx/1111/xx")) == ["7C", "7D", "7E", "7F"]


def test_nine_get_nine_different_seats() -> None:
    nine = people(9)
    found = named(info(9), *[row(number, nine, "111/111") for number in range(1, 6)])
    assert len(set(found)) == 9
    assert found[:3] == ["1A", "1B", "1C"]


def test_when_no_block_is_left_that_is_said() -> None:
    two = people(2)
    part = seating.seats(info(2), [plan(row(1, two, "1xx/xx2"), row(9, two, "xxx/1xx"))])
    assert part is not None
    assert "1A" in part.note and "9D" in part.note
    assert "Not all next to each other" in part.note
    assert part.minor == 2000


def test_every_seat_and_its_flight_is_named_with_the_exact_sum() -> None:
    part = seating.seats(info(1, directions=2), [plan(row(1, ["p0"], "3"), segment="seg_1"),
                                                 plan(row(4, ["p0"], "2"), segment="seg_2")])
    assert part is not None
    assert part.note == "JFK–LHR: 1A\nJFK–LHR: 4A"
    assert part.minor == 5000


def test_never_a_seat_at_an_exit_or_with_conditions() -> None:
    one = people(1)
    marker = [[Seat("exit_row")]]
    by_name = [[seat("2A", one, 0, name="Exit row seat")]]
    by_note = [[seat("3A", one, 0, disclosures=("Must be able to help the crew",))]]
    dear = row(9, one, "9")
    assert named(info(1), row(1, one, "0"), marker, row(2, one, "0"), row(3, one, "5"), dear) == ["3A"]
    assert named(info(1), by_name, dear) == ["9A"]
    assert named(info(1), by_note, dear) == ["9A"]
    assert named(info(1), by_name) == []


def test_no_seat_part_without_a_map_for_every_flight_or_enough_seats() -> None:
    assert seating.seats(info(1, directions=2), [plan(row(1, ["p0"], "1"))]) is None
    assert named(info(2), row(1, people(2), "1xx")) == []
    assert named(info(2), row(1, ["p0"], "11")) == [], "seats that one of them may not have"


def test_a_baby_on_the_lap_needs_no_seat() -> None:
    assert named(info(kinds="aai"), row(1, people(2), "11")) == ["1A", "1B"]


# --- what they are ----------------------------------------------------------------------------------------------


def test_what_was_bought_is_told_by_what_was_offered() -> None:
    offered = [("light", ()), ("bag_seat", ("seat",)), ("complete", ("seat", "flex"))]
    assert kinds.kind_bought(set(), offered) == "light"
    assert kinds.kind_bought({"seat"}, offered) == "bag_seat", "the bag is included"
    assert kinds.kind_bought({"bag"}, offered) == ""
    assert kinds.kind_bought({"flex", "seat"}, offered) == "complete"


def test_flexible_means_changes_and_refund() -> None:
    raw = offer_json("off_1")
    allowed: dict[str, Any] = {"allowed": True, "fee": None}
    assert not flexible.is_flexible(raw)
    assert flexible.is_flexible({**raw, "change": allowed, "refund": allowed})
    assert not flexible.is_flexible({**raw, "change": {"allowed": None}, "refund": allowed})


