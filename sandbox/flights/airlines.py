"""What airlines and aircraft are called."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

AIRCRAFT = {
    "320": "Airbus A320",
    "321": "Airbus A321",
    "73H": "Boeing 737-800 (winglets)",
    "E90": "Embraer 190",
    "AT7": "ATR 72",
    "789": "Boeing 787-9",
    "77W": "Boeing 777-300ER",
    "359": "Airbus A350-900",
    "333": "Airbus A330-300",
    "388": "Airbus A380-800",
}


@cache
def airline_names() -> dict[str, str]:
    """Return airline code -> name."""
    listed = Path(__file__).resolve().parent.parent / "data" / "duffel" / "airlines.json"
    return {code: name for code, name, _ in json.loads(listed.read_text())}
