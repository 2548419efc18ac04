"""What really runs in the browser of somebody who pays: the scripts on the written list, and no other (PCI DSS 6.4.3)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from fly2any import scripts
from tests.journeys.visitor import Visitor

ON_THE_WAY = (r"/", r"/flights", r"/checkout/[^/]+/extras", r"/checkout/[^/]+/passengers", r"/checkout/[^/]+/review",
              r"/trips/[^/]+", r"/trips/[^/]+/pay")


class Engine:
    """Asks Chromium's JavaScript engine which scripts it takes in, from an address or inside a page, frame by frame.

    `ran`: path of a page -> names on the list (or addresses) of what ran in it; `framed`: where scripts of frames came from.
    Playwright's own scripts have no address, and nobody else's can: the policy allows no eval.
    """

    def __init__(self, page: Page) -> None:
        self.ran: dict[str, set[str]] = defaultdict(set)
        self.framed: set[str] = set()
        self._page = ""
        self._frame = ""
        engine = page.context.new_cdp_session(page)
        engine.on("Page.frameNavigated", self._navigated)
        engine.on("Debugger.scriptParsed", self._parsed)
        engine.send("Page.enable")
        engine.send("Debugger.enable")

    def _navigated(self, event: dict[str, Any]) -> None:
        if "parentId" not in event["frame"]:
            self._page, self._frame = event["frame"]["url"], event["frame"]["id"]

    def _parsed(self, event: dict[str, Any]) -> None:
        address = event["embedderName"]
        if not address:
            return
        if event["executionContextAuxData"]["frameId"] == self._frame:
            self.ran[urlsplit(self._page).path].add(scripts.name_of(address, self._page))
        else:
            self.framed.add(f"{urlsplit(address).scheme}://{urlsplit(address).netloc}")


def test_every_page_of_the_checkout_runs_the_scripts_of_its_list_and_no_other(
        arrive: Callable[..., Visitor], settings: Any) -> None:
    visitor = arrive()
    settings.STRIPE_JS_URL = f"{visitor.stack.sandbox.url}/stripe-js/v3/"
    engine = Engine(visitor.page)
    visitor.page.goto(visitor.stack.url)
    visitor.look_for("JFK", "LHR")
    visitor.choose(holdable=True)
    visitor.fill_in("Ada")
    visitor.card_is_ready()
    visitor.held()
    visitor.page.goto(f"{visitor.stack.url}/trips/{visitor.reference}/pay")
    visitor.card_is_ready()
    expect(visitor.page.locator("[data-pay-button]")).to_be_visible()
    assert {path: names - scripts.expected(path) for path, names in engine.ran.items() if names - scripts.expected(path)} == {}
    seen = {pattern: names for path, names in engine.ran.items() for pattern, _ in scripts.PAGES if re.fullmatch(pattern, path)}
    assert set(ON_THE_WAY) <= set(seen)
    for pattern in (r"/checkout/[^/]+/review", r"/trips/[^/]+/pay"):
        assert seen[pattern] == dict(scripts.PAGES)[pattern]  # where cards are typed nothing is missing either
    assert engine.framed == {visitor.stack.sandbox.url}  # Stripe's own frames; nobody else's
