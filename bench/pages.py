"""What every page costs a middling phone: paint, shifting, slow presses and bytes, beside the budgets of ux.md 1.

Chromium with a quarter of this machine's speed, 150 ms latency and 1.6 Mbit/s walks all pages (tests/gallery) a few
times; the figures are the 75th percentile of each state. Bytes are compressed by gzip and are our own only: Stripe's
script is not counted. INP is the slowest press since the state before.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

LCP_MS, INP_MS, SHIFT, JS_KB, CSS_KB, HTML_KB = 2500.0, 200.0, 0.1, 50.0, 30.0, 100.0
SLOWER, LATENCY_MS, BYTES_A_SECOND = 4, 150, 1_600_000 / 8
WATCH = """
window.vitals = {lcp: 0, cls: 0};
const watch = (type, note, more) => new PerformanceObserver(list => list.getEntries().forEach(note))
  .observe({type, buffered: true, ...more});
watch('largest-contentful-paint', entry => { vitals.lcp = entry.startTime; });
watch('layout-shift', entry => { if (!entry.hadRecentInput) vitals.cls += entry.value; });
watch('event', entry => { if (entry.interactionId) window.pressed(entry.duration); },
  {durationThreshold: 16});
"""


@dataclass
class Page:
    """One state: the readings of each round (ms, ms, a number, kB)."""

    lcp: list[float] = field(default_factory=list)
    cls: list[float] = field(default_factory=list)
    inp: list[float] = field(default_factory=list)
    js: float = 0.0
    css: float = 0.0
    html: float = 0.0

    def over(self) -> list[str]:
        """The budgets this state breaks."""
        from bench.stage import percentile

        found = {"LCP": (percentile(self.lcp, 0.75), LCP_MS), "INP": (percentile(self.inp, 0.75), INP_MS),
                 "CLS": (percentile(self.cls, 0.75), SHIFT), "JS": (self.js, JS_KB), "CSS": (self.css, CSS_KB),
                 "HTML": (self.html, HTML_KB)}
        return [name for name, (value, most) in found.items() if value > most]


class Scales:
    """Weighs what a page loads from us: compressed kB of its HTML, styles and scripts."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.known: dict[str, float] = {}

    def weigh(self, tab: Any) -> tuple[float, float, float]:
        """HTML, CSS and JS of the page that is open."""
        styles = tab.evaluate("[...document.querySelectorAll('link[rel=stylesheet]')].map(one => one.href)")
        scripts = tab.evaluate("[...document.scripts].map(one => one.src).filter(Boolean)")
        return _packed(tab.content().encode()), self._sum(styles), self._sum(scripts)

    def _sum(self, urls: list[str]) -> float:
        return sum(self._of(url) for url in urls if url.startswith(self.stack.url))

    def _of(self, url: str) -> float:
        if url not in self.known:
            self.known[url] = _packed(self.stack.http.get(url).content)
        return self.known[url]


def _packed(content: bytes) -> float:
    return len(gzip.compress(content, 6)) / 1000


def measure(rounds: int, only: list[str] | None = None) -> dict[str, Page]:
    """Every state by name. Starts a site and a browser of its own."""
    from playwright.sync_api import sync_playwright

    from bench import stage
    from tests.gallery.walk import ROAD, WALKS

    found: dict[str, Page] = defaultdict(Page)
    with stage.stage("pages", workers=2, threads=8, every=1.0, environ={"TRUSTED_PROXIES": "0"}) as stack, \
            sync_playwright() as playwright:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for name in only or [walk.__name__ for walk in ROAD]:
            for _ in range(rounds):
                _walk(stack, browser, WALKS[name], found)
        browser.close()
    return dict(found)


def _walk(stack: Any, browser: Any, walk: Any, found: dict[str, Page]) -> None:
    """One customer on one slow phone."""
    from tests.journeys.visitor import Visitor

    stack.rows("DELETE FROM bookings_attempt")
    stack.sandbox.http.delete("/_faults")
    context = browser.new_context(locale="en-US", viewport={"width": 390, "height": 844}, device_scale_factor=2)
    tab = context.new_page()
    presses: list[float] = []
    tab.expose_function("pressed", lambda took: presses.append(took))  # Playwright marks it; a builtin takes no mark
    tab.add_init_script(WATCH)
    chrome = context.new_cdp_session(tab)
    chrome.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    chrome.send("Network.enable")
    chrome.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": LATENCY_MS, "downloadThroughput": BYTES_A_SECOND,
        "uploadThroughput": BYTES_A_SECOND})
    scales = Scales(stack)
    for state in walk(Visitor(stack, tab)):
        tab.wait_for_timeout(300)
        vitals, page = tab.evaluate("window.vitals"), found[state]
        page.lcp.append(vitals["lcp"])
        page.cls.append(vitals["cls"])
        page.inp.append(max(presses, default=0.0))
        presses.clear()
        page.html, page.css, page.js = scales.weigh(tab)
    context.close()


def run(table: Any, results: dict[str, Any], quick: bool) -> None:
    """Measure and print one line per state."""
    from bench.stage import percentile

    results["pages"] = measure(1 if quick else 5)
    table.line(f"  pages on a middling phone, 75th percentile; budgets: LCP {LCP_MS:.0f} ms, INP {INP_MS:.0f} ms, CLS "
               f"{SHIFT}, JS {JS_KB:.0f} kB, CSS {CSS_KB:.0f} kB, HTML {HTML_KB:.0f} kB")
    for name, page in results["pages"].items():
        table.line(f"    {name:<22} LCP {percentile(page.lcp, 0.75):6.0f}  INP {percentile(page.inp, 0.75):5.0f}  CLS "
                   f"{percentile(page.cls, 0.75):5.3f}  JS {page.js:5.1f}  CSS {page.css:5.1f}  HTML {page.html:5.1f}"
                   + (f"  OVER: {', '.join(page.over())}" if page.over() else ""))

