"""Pages at 320 px and with text at 200 %, with forced colours and less motion, and walked through by the Tab key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from suppliers import registry
from tests.pages.everything import Airline, visitors

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("results", "multi", "which", "search-errors", "draft extras", "draft seats/1", "family passengers", "papers passengers",
         "ready review", "confirmed", "held", "card/pay", "ticket/progress", "consent/price", "quoted/cancel",
         "moved/flights", "confirmed/share")
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
  .filter((e) => e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && !e.closest('[aria-hidden=true]'))
  .map((e) => [e, e.closest('label') ?? e])
  .filter(([e, box]) => !(e.matches('a') && getComputedStyle(e).display === 'inline'))  // links in a sentence are free
  .map(([e, box]) => [e, box.getBoundingClientRect()])
  .filter(([e, r]) => r.width > 1 && r.height > 1 && (r.width < 23.5 || r.height < 23.5))
  .map(([e, r]) => `${e.outerHTML.slice(0, 90)} is ${Math.round(r.width)} x ${Math.round(r.height)}`)"""
FOCUSED = """() => {
  const e = document.activeElement;
  if (e === document.body || e.tagName === 'IFRAME') return null;
  const box = (e.closest('label') ?? e).getBoundingClientRect();
  const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1);
  const ys = [box.top + 2, box.top + box.height / 2, box.bottom - 2];
  const seen = ys.some((y) => {
    const top = document.elementFromPoint(x, y);
    return top && (e.contains(top) || top.contains(e) || top.closest('label') === e.closest('label') && e.closest('label'));
  });
  const drawn = (one) => getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) >= 2;
  const ring = drawn(e) || e.matches('input') && ['label', '.choice', '.fare'].some((box) => e.closest(box) && drawn(e.closest(box)));
  return {what: e.outerHTML.slice(0, 100), seen, ring, id: [...document.querySelectorAll('*')].indexOf(e)};
}"""
PRICED = """() => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode, of = node.parentElement;
    for (const [text] of node.data.matchAll(/USD [\\d,]+(?:\\.\\d\\d)?/g)) {
      if (of.checkVisibility()) found.push([parseFloat(getComputedStyle(of).fontSize), text]);
    }
  }
  for (const e of document.querySelectorAll('main .price')) {
    const text = e.textContent.trim().replace(/^USD\\s*/, 'USD ');
    if (e.checkVisibility() && text.startsWith('USD ')) found.push([parseFloat(getComputedStyle(e).fontSize), text]);
  }
  return found;
}"""
TOTALS = {"USD 599.99", "USD 650.00", "USD 300.00", "USD 340.00", "USD 380.00", "USD 659.99"}
REFUNDS = ("quoted/cancel", "moved/flights")  # here the largest amount is what one gets back
MOVING = """() => document.getAnimations().filter((a) => a.effect.getComputedTiming().duration > 10)
  .map((a) => a.effect.target.outerHTML.slice(0, 80))"""
FORCED = """() => [...document.querySelectorAll('button, .button, input:not([type=hidden]), select, .card, .seat')]
  .filter((e) => e.checkVisibility() && getComputedStyle(e).forcedColorAdjust === 'none').map((e) => e.outerHTML.slice(0, 80))"""


@pytest.fixture
def tour(browser: Browser, live_server: LiveServer, guest: Client, principal: str) -> Iterator[dict[str, Any]]:
    """A browser with the guest's cookie and the addresses of their pages."""
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        seeds = visitors(guest, principal)["guest"].seeds
        context = browser.new_context(base_url=live_server.url, viewport={"width": 320, "height": 640},
                                      reduced_motion="reduce")
        context.add_cookies([{"name": "guest", "value": guest.cookies["guest"].value, "url": live_server.url}])
        yield {"page": context.new_page(), "seeds": {name: seeds[name] for name in PAGES}}
        context.close()


def tabbed(page: Page) -> list[str]:
    """Walk the page by Tab; what is focused and cannot be seen, or has no ring."""
    wrong, known = [], set()
    for _ in range(70):
        page.keyboard.press("Tab")
        now = page.evaluate(FOCUSED)
        if now is None or now["id"] in known:
            break
        known.add(now["id"])
        if not now["seen"]:
            wrong.append(f"hidden when focused: {now['what']}")
        if not now["ring"]:
            wrong.append(f"no ring: {now['what']}")
    return wrong


def test_pages_can_be_used_small_large_and_by_key(tour: dict[str, Any]) -> None:
    page, wrong = tour["page"], []
    for name, address in tour["seeds"].items():
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(address, wait_until="load")
        said = [f"320 px: {page.evaluate(WIDE)} px too wide"] if page.evaluate(WIDE) > 0 else []
        prices = [] if name in REFUNDS else page.evaluate(PRICED)
        largest = max((size for size, _ in prices), default=0)
        said += [f"{text} is as large as a total" for size, text in prices if size == largest and text not in TOTALS]
        said += page.evaluate(SMALL) + [f"moves: {what}" for what in page.evaluate(MOVING)] + tabbed(page)
        page.emulate_media(forced_colors="active")
        said += [f"keeps its own colours: {what}" for what in page.evaluate(FORCED)]
        page.emulate_media(forced_colors="none")
        page.set_viewport_size({"width": 640, "height": 640})  # a window of 1280 px at 200 %
        said += [f"640 px: {page.evaluate(WIDE)} px too wide"] if page.evaluate(WIDE) > 0 else []
        page.set_viewport_size({"width": 1280, "height": 900})  # text alone at 200 %
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        said += [f"200 %: {page.evaluate(WIDE)} px too wide"] if page.evaluate(WIDE) > 0 else []
        wrong += [f"{name}: {what}" for what in said]
    assert not wrong, "\n".join(wrong)
