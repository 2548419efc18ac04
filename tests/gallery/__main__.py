"""`python -m tests.gallery [--only checkout …] [--out DIR] [--dark] [--sheets] [--telling]`: a picture of every page in every state.

Each state is drawn at 1280 and at 390 px, whole page, as PNG; `--sheets` sets the two side by side in one small JPEG,
as docs/screens keeps them.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import django

from tests import conftest
from tests.gallery.telling import TELLING, write_index

DESK, PHONE = 1280, 390
TALLEST = 2600  # px of a page on a sheet
SHEET = """<body style="margin:0;padding:24px;display:flex;gap:24px;align-items:flex-start;background:#b9c2c2">
<img src="%s" style="width:%dpx"><img src="%s" style="width:%dpx"></body>"""


def main() -> None:
    """Start a site, walk it, keep the pictures."""
    django.setup()
    from tests.gallery.walk import WALKS

    parser = argparse.ArgumentParser(prog="python -m tests.gallery", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=sorted(WALKS), default=list(WALKS))
    parser.add_argument("--out", type=Path, default=Path(".local/gallery"))
    parser.add_argument("--dark", action="store_true", help="draw each state in dark, too")
    parser.add_argument("--sheets", nargs="?", const="jpeg", choices=("jpeg", "png"), help="both widths side by side")
    parser.add_argument("--telling", action="store_true", help="sheets of the states that docs/screens shows, and its index")
    asked = parser.parse_args()
    asked.sheets = "jpeg" if asked.telling else asked.sheets
    asked.out.mkdir(parents=True, exist_ok=True)
    conftest.pytest_configure(None)  # type: ignore[arg-type]
    folder = Path(tempfile.mkdtemp(prefix="gallery"))
    try:
        _walk_all(asked, folder)
        if asked.telling:
            write_index(asked.out)
    finally:
        conftest.pytest_unconfigure(None)  # type: ignore[arg-type]
        shutil.rmtree(folder, ignore_errors=True)


def _walk_all(asked: argparse.Namespace, folder: Path) -> None:
    from playwright.sync_api import Error, sync_playwright

    from tests import chromium
    from tests.gallery.walk import WALKS
    from tests.journeys.visitor import Visitor
    from tests.stack import Stack

    with Stack(folder, every=1.0, environ={"TRUSTED_PROXIES": "0"}) as stack, sync_playwright() as playwright:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        for name in asked.only:
            stack.rows("DELETE FROM bookings_attempt")
            context = browser.new_context(locale="en-US", viewport={"width": DESK, "height": 900})
            visitor = Visitor(stack, context.new_page())
            try:
                for state in WALKS[name](visitor):
                    if asked.telling and state not in TELLING:
                        continue
                    for scheme in ("light", "dark") if asked.dark else ("light",):
                        visitor.page.emulate_media(color_scheme=scheme)
                        mark = f"{state}-dark" if scheme == "dark" else state
                        _draw(visitor.page, context, asked.out / mark, sheet=asked.sheets)
                    visitor.page.emulate_media(color_scheme="light")
                    print(state, flush=True)
            except (AssertionError, Error) as broken:  # the other walks are still worth seeing
                print(f"  BROKEN {name}: {broken}", flush=True)
            print("".join(f"  TROUBLE {line}\n" for line in visitor.trouble), end="")
            context.close()
        browser.close()


def _draw(page: Any, context: Any, path: Path, *, sheet: str | None) -> None:
    """Both widths of what the page shows now; the window is made as tall as the page, so that frames are drawn too."""
    page.wait_for_load_state("load")
    pictures = []
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": max(900, min(tall, TALLEST))})
        page.wait_for_timeout(200)
        own = None if sheet else path.with_name(f"{path.name}-{width}.png")
        pictures.append(page.screenshot(path=own, animations="disabled"))
    page.set_viewport_size({"width": DESK, "height": 900})
    if sheet:
        urls = ["data:image/png;base64," + base64.b64encode(picture).decode() for picture in pictures]
        table = context.new_page()
        small = sheet == "jpeg"
        wide, narrow = (560, 205) if small else (820, 300)
        table.set_viewport_size({"width": wide + narrow + 72, "height": 800})
        table.set_content(SHEET % (urls[0], wide, urls[1], narrow), wait_until="load")
        quality = {"type": "jpeg", "quality": 55} if small else {}
        table.screenshot(path=path.with_name(f"{path.name}.{'jpg' if quality else 'png'}"), full_page=True, **quality)
        table.close()


if __name__ == "__main__":
    main()
