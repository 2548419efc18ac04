"""Template filters and tags: how times, durations, money and conditions are said on a page."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fly2any import logs
from fly2any.kernel.money import Money

register = template.Library()


@register.simple_tag
def request_number() -> str:
    """The number under which our logs know this request; no caller can choose it."""
    return logs.request_id()


def moment(value: Any) -> datetime | None:
    """A datetime from an ISO 8601 text or a datetime; None for nothing or nonsense."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


@register.filter
def clock(value: Any) -> str:
    """The airport's own time of day: 09:05."""
    when = moment(value)
    return f"{when:%H:%M}" if when else ""


@register.filter
def day(value: Any) -> str:
    """A day with its weekday: Tue 1 Dec 2026."""
    when = value if type(value) is date else moment(value)
    return f"{when:%a} {when.day} {when:%b %Y}" if when else ""


@register.filter
def weekday(value: Any) -> str:
    """A day of the coming year with its weekday: Tue 1 Dec."""
    when = moment(value)
    return f"{when:%a} {when.day} {when:%b}" if when else ""


@register.filter
def deadline(value: Any) -> str:
    """A moment with day and zone: Tue 1 Dec 2026, 09:05 UTC."""
    when = moment(value)
    if when is None:
        return ""
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{day(when)}, {when:%H:%M} UTC"


@register.filter
def until(value: Any) -> SafeString | str:
    """A deadline as a <time> element, which scripts may turn into the reader's own zone."""
    when = moment(value)
    if when is None:
        return ""
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), deadline(when))


@register.filter
def lasting(minutes: Any) -> str:
    """A duration: 7 h 5 min."""
    if minutes in (None, ""):
        return ""
    hours, rest = divmod(int(minutes), 60)
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"


@register.filter
def money(value: Any) -> str:
    """An amount with its ISO code: USD 599.99. Takes the views' money dicts and Money."""
    if not value:
        return ""
    if isinstance(value, Money):
        return str(value)
    if value.get("text"):
        return str(value["text"])
    if "minor" in value:
        return str(Money(int(value["minor"]), value["currency"]))
    return f"{value['currency']} {value['amount']}"


@register.filter
def price(value: Any) -> SafeString | str:
    """An amount as the large price of a block, its code small."""
    text = money(value)
    if not text:
        return ""
    code, _, amount = text.partition(" ")
    return format_html('<span class="price"><small>{}</small> {}</span>', code, amount)


@register.filter
def kind_word(kind: str) -> str:
    """Adult, Child or Infant on lap."""
    return {"adult": "Adult", "child": "Child", "infant": "Infant on lap"}.get(kind, str(kind).capitalize())


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or nothing."""
    return mapping.get(key, "") if hasattr(mapping, "get") else ""


@register.filter
def at(items: Any, number: int) -> Any:
    """The item at a place of a list, or nothing."""
    return items[number] if isinstance(items, list) and number < len(items) else ""


@register.filter
def flight_line(piece: dict[str, Any]) -> dict[str, Any]:
    """What the line of one direction says: times, stops, connections with their airports and warnings."""
    segments = piece["segments"]
    first, last = segments[0], segments[-1]
    leaves, arrives = moment(first["departingLocal"]), moment(last["arrivingLocal"])
    days = (arrives.date() - leaves.date()).days if leaves and arrives else 0
    stops = len(segments) - 1 + sum(len(segment.get("stops") or ()) for segment in segments)
    between = [_connection(one, two) for one, two in zip(segments, segments[1:], strict=False)]
    by_stops = [code for segment in segments for code in segment.get("stops") or ()]
    via = [" ".join(filter(None, (item["code"], lasting(item["minutes"])))) for item in between] + by_stops
    names = list(dict.fromkeys(segment["carrierName"] for segment in segments))
    return {
        "first": first, "last": last, "days": f"{days:+d}" if days else "", "airlines": " and ".join(names),
        "stops": "Direct" if not stops else f"{stops} stop{'s' if stops > 1 else ''}", "via": ", ".join(map(str, via)),
        "legs": [{"segment": segment, "after": after}
                 for segment, after in zip(segments, [*between, None], strict=True)],
    }


def _connection(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """The change between two flights: where, how long, and whether the airport changes."""
    arrives, leaves = moment(one["arrivingLocal"]), moment(two["departingLocal"])
    minutes = int((leaves - arrives).total_seconds() // 60) if arrives and leaves else None
    here, there = one["destination"], two["origin"]
    return {"code": here["code"], "name": here.get("city") or here["name"], "minutes": minutes,
            "to": there["code"] if there["code"] != here["code"] else "",
            "night": bool(arrives and leaves and leaves.date() != arrives.date())}
