"""Amadeus at the frame's door: token, headers, contract, then the deed; and the answer held to the contract too."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from starlette.routing import Route

from sandbox.amadeus import controls, orders, table, tokens
from sandbox.amadeus.errors import BY_STATUS, CODES, GATEWAY_PAGE, JSON_TYPE, Deviation, deviation, error, token_error
from sandbox.amadeus.operation import Operation
from sandbox.frame import Answer, Call, Refusal, World

Json = dict[str, Any]
BODY_TYPES = (JSON_TYPE, "application/json")
UNKNOWN = "amadeus.unknown"


class Amadeus:
    """The look-alike; see ``sandbox.contracts.Vendor`` for what each method promises."""

    name = "amadeus"
    prefix = "/amadeus"

    def operation(self, call: Call) -> str:
        """The fault menu's name for a call, such as ``amadeus.create_order``."""
        found = table.find(call)
        return found[0].name if found else UNKNOWN

    def handle(self, call: Call, world: World) -> Answer:
        """Answer one call. Handlers check before they write, so a refusal has nothing to undo."""
        found = table.find(call)
        try:
            answer = error(38196) if found is None else _answered(call, world, *found)
        except Refusal as refusal:
            answer = refusal.answer
            if isinstance(refusal, Deviation):
                world.ledger("amadeus", "schema.request", operation=self.operation(call), problem=_problem(answer))
        return _given(call, world, found[0] if found else None, answer)

    def on_timer(self, world: World, action: str, payload: Json) -> None:
        """What was put off: a reservation cancels itself."""
        if action != "lapse":
            raise ValueError(f"unknown timer {action}")
        orders.lapse(world, payload["id"])

    def sign(self, body: bytes, now: datetime) -> dict[str, str]:
        """Amadeus tells nobody anything: there are no webhooks to sign."""
        return {}

    def webhook_url(self, site: str) -> str:
        """Amadeus has no webhooks."""
        return site

    def odd(self, kind: str, call: Call, world: World) -> Answer | None:
        """An armed error: by ``code`` of the table, else by ``status``; 502 is a gateway's page."""
        if kind != "status":
            return None
        fault = world.fault
        status = int(fault.get("status", 0))
        if status == 502 and "code" not in fault:
            return Answer(502, GATEWAY_PAGE, {"content-type": "text/html"})
        code = int(fault.get("code") or BY_STATUS.get(status, 38189))
        if code not in CODES:
            return None
        found = table.find(call)
        made = token_error if found and found[0].short_name == "token" else error
        answer = made(code, fault.get("detail"), status=status or None)
        return _given(call, world, found[0] if found else None, answer)

    def control_routes(self) -> list[Route]:
        """What tests do in the place of consolidator, airline and staff."""
        return controls.routes()


def _answered(call: Call, world: World, operation: Operation, named: dict[str, str]) -> Answer:
    if operation.short_name == "token":
        return operation.handler(call, world, tokens.read_form(call, operation.contract))
    tokens.admit(call, world)
    if operation.override and call.headers.get("x-http-method-override", "").upper() != "GET":
        raise deviation(477, "header X-HTTP-Method-Override must be GET", parameter="X-HTTP-Method-Override")
    asked, wrong = operation.contract.query(call.query)
    if wrong:
        raise deviation(477, wrong[1], parameter=wrong[0])
    if call.method == "POST":
        asked = _body(call, operation)
    return operation.handler(call, world, asked, **named)


def _body(call: Call, operation: Operation) -> Json:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in BODY_TYPES:
        raise deviation(477, f"Content-Type must be {JSON_TYPE}", parameter="Content-Type")
    try:
        body: Json = json.loads(call.body)
    except ValueError:
        raise deviation(477, "the body is not JSON", pointer="/") from None
    if problem := operation.contract.body_problem(body):
        raise deviation(477, problem[1], pointer=problem[0])
    return body


def _given(call: Call, world: World, operation: Operation | None, answer: Answer) -> Answer:
    """Hold the answer to the contract, and put the headers on that every answer of Amadeus carries."""
    checked = operation is not None and not isinstance(answer.body, bytes)
    wrong = operation.contract.answer_problems(answer.status, answer.body) if operation and checked else []
    if wrong:
        name = operation.name if operation else UNKNOWN
        world.ledger("amadeus", "schema.answer", operation=name, status=answer.status, problems=wrong[:5])
    kind = answer.headers.get("content-type", JSON_TYPE)
    if operation is not None and world.use_fault(operation.name, "charset"):
        kind = f"{kind}; charset=utf-8"
    if answer.body is not None:
        answer.headers["content-type"] = kind
    answer.headers.update({"Ama-Request-Id": uuid4().hex[:24], "Ama-Gateway-Request-Id": uuid4().hex})
    if reference := call.headers.get("ama-client-ref"):
        answer.headers["ama-client-ref"] = reference
    return answer


def _problem(answer: Answer) -> Any:
    body = answer.body
    return body["errors"][0] if isinstance(body, dict) and "errors" in body else body


VENDOR = Amadeus()
