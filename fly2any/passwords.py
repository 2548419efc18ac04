"""Passwords that lists of breached ones hold in many spellings. No rule of composition: length and luck decide."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from django.contrib.auth.models import User

HOUSE = "fly2any"
LEAST = 5  # different characters
_ROWS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm")
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")


class GuessableValidator(CommonPasswordValidator):
    """Refuses Django's 20,000 common passwords, with anything but letters around them, twice over, and runs of keys."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for one that the first thousand guesses hold."""
        super().validate(password, user)
        plain = password.casefold().replace(HOUSE, "").strip()
        core = _AROUND.sub("", plain)
        if (len(set(plain)) < LEAST or core in self.passwords or _again(plain) in self.passwords or _is_run(plain)
                or not core):
            raise ValidationError("This password is too common or too easy to guess.", code="password_too_common")


def _again(text: str) -> str:
    """The piece of which the text is made by repeating it; the text itself when there is none."""
    found = re.fullmatch(r"(.+?)\1+", text)
    return found[1] if found else text


def _is_run(text: str) -> bool:
    """Whether the text goes along a row of keys, forwards or backwards, also round the corner."""
    return any(text in row * 3 or text in row[::-1] * 3 for row in _ROWS)
