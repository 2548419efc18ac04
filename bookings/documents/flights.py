"""The flights of the paper: each with its times, airports, operator, seats and bags, and the change to the next."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bookings import letter
from bookings.selectors import words

View = dict[str, Any]


def directions(view: View) -> list[View]:
    """Each direction of the trip with its flights in order."""
    found, first, names = [], 0, short_names(view["passengers"])
    for index, part in enumerate(view["slices"]):
        segments = part["segments"]
        about = [lasting(part["durationMinutes"]), stops(segments), part["brand"]]
        found.append({
            "title": _title(index, len(view["slices"]), part), "about": "  ·  ".join(filter(None, about)),
            "segments": [{**_segment(segment, first + at, view, names),
                          "layover": layover(segment, segments[at + 1]) if at + 1 < len(segments) else ""}
                         for at, segment in enumerate(segments)]})
        first += len(segments)
    return found


def extras(view: View) -> list[tuple[int | None, str, str]]:
    """The paid extras: the traveller's place in line (None: everybody), what, and on which flights."""
    codes = [f"{segment['carrierCode']} {segment['flightNumber']}" for part in view["slices"]
             for segment in part["segments"]]
    grouped: dict[tuple[int | None, str], list[str]] = {}
    for item in view["selections"]:
        label = item["label"] + (f" × {item['quantity']}" if item["quantity"] > 1 else "")
        place = item["passenger"] if item["passenger"] in range(len(view["passengers"])) else None
        grouped.setdefault((place, label), []).extend(codes[at] for at in item["segments"] if at < len(codes))
    return [(place, label, ", ".join(dict.fromkeys(on)) or "the whole trip") for (place, label), on in grouped.items()]


def stops(segments: list[View]) -> str:
    """Direct, or how many stops."""
    count = len(segments) - 1 + sum(len(segment["stops"]) for segment in segments)
    return f"{count} stop{'s' if count > 1 else ''}" if count else "Direct"


def layover(one: View, two: View) -> str:
    """The change between two flights: where, how long, overnight, and whether the airport changes."""
    here, there = one["destination"], two["origin"]
    arrives, leaves = words.local(one["arrivingLocal"]), words.local(two["departingLocal"])
    if here["code"] != there["code"]:
        text = f"Change of airport: arrive at {here['name']} ({here['code']}), continue from {there['name']} " \
               f"({there['code']})"
    else:
        text = f"Change in {here['city'] or here['name']} ({here['code']})"
    if arrives and leaves and here["code"] == there["code"] and leaves >= arrives:
        text += f", {lasting(int((leaves - arrives).total_seconds() // 60))}"
    overnight = arrives and leaves and leaves.date() != arrives.date()
    return f"{text}, overnight" if overnight else text


def lasting(minutes: int | None) -> str:
    """7 h 05 min; "" when it is not known."""
    if not minutes:
        return ""
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _title(index: int, count: int, part: View) -> str:
    way = f"{_city(part['origin'])} to {_city(part['destination'])}"
    name = ("Outbound", "Return")[index] if count == 2 else f"Trip {index + 1}"
    return f"{name}: {way}" if count > 1 else way


def _segment(segment: View, position: int, view: View, names: list[str]) -> View:
    shown = segment["operatingName"] and segment["operatingName"] != segment["carrierName"]
    about = (lasting(segment["durationMinutes"]), segment["cabinName"] or segment["cabin"].replace("_", " ").title(),
             segment["aircraft"])
    notes = (("Seats", _seats(position, view, names)),
             ("Bags included", bags_text(segment["bags"], names)),
             ("Stops on the way", ", ".join(str(stop) for stop in segment["stops"])))
    return {
        "number": f"{segment['carrierCode']} {segment['flightNumber']}", "carrier": segment["carrierName"],
        "operated": f"Operated by {segment['operatingName']}" if shown else "",
        "about": ", ".join(filter(None, about)),
        "departing": _moment(segment["departingLocal"]),
        "arriving": {**_moment(segment["arrivingLocal"]),
                     "days": f"{segment['nextDay']:+d} day" if segment["nextDay"] else ""},
        "origin": _airport(segment["origin"], segment["terminals"]["departure"]),
        "destination": _airport(segment["destination"], segment["terminals"]["arrival"]),
        "notes": [[label, text] for label, text in notes if text],
    }


def short_names(passengers: list[View]) -> list[str]:
    """Each traveller's given names, where they tell them apart; else the whole name."""
    given = [person["givenName"] for person in passengers]
    if all(given) and len(set(given)) == len(given):
        return given
    return [f"{person['givenName']} {person['familyName']}".strip() for person in passengers]


def bags_text(bags: list[View], names: list[str]) -> str:
    """What may be brought free of charge on one flight; travellers with the same allowance are named together."""
    if not bags or not names:
        return letter.bags_text(bags, names)
    groups: dict[str, list[str]] = {}
    for at, name in enumerate(names):
        groups.setdefault(letter.bags_text([{**bag, "passenger": 0} for bag in bags if bag["passenger"] == at] or [
            {"passenger": 0, "kind": "checked", "quantity": 0}], [name]), []).append(name)
    if len(groups) == 1:
        return next(iter(groups))
    return "; ".join(f"{', '.join(who)}: {text.replace(' per traveller included', '')}" for text, who in groups.items())


def _seats(position: int, view: View, names: list[str]) -> str:
    """The chosen seats of one flight: "14C Ms Ada Lovelace"."""
    found = [(item["label"].removeprefix("Seat "), item["passenger"]) for item in view["selections"]
             if item["kind"] == "seat" and position in item["segments"]]
    return ", ".join(f"{seat}\u00a0{names[at]}" if at is not None and at < len(names) else seat for seat, at in found)


def _moment(text: str) -> View:
    moment: datetime | None = words.local(text)
    if moment is None:
        return {"time": text, "date": ""}
    return {"time": f"{moment:%H:%M}", "date": f"{moment:%a} {moment.day} {moment:%b %Y}"}


def _airport(place: View, terminal: str) -> View:
    detail = ", ".join(filter(None, (place["name"], f"terminal {terminal}" if terminal else "")))
    return {"city": _city(place), "code": place["code"], "detail": detail}


def _city(place: View) -> str:
    return str(place["city"] or place["name"] or place["code"])
