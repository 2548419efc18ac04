"""`manage.py check_scripts [PATH …]`: whether the running site serves the scripts of fly2any/scripts.py, no other."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from fly2any import scripts

SECONDS = 20
MOST_BYTES = 2_000_000
ALWAYS = ("/", "/flights")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is asked for is what is looked at."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Never follow."""


class Command(BaseCommand):
    """Asks our own site at SITE_URL, through whatever stands in front of it. For cron: ends with 1 on a difference."""

    help = "Compare the scripts that the site at SITE_URL serves with the written list, and ours with this release."

    def add_arguments(self, parser: CommandParser) -> None:
        """Paths, and who asks: pages of a booking open for their owner only."""
        parser.add_argument("paths", nargs="*", help="such as /trips/FLY2A-7KQ2MX/pay; / and /flights come first")
        parser.add_argument("--cookie", default="", help="the Cookie header of somebody who may see these pages")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at each page and at each script of ours on them. Raises CommandError with every difference."""
        told: list[str] = []
        ours: dict[str, str] = {}
        pages = 0
        for path in (*ALWAYS, *options["paths"]):
            page = urljoin(settings.SITE_URL, path)
            if urlsplit(page)[:2] != urlsplit(settings.SITE_URL)[:2]:
                raise CommandError(f"{path} is not a path of {settings.SITE_URL}")
            html, policy = self._fetch(page, options["cookie"])
            told += scripts.wrong_with(page, html.decode("utf-8", "replace"), policy)
            ours |= scripts.addresses_of(page, html.decode("utf-8", "replace"))
            pages += 1
        for name, address in sorted(ours.items()):
            served = hashlib.sha256(self._fetch(address, "")[0]).hexdigest()
            if served != scripts.digest_of(name):
                told.append(f"{address} is not the {name} of this release")
        if told:
            raise CommandError("\n".join(told))
        self.stdout.write(f"{pages} pages, {len(ours)} scripts of ours: as written")

    @staticmethod
    def _fetch(address: str, cookie: str) -> tuple[bytes, str]:
        """Body and policy of an address of our own site. Raises CommandError when it does not answer with 200."""
        request = urllib.request.Request(address, headers={"Cookie": cookie} if cookie else {})  # noqa: S310  SITE_URL
        try:
            with urllib.request.build_opener(NoRedirect).open(request, timeout=SECONDS) as answer:
                return answer.read(MOST_BYTES), answer.headers.get("Content-Security-Policy", "")
        except (OSError, urllib.error.HTTPError) as error:
            raise CommandError(f"{address} was not served ({getattr(error, 'code', type(error).__name__)})") from None
