"""Django's admin with our own site."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """`admin.site` is ours: its door asks for a second factor."""

    default_site = "bookings.console.site.ConsoleSite"
