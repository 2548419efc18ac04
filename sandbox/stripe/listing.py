"""Lists: newest first, by page, by index, by time."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.stripe import events
from sandbox.stripe.desk import KINDS, Desk, Doc, public
from sandbox.stripe.errors import invalid

_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
_BY = ("payment_intent", "charge", "customer")


def _created_fits(asked: object, created: int) -> bool:
    if isinstance(asked, int):
        return created == asked
    if isinstance(asked, dict):
        return all(_BOUNDS[word](created, bound) for word, bound in asked.items())
    return True


def page(desk: Desk, kind: str, url: str, *, keep: Callable[[Doc], bool] | None = None,
         show: Callable[[Doc], Doc] = public) -> Doc:  # fmt: skip
    """One page of a list as Stripe answers it; raises StripeError for a bad limit or an unknown cursor."""
    given = desk.params
    limit = given.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(
            "Invalid integer: limit must be between 1 and 100.", code="parameter_invalid_integer", param="limit"
        )
    index = {name: given[name] for name in _BY if name in given}
    rows = [
        doc
        for _, doc in desk.world.store.page(KINDS[kind], index, newest_first=True)
        if not doc.get("_deleted")
        and _created_fits(given.get("created"), doc["created"])
        and (keep is None or keep(doc))
    ]
    if "ending_before" in given:
        end = _position(rows, given["ending_before"], "ending_before")
        start = max(0, end - limit)
        return _answer(desk, rows[start:end], start > 0, url, show)
    start = _position(rows, given["starting_after"], "starting_after") + 1 if "starting_after" in given else 0
    return _answer(desk, rows[start : start + limit], len(rows) > start + limit, url, show)


def _position(rows: list[Doc], ident: str, param: str) -> int:
    for place, doc in enumerate(rows):
        if doc["id"] == ident:
            return place
    raise invalid(f"No such object: '{ident}'", code="resource_missing", param=param)


def _answer(desk: Desk, rows: list[Doc], more: bool, url: str, show: Callable[[Doc], Doc]) -> Doc:
    return {"object": "list", "data": [show(doc) for doc in rows], "has_more": more, "url": url}


def event_page(desk: Desk) -> Doc:
    """GET /v1/events with ``types``, ``created`` and ``delivery_success``; 30 days back."""
    given = desk.params
    if "type" in given and "types" in given:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    kinds = given.get("types") or ([given["type"]] if "type" in given else [])
    if len(kinds) > 20:
        raise invalid("You can give up to 20 types.", param="types")
    oldest = desk.now - 30 * 86_400

    def keep(event: Doc) -> bool:
        if event["created"] < oldest or not _kind_fits(kinds, event["type"]):
            return False
        return "delivery_success" not in given or events.delivered(desk, event) == given["delivery_success"]

    return page(desk, "event", "/v1/events", keep=keep, show=lambda event: events.shown(desk, event))


def _kind_fits(kinds: list[str], kind: str) -> bool:
    if not kinds:
        return True
    return any(kind == asked or (asked.endswith("*") and kind.startswith(asked[:-1])) for asked in kinds)
