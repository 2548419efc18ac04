"""Charts and words: round axes, names that fit, gaps where nothing is known, numbers as a reader expects them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from bookings.console.dashboard.charts import LETTER, NARROW, WIDE, Chart, Line, ticks
from bookings.console.dashboard.words import moneys, percent, shown
from bookings.figures import buckets


@pytest.mark.parametrize(("top", "marks"), [
    (0, [0, 1]), (1, [0, .2, .4, .6, .8, 1]), (7, [0, 2, 4, 6, 8]), (10, [0, 2, 4, 6, 8, 10]), (46, [0, 10, 20, 30, 40, 50]),
    (102_883_500, [0, 5e7, 1e8, 1.5e8]), (0.037, [0, .01, .02, .03, .04])])
def test_axes_have_round_numbers(top: float, marks: list[float]) -> None:
    assert ticks(top) == pytest.approx(marks)


def chart(steps: list[str], values: list[float | None], **more: object) -> Chart:
    return Chart("c", "A <title>", steps, [Line("a", values)], lambda v: f"{v:g}", lambda v: f"{v:g}", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [[f"{hour:02}:00" for hour in range(24)], [f"{day} Nov" for day in range(1, 31)],
                                   ["Dec", "Jan", "Feb"] * 4, ["21 Nov"]])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_names_beneath_the_axis_never_touch(steps: list[str], size: tuple[int, int]) -> None:
    drawn = chart(steps, [1.0] * len(steps)).pictures()[size == NARROW]
    tree = ElementTree.fromstring(str(drawn))
    assert tree.get("viewBox") == f"0 0 {size[0]} {size[1]}"
    names = [(float(text.get("x") or 0), text.text or "") for text in tree.iter("text")
             if text.get("text-anchor") == "middle"]
    assert 1 <= len(names) <= len(steps)
    spans = sorted((x - len(name) * LETTER / 2, x + len(name) * LETTER / 2) for x, name in names)
    assert all(before[1] < after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert spans[0][0] >= 0 and spans[-1][1] <= size[0]


def test_what_is_not_known_is_a_gap_and_everything_is_told_in_words() -> None:
    one = chart(["a", "b", "c", "d"], [1.0, None, 3.0, 2.0])
    picture = str(one.pictures()[0])
    path = re.search(r'<path class="kind-1" d="([^"]+)"', picture)
    assert path and [part[0] for part in path[1].split(" ") if part[0].isalpha()] == ["M", "M", "L"]
    assert one.told() == "lowest 1 (a), highest 3 (c)."
    assert "<desc" in picture and "A &lt;title&gt;" in picture
    assert one.table() == [("a", ["1"]), ("b", ["–"]), ("c", ["3"]), ("d", ["2"])]
    assert chart(["a"], [None]).empty
    for word in ("style=", "<script", "onclick"):
        assert word not in picture


@pytest.mark.parametrize(("value", "unit", "words"), [
    (None, "percent", "no data yet"), (100.0, "percent", "100 %"), (99.96, "percent", "over 99.95 %"),
    (0.01, "percent", "under 0.05 %"), (0.0, "percent", "0 %"), (97.44, "percent", "97.4 %"), (480.2, "ms", "480 ms"),
    (1240.0, "ms", "1.24 s"), (35_000, "ms", "35 s"), (491_000, "ms", "8 min 11 s"), (12_000_000, "ms", "3 h 20 min"),
    (266_400_000, "ms", "3 d 2 h"), (1, "seconds", "1 s"), (90, "seconds", "1 min 30 s"), (1_234_567, "count", "1,234,567")])
def test_numbers_as_a_reader_expects_them(value: float | None, unit: str, words: str) -> None:
    assert shown(value, unit) == words


def test_money_is_named_and_grouped() -> None:
    assert moneys({"USD": 10_288_350_010, "JPY": 683_686_045, "duffel:BHD": 1_234_567}) == [
        "USD 102,883,500.10", "JPY 683,686,045", "duffel BHD 1,234.567"]
    assert percent(50) == "50.0 %"


@pytest.mark.parametrize("ms", [0, 1, 2, 99, 100, 1000, 3000, 86_400_000, 31_536_000_000])
def test_a_bucket_tells_its_times_within_five_percent(ms: float) -> None:
    told = buckets.percentile({buckets.bucket(ms): 3}, 0.95)
    assert told == pytest.approx(ms, rel=buckets.ERROR + 1e-9, abs=1)


def test_percentiles_by_nearest_rank() -> None:
    assert buckets.percentile({}, 0.5) is None
    assert buckets.percentile({3: 1, 9: 1}, 0.5) == buckets.middle(3)
    assert buckets.percentile({3: 19, 9: 1}, 0.95) == buckets.middle(3)
    assert buckets.percentile({3: 18, 9: 2}, 0.95) == buckets.middle(9)
