"""Django's entry to the suppliers app."""

from django.apps import AppConfig


class SuppliersConfig(AppConfig):
    """The suppliers app."""

    name = "suppliers"
    label = "suppliers"
    default_auto_field = "django.db.models.BigAutoField"
