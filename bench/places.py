"""Airport suggestions: 8 people type at once, letter by letter, also with slips, also what nobody typed before."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import quote

from bench.stage import cpu_seconds, percentile, spent
from tests.stack import Stack
from tests.wire import Request, steadily

CLIENTS = 8
NAMES = ("new york", "london heathrow", "zürich", "san francisco", "münchen", "sao paulo", "st petersburg", "tokyo",
         "kuala lumpur", "rio de janeiro", "barcelona", "copenhagen", "germany", "united states", "o'hare", "mexico city")
SLIPS = ("lodnon", "barcelnoa", "frankfrut", "amstredam", "new yrok", "copenhagn", "sydnye", "istnabul")


@dataclass
class Asked:
    """What was measured: answers a second, latencies in milliseconds, CPU milliseconds an answer by program."""

    rate: float
    p50: float
    p95: float
    cpu: dict[str, float]
    failed: int


def kinds(number: int) -> dict[str, list[str]]:
    """So many questions of each kind; each letter of a name is a question, as in the box."""
    typed = [name[:length] for name in NAMES for length in range(2, len(name) + 1)]
    fresh = (f"{one}{two}{three}" for one in "abcdefghijklmnopqrstuvwxyz" for two in "aeiourst"
             for three in "abcdefghijklmnopqrstuvwxyz")
    return {"letter by letter": list(islice(cycle(typed), number)), "slips": list(islice(cycle(SLIPS), number // 4)),
            "never asked before": list(islice(fresh, number))}


def measure(stack: Stack, questions: list[str]) -> Asked:
    """Ask them all over 8 connections, after a few that build the index in every worker."""
    port = stack.ports[0]
    steadily(port, [_request(port, "warm")] * 64, CLIENTS)
    before = cpu_seconds(stack)
    answers, seconds = steadily(port, [_request(port, question) for question in questions], CLIENTS)
    cost = spent(before, cpu_seconds(stack))
    times = [answer.seconds * 1000 for answer in answers]
    return Asked(len(answers) / seconds, percentile(times, 0.5), percentile(times, 0.95),
                 {name: 1000 * used / len(answers) for name, used in cost.items()},
                 sum(answer.status != 200 for answer in answers))


def _request(port: int, question: str) -> bytes:
    return Request("GET", f"/api/places?q={quote(question)}").raw(f"127.0.0.1:{port}")
