"""`manage.py erase REFERENCE …`: blank who travelled on finished trips (the right to erasure)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings import retention
from bookings.models import Booking
from bookings.status import Status
from fly2any.kernel import clock
from fly2any.kernel.errors import Problem


class Command(BaseCommand):
    """Erase by reference, or every finished trip of one contact address."""

    help = "Erase names, contacts, documents and letters of finished trips; amounts, references and diary stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """References, or an address."""
        parser.add_argument("references", nargs="*")
        parser.add_argument("--email", default="", help="every booking with this contact address")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase each and say so; a trip that is not finished is named and left alone."""
        rows = Booking.objects.exclude(status=Status.DRAFT)
        found = list(rows.filter(contact_email__iexact=options["email"]) if options["email"]
                     else rows.filter(reference__in=options["references"]))
        if not found:
            raise CommandError("no such booking")
        for booking in found:
            try:
                retention.erase(booking.pk, clock.now())
            except Problem as problem:
                self.stderr.write(f"{booking.reference}: {problem.message}")
                continue
            self.stdout.write(f"{booking.reference}: erased")
