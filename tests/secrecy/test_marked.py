"""Marked passengers go through the whole site; then everything that its processes wrote is searched for them.

The short form, one whole trip at the journeys' site, is tests/journeys/test_marked.py. What may hold which mark is the list
`stories.COLUMNS`; anything else, anywhere, is a leak.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.customer import Market
from tests.secrecy import stories
from tests.secrecy.marks import CARD, Searcher


@pytest.mark.slow
def test_marked_passengers_stand_only_where_they_must(tmp_path: Path) -> None:
    with stories.breaking_site(tmp_path / "site") as house:
        market = Market(house.stack)
        reference = stories.a_whole_trip(house, market)
        stories.typed_wrong(house, market)
        stories.with_our_team(house, market)
        stories.broken(house, market)
        stories.told_by_webhooks(house)
        stories.staff_look(house, reference)
        searcher = Searcher(stories.PEOPLE, card=[CARD], words=["Zqwordsanna"])
        found = stories.leaks(house, searcher)
        assert house.sentry and len(house.sentry.got) >= 4  # the faults were really reported
    assert found == []
    blind = [name for name, kinds in stories.COLUMNS.items() if not searcher.found[name] & kinds]
    assert blind == []  # else the search sees nothing, or the stories are too short
