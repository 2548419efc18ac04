"""What really runs in the browser of somebody who pays: the scripts on the written list, and no other (PCI DSS 6.4.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Request, expect

from fly2any import scripts
from fly2any.scripts import STRIPE
from tests.journeys.visitor import Visitor


def test_every_page_of_the_checkout_runs_the_scripts_of_its_list_and_no_other(
        arrive: Callable[..., Visitor], settings: object) -> None:
    visitor = arrive()
    settings.STRIPE_JS_URL = f"{visitor.stack.sandbox.url}/stripe-js/v3/"  # type: ignore[attr-defined]
    ran: dict[str, set[str]] = defaultdict(set)
    framed: set[str] = set()

    def asked(request: Request) -> None:
        if request.resource_type != "script":
            return
        if request.frame != visitor.page.main_frame:
            framed.add(f"{urlsplit(request.url).scheme}://{urlsplit(request.url).netloc}")
            return
        page = request.frame.url if request.frame.url.startswith("http") else visitor.stack.url
        page = request.headers.get("referer", page)
        ran[urlsplit(page).path].add(scripts.name_of(request.url, page))

    visitor.page.on("request", asked)
    visitor.page.goto(visitor.stack.url)
    visitor.look_for("JFK", "LHR")
    visitor.choose(holdable=True)
    visitor.fill_in("Ada")
    visitor.card_is_ready()
    visitor.held()
    visitor.page.goto(f"{visitor.stack.url}/trips/{visitor.reference}/pay")
    visitor.card_is_ready()
    expect(visitor.page.locator("[data-pay-button]")).to_be_visible()
    paths = {path: names for path, names in ran.items() if scripts.expected(path)}
    assert set(ran) == set(paths), "a page with scripts is not on the list"
    for path, names in paths.items():
        assert names <= scripts.expected(path), path
    looked_at = {next(pattern for pattern, _ in scripts.PAGES if _fits(pattern, path)) for path in paths}
    assert {r"/", r"/flights", r"/checkout/[^/]+/extras", r"/checkout/[^/]+/passengers", r"/checkout/[^/]+/review",
            r"/trips/[^/]+/pay"} <= looked_at
    for path, names in paths.items():
        if scripts.expected(path) & {STRIPE}:
            assert names == scripts.expected(path), path  # the payment page: exactly, nothing missing either
    assert framed <= {visitor.stack.sandbox.url}  # Stripe's own frames; nobody else's
    visitor.page.context.close()


def _fits(pattern: str, path: str) -> bool:
    import re

    return re.fullmatch(pattern, path) is not None
