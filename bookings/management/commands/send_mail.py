"""`manage.py send_mail`: send the mail that is due now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from bookings import mail
from fly2any.kernel import clock


class Command(BaseCommand):
    """What the sweeper does every round, at once."""

    help = "Send the mail that is due."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--limit`: at most so many."""
        parser.add_argument("--limit", type=int, default=1000, help="at most so many mails (default 1000)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send and say how many went out."""
        self.stdout.write(f"sent: {mail.send_due(clock.now(), options['limit'])}")
