"""`manage.py make_staff NAME --role operator`: a new member of staff, or another role for one."""

from __future__ import annotations

import getpass
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.desk import staff
from bookings.desk.roles import EACH, ROLES
from fly2any.kernel.errors import Problem


class Command(BaseCommand):
    """One person, one role; without --ask the password is made here and printed once."""

    help = "Make a member of staff: " + "; ".join(f"{role} {words}" for role, words in EACH.items()) + "."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name, role, address, and where the password comes from."""
        parser.add_argument("name")
        parser.add_argument("--role", required=True, choices=list(ROLES))
        parser.add_argument("--email", default="")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--ask", action="store_true", help="ask for the password instead of making one")
        how.add_argument("--password-file", type=Path, help="take the password from the first line of this file")
        how.add_argument("--move", action="store_true", help="give this role to a member of staff who is there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or move, and say what the person needs to know."""
        name, role = options["name"], options["role"]
        try:
            if options["move"]:
                staff.move(User.objects.get(username=name), role=role)
                self.stdout.write(f"{name} is now {role}; whatever they were signed in to has ended.")
                return
            password = self._password(options)
            staff.make(name, role=role, password=password, email=options["email"])
        except User.DoesNotExist:
            raise CommandError(f"there is no user {name}") from None
        except Problem as problem:
            raise CommandError(problem.message) from None
        made_here = not options["ask"] and not options["password_file"]
        told = f" The password, shown this once: {password}" if made_here else ""
        self.stdout.write(f"{name} is {role}: {EACH[role]}.{told}")

    def _password(self, options: dict[str, Any]) -> str:
        if options["password_file"]:
            return str(options["password_file"].read_text(encoding="utf-8").splitlines()[0].strip())
        if not options["ask"]:
            return secrets.token_urlsafe(12)
        first, again = getpass.getpass("Password: "), getpass.getpass("Once more: ")
        if first != again:
            raise CommandError("the two passwords differ")
        return first
