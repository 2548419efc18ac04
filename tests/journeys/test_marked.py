"""The short form of tests/secrecy/test_marked.py: the whole trip of one marked passenger, and where she is found then."""

from __future__ import annotations

from tests.customer import Market
from tests.secrecy import stories
from tests.secrecy.marks import CARD, Searcher
from tests.stack import Stack


def test_a_marked_passenger_stands_only_where_she_must(stack: Stack) -> None:
    stack.rows("DELETE FROM bookings_attempt")  # all journeys come from one address
    house = stories.House(stack)
    stories.a_whole_trip(house, Market(stack))
    searcher = Searcher([stories.ANNA], card=[CARD], words=["Zqwordsanna"])
    assert stories.leaks(house, searcher) == []
    assert [name for name, kinds in stories.COLUMNS.items() if not searcher.found[name] & kinds] == []
