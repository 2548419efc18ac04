"""The catalogue of failure modes: complete, carried by tests, and the page as it is now (issue 6)."""

from __future__ import annotations

from tests.failures import catalogue


def test_every_row_has_a_test_and_every_number_a_row() -> None:
    numbers = [row.number for row in catalogue.rows()]
    assert len(numbers) >= 100
    assert len(set(numbers)) == len(numbers), "a number twice"
    carried = set(catalogue.tests())
    assert not set(numbers) - carried, "rows without a test"
    assert not carried - set(numbers), "tests with a number that no row has"


def test_the_page_is_what_rows_and_tests_say() -> None:
    assert catalogue.PAGE.read_text(encoding="utf-8") == catalogue.page(), (
        "run `python -m tests.failures.catalogue`")
