"""Bookings through the API: how many are taken, how many get confirmed, how long it takes, what one costs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import Any

from bench.stage import cpu_seconds, percentile, spent
from tests.customer import Guest, Market, Offered
from tests.stack import Stack
from tests.wire import Answer, Line, Request, steadily

POLL = 0.1  # seconds between two looks of a customer at the progress page


@dataclass
class Rate:
    """So many a second; latencies in milliseconds; CPU milliseconds each by program."""

    rate: float
    p50: float
    p95: float
    cpu: dict[str, float] = field(default_factory=dict)
    failed: int = 0


@dataclass
class Cost:
    """What one confirmed booking on the hold-first route costs."""

    statements: float
    checks: float  # foreign keys, looked up by PostgreSQL itself
    commits: float  # transactions that write
    blocks: float  # BEGIN … COMMIT
    cpu: dict[str, float]
    top: list[tuple[float, str]]


def intake(stack: Stack, number: int, clients: int) -> Rate:
    """`POST /api/bookings` with `Prefer: respond-async`: offers of one customer each, nobody drives them meanwhile."""
    market, requests = Market(stack), []
    sample = market.info()
    for n in range(number):
        guest = Guest()
        info = replace(sample, external_id=f"off_bench_{clients}_{n}", request_id=f"orq_bench_{clients}_{n}")
        requests.append(Offered(market.keep(info, guest), info).post(guest).raw(f"127.0.0.1:{stack.ports[0]}"))
    steadily(stack.ports[0], requests[:20], clients)
    before = cpu_seconds(stack)
    answers, seconds = steadily(stack.ports[0], requests[20:], clients)
    return _rate(answers, seconds, spent(before, cpu_seconds(stack)), (202,))


def status_polls(stack: Stack, guest: Guest, reference: str, number: int, clients: int) -> Rate:
    """The same customer's polls with the ETag of an unchanged booking."""
    path, port = f"/api/payments/status/{reference}", stack.ports[0]
    first = steadily(port, [Request("GET", path, None, guest.headers)], 1)[0][0]
    request = Request("GET", path, None, {**guest.headers, "If-None-Match": first.headers["etag"]}).raw(
        f"127.0.0.1:{port}")
    steadily(port, [request] * 50, clients)
    before = cpu_seconds(stack)
    answers, seconds = steadily(port, [request] * number, clients)
    return _rate(answers, seconds, spent(before, cpu_seconds(stack)), (304,))


def _rate(answers: list[Answer], seconds: float, cpu: dict[str, float], good: tuple[int, ...]) -> Rate:
    times = [answer.seconds * 1000 for answer in answers]
    return Rate(len(answers) / seconds, percentile(times, 0.5), percentile(times, 0.95),
                {name: 1000 * used / len(answers) for name, used in cpu.items()},
                sum(answer.status not in good for answer in answers))


# --- to the end -----------------------------------------------------------------------------------------------------


def confirmed(stack: Stack, number: int, clients: int) -> tuple[Rate, Rate]:
    """Whole bookings by so many customers at a time: from the press until the card can be used, and in all.

    A customer presses *book* and waits for the answer (201, or 202 and then polls), pays in the browser (the sandbox
    confirms at once), and polls until the booking is confirmed.
    """
    market, waiting = Market(stack), []
    for _ in range(number):
        guest = Guest()
        waiting.append((guest, market.offer(guest)))
    payable: list[float] = []
    done: list[float] = []
    failed: list[Any] = []
    queue = iter(waiting)

    async def customer() -> None:
        site, bank = Line(stack.ports[0]), Line(stack.sandbox.port)
        for guest, offered in queue:
            started = time.perf_counter()
            try:
                reference, secret = await _press(site, guest, offered)
                payable.append(1000 * (time.perf_counter() - started))
                await _authorise(bank, secret)
                await _until(site, guest, reference, lambda told: told["status"] == "CONFIRMED")
                done.append(1000 * (time.perf_counter() - started))
            except (AssertionError, TimeoutError, KeyError) as problem:
                failed.append(problem)
        site.close()
        bank.close()

    async def run() -> float:
        started = time.perf_counter()
        await asyncio.gather(*(customer() for _ in range(clients)))
        return time.perf_counter() - started

    before = cpu_seconds(stack)
    seconds = asyncio.run(run())
    cpu = {name: 1000 * used / number for name, used in spent(before, cpu_seconds(stack)).items()}
    if failed:
        print("  failed:", failed[0])
    return (Rate(len(payable) / seconds, percentile(payable, 0.5), percentile(payable, 0.95), {}, len(failed)),
            Rate(len(done) / seconds, percentile(done, 0.5), percentile(done, 0.95), cpu, len(failed)))


async def _press(site: Line, guest: Guest, offered: Offered) -> tuple[str, str]:
    request = offered.post(guest)
    request.headers.pop("Prefer")
    answer = await site.ask(request)
    assert answer.status in (201, 202), answer.body[:300]
    booking = answer.json()["booking"]
    reference = booking["bookingReference"]
    if not booking.get("clientSecret"):
        await _until(site, guest, reference, lambda told: told["status"] == "PENDING_PAYMENT")
        answer = await site.ask(Request("POST", "/api/payments/create-intent", {"bookingReference": reference},
                                        guest.headers))
        assert answer.status == 200, answer.body[:300]
        return reference, answer.json()["clientSecret"]
    return reference, booking["clientSecret"]


async def _until(site: Line, guest: Guest, reference: str, holds: Any, seconds: float = 60.0) -> None:
    end = time.perf_counter() + seconds
    request = Request("GET", f"/api/payments/status/{reference}", None, guest.headers)
    while time.perf_counter() < end:
        answer = await site.ask(request)
        if answer.status == 200 and holds(answer.json()):
            return
        await asyncio.sleep(POLL)
    raise TimeoutError(reference)


async def _authorise(bank: Line, secret: str) -> None:
    intent = secret.partition("_secret_")[0]
    answer = await bank.ask(Request("POST", f"/_stripe/payment_intents/{intent}/authorise", {}))
    assert answer.status == 200, answer.body[:300]


# --- what it costs --------------------------------------------------------------------------------------------------


def cost(stack: Stack, number: int) -> Cost:
    """Book, authorise, confirm; nobody polls. What happens is watched at the sandbox, so that looking costs nothing."""
    market = Market(stack)
    guests = [Guest() for _ in range(number + 5)]
    requests = [market.offer(guest).post(guest) for guest in guests]
    _run_through(stack, requests[:5])
    known = bool(stack.rows("SELECT 1 FROM pg_settings WHERE name = 'pg_stat_statements.max'"))
    if known:
        stack.rows("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        stack.rows("SELECT pg_stat_statements_reset()")
    writes, before = _writes(stack), cpu_seconds(stack)
    _run_through(stack, requests[5:])
    cpu, wrote = spent(before, cpu_seconds(stack)), _writes(stack) - writes
    each = {name: 1000 * used / number for name, used in cpu.items()}
    if not known:
        return Cost(0, 0, wrote / number, 0, each, [])
    found = stack.rows("SELECT query, calls FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE"
                       " datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'"
                       " AND query NOT LIKE '%pg_settings%' ORDER BY calls DESC")
    ends = {"BEGIN": 0, "COMMIT": 0}
    checks, others = 0, []
    for query, calls in found:
        word = query.split(" ")[0].strip(";").upper()
        if word in ends:
            ends[word] += calls
        elif "FOR KEY SHARE OF x" in query:
            checks += calls
        elif word not in ("ROLLBACK", "SET", "SHOW"):
            others.append((calls / number, " ".join(query.split())))
    return Cost(sum(calls for calls, _ in others), checks / number, wrote / number, ends["COMMIT"] / number, each, others)


def _writes(stack: Stack) -> int:
    """Transactions that wrote (or locked rows) so far: each takes one number, and so does this question."""
    return int(stack.value("SELECT pg_current_xact_id()::text::bigint"))


def _run_through(stack: Stack, requests: list[Request]) -> None:
    since = _last(stack)
    answers, _ = steadily(stack.ports[0], requests, 8)
    assert all(answer.status == 202 for answer in answers), [answer.body for answer in answers if answer.status != 202]
    made = _wait(stack, since, "payment_intent.created", len(requests))
    for row in made:
        answer = stack.sandbox.http.post(f"/_stripe/payment_intents/{row['payment_intent']}/authorise", json={})
        assert answer.status_code == 200, answer.text
    _wait(stack, since, "payment_intent.captured", len(requests))
    time.sleep(2.0)  # the last messages and mails


def _last(stack: Stack) -> int:
    rows = stack.sandbox.ledger()
    return int(rows[-1]["seq"]) if rows else 0


def _wait(stack: Stack, since: int, event: str, number: int, seconds: float = 90.0) -> list[dict[str, Any]]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rows = stack.sandbox.ledger(since=since, vendor="stripe", event=event)
        if len(rows) >= number:
            return rows
        time.sleep(0.2)
    raise TimeoutError(f"{len(rows)} of {number} {event}")
