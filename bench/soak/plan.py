"""What goes wrong when: a list made from one number, the same for the same number. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# How often in an hour. A run of another length gets its share of each, and at least one.
AN_HOUR = {"kill": 44, "kill_child": 6, "freeze": 36, "postgres_fast": 3, "postgres_immediate": 3, "broker_flush": 6,
           "broker_kill": 6, "outside_kill": 3, "supplier": 100, "webhook": 50, "webhooks_off": 6}
NEEDS_BROKER = frozenset({"broker_flush", "broker_kill"})
FIRST, SECOND = ("web", "worker", "sweeper"), ("web2", "worker2", "sweeper2")
MARGIN = 5.0  # seconds of calm at the beginning and the end


@dataclass(frozen=True)
class Deed:
    """One thing that is done to the site `at` so many seconds after the start of the traffic."""

    at: float
    what: str
    whom: str = ""
    seconds: float = 0.0  # how long it lasts
    fault: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        fault = " ".join(str(value) for value in self.fault.values())
        return " ".join(word for word in (self.what, self.whom, fault, f"{self.seconds:.0f} s" if self.seconds else "")
                        if word)


# Operation, kind, and how; `probability` and `seed` are added. Each is one of the sandbox's own (sandbox/README.md).
SUPPLIERS: list[dict[str, Any]] = [
    {"operation": operation, **how} for operations, hows in (
        (("duffel.create_offer_request", "amadeus.search"), (
            {"kind": "latency", "seconds": 6.0}, {"kind": "status", "status": 503}, {"kind": "reset_before"},
            {"kind": "garbage"}, {"kind": "drip", "seconds": 8.0})),
        (("duffel.get_offer", "amadeus.price"), (
            {"kind": "latency", "seconds": 5.0}, {"kind": "status", "status": 500}, {"kind": "cut"})),
        (("duffel.create_order",), (
            {"kind": "latency", "seconds": 8.0}, {"kind": "reset_before"}, {"kind": "reset_after"}, {"kind": "cut"},
            {"kind": "garbage"}, {"kind": "status", "status": 500}, {"kind": "status_after", "status": 500},
            {"kind": "late", "seconds": 6.0}, {"kind": "202", "then": "created", "seconds": 4.0},
            {"kind": "200_no_order", "then": "exists"}, {"kind": "hang", "seconds": 20.0})),
        (("duffel.create_payment",), (
            {"kind": "latency", "seconds": 6.0}, {"kind": "reset_before"}, {"kind": "reset_after"},
            {"kind": "status_after", "status": 500}, {"kind": "late", "seconds": 5.0}, {"kind": "garbage"})),
        (("duffel.create_cancellation", "duffel.confirm_cancellation"), (
            {"kind": "reset_before"}, {"kind": "reset_after"}, {"kind": "status", "status": 503}, {"kind": "cut"})),
        (("duffel.get_order", "duffel.list_orders"), (
            {"kind": "latency", "seconds": 3.0}, {"kind": "status", "status": 503}, {"kind": "drip", "seconds": 6.0})),
        (("stripe.create_payment_intent", "stripe.capture", "stripe.refund", "stripe.cancel"), (
            {"kind": "latency", "seconds": 5.0}, {"kind": "reset_before"}, {"kind": "reset_after"},
            {"kind": "status", "status": 500}, {"kind": "status_after", "status": 500}, {"kind": "garbage"},
            {"kind": "late", "seconds": 5.0})),
        (("stripe.retrieve_payment_intent",), (
            {"kind": "latency", "seconds": 3.0}, {"kind": "status", "status": 500}, {"kind": "cut"})),
        (("amadeus.create_order",), (
            {"kind": "latency", "seconds": 8.0}, {"kind": "reset_before"}, {"kind": "reset_after"},
            {"kind": "status", "status": 500}, {"kind": "late", "seconds": 6.0}, {"kind": "garbage"})),
        (("amadeus.get_order", "amadeus.token"), (
            {"kind": "latency", "seconds": 3.0}, {"kind": "status", "status": 500})),
    ) for operation in operations for how in hows]
WEBHOOKS: list[dict[str, Any]] = [
    {"kind": "webhook_double"}, {"kind": "webhook_drop"}, {"kind": "webhook_delay", "seconds": 15.0},
    {"kind": "webhook_shuffle", "seconds": 6.0}]


def plan(seed: int, minutes: float, *, broker: bool = True) -> list[Deed]:
    """Every deed of a run of so many minutes, by time. In the middle the site is rolled and its schema changed.

    In the first half only the second of each pair is killed, and the other way round: so that memory can be watched
    in a process that lives for half of the run.
    """
    dice, whole = random.Random(seed), minutes * 60
    found = [deed for what, often in AN_HOUR.items() if broker or what not in NEEDS_BROKER
             for deed in _some(dice, what, max(1, round(often * minutes / 60)), whole, broker)]
    middle = whole / 2
    found += [Deed(middle, "rolling_restart"), Deed(middle + min(45.0, whole / 8), "migrate")]
    return sorted(found, key=lambda deed: deed.at)


def _some(dice: random.Random, what: str, often: int, whole: float, broker: bool) -> Iterator[Deed]:
    """`often` deeds of a kind, one somewhere in each of as many equal parts of the run."""
    part = (whole - 2 * MARGIN) / often
    pool = {"supplier": SUPPLIERS, "webhook": WEBHOOKS}.get(what, [])
    order: list[Any] = []
    for number in range(often):
        at = MARGIN + part * (number + dice.random())
        kinds = [name for name in (FIRST if at > whole / 2 else SECOND) if broker or "worker" not in name]
        if what == "kill":
            yield Deed(at, what, kinds[number % len(kinds)])
        elif what == "kill_child":
            yield Deed(at, what, kinds[0])
        elif what == "freeze":
            yield Deed(at, what, dice.choice([name for name in FIRST + SECOND if broker or "worker" not in name]),
                       dice.uniform(2, 10))
        elif pool:
            order = order or dice.sample(pool, len(pool))
            one = order.pop()
            where = {} if "operation" in one else {"operation": dice.choice(("webhook:*", "webhook:payment_intent.*",
                                                                             "webhook:order.*"))}
            how = {**where, **one, "probability": dice.choice((0.3, 0.6, 1.0)), "seed": dice.randrange(10**6)}
            yield Deed(at, what, "", dice.uniform(8, 25), how)
        elif what in ("webhooks_off", "broker_kill"):
            yield Deed(at, what, "", dice.uniform(5, 20))
        else:
            yield Deed(at, what)
