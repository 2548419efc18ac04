"""The app that owns the soak's migrations; never installed in the product."""

from django.apps import AppConfig


class SoakSchema(AppConfig):
    """Migrations alone, no models."""

    name = "bench.soak.schema"
    label = "soak_schema"
