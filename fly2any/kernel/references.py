"""Booking references: FLY2A- and six symbols of Crockford's base 32, which nobody confuses when reading aloud."""

import re
import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # 32 symbols; no I, L, O (read as 1, 1, 0) and no U
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"})
_PATTERN = re.compile(rf"^FLY2A-[{ALPHABET}]{{6}}$")


def new_reference() -> str:
    """A random reference (32^6, about 1,074 million); the caller retries on a unique violation."""
    return "FLY2A-" + "".join(secrets.choice(ALPHABET) for _ in range(6))


def normalise(text: str) -> str:
    """What a customer typed, as a reference: upper case, prefix added, O read as 0, I and L as 1. "" if it is none."""
    code = text.strip().upper().replace(" ", "").removeprefix("FLY2A-").removeprefix("FLY2A").translate(_READ_AS)
    reference = f"FLY2A-{code}"
    return reference if _PATTERN.match(reference) else ""
