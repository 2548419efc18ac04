"""Forbid changing or deleting what staff did (I8)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION bookings_staffaction_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what staff did is append-only';
END $$;
CREATE TRIGGER bookings_staffaction_is_append_only BEFORE UPDATE OR DELETE ON bookings_staffaction
    FOR EACH ROW EXECUTE FUNCTION bookings_staffaction_is_append_only();
"""
BACKWARD = """
DROP TRIGGER bookings_staffaction_is_append_only ON bookings_staffaction;
DROP FUNCTION bookings_staffaction_is_append_only();
"""


class Migration(migrations.Migration):
    """A trigger on the staff actions."""

    dependencies = [("bookings", "0012_desk")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
