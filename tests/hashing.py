"""Argon2 as the site uses it, at the smallest cost: what tests store is verified by the site's own programs too."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """A hundredth of the work; the parameters stand in the hash."""

    time_cost, memory_cost, parallelism = 1, 8, 1
