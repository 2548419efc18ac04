"""The written list of scripts on the pages of the checkout, with purpose and owner (PCI DSS 6.4.3), and who compares.

`manage.py check_scripts` compares it with what a running site serves (11.6.1 in spirit): every script of a page is on
the list, ours are byte for byte those of this release, and the policy lets no other run.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders

STRIPE = "Stripe.js"
_ANY = ("*", "https:", "http:", "data:", "'unsafe-inline'", "'unsafe-eval'")  # a policy with one of these is none
_HASHED = re.compile(r"\.[0-9a-f]{12}(?=\.js$)")


@dataclass(frozen=True)
class Script:
    """A script that may run on pages of the checkout. `name` is its path below static/, or STRIPE."""

    name: str
    owner: str
    purpose: str


SCRIPTS = {script.name: script for script in (
    Script("js/zone.js", "Fly2Any", "adds the reader's own time to deadlines written in UTC"),
    Script("js/search.js", "Fly2Any", "suggests airports while somebody types"),
    Script("js/results.js", "Fly2Any", "brings in flights of airlines that answer later; filters without a reload"),
    Script("js/extras.js", "Fly2Any", "adds up bags and bundles while they are chosen"),
    Script("js/seats.js", "Fly2Any", "chooses seats on the plan"),
    Script("js/passengers.js", "Fly2Any", "says what is wrong with a field before the form is sent"),
    Script("js/pay.js", "Fly2Any", "mounts Stripe's card form and tells our server that it was pressed; sees no card"),
    Script("js/progress.js", "Fly2Any", "looks whether the airline has answered"),
    Script("js/trip.js", "Fly2Any", "buttons of a booking: copy, print, wait"),
    Script("js/stays.js", "Fly2Any", "brings in hotels near the stay"),
    Script(STRIPE, "Stripe", "the card form in frames of Stripe's own, 3-D Secure, signs of fraud"),
)}
# which of them a page may load, by its path; the order is that of looking
PAGES: tuple[tuple[str, frozenset[str]], ...] = tuple((path, frozenset(names)) for path, names in (
    (r"/", ("js/zone.js", "js/search.js")),
    (r"/flights", ("js/zone.js", "js/search.js", "js/results.js")),
    (r"/checkout/[^/]+/extras", ("js/zone.js", "js/extras.js")),
    (r"/checkout/[^/]+/seats/\d+", ("js/zone.js", "js/seats.js")),
    (r"/checkout/[^/]+/passengers", ("js/zone.js", "js/passengers.js")),
    (r"/checkout/[^/]+/check", ("js/zone.js",)),
    (r"/checkout/[^/]+/review", ("js/zone.js", "js/pay.js", STRIPE)),
    (r"/trips/[^/]+/pay", ("js/zone.js", "js/pay.js", STRIPE)),
    (r"/trips/[^/]+/progress", ("js/zone.js", "js/progress.js")),
    (r"/trips/[^/]+", ("js/zone.js", "js/trip.js", "js/stays.js")),
))


@dataclass
class _Reader(HTMLParser):
    """What a page's HTML would run: addresses of scripts, and everything that runs without one."""

    addresses: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect scripts, handlers in attributes, and addresses that are code."""
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and given.get("src"):
            self.addresses.append(given["src"])
        elif tag == "script" and given.get("type") != "application/json":
            self.inline.append("a script without an address")
        elif tag in ("object", "embed", "applet", "base"):
            self.inline.append(f"<{tag}>")
        self.inline += [f"{name} on <{tag}>" for name in given if name.startswith("on")]
        self.inline += [f"code as {name} of <{tag}>" for name, value in given.items()
                        if value.strip().lower().startswith("javascript:")]


def name_of(address: str, page: str) -> str:
    """The name on the list of a script loaded from `address` by `page` (both absolute), or the address itself."""
    if address == settings.STRIPE_JS_URL:
        return STRIPE
    parts, own = urlsplit(address), urlsplit(page)
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc) and parts.path.startswith(settings.STATIC_URL):
        return _HASHED.sub("", parts.path.removeprefix(settings.STATIC_URL))
    return address


def expected(path: str) -> frozenset[str]:
    """The scripts that a page at this path may load; none for a page that is not on the list."""
    return next((names for pattern, names in PAGES if re.fullmatch(pattern, path)), frozenset())


def wrong_with(page: str, html: str, policy: str) -> list[str]:
    """What a served page (its address, HTML and Content-Security-Policy) loads beside the list, a line each."""
    reader = _Reader()
    reader.feed(html)
    found = {name_of(urljoin(page, address), page) for address in reader.addresses}
    path, told = urlsplit(page).path, [f"runs {one}" for one in reader.inline]
    told += [f"loads {name}, which is not on its list" for name in sorted(found - expected(path))]
    rules = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    scripts = rules.get("script-src", rules.get("default-src", "*")).split()
    if not scripts or any(word in scripts for word in _ANY):
        told.append(f"its policy lets any script run: {' '.join(scripts) or 'none is set'}")
    if STRIPE not in expected(path) and any("://" in word for word in scripts):
        told.append(f"its policy lets others' scripts run: {' '.join(scripts)}")
    return [f"{path}: {line}" for line in told]


def addresses_of(page: str, html: str) -> dict[str, str]:
    """Our own scripts on a served page: name on the list → address."""
    reader = _Reader()
    reader.feed(html)
    absolute = [urljoin(page, address) for address in reader.addresses]
    return {name: address for address in absolute if (name := name_of(address, page)) in SCRIPTS and name != STRIPE}


def digest_of(name: str) -> str:
    """SHA-256 of one of our scripts as this release has it. Raises LookupError when it has none of that name."""
    path = finders.find(name)
    if not path:
        raise LookupError(name)
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
