"""Forbid changing a call record, and deleting one before its time (I8); retention deletes them after 90 days."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION bookings_callrecord_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at < clock_timestamp() - interval '89 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'call records are append-only';
END $$;
CREATE TRIGGER bookings_callrecord_is_append_only BEFORE UPDATE OR DELETE ON bookings_callrecord
    FOR EACH ROW EXECUTE FUNCTION bookings_callrecord_is_append_only();
"""
BACKWARD = """
DROP TRIGGER bookings_callrecord_is_append_only ON bookings_callrecord;
DROP FUNCTION bookings_callrecord_is_append_only();
"""


class Migration(migrations.Migration):
    """A trigger on the call records."""

    dependencies = [("bookings", "0016_what_went_over_the_wire")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
