"""Django's entry to the bookings app."""

from django.apps import AppConfig


class BookingsConfig(AppConfig):
    """The bookings app."""

    name = "bookings"
    label = "bookings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Subscribe to what payments and suppliers hear."""
        from bookings.wake import wake
        from payments import listeners as of_payments
        from suppliers import listeners as of_suppliers

        of_payments.subscribe(wake)
        of_suppliers.subscribe(wake)
