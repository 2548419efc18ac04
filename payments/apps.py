"""Django's entry to the payments app."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """The payments app."""

    name = "payments"
    label = "payments"
    default_auto_field = "django.db.models.BigAutoField"
