"""Whose ticket a number is: the three digits that begin the tickets of an airline (IATA accounting codes).

Only airlines whose code is well known are listed; for any other nothing is said about its numbers.
"""

from __future__ import annotations

import re

TICKET = re.compile(r"(?!000)[0-9]{13}")  # the airline's three digits, then ten; no check digit is part of it
WRITTEN = re.compile(r"(?<![0-9])([0-9]{3})[ -]?([0-9]{10})(?![0-9])")  # as consolidators write it: 125-2345678901
CODES = {
    "A3": "390", "AA": "001", "AC": "014", "AD": "577", "AF": "057", "AI": "098", "AM": "139", "AR": "044",
    "AS": "027", "AT": "147", "AV": "134", "AY": "105", "AZ": "055", "B6": "279", "BA": "125", "BR": "695",
    "BT": "657", "CA": "999", "CI": "297", "CM": "230", "CX": "160", "CZ": "784", "DL": "006", "EI": "053",
    "EK": "176", "ET": "071", "EY": "607", "F9": "422", "FI": "108", "FJ": "260", "G3": "127", "GA": "126",
    "GF": "072", "HA": "173", "HR": "169", "HU": "880", "IB": "075", "JL": "131", "JU": "115", "KE": "180",
    "KL": "074", "KQ": "706", "KU": "229", "LA": "045", "LG": "149", "LH": "220", "LO": "080", "LX": "724",
    "LY": "114", "ME": "076", "MH": "232", "MS": "077", "MU": "781", "NH": "205", "NK": "487", "NZ": "086",
    "OK": "064", "OS": "257", "OU": "831", "OZ": "988", "PR": "079", "QF": "081", "QR": "157", "RJ": "512",
    "RO": "281", "SA": "083", "SK": "117", "SN": "082", "SQ": "618", "SV": "065", "TG": "217", "TK": "235",
    "TP": "047", "UA": "016", "UX": "996", "VA": "795", "VN": "738", "VS": "932", "WN": "526", "WS": "838",
}


def code_of(carrier: str) -> str:
    """The three digits of an airline's tickets; "" when they are not known here."""
    return CODES.get(carrier, "")


def numbers_in(text: str) -> list[str]:
    """The ticket numbers written in a text, in its order, as 13 digits."""
    return [f"{stock}{serial}" for stock, serial in WRITTEN.findall(text)]


def dealt(text: str, people: list[str]) -> dict[int, list[str]] | None:
    """The numbers of a pasted text for each traveller (as airlines write them: MUELLER / ANNA), by their place.

    A line that names exactly one of them is theirs; lines that name nobody are dealt in the order of the travellers
    that have none yet. None when that leaves somebody without a number, or a number over.
    """
    found: dict[int, list[str]] = {}
    nobodys: list[list[str]] = []
    for line in text.splitlines():
        numbers = numbers_in(line)
        named = _named(line, people) if numbers else []
        if len(named) == 1:
            found.setdefault(named[0], []).extend(numbers)
        elif numbers:
            nobodys.append(numbers)
    waiting = [place for place in range(len(people)) if place not in found]
    if len(nobodys) == 1 and len(nobodys[0]) == len(waiting):  # all of them in one line
        nobodys = [[number] for number in nobodys[0]]
    if len(nobodys) != len(waiting):
        return None
    return found | dict(zip(waiting, nobodys, strict=True))


def _named(line: str, people: list[str]) -> list[int]:
    """Who a line names: family name and given names in full, else the first given name, its title perhaps glued on."""
    words = re.split(r"[^A-Z]+", line.upper())
    full, short = list[int](), list[int]()
    for place, name in enumerate(people):
        family, _, given = name.partition(" / ")
        given_names = re.findall(r"[A-Z]+", given)
        if not family or not given_names or not all(part in words for part in re.findall(r"[A-Z]+", family)):
            continue
        if all(part in words for part in given_names):
            full.append(place)
        elif any(word.startswith(given_names[0]) for word in words):
            short.append(place)
    return full or short
