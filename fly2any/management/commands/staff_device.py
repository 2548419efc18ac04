"""`manage.py staff_device USER`: a new TOTP device for a member of staff; prints the address for the phone."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django_otp.plugins.otp_totp.models import TOTPDevice


class Command(BaseCommand):
    """This command will replace the second factor of one user."""

    help = "Make a new second factor (TOTP) for a member of staff and print its otpauth:// address, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the user's name."""
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        """Replace the device and print the address to scan."""
        users = get_user_model()
        try:
            user = users.objects.get_by_natural_key(username)
        except users.DoesNotExist:
            raise CommandError(f"there is no user {username}") from None
        TOTPDevice.objects.filter(user=user).delete()
        device = TOTPDevice.objects.create(user=user, name="console", confirmed=True)
        self.stdout.write(device.config_url)
