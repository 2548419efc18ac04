"""What may go wrong: for each call the faults that fit it, one of them for the very call that the next step makes.

A storm is a number that Hypothesis draws: 0 is calm; others name which call meets which fault, or at which of its
fault points the process dies or loses its database. A storm that no call has met yet waits for the next step.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from django.db import connection
from hypothesis import strategies as st

from sandbox.faults import CALL_KINDS, Faults
from sandbox.store import Store

Fault = dict[str, Any]
STORMS = st.one_of(st.just(0), st.integers(1, 4999), st.integers(1, 4999))
KINDS, CALLS, POINTS = 12, 2, 14  # of twelve storms one is a death and one a lost connection
STATUSES = (400, 401, 404, 422, 429, 500, 502, 503, 504)
# a vendor may fail after the deed, but it does not say "no" after a yes: only answers that prove nothing
UNSURE = {"duffel": (500, 502, 504), "stripe": (500, 502, 503, 504), "amadeus": (500, 502, 504)}
CODES = ("price_changed", "offer_no_longer_available", "offer_expired", "order_not_created", "insufficient_balance",
         "duplicate_booking", "offer_request_already_booked", "schedule_changed", "airline_unknown", "airline_internal",
         "rate_limit_exceeded", "already_paid", "already_cancelled", "past_payment_required_by_date",
         "order_not_cancellable", "order_cancellation_stale", "invalid_passenger_name")
UNSURE_CODES = ("airline_unknown", "airline_internal", "duplicate_booking", "offer_request_already_booked")
AMADEUS_CODES = (34651, 37200, 36870, 38034, 4926, 38194, 38195, 141, 38189)
ACCEPTED = ("duffel.create_order", "duffel.create_payment")  # Duffel may answer these with 200 or 202
LASTING = frozenset({"listing_lag"})


class Died(BaseException):
    """The process is gone in the middle of its work (no code of ours may catch this)."""


class Weather(Faults):
    """The menu of faults, which also deals out the storm that waits; counts what really happened."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.happened, self.calls = Counter[str](), 0  # what fired, and how many calls there were
        self._skip = self._choice = self._points = 0
        self._deed = self._place = ""

    def expect(self, storm: int) -> None:
        """What comes; a storm that was expected before and has not come gives way to it, calm does not end one."""
        if storm:
            self._place = ""
            rest, kind = divmod(storm, KINDS)
            self._deed = {KINDS - 1: "death", KINDS - 2: "lost"}.get(kind, "fault")
            self._choice, self._skip = divmod(rest, CALLS)
            self._points = rest % POINTS

    def die_at(self, point: str) -> None:
        """The process dies when it passes this point, and nowhere before."""
        self._deed, self._place = "death", point

    def calm(self) -> None:
        """Nothing is expected and nothing armed."""
        self._deed = ""
        self.clear()

    def fire(self, operation: str, kinds: frozenset[str]) -> Fault | None:
        """As the sandbox asks it: what is armed, or what the storm has for this call."""
        self.calls += kinds == CALL_KINDS
        found = super().fire(operation, kinds)
        if found is None and self._deed == "fault" and kinds == CALL_KINDS:
            found = self._dealt(operation)
        if found is not None:
            self.happened[found["kind"]] += 1
        return found

    def _dealt(self, operation: str) -> Fault | None:
        if self._skip:
            self._skip -= 1
            return None
        self._deed, choices = "", menu(operation)
        fault = choices[self._choice % len(choices)]
        if fault["kind"] in LASTING:
            self.happened[fault["kind"]] += 1
            self.arm({"operation": operation, **fault})
            return None
        if fault["count"] > 1:
            self.arm({**fault, "operation": operation, "count": fault["count"] - 1})
        return {**fault, "operation": operation}

    def passing(self, point: str) -> None:
        """In the place of `faultpoints.passing`: die there, or lose the database while an answer is under way."""
        if self._deed not in ("death", "lost") or (self._deed == "lost" and not point.endswith(".answered")):
            return
        if self._place not in ("", point):
            return
        if self._points and not self._place and self._deed == "death":
            self._points -= 1
            return
        deed, self._deed, self._place = self._deed, "", ""
        self.happened[deed] += 1
        hang_up()
        if deed == "death":
            raise Died(point)


def hang_up() -> None:
    """The database hears no more of this process: its transaction is undone and its locks are free."""
    raw = connection.connection
    if raw is not None and not raw.closed:
        raw.rollback()
        raw.execute("SELECT pg_advisory_unlock_all()")  # as its end would, but before anybody asks
        raw.close()


@cache
def menu(operation: str) -> tuple[Fault, ...]:
    """The faults that fit a call, the likelier the more often named."""
    vendor, _, name = operation.partition(".")
    silent = [{"kind": kind} for kind in ("reset_before", "reset_after", "reset_after", "cut", "garbage", "hang", "silence")]
    late = [{"kind": "late", "seconds": seconds} for seconds in (3, 40, 400, 4000, 20_000)]
    stated: list[Fault] = [{"kind": "status", "status": status} for status in STATUSES]
    unsure: list[Fault] = [{"kind": "status_after", "status": status} for status in UNSURE[vendor]]
    if vendor == "duffel":
        stated += [{"kind": "status", "status": 422, "code": code} for code in CODES]
        unsure += [{"kind": "status_after", "status": 500, "code": code} for code in UNSURE_CODES]
    if vendor == "amadeus":
        stated += [{"kind": "status", "code": code} for code in AMADEUS_CODES]
        late = late[:2]
    faults = [*silent, *silent, *late, *stated, *unsure, *_accepted(operation),
              *({"kind": "listing_lag", "seconds": seconds} for seconds in (30, 600, 7200) if name == "list_orders")]
    return tuple({"count": count, **fault} for count in (1, 1, 1, 2, 6) for fault in faults)


def _accepted(operation: str) -> list[Fault]:
    if operation not in ACCEPTED:
        return []
    exists = ("exists",) if operation == "duffel.create_order" else ()
    return [{"kind": kind, "then": then, "seconds": seconds, "count": 1} for kind in ("202", "200_no_order")
            for then in ("created", "created", "failed", "nothing", *exists) for seconds in (2, 200, 4000)]
