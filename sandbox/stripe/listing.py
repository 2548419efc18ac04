"""Lists: newest first, by page, by index, by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from sandbox.stripe import events
from sandbox.stripe.desk import KINDS, VENDOR_NAME, Desk, Doc, public
from sandbox.stripe.errors import invalid

_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
CHUNK = 200
_BY = ("payment_intent", "charge", "customer")


def _created_fits(asked: object, created: int) -> bool:
    if isinstance(asked, int):
        return created == asked
    if isinstance(asked, dict):
        return all(_BOUNDS[word](created, bound) for word, bound in asked.items())
    return True


def page(
    desk: Desk,
    kind: str,
    url: str,
    *,
    keep: Callable[[Doc], bool] | None = None,
    show: Callable[[Doc], Doc] = public,
    among: list[str] | None = None,
    index: dict[str, str] | None = None,
) -> Doc:
    """One page of a list as Stripe answers it; ``among`` names the only ids that can be on it, ``index`` their tags.

    Raises StripeError for a bad limit or an unknown cursor.
    """
    given = desk.params
    limit: int = given.get("limit", 10)
    if not 1 <= limit <= 100:
        message = "Invalid integer: limit must be between 1 and 100."
        raise invalid(message, code="parameter_invalid_integer", param="limit")

    def fits(doc: Doc) -> bool:
        return (
            not doc.get("_deleted") and _created_fits(given.get("created"), doc["created"]) and (not keep or keep(doc))
        )

    if "ending_before" in given:
        cursor = _position(desk, kind, given["ending_before"], "ending_before")
        newer = [doc for _, doc in _newest_first(desk, kind, None, among, index) if fits(doc)]
        ahead = [doc for doc in newer if _position(desk, kind, doc["id"], "ending_before") > cursor]
        rows, more = ahead[-limit:], len(ahead) > limit
    else:
        after = given.get("starting_after")
        before = _position(desk, kind, after, "starting_after") if after else None
        found = (doc for _, doc in _newest_first(desk, kind, before, among, index) if fits(doc))
        rows = list(islice(found, limit + 1))
        rows, more = rows[:limit], len(rows) > limit
    return {"object": "list", "data": [show(doc) for doc in rows], "has_more": more, "url": url}


def _position(desk: Desk, kind: str, ident: str, param: str) -> int:
    found = desk.world.store.rows("SELECT seq FROM docs WHERE kind = ? AND id = ?", (KINDS[kind], ident))
    if not found:
        raise invalid(f"No such object: '{ident}'", code="resource_missing", param=param)
    return int(found[0][0])


def _newest_first(
    desk: Desk, kind: str, before: int | None, among: list[str] | None, index: dict[str, str] | None
) -> Iterator[tuple[int, Doc]]:
    """Documents from the newest down, read a chunk at a time: most lists are short and the store is long."""
    if among is not None:
        placed = [(_position(desk, kind, ident, "id"), ident) for ident in among]
        for seq, ident in sorted(placed, reverse=True):
            if before is None or seq < before:
                yield seq, desk.need(kind, ident, "id")
        return
    index = {name: desk.params[name] for name in _BY if name in desk.params} | (index or {})
    while True:
        chunk = desk.world.store.page(KINDS[kind], index, newest_first=True, before=before, limit=CHUNK)
        yield from chunk
        if len(chunk) < CHUNK:
            return
        before = chunk[-1][0]


def event_page(desk: Desk) -> Doc:
    """GET /v1/events with ``types``, ``created`` and ``delivery_success``; 30 days back."""
    given = desk.params
    if "type" in given and "types" in given:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    kinds = given.get("types") or ([given["type"]] if "type" in given else [])
    if len(kinds) > 20:
        raise invalid("You can give up to 20 types.", param="types")
    oldest = desk.now - 30 * 86_400

    wanted = given.get("delivery_success")

    def keep(event: Doc) -> bool:
        if event["created"] < oldest or not _kind_fits(kinds, event["type"]):
            return False
        return wanted is not True or events.delivered(desk, event)

    among = desk.world.outbox.undelivered(VENDOR_NAME) if wanted is False else None
    index = {"type": kinds[0]} if len(kinds) == 1 and not kinds[0].endswith("*") else None
    return page(
        desk, "event", "/v1/events", keep=keep, show=lambda event: events.shown(desk, event), among=among, index=index
    )


def _kind_fits(kinds: list[str], kind: str) -> bool:
    if not kinds:
        return True
    return any(kind == asked or (asked.endswith("*") and kind.startswith(asked[:-1])) for asked in kinds)
