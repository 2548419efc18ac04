"""Listing orders: filters, order, pages, and a list that lags behind when told to."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.duffel import orders
from sandbox.duffel.errors import refuse
from sandbox.duffel.requests import Doc, limit, moment, page
from sandbox.frame import Answer, Call, World

LAG = "listing_lag"


def list_all(call: Call, world: World) -> Answer:
    """GET /air/orders, the newest first unless sorted by ``payment_required_by``."""
    tests = _tests(call)
    hidden_after = _hidden_after(world)
    asked = {name for name, _ in call.query} - {"limit", "after", "before"}
    if asked <= {"created_at[after]", "created_at[before]"}:
        return _newest(call, world, hidden_after, tests)
    tags = {name: value for name in ("offer_id", "booking_reference") if (value := call.param(name))}
    sort = call.param("sort")
    found = [order for order in world.find(orders.KIND, **tags) if moment(order["created_at"]) <= hidden_after][::-1]
    found = [order for order in found if all(test(order) for test in tests)]
    if sort is not None:
        if sort.lstrip("-") not in ("payment_required_by", "pay_by"):
            raise refuse("validation_inclusion", "/sort")
        found.sort(
            key=lambda order: order["payment_status"]["payment_required_by"] or "9", reverse=sort.startswith("-")
        )
    return page(call, found)


def _newest(call: Call, world: World, hidden_after: datetime, tests: list[Callable[[Doc], bool]]) -> Answer:
    """Read just one page from the store, so that a long list stays cheap; it ends at the first order too old for it."""
    size, before = limit(call), call.param("after")
    oldest = call.param("created_at[after]")
    rows = world.store.page(orders.KIND, {}, newest_first=True, before=_position(before), limit=size + 1)
    ends = len(rows) <= size or bool(oldest and moment(rows[size - 1][1]["created_at"]) <= moment(oldest))
    shown = [order for _, order in rows[:size]
             if moment(order["created_at"]) <= hidden_after and all(test(order) for test in tests)]
    after = None if ends else base64.urlsafe_b64encode(f"s{rows[size - 1][0]}".encode()).decode()
    return Answer(200, {"data": shown, "meta": {"limit": size, "after": after, "before": before}})


def _position(cursor: str | None) -> int | None:
    if not cursor:
        return None
    try:
        return int(base64.urlsafe_b64decode(cursor.encode()).decode().removeprefix("s"))
    except (binascii.Error, ValueError):
        raise refuse("invalid_pagination") from None


def _hidden_after(world: World) -> datetime:
    lag = world.lasting_fault("duffel.list_orders", LAG)
    return world.now() - timedelta(seconds=float(lag.get("seconds", 60)) if lag else 0)


def _tests(call: Call) -> list[Callable[[Doc], bool]]:
    many: dict[str, set[str]] = {}
    tests: list[Callable[[Doc], bool]] = []
    for name, value in call.query:
        if name in ("passenger_name[]", "owner_id[]", "origin_id[]", "destination_id[]"):
            many.setdefault(name[:-2], set()).add(value.casefold())
        elif name in (
            "created_at[after]",
            "created_at[before]",
            "departing_at[after]",
            "departing_at[before]",
            "arriving_at[after]",
            "arriving_at[before]",
        ):
            tests.append(_time_test(name, value))
        elif name in ("awaiting_payment", "requires_action"):
            tests.append(_flag_test(name, value == "true"))
    tests += [_member_test(name, wanted) for name, wanted in many.items()]
    return tests


def _time_test(name: str, value: str) -> Callable[[Doc], bool]:
    field, side = name[:-1].split("[")
    try:
        edge = moment(value)
    except ValueError:
        raise refuse("validation_format", f"/{field}") from None

    def times(order: Doc) -> datetime:
        if field == "created_at":
            return moment(order["created_at"])
        segments = [segment for leg in order["slices"] for segment in leg["segments"]]
        return moment((segments[0] if field == "departing_at" else segments[-1])[field])

    return (lambda order: times(order) > edge) if side == "after" else (lambda order: times(order) < edge)


def _flag_test(name: str, wanted: bool) -> Callable[[Doc], bool]:
    if name == "awaiting_payment":
        return lambda order: order["payment_status"]["awaiting_payment"] == wanted
    return lambda order: any(c["action_taken"] is None for c in order["airline_initiated_changes"]) == wanted


def _member_test(name: str, wanted: set[str]) -> Callable[[Doc], bool]:
    def values(order: Doc) -> set[str]:
        if name == "passenger_name":
            return {
                part.casefold()
                for p in order["passengers"]
                for part in (p["family_name"], f"{p['given_name']} {p['family_name']}")
            }
        if name == "owner_id":
            return {order["owner"]["id"].casefold()}
        return {leg[name.removesuffix("_id")]["id"].casefold() for leg in order["slices"]}

    return lambda order: bool(values(order) & wanted)
