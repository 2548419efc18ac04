"""A column that may be empty on the busiest table: one short lock, and when it is not to be had soon, not at all."""

from django.db import migrations


class Migration(migrations.Migration):
    """Programs that run meanwhile neither read nor write it."""

    dependencies = [("bookings", "0001_initial")]
    operations = [migrations.RunSQL(
        "SET LOCAL lock_timeout = '1s'; ALTER TABLE bookings_booking ADD COLUMN soak_note text NULL;",
        "SET LOCAL lock_timeout = '1s'; ALTER TABLE bookings_booking DROP COLUMN soak_note;")]
