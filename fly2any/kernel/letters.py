"""Names in the letters of tickets and passports' machine-readable lines. Pure."""

from __future__ import annotations

import re
import unicodedata

# Letters that have no simple form under their accents, as ICAO Doc 9303 part 3 section 6 writes them in passports.
_LETTERS = str.maketrans({
    "Æ": "AE", "Ø": "OE", "Å": "AA", "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "ẞ": "SS", "Œ": "OE", "Þ": "TH",
    "Ð": "D", "Đ": "D", "Ł": "L", "Ħ": "H", "Ŋ": "N", "Ŧ": "T", "İ": "I", "ı": "I", "Ĳ": "IJ", "Ñ": "N",
    "’": " ", "'": " ", "ʼ": " ", "`": " ", ".": " ", "–": "-", "—": "-", "_": " ", "/": " "})
_NOT_A_NAME = re.compile(r"[^A-Z -]+", re.ASCII)
_SPACES = re.compile(r"\s+")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # Unicode's direction marks (UAX 9, 2)


def ticket_name(value: str) -> str:
    """A name in the letters of a ticket: "Müller-Łukasz" is MUELLER-LUKASZ. Letters of other scripts are left out."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", value).upper().translate(_LETTERS))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return _SPACES.sub(" ", _NOT_A_NAME.sub("", plain)).strip(" -")


def storable(value: object) -> str:
    """The value if it is text that a row can hold, else "": PostgreSQL takes neither NUL nor half a surrogate pair.

    Without this the database refuses the row, a webhook's sender hears 500 and sends the same again for three days.
    """
    return value if isinstance(value, str) and not _UNSTORABLE.search(value) else ""


def straight(value: object) -> str:
    """`storable` without direction marks, which would turn round what follows in a line of ours (07:05 reads 50:70)."""
    return _TURNING.sub("", storable(value))
