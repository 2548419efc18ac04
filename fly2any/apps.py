"""Django's entry to the house itself: system checks and management commands."""

from django.apps import AppConfig


class Fly2AnyConfig(AppConfig):
    """The house: settings, checks, commands."""

    name = "fly2any"
    label = "fly2any"

    def ready(self) -> None:
        """Register the system checks."""
        from fly2any import checks, server_checks, staff  # noqa: F401  (importing registers)
