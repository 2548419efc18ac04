"""Calls drawn by schemathesis, mixed with valid ones so that they get past the first check, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.api.fuzz.people import OPEN, Aim, Person, aim

# refusals of what the schema allows: rules between fields and of the business (reliability.md 5)
REFUSED_BY_RULE = ["2xx", "403", "404", "409", "410", "422", "429"]
# ... and those that are told as 400, which no schema can say
RULES = frozenset({
    "This is not an amount in this currency.", "Send either services or a bundle.",
    "Give one age (2 to 17) for each child, separated by commas.", "This field is required for this kind of trip.",
    "This field does not belong to this kind of trip.", "This field may not be blank.", "Null characters are not allowed."})
OWN, FOREIGN, DRAWN = "own", "foreign", "drawn"  # whose rows a call names
_MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@dataclass
class Tally:
    """What one person's calls came to: statuses by operation, and everything that must not have happened."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    reached: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def lines(self, role: str) -> Iterator[str]:
        """One line for each operation."""
        for name, seen in self.statuses.items():
            told = " ".join(f"{status}x{count}" for status, count in sorted(seen.items()))
            yield f"{role:15} {name:24} {sum(seen.values()):6} calls, {self.reached[name]:5} with 2xx: {told}"

    def never_reached(self) -> list[str]:
        """Operations that no call got through."""
        return [name for name in self.statuses if not self.reached[name]]


class Run:
    """One person calls every operation. `others`: whose rows they try as well and must never get at."""

    def __init__(self, schema: Any, who: Person, others: list[Person]) -> None:
        self.schema, self.who, self.others, self.tally = schema, who, others, Tally()
        schema.config.checks.positive_data_acceptance.expected_statuses = REFUSED_BY_RULE
        self.operations = [found.ok() for found in schema.get_all_operations()]

    def all(self, examples: int, number: int, *, thrifty: frozenset[str] = frozenset()) -> Tally:
        """First a valid call of each operation, then drawn ones; `thrifty` operations draw one only."""
        for operation in self.operations:
            name = operation.definition.raw["operationId"]
            self.tally.statuses[name] = Counter()
            self.send(operation.Case(**_whole(operation, aim(name, self.who.principal))), name, OWN)
            self._draw(operation, name, 1 if name in thrifty else examples, number)
        return self.tally

    def _draw(self, operation: Any, name: str, examples: int, number: int) -> None:
        drawn = st.one_of([operation.as_strategy(generation_mode=mode) for mode in _MODES])

        @seed(number)
        @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))
        @given(drawn, st.sampled_from([OWN, OWN, FOREIGN, DRAWN]), st.data())
        def once(case: Any, whose: str, data: Any) -> None:
            if whose != DRAWN:
                owner = self.who if whose == OWN else data.draw(st.sampled_from(self.others))
                mix(case, aim(name, owner.principal), lambda chances: data.draw(st.integers(0, chances - 1)) == 0)
            self.send(case, name, whose)

        if examples:
            once()

    def send(self, case: Any, name: str, whose: str, recorder: Any = None) -> Any:
        """Make the call, see whether anything about its answer is wrong, and give it back."""
        answer = case.call(headers=self.who.headers, cookies=self.who.cookies)
        self.tally.statuses.setdefault(name, Counter())[answer.status_code] += 1
        if 200 <= answer.status_code < 300:
            self.tally.reached[name] += 1
            if whose == FOREIGN and name not in OPEN:
                self.tally.wrong.append(f"{name}: {self.who.role} got at another's rows\n{case.as_curl_command()}")
        try:
            case.validate_response(answer, excluded_checks=[positive_data_acceptance] if _by_rule(answer) else [],
                                   recorder=recorder)
        except FailureGroup as group:
            self.tally.wrong.append(f"{name}: {group}")
        return answer


def _by_rule(answer: Any) -> bool:
    """Whether this is a 400 for nothing but rules that the schema cannot say."""
    told = set(answer.json()["fieldErrors"].values()) if answer.status_code == 400 else set()
    return bool(told) and told <= RULES


def _whole(operation: Any, wanted: Aim) -> dict[str, Any]:
    """The valid call as arguments of a case."""
    found: dict[str, Any] = {"path_parameters": wanted.path, "query": wanted.query}
    if wanted.body is not None:
        found |= {"body": wanted.body, "media_type": "application/json"}
    return found


def mix(case: Any, wanted: Aim, one_in: Callable[[int], bool]) -> None:
    """Put the valid call's ids in the path, its query under the drawn one, and its body in the place of drawn parts.

    Half of the bodies keep nearly all of their valid parts, or those with many fields would hardly ever be taken.
    """
    negated = {} if case.meta is None else {
        location for location, info in case.meta.components.items() if info.mode.is_negative}
    if ParameterLocation.PATH not in negated and wanted.path:
        case.path_parameters = {**case.path_parameters, **wanted.path}
    if ParameterLocation.QUERY not in negated and wanted.query:
        case.query = {**wanted.query, **{name: value for name, value in (case.query or {}).items() if one_in(2)}}
    if ParameterLocation.BODY not in negated and wanted.body is not None:
        few = one_in(2)
        case.body = _blend(wanted.body, case.body, lambda extra: one_in(20 if few else 2 if extra else 6))


def _blend(valid: Any, drawn: Any, takes: Callable[[bool], bool]) -> Any:
    """The valid value with some parts of the drawn one: `takes` says whether, and is asked with True for extra fields."""
    if isinstance(valid, dict) and isinstance(drawn, dict):
        kept = {name: _blend(value, drawn[name], takes) if name in drawn else value for name, value in valid.items()}
        return kept | {name: value for name, value in drawn.items() if name not in valid and takes(True)}
    if isinstance(valid, list) and isinstance(drawn, list) and valid and drawn:
        return [_blend(valid[0], drawn[0], takes), *valid[1:]]
    return drawn if takes(False) else valid


@cache
def load() -> Any:
    """The schema as the running application serves it, and what schemathesis does not see by itself: a booking that
    was taken (202) can be looked at, changed and cancelled."""
    from fly2any.wsgi import application

    schema = schemathesis.openapi.from_wsgi("/api/schema?format=json", application)
    operations = [one for path in schema.raw_schema["paths"].values() for one in path.values()]
    links = {name: {"operationId": name, "parameters": {"reference": "$response.body#/booking/reference"}}
             for one in operations for name in [one["operationId"]]
             if any(each["name"] == "reference" for each in one.get("parameters", []))}
    for one in operations:
        if "202" in one["responses"]:
            one["responses"]["202"]["links"] = links
    return schema
