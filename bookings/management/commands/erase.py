"""`manage.py erase REFERENCE …`: blank who travelled on finished trips (the right to erasure)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings import accounts, retention
from bookings.models import Booking
from bookings.status import Status
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem


class Command(BaseCommand):
    """Erase by reference, or one contact address: every finished trip, drafts, mails, tries to sign in, the account."""

    help = "Erase names, contacts, documents and letters of finished trips; amounts, references and diary stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """References, or an address."""
        parser.add_argument("references", nargs="*")
        parser.add_argument("--email", default="", help="everything about this contact address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase each and say so; a trip that is not finished is named and left alone. Run it again after a kill."""
        email, rows = options["email"], Booking.objects.exclude(status=Status.DRAFT)
        found = list(rows.filter(contact_email__iexact=email).order_by("pk") if email
                     else rows.filter(reference__in=options["references"]).order_by("pk"))
        left = [booking for booking in found if not self._erased(booking)]
        other = retention.forget_address(email) if email else 0
        account = accounts.customer(email) if email else None
        if account is not None and not left:  # it may still be needed for a trip that is not finished
            accounts.delete(account, clock.now())
        if account is not None:
            self.stdout.write("the account stays until its trips are finished" if left else "the account: closed")
        if email:
            self.stdout.write(f"{other} drafts, mails and tries to sign in: forgotten")
        if not (found or account or other):
            raise CommandError("no such booking")

    def _erased(self, booking: Booking) -> bool:
        try:
            retention.erase(booking.pk, clock.now())
        except Problem as problem:
            self.stderr.write(f"{booking.reference}: {problem.message}")
            return False
        self.stdout.write(f"{booking.reference}: erased")
        return True
