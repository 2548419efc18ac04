"""Names as airlines take them (Duffel: 1 to 20 characters, Latin letters, hyphen, apostrophe, space). Pure rules."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

NAME_LENGTH = 20  # Duffel's limit (duffel.md 3.5)
# ASCII, Latin-1 Supplement and Latin Extended-A letters, with hyphen, apostrophe and space between them
_NAME = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž]+(?:[ '-]{1,2}[A-Za-zÀ-ÖØ-öø-ž]+)*[ '-]?\Z")
_PART = re.compile(r"[A-Za-zÀ-ÖØ-öø-ž '-]")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-"})
_SCRIPTS = {"Cjk": "Chinese", "Hiragana": "Japanese", "Katakana": "Japanese", "Hangul": "Korean",
            "Combining": "an accent"}
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe", "ß": "ss",
                          "þ": "th", "ð": "d", "đ": "d", "ł": "l", "ĳ": "ij", "ı": "i", "ħ": "h", "ŋ": "n"})


def text(value: Any) -> str:
    """One line of text: composed letters, single spaces; "" for what is no text."""
    return " ".join(unicodedata.normalize("NFC", value).split()) if isinstance(value, str) else ""


def name(value: Any, at: str, what: str, wrong: dict[str, str]) -> str:
    """A name as the airline gets it; a sentence in `wrong` at the path `at` when it takes no such name."""
    found = text(value).translate(_APOSTROPHES)
    told = _problem(found, what)
    if told:
        wrong[at] = told
    return found


def _problem(found: str, what: str) -> str:
    if not found:
        return f"Enter the {what} as in the passport. With one name only, enter it in both fields."
    strange = next((letter for letter in found if not _PART.match(letter)), "")
    if strange:
        return _about(strange, what)
    if len(found) > NAME_LENGTH:
        long = f"these {what} have {len(found)}" if what.endswith("s") else f"this {what} has {len(found)}"
        return (f"Airlines take up to {NAME_LENGTH} characters, and {long}. Enter “{shortened(found)}”: "
                "airlines shorten names in the same way, and the airport knows it.")
    if not _NAME.match(found):
        return f"Begin the {what} with a letter, and put letters between hyphens, apostrophes and spaces."
    return ""


def _about(strange: str, what: str) -> str:
    """Why a letter cannot be printed on a ticket, and what to do."""
    latin = (f"Write the {what} in Latin letters, as in the machine-readable lines of the passport. Hyphen, apostrophe "
             "and space are fine.")
    if strange.isdigit():
        return f"Leave out “{strange}”: airlines print no digits in names. Write Junior or III after the given names."
    if strange.isalpha() or unicodedata.category(strange).startswith("M"):
        script = unicodedata.name(strange, "").split(" ")[0].capitalize()
        other = f"The letter “{strange}” is {_SCRIPTS.get(script, script)}, and airlines print Latin letters only."
        return f"{other if script and script != 'Latin' else f'Airlines cannot print “{strange}”.'} {latin}"
    if not strange.isprintable():
        return f"There is an invisible character in the {what}, perhaps from copying. Clear the field and type again."
    return f"Leave out “{strange}”: airlines cannot print it. {latin}"


def shortened(found: str) -> str:
    """A name cut to what airlines take: whole names from the front while they fit, else the first letters."""
    kept = ""
    for word in found.split(" "):
        longer = f"{kept} {word}".strip()
        if len(longer) > NAME_LENGTH:
            break
        kept = longer
    return kept or found[:NAME_LENGTH].rstrip(" '-")


def sent_as(given: str, family: str) -> str:
    """How the airline writes a name: MUELLER / ANNA. "" while a part is missing. (js/passengers.js does the same.)"""
    parts = []
    for written in (family, given):
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", written).lower().translate(_LETTERS))
        letters = "".join(letter if "a" <= letter <= "z" else " " for letter in plain
                          if not "\u0300" <= letter <= "\u036f")
        parts.append(" ".join(letters.split()).upper())
    return " / ".join(parts) if all(parts) else ""
