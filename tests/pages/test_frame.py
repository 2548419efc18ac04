"""What holds on every page in every state that a visitor can reach; the pages are found by walking the site."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from suppliers import registry
from tests.pages.everything import EMAIL, Airline, Seen, route, visitors, walk
from tests.pages.html import Page

pytestmark = pytest.mark.django_db
COOKIES = {"sessionid", "csrftoken", "guest"}
TOKENS = {"givenName": "given-name", "familyName": "family-name", "bornOn-day": "bday-day", "bornOn-month": "bday-month",
          "bornOn-year": "bday-year", "email": ("email", "username"), "phone": "tel", "link-email": "email"}
NUMBERS = ("-day", "-month", "-year")
STARTS_CHOSEN = {  # radios and ticks that start as something, because no choice costs or consents to anything
    "trip": "return is the kind of trip that most people want (ux.md 3)",
    "pricesWith": "as the airline sells it", "stops": "any number", "fare": "the fare that the visitor chose on the page before", "sort": "the order", "bag": "prices with hand bag",
    "lasts": "how long a shared link works: the shortest that makes sense", "traveller": "who is being seated now"}


def rules(seen: Seen) -> Iterator[str]:
    """Every rule this page breaks."""
    for rule in RULES:
        yield from rule(seen)


def heading_title_and_language(seen: Seen) -> Iterator[str]:
    page = seen.page
    title = seen.response.content.decode().partition("<title>")[2].partition("</title>")[0]
    if len(list(page.all("h1"))) != 1:
        yield f"{len(list(page.all('h1')))} h1"
    if not re.fullmatch(r"(Error: )?\S.* - Fly2Any", title):
        yield f"title {title!r}"
    if title.startswith("Error: ") != any(
            "summary" in has.get("class", "") and "hidden" not in has for has in page.all("div", role="alert")):
        yield f"title {title!r} and the error summary disagree"
    if page.one("html").get("lang") != "en":
        yield "no language"


def frame_and_support(seen: Seen) -> Iterator[str]:
    page = seen.page
    if next(page.all("a")).get("href") != "#main" or page.one("main")["id"] != "main":
        yield "the first link does not lead to the main part"
    if [len(list(page.all(tag, **at))) for tag, at in (("header", {"class": "masthead"}), ("footer", {}))] != [1, 1]:
        yield "no header or footer"
    if not all("aria-label" in has or "aria-labelledby" in has for has in page.all("nav")):
        yield "a nav without a name"
    if not any(has.get("href") == "mailto:support@fly2any.com" for has in page.all("a")):
        yield "no support contact"


def nothing_inline_and_nothing_from_elsewhere(seen: Seen) -> Iterator[str]:
    card = route(seen.address) in ("trip-pay", "checkout-review")
    for tag, has in seen.page.tags:
        if {"style"} & set(has) or any(name.startswith("on") for name in has):
            yield f"inline in <{tag}>"
        for name in ("src", "action") + (("href",) if tag == "link" else ()):
            host = urlsplit(has.get(name, "")).netloc
            if host and not (card and tag == "script" and host == urlsplit(settings.STRIPE_JS_URL).netloc):
                yield f"<{tag}> asks {host}"
        if tag == "script" and "src" not in has and has.get("type") != "application/json":
            yield "an inline script"


def ids_and_labels(seen: Seen) -> Iterator[str]:
    ids = Counter(has["id"] for _, has in seen.page.tags if has.get("id"))
    yield from (f"id {name} {count} times" for name, count in ids.items() if count > 1)
    labelled = {has["for"] for has in seen.page.all("label") if "for" in has}
    around = {(has.get("name"), has.get("value")) for label in re.findall(r"<label\b.*?</label>", seen.page.source, re.S)
              for _, has in Page(label).tags}
    for tag, has in seen.page.tags:
        if tag not in ("input", "select", "textarea") or has.get("type") in ("hidden", "submit"):
            continue
        if has.get("id") not in labelled and (has.get("name"), has.get("value")) not in around and not {
                "aria-label", "aria-labelledby"} & set(has):
            yield f"{has.get('name')} has no label"
        yield from (f"{has.get('name')}: {word} {part} is nowhere" for word in ("aria-describedby", "aria-labelledby")
                    for part in has.get(word, "").split() if part not in ids)
        if "placeholder" in has:
            yield f"{has.get('name')}: a placeholder"


def fields_know_what_they_are(seen: Seen) -> Iterator[str]:
    for has in seen.page.all("input"):
        name = has.get("name", "")
        ends = re.sub(r"^(passengers-\d+|contact)-", "", name)
        token = has.get("autocomplete", "").split(" ")[-1]
        wanted = TOKENS.get(ends)
        if wanted and has.get("type") != "hidden" and token not in wanted:
            yield f"{name}: autocomplete {token!r}"
        if ends.endswith(NUMBERS) and has.get("inputmode") != "numeric":
            yield f"{name}: no numeric keyboard"
        if has.get("onpaste") or has.get("type") == "number":
            yield f"{name}: cannot be pasted or scrolls away"


def nothing_is_chosen_for_anybody(seen: Seen) -> Iterator[str]:
    for has in seen.page.all("input"):
        if "checked" in has and has.get("name") not in STARTS_CHOSEN:
            yield f"{has.get('name')}={has.get('value')} is ticked"
        if has.get("type") == "number" and has.get("value", "0") not in ("", "0"):
            yield f"{has['name']} starts at {has['value']}"
    for number, names in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', seen.page.source, re.S):
        if route(seen.address) == "checkout-extras" and re.search(r"<option[^>]*\sselected", names):
            yield f"{number} starts as something"


def nothing_is_kept_or_told(seen: Seen) -> Iterator[str]:
    if not {"no-store", "private"} <= set(re.split(r",\s*", seen.response.headers.get("Cache-Control", ""))):
        yield f"Cache-Control {seen.response.headers.get('Cache-Control')!r}"
    if found := set(seen.response.cookies) - COOKIES:
        yield f"cookies {found}"
    if "unsafe" in seen.response.headers["Content-Security-Policy"]:
        yield "a weak policy"
    for tag, has in seen.page.tags:
        there = has.get("href", has.get("action", ""))
        if EMAIL in there or "%40example" in there or "M%C3%BCller" in there:
            yield f"<{tag}> {there}: personal data in an address"


def forms_are_ours(seen: Seen) -> Iterator[str]:
    source = seen.response.content.decode()
    for form in re.findall(r"<form\b.*?</form>", source, re.S):
        if re.search(r'method="?post', form, re.I) and "csrfmiddlewaretoken" not in form:
            yield "a form without a token"
    for button in re.findall(r"<button\b([^>]*)>(.*?)</button>", source, re.S):
        if not re.sub(r"<[^>]*>", "", button[1]).strip() and "aria-label" not in button[0]:
            yield f"a button without words: {button[0]}"


def wording(seen: Seen) -> Iterator[str]:
    for never in ("Traceback", "undefined", "NaN", "{{", "{%", "duffel", "stripe", "Stripe", "offer_expired"):
        if never in seen.page.text and "mailbox" not in seen.address:
            yield f"says {never!r}: {seen.page.text[max(0, seen.page.text.index(never) - 40):][:90]!r}"


RULES: tuple[Callable[[Seen], Iterator[str]], ...] = (
    heading_title_and_language, frame_and_support, nothing_inline_and_nothing_from_elsewhere, ids_and_labels,
    fields_know_what_they_are, nothing_is_chosen_for_anybody, nothing_is_kept_or_told, forms_are_ours, wording)


@pytest.fixture
def everywhere(guest: Client, principal: str) -> Iterator[list[Seen]]:
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        yield [seen for visitor in visitors(guest, principal).values() for seen in walk(visitor)]


def test_every_page_in_every_state_keeps_the_rules(everywhere: list[Seen]) -> None:
    wrong: dict[str, Any] = {}
    for seen in everywhere:
        for said in rules(seen):
            wrong.setdefault(said, f"{seen.name} {seen.address}")
    assert not wrong, "\n".join(f"{said}   {where}" for said, where in wrong.items())
    reached = {route(seen.address) for seen in everywhere}
    assert reached >= {"home", "flights", "checkout-extras", "checkout-seats", "checkout-passengers", "checkout-review",
                       "trip", "trip-pay", "trip-price", "checkout-progress", "trip-cancel", "trip-contact", "shared",
                       "trip-request", "trip-flights", "trip-share", "account", "account-verify", "account-reset"}
