"""Hold every request and every answer to Amadeus' own specifications (``sandbox/data/amadeus``).

The Swagger files are turned into JSON schema once per operation: ``allOf`` is merged, so that an object can be closed
against keys nobody documented; patterns are anchored; read-only properties are no part of a request. Offers stay open:
live ones carry fields that no specification names. The files' own faults are mended in ``PATTERNS`` and ``_turn``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from sandbox.amadeus.repairs import repaired

Json = dict[str, Any]
DATA = Path(__file__).resolve().parent.parent / "data" / "amadeus"
SUFFIX = "_swagger_specification.json"
OPEN = frozenset({"FlightOffer"})
OFFERS_CHECKED = 3  # of a long list of offers so many are looked at whole
SEATS_CHECKED = 8
# What the files say -> what they must mean once a pattern is held against the whole text.
PATTERNS = {
    "[0-9+]{2,5}": "[0-9+]{1,5}",  # the text beside it gives "1" as an example
    "[a-zA-Z -]": "[a-zA-Z -]+",
    "[[A-Z0-9]{1,18}": "[A-Z0-9]{1,18}",
}
KEPT = ("type", "enum", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum")
FORMATS = {"date": "date", "date-time": "local-date-time"}
_checker = FormatChecker(formats=())


@_checker.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_checker.checks("local-date-time", raises=ValueError)
def _is_local_date_time(value: object) -> bool:
    """Times of flights are local and have no zone; live time limits are sometimes bare dates."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is None


@cache
def document(stem: str) -> Json:
    """Return a specification by the beginning of its file's name, such as ``FlightOffersSearch_v2``."""
    loaded: Json = json.loads((DATA / f"{stem}{SUFFIX}").read_text())
    return repaired(stem, loaded)


class Turner:
    """Turns schemas of one document into JSON schema; ``closed`` refuses unknown keys, ``asked`` read-only ones."""

    def __init__(self, doc: Json, *, asked: bool) -> None:
        self.doc = doc
        self.asked = asked
        self._known: dict[tuple[str, bool], Json] = {}

    def turn(self, node: Json, closed: bool = True) -> Json:
        """Return the JSON schema of a node of the document."""
        if "$ref" in node:
            ref = node["$ref"]
            closed = closed and ref.rpartition("/")[2] not in OPEN
            if (ref, closed) not in self._known:
                self._known[ref, closed] = self.turn(self.follow(node), closed)
            return self._known[ref, closed]
        return self._turn(self._merged(node), closed)

    def follow(self, node: Json) -> Json:
        """Return what a reference of the document names."""
        while "$ref" in node:
            found: Any = self.doc
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _merged(self, node: Json) -> Json:
        branches = [self._merged(self.follow(branch)) for branch in node.get("allOf", ())]
        if not branches:
            return node
        whole = {name: value for name, value in node.items() if name != "allOf"}
        every = [*branches, whole]
        whole["properties"] = {name: value for each in every for name, value in each.get("properties", {}).items()}
        whole["required"] = sorted({name for each in every for name in each.get("required", ())})
        return whole

    def _turn(self, node: Json, closed: bool) -> Json:
        made: Json = {name: node[name] for name in KEPT if name in node}
        if node.get("format") in FORMATS:
            made["format"] = FORMATS[node["format"]]
        if "pattern" in node and node.get("type") == "string":
            made["pattern"] = f"^(?:{PATTERNS.get(node['pattern'], node['pattern'])})$"
        if node.get("required"):
            made["required"] = list(node["required"])
        if "items" in node:
            made["items"] = self.turn(node["items"], closed)
        more = node.get("additionalProperties")
        if isinstance(more, dict):
            made |= {"type": "object", "additionalProperties": self.turn(more, closed)}
        if "properties" in node:
            made["type"] = "object"
            shown = {n: p for n, p in node["properties"].items() if not (self.asked and p.get("readOnly"))}
            made["properties"] = {name: self.turn(value, closed) for name, value in shown.items()}
            if closed and not isinstance(more, dict):
                made["additionalProperties"] = False
        return made


class Contract:
    """What one operation takes and gives, by its file: ``path`` without the version, ``{}`` for each placeholder."""

    def __init__(self, stem: str, method: str, path: str) -> None:
        self.doc = document(stem)
        wanted = {re.sub(r"\{[^}]+\}", "{}", template): item for template, item in self.doc["paths"].items()}[path]
        self.spec: Json = wanted[method.lower()]
        asked = Turner(self.doc, asked=True)
        self.parameters: list[Json] = [
            asked.follow(each) for each in [*wanted.get("parameters", ()), *self.spec.get("parameters", ())]
        ]
        self._asked = asked
        self._answers: dict[str, Draft202012Validator | None] = {}
        self._body = self._body_validator()

    def _body_validator(self) -> Draft202012Validator | None:
        for each in self.parameters:
            if each["in"] == "body":
                return _validator(self._asked.turn(each["schema"]))
        content = self.spec.get("requestBody", {}).get("content", {})
        for kind in content.values():
            return _validator(self._asked.turn(kind["schema"]))
        return None

    def body_problem(self, body: Any) -> tuple[str, str] | None:
        """Return (pointer, words) of the first thing wrong with a request's body, or None."""
        if self._body is None:
            return None
        return next(_told(self._body.iter_errors(body)), None)

    def answer_problems(self, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer of ours; empty when nothing is."""
        name = str(status)
        if name not in self._answers:
            self._answers[name] = self._answer_validator(name)
        validator = self._answers[name]
        if validator is None:
            return [] if body is None else [f"{status} has a body"]
        return [f"{pointer}: {words}" for pointer, words in _told(validator.iter_errors(_sampled(body)))]

    def _answer_validator(self, name: str) -> Draft202012Validator | None:
        turner = Turner(self.doc, asked=False)
        listed = self.spec["responses"]
        found = turner.follow(listed.get(name) or listed.get("default") or listed["500"])
        schema = found.get("schema")
        for kind in found.get("content", {}).values():
            schema = kind["schema"]
        return None if schema is None else _validator(turner.turn(_with_examples(schema, turner)))

    def query(self, pairs: Iterable[tuple[str, str]]) -> tuple[Json, tuple[str, str] | None]:
        """Return the typed query parameters and, if one does not fit, (its name, what is wrong)."""
        known = {each["name"]: each for each in self.parameters if each["in"] == "query"}
        found: Json = {}
        for name, text in pairs:
            if name not in known:
                return found, (name, "unknown parameter")
            if name in found:
                return found, (name, "given twice")
            try:
                found[name] = _typed(known[name], text)
            except ValueError as problem:
                return found, (name, str(problem))
        for name, each in known.items():
            if each.get("required") and name not in found:
                return found, (name, "missing")
        return found, None


def _sampled(body: Any) -> Any:
    """Return the answer with the first of many offers and seats only: a validation must not cost what a search does."""
    if not isinstance(body, dict) or not isinstance(listed := body.get("data"), list):
        return body
    few = listed[:OFFERS_CHECKED]
    if few and isinstance(few[0], dict) and "decks" in few[0]:
        few = [
            {**each, "decks": [{**deck, "seats": deck["seats"][:SEATS_CHECKED]} for deck in each["decks"]]}
            for each in few
        ]
    return {**body, "data": few}


def _with_examples(schema: Json, turner: Turner) -> Json:
    """An issue's source may name an example beside a pointer, whatever the files' ``maxProperties`` says."""
    turned = turner.follow(schema)
    issue = turned.get("properties", {}).get("errors", {}).get("items")
    if issue:
        source = turner.follow(issue)["properties"]["source"]
        source.setdefault("properties", {}).setdefault("example", {"type": "string"})
    return schema


def _validator(schema: Json) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=_checker)


def _told(errors: Iterable[ValidationError]) -> Iterator[tuple[str, str]]:
    for each in errors:
        path = [str(part) for part in each.absolute_path]
        if each.validator == "additionalProperties":
            path.append(next(name for name in each.instance if name not in each.schema.get("properties", {})))
        elif each.validator == "required":
            path.append(next(name for name in each.validator_value if name not in each.instance))
        yield "/" + "/".join(path), each.message[:200]


def _typed(parameter: Json, text: str) -> Any:
    spec = {**parameter, **parameter.get("schema", {})}
    if spec.get("collectionFormat") == "csv" or spec.get("type") == "array":
        return [_one(spec.get("items", spec), part) for part in text.split(",")]
    return _one(spec, text)


def _one(spec: Json, text: str) -> Any:
    """Return one value of a query; raises ValueError with what is wrong."""
    pattern: str = spec.get("pattern", ".*")
    if not re.fullmatch(PATTERNS.get(pattern, pattern), text):
        raise ValueError(f"must match {pattern}")
    if "enum" in spec and text not in spec["enum"]:
        raise ValueError(f"must be one of {', '.join(spec['enum'])}")
    if spec.get("format") == "date":
        date.fromisoformat(text)
    if spec.get("type") == "boolean":
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"
    if spec.get("type") in ("integer", "number"):
        number = int(text) if spec["type"] == "integer" else float(text)
        if not spec.get("minimum", number) <= number <= spec.get("maximum", number):
            raise ValueError("is out of range")
        return number
    return text


@lru_cache(maxsize=64)
def contract(stem: str, method: str, path: str) -> Contract:
    """Return the compiled contract of an operation."""
    return Contract(stem, method, path)
