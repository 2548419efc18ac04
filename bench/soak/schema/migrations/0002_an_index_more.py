"""An index made beside the traffic; one that a kill left half made is dropped first."""

from django.db import migrations


class Migration(migrations.Migration):
    """CONCURRENTLY wants no transaction."""

    atomic = False
    dependencies = [("soak_schema", "0001_a_column_more")]
    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS soak_note_known", migrations.RunSQL.noop),
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY soak_note_known ON bookings_booking (soak_note) WHERE soak_note IS NOT NULL",
            "DROP INDEX CONCURRENTLY IF EXISTS soak_note_known")]
