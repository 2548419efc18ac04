"""Forbid changing or deleting diary rows (I8)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION bookings_diary_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the diary is append-only';
END $$;
CREATE TRIGGER bookings_diary_is_append_only BEFORE UPDATE OR DELETE ON bookings_diary
    FOR EACH ROW EXECUTE FUNCTION bookings_diary_is_append_only();
"""
BACKWARD = """
DROP TRIGGER bookings_diary_is_append_only ON bookings_diary;
DROP FUNCTION bookings_diary_is_append_only();
"""


class Migration(migrations.Migration):
    """A trigger on the diary."""

    dependencies = [("bookings", "0002_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
