"""Django's entry to the bookings app."""

from django.apps import AppConfig


class BookingsConfig(AppConfig):
    """The bookings app."""

    name = "bookings"
    label = "bookings"
    default_auto_field = "django.db.models.BigAutoField"
