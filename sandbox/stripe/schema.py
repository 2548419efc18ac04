"""Hold every call to Stripe's own OpenAPI file (``sandbox/data/stripe/openapi-subset.json``).

A form body says nothing about types, so data and schema are walked together: digits become an
integer where the schema wants one, ``{"0": …}`` becomes a list where it wants a list. Validators
are compiled once per operation and kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema.exceptions import ValidationError
from openapi_schema_validator import OAS30Validator

from sandbox.stripe.errors import StripeError, invalid

API_VERSION = "2026-10-28.endive"
_FILE = Path(__file__).resolve().parent.parent / "data" / "stripe" / "openapi-subset.json"
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INTEGER = re.compile(r"-?\d+")
_FORM = "application/x-www-form-urlencoded"


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Stripe's OpenAPI subset, read once."""
    loaded: dict[str, Any] = json.loads(_FILE.read_text())
    return loaded


@lru_cache(maxsize=4096)
def _branch_validator(text: str) -> OAS30Validator:
    return OAS30Validator(json.loads(text))


@dataclass(eq=False)
class Operation:
    """One method on one path of Stripe's file, with what it takes and what it answers."""

    method: str
    template: str
    spec: dict[str, Any]
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pattern = re.compile(re.sub(r"\{\w+\}", r"([^/]+)", self.template) + r"\Z")

    @cached_property
    def request_schema(self) -> dict[str, Any]:
        """What the form body (POST) or the query (GET, DELETE) may contain."""
        if self.method == "POST":
            body = self.spec.get("requestBody", {}).get("content", {}).get(_FORM, {})
            schema: dict[str, Any] = body.get("schema", {"type": "object", "additionalProperties": False})
            return schema
        query = [p for p in self.spec.get("parameters", []) if p["in"] == "query"]
        return {
            "type": "object",
            "properties": {p["name"]: p["schema"] for p in query},
            "required": [p["name"] for p in query if p.get("required")],
            "additionalProperties": False,
        }

    @cached_property
    def request_validator(self) -> OAS30Validator:
        """The compiled check of a request."""
        return OAS30Validator(self.request_schema)

    @cached_property
    def answer_validator(self) -> OAS30Validator:
        """The compiled check of a 200 answer."""
        schema = self.spec["responses"]["200"]["content"]["application/json"]["schema"]
        return OAS30Validator({**schema, "components": document()["components"]})


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """All operations; fixed paths before those with a placeholder."""
    found = [
        Operation(method.upper(), template, spec)
        for template, methods in document()["paths"].items()
        for method, spec in methods.items()
    ]
    return tuple(sorted(found, key=lambda op: op.template.count("{")))


def match(method: str, path: str) -> tuple[Operation, tuple[str, ...]] | None:
    """The operation that a call means and the ids in its path, or None when Stripe has no such path."""
    for operation in operations():
        if operation.method == method and (found := operation.pattern.match(path)):
            return operation, found.groups()
    return None


def nest(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Turn ``a[b][0]=c`` pairs into nested dicts; raises StripeError for a malformed or doubled key."""
    out: dict[str, Any] = {}
    for name, value in pairs:
        found = _KEY.fullmatch(name)
        if not found:
            raise invalid(f"Invalid parameter name: {name}", param=name)
        keys = [found[1], *re.findall(r"\[([^\[\]]*)\]", found[2])]
        here = out
        for key in keys[:-1]:
            here = here.setdefault(key or str(len(here)), {})
            if not isinstance(here, dict):
                raise invalid(f"Invalid parameter: {name}", param=name)
        last = keys[-1] or str(len(here))
        if last in here:
            raise invalid(f"Parameter given twice: {name}", param=name)
        here[last] = value
    return out


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """The pairs of a form body; raises StripeError when it is not one."""
    if not body:
        return []
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise invalid("The request body is not a valid form.") from None


def coerce(value: Any, schema: dict[str, Any]) -> Any:
    """Give form text the types that the schema asks for, as far as the text allows it."""
    if "anyOf" in schema:
        return _coerce_any(value, schema["anyOf"])
    kind = schema.get("type")
    if kind == "integer" and isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "array" and isinstance(value, dict) and value and all(k.isdigit() for k in value):
        return [coerce(value[k], schema.get("items", {})) for k in sorted(value, key=int)]
    if kind == "object" and isinstance(value, dict):
        properties = schema.get("properties", {})
        other = schema.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        return {k: coerce(v, properties.get(k, other)) for k, v in value.items()}
    return value


def _coerce_any(value: Any, branches: list[dict[str, Any]]) -> Any:
    for branch in branches:
        converted = coerce(value, branch)
        if _branch_validator(json.dumps(branch, sort_keys=True)).is_valid(converted):
            return converted
    return value


def read(operation: Operation, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """The typed parameters of a call; raises StripeError (400) in Stripe's words when they do not fit."""
    raw = nest(pairs)
    if "payment_method_types" in raw and "/payment_intents" in operation.template:
        raise invalid(
            "`payment_method_types` is no longer supported on PaymentIntents. "
            "Use `allowed_payment_method_types` or `automatic_payment_methods`.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    params: dict[str, Any] = coerce(raw, operation.request_schema)
    for error in operation.request_validator.iter_errors(params):
        raise _refusal(error)
    return params


def _refusal(error: ValidationError) -> StripeError:
    path = [str(part) for part in error.absolute_path]
    param = path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""
    if error.validator == "required":
        absent = next(name for name in error.validator_value if name not in error.instance)
        name = f"{param}[{absent}]" if param else absent
        return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        extra = next(name for name in error.instance if name not in known)
        name = f"{param}[{extra}]" if param else extra
        return invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    if error.validator == "type" and error.validator_value == "integer":
        return invalid(f"Invalid integer: {error.instance}", code="parameter_invalid_integer", param=param)
    if error.validator == "type" and error.validator_value == "boolean":
        return invalid(f"Invalid boolean: {error.instance}", param=param)
    if error.validator == "enum":
        allowed = ", ".join(str(v) for v in error.validator_value if v is not None)
        return invalid(f"Invalid {param}: must be one of {allowed}", param=param)
    return invalid(f"Invalid value for {param}", param=param)


@lru_cache(maxsize=32)
def schema_validator(name: str) -> OAS30Validator:
    """The compiled check of one component schema, such as ``PaymentIntent``."""
    return OAS30Validator({"$ref": f"#/components/schemas/{name}", "components": document()["components"]})


_NAMES = {
    "payment_intent": "PaymentIntent",
    "charge": "Charge",
    "refund": "Refund",
    "confirmation_token": "ConfirmationToken",
    "payment_method": "PaymentMethod",
    "dispute": "Dispute",
    "event": "Event",
    "customer": "Customer",
    "webhook_endpoint": "WebhookEndpoint",
}


def problems(operation: Operation | None, status: int, body: Any) -> list[str]:
    """What is wrong with an answer of ours by Stripe's schema; empty when nothing is."""
    if status >= 400 or operation is None:
        found = schema_validator("error").iter_errors(body) if status >= 400 else iter(())
    else:
        found = operation.answer_validator.iter_errors(body)
    return [f"{error.json_path}: {error.message[:300]}" for error in found]


def event_problems(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event and the object it carries; empty when nothing is."""
    found = [e.message[:300] for e in schema_validator("Event").iter_errors(event)]
    carried = event["data"]["object"]
    name = _NAMES.get(carried["object"])  # the file leaves some objects out: early fraud warnings
    problems = schema_validator(name).iter_errors(carried) if name else ()
    return found + [f"{e.json_path}: {e.message[:300]}" for e in problems]
