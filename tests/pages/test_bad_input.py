"""Whatever is sent by any form of the site, no page breaks, nothing is written into it raw, and nothing typed is lost.

The forms are found by walking the site (`tests/pages/everything.py`), so a form that is new tomorrow is tried tomorrow.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.http import QueryDict
from django.test import Client

from bookings.models import Attempt
from suppliers import registry
from tests.pages.everything import Airline, Seen, Visitor, kind_of, route, undone, visitors, walk
from tests.pages.html import Page

pytestmark = pytest.mark.django_db
SCRIPT = "\"'><script>q7()</script>"
TURN = "\u202e"
BAD = {"empty": "", "long": "x" * 10_000, "cyrillic": "Анна Каренина", "script": SCRIPT, "backwards": f"a{TURN}b\u2066c",
       "emoji": "👩‍✈️🛫", "nul": "a\x00b", "lines": "a\r\nBcc: b@c.d\n", "negative": "-1", "huge": "9" * 40,
       "percent": "%00%s{money}{{7*7}}", "exponent": "1e9999", "arabic digits": "٣٤"}
# what stands in these turns no sentence round
_CONTROLS = re.compile(r"<(textarea|option|bdi|p class=.shown)\b.*?</(textarea|option|bdi|p)>", re.S)
SEALED = ("documentNumber", "knownTraveller", "redress")  # kept, but never written into a page again
FINE = {200, 302, 303, 400, 403, 404, 405, 409, 410, 413, 422, 429}


@dataclass
class Form:
    """One form as it stands in a page: what it sends when nothing is touched."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    def key(self) -> tuple[str, str, tuple[str, ...]]:
        return route(self.action), self.method, tuple(sorted(self.fields))


@dataclass
class _Reader:
    """Reads the forms of a page from its tags in order."""

    forms: list[Form] = field(default_factory=list)
    choice: str = ""

    def read(self, seen: Seen) -> list[Form]:
        by_id: dict[str, Form] = {}
        for tag, has in seen.page.tags:
            if tag == "form":
                form = Form(has.get("action") or seen.address, has.get("method", "get").lower())
                self.forms.append(form)
                by_id[has.get("id", "")] = form
            elif tag in ("input", "select", "textarea", "button") and self.forms and (
                    has.get("name", "csrfmiddlewaretoken") != "csrfmiddlewaretoken"):
                self._field(by_id.get(has.get("form", ""), self.forms[-1]), tag, has)
            elif tag == "option" and self.choice and has.get("value"):
                kept = self.forms[-1].fields[self.choice]
                if "selected" in has or not kept:
                    self.forms[-1].fields[self.choice] = [has["value"]]
        return self.forms

    def _field(self, form: Form, tag: str, has: dict[str, Any]) -> None:
        kind = has.get("type", tag)
        self.choice = has["name"] if tag == "select" else ""
        form.kinds.setdefault(has["name"], kind)
        values = form.fields.setdefault(has["name"], [])
        if tag == "select" or (kind in ("radio", "checkbox") and values):
            return
        values.append(has.get("value", "on" if kind == "checkbox" else "") or _sample(has))


def _sample(has: dict[str, Any]) -> str:
    """Something that the field takes, so that only the field under test is wrong."""
    name, words = has["name"].lower(), {
        "email": "anna@example.com", "givenname": "Anna", "familyname": "Muller", "day": "27", "month": "3",
        "year": "1985", "phone": "+49 30 901820", "password": "tomato window river", "old": "tomato window river",
        "reference": "FLY2A-7KQ2MX"}
    return next((value for word, value in words.items() if word in name), "")


def forms(visitor: Visitor) -> Iterator[Form]:
    """Every form this visitor meets, once for each address, method and set of fields; links with a query count too."""
    known = set[Any]()
    for seen in list(walk(visitor)):
        found = _Reader().read(seen)
        path, names = kind_of(seen.address)
        if names:
            found.append(Form(path, "get", dict(QueryDict(seen.address.partition("?")[2]).lists())))
        for form in found:
            if form.key() not in known:
                known.add(form.key())
                yield form


@dataclass
class Trial:
    """Sends forms and notes what went wrong."""

    client: Client
    broke: list[str]
    wrong: list[str] = field(default_factory=list)
    sent: int = 0

    def send(self, form: Form, what: str, values: dict[str, list[str]]) -> None:
        self.sent += 1
        with undone():
            self.client.raise_request_exception = False
            call = self.client.get if form.method == "get" else self.client.post
            before, cookies = len(self.broke), self.client.cookies.copy()
            response = call(form.action, values)
            self.client.cookies = cookies
            Attempt.objects.all().delete()
        said = f"{form.method} {route(form.action)} {what}"
        if self.broke[before:]:
            self.wrong.append(f"{said}: {self.broke[-1]}")
        elif response.status_code not in FINE:
            self.wrong.append(f"{said}: {response.status_code}")
        elif response.headers.get("Content-Type", "").startswith("text/html"):
            self.wrong += [f"{said}: {problem}" for problem in _problems(form, values, response)]


def _problems(form: Form, values: dict[str, list[str]], response: Any) -> Iterator[str]:
    """What a person would complain about in an answer to bad input."""
    if response.status_code in (302, 303):
        return
    source = response.content.decode()
    if "<script>q7" in source or "Traceback" in source:
        yield "raw text or a trace in the page"
    page, sentences = Page(source), Page(_CONTROLS.sub("", source)).text
    if "49}" in page.text:
        yield "what was typed was read as a template"
    if TURN in sentences and "\u2068" not in sentences:
        yield f"turns our sentence round: {sentences[max(0, sentences.index(TURN) - 40):][:60]!r}"
    if response.status_code >= 400:
        if len(list(page.all("h1"))) != 1 or "support@fly2any.com" not in page.text:
            yield "a refusal without a page"
    elif form.method == "post":
        if not source.split("<title>", 1)[1].startswith("Error: ") and "role=\"alert\"" not in source:
            yield "shown again without saying what is wrong"
        for tag in page.all("input"):
            sent = values.get(tag.get("name", ""), [""])
            typed = not tag.get("name", "").endswith(SEALED) and tag.get("type", "text") in ("text", "email", "tel", "date", "number")
            clean = len(sent[-1]) < 60 and sent[-1].isprintable() and sent[-1].strip() == sent[-1]
            if typed and len(sent) == 1 and clean and html.unescape(tag.get("value", "")) != sent[0]:
                yield f"{tag['name']} was {sent[0]!r} and is {tag.get('value', '')!r}"


@pytest.fixture
def broke() -> Iterator[list[str]]:
    """What views raised, by the server's own telling."""
    told: list[str] = []

    def note(sender: object, **more: Any) -> None:
        kind, error, trace = sys.exc_info()
        while trace and trace.tb_next:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        told.append(f"{kind.__name__ if kind else ''}: {error} {at}")

    got_request_exception.connect(note)
    yield told
    got_request_exception.disconnect(note)


@pytest.mark.parametrize("every", [len(BAD), pytest.param(1, marks=pytest.mark.slow)], ids=["in turn", "all"])
@pytest.mark.parametrize("who", ["guest", "customer", "newcomer"])
def test_no_field_of_any_form_breaks_a_page_or_loses_what_was_typed(
        guest: Client, principal: str, broke: list[str], monkeypatch: pytest.MonkeyPatch, settings: Any,
        who: str, every: int) -> None:
    """Every kind of bad input comes to all fields of a form at once, and to each field alone: one in turn, or all."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    monkeypatch.setattr("bookings.drafts.searching.ThreadPoolExecutor.submit", lambda *_: None)
    with registry.replaced(duffel=Airline()):  # type: ignore[arg-type]
        visitor = visitors(guest, principal)[who]
        trial = Trial(visitor.client, broke)
        found = list(forms(visitor))
        for number, form in enumerate(found):
            trial.send(form, "as it is", form.fields)
            trial.send(form, "nothing", {})
            trial.send(form, "doubled", {name: [*sent, *sent] for name, sent in form.fields.items()})
            for kind, bad in BAD.items():
                trial.send(form, f"all {kind}", dict.fromkeys(form.fields, [bad]))
            for at, name in enumerate(form.fields):
                for kind in [*BAD][(at + number) % every::every]:
                    trial.send(form, f"{name} {kind}", {**form.fields, name: [BAD[kind]]})
    print(len(found), "forms,", trial.sent, "sent")
    assert trial.wrong == [], "\n".join(trial.wrong)
    assert len(found) > 3
