"""Orders that were live before reconciliation looked at them again are due now, a few at each turn."""

from django.db import migrations

FORWARD = """
UPDATE suppliers_supplierorder o SET look_again_at = now() FROM bookings_booking b
WHERE b.id = o.booking_id AND b.departs_at > now() AND o.look_again_at IS NULL
    AND o.state IN ('held', 'reserved', 'paying', 'ticketed', 'cancelling');
"""


class Migration(migrations.Migration):
    """Only rows; a fresh installation has none."""

    dependencies = [("suppliers", "0014_reconciliation"), ("bookings", "0012_desk")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
