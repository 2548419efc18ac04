"""axe finds nothing serious on any page in any state, wide in light and narrow in dark; no console complains."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.gallery.walk import WALKS
from tests.journeys.visitor import Visitor

USUAL = {"front", "checkout", "declined", "on_the_way", "console"}
# the page itself answers 400, 403, 404 or 410, which is what the walk looks at
REFUSED = re.compile(r"the server responded with a status of 4\d\d .*/(no/such/page|trips/|account/|checkout/)")
LOOKS: list[tuple[int, Any]] = [(1280, "light"), (390, "dark")]


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical: rule, element, why."""
    found = Axe().run(page, options={"iframes": False, "preload": False}).response["violations"]  # the frames are the bank's; what axe loads itself is not ours
    return [f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
            for one in found if one["impact"] in ("serious", "critical") for node in one["nodes"]]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def marked(name: str) -> Any:
    """The walk; a seldom one is walked with the slow tests."""
    return pytest.param(name, marks=[] if name in USUAL else [pytest.mark.slow])


@pytest.mark.parametrize("name", [marked(name) for name in WALKS])
def test_every_state_can_be_used_by_everybody(visitor: Visitor, name: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():  # some walks write their states into the running site's database
        wrong = looked_at(visitor, name)
    complaints = [line for line in visitor.trouble if not REFUSED.search(line)]
    assert (wrong, complaints) == ([], [])


def looked_at(visitor: Visitor, name: str) -> list[str]:
    """What is wrong with the states of a walk."""
    wrong: list[str] = []
    for state in WALKS[name](visitor):
        visitor.page.wait_for_load_state("load")
        heard = len(visitor.trouble)
        for width, scheme in LOOKS:
            visitor.page.set_viewport_size({"width": width, "height": 900})
            visitor.page.emulate_media(color_scheme=scheme)
            wrong += [f"{state} {width} {scheme}: {line}" for line in serious(visitor.page)]
            if sideways(visitor.page) > 0:
                wrong.append(f"{state} {width}: {sideways(visitor.page)} px too wide")
        # axe measures with styles of its own, which the policy refuses; what the page itself did was heard before
        visitor.trouble[heard:] = [line for line in visitor.trouble[heard:] if "style" not in line and "preload" not in line]
        visitor.page.set_viewport_size({"width": 1280, "height": 900})
        visitor.page.emulate_media(color_scheme="light")
    return wrong
